"""Classical influence diagnostics: what the fit on all data says of leaving a point out."""

from homotopy.influence.diagnostics import (
    DuplicateRows,
    JacobianLeverage,
    RegressionDiagnostics,
    RidgelessLeaveOneOut,
    cooks_distance,
    duplicate_rows,
    jacobian_leverage,
    leverage,
    regression_diagnostics,
    ridgeless_leave_one_out,
)

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
