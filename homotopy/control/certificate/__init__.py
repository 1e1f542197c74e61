"""Global optima with a proof, for linear flows whose residuals are switched on and off."""

from homotopy.control.certificate.branch_and_bound import REACHED, certified_optimum
from homotopy.control.certificate.result import Certificate
from homotopy.control.certificate.system import ResidualSystem

__all__ = ["REACHED", "Certificate", "ResidualSystem", "certified_optimum"]
