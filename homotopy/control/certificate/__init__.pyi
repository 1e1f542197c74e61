from .branch_and_bound import REACHED, certified_optimum
from .result import Certificate
from .system import ResidualSystem

__all__ = ["REACHED", "Certificate", "ResidualSystem", "certified_optimum"]
