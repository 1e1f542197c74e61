from ._cooks_distance import (
    cooks_distance,
)
from ._leverage import leverage
from ._row_diagnostics import RowDiagnostics, RowDiagnosticsStatus, row_diagnostics
from .duplicates import DuplicateRows, duplicate_rows
from .glm import GlmDiagnostics, glm_diagnostics
from .jacobian import JacobianLeverage, jacobian_leverage
from .regression import RegressionDiagnostics, regression_diagnostics
from .ridgeless import RidgelessLeaveOneOut, ridgeless_leave_one_out

__all__ = [
    "DuplicateRows",
    "GlmDiagnostics",
    "JacobianLeverage",
    "RegressionDiagnostics",
    "RidgelessLeaveOneOut",
    "RowDiagnostics",
    "RowDiagnosticsStatus",
    "cooks_distance",
    "duplicate_rows",
    "glm_diagnostics",
    "jacobian_leverage",
    "leverage",
    "regression_diagnostics",
    "ridgeless_leave_one_out",
    "row_diagnostics",
]
