"""Classical influence diagnostics: what the fit on all data says about leaving a point out.

Host computations on concrete data, by LAPACK: results are NumPy arrays in float64, and nothing
here can be traced by JAX. The deleted set of a problem plays no part: all n points count alike.
"""

from homotopy.influence.diagnostics._cooks_distance import (
    cooks_distance,
)
from homotopy.influence.diagnostics._leverage import leverage
from homotopy.influence.diagnostics.duplicates import DuplicateRows, duplicate_rows
from homotopy.influence.diagnostics.jacobian import JacobianLeverage, jacobian_leverage
from homotopy.influence.diagnostics.regression import RegressionDiagnostics, regression_diagnostics
from homotopy.influence.diagnostics.ridgeless import RidgelessLeaveOneOut, ridgeless_leave_one_out

__all__ = [
    "DuplicateRows",
    "JacobianLeverage",
    "RegressionDiagnostics",
    "RidgelessLeaveOneOut",
    "cooks_distance",
    "duplicate_rows",
    "jacobian_leverage",
    "leverage",
    "regression_diagnostics",
    "ridgeless_leave_one_out",
]
