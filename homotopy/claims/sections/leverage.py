"""Influence functions and leverage in least squares."""

from __future__ import annotations

import sympy
from sympy import Matrix, diff, symbols

from homotopy.claims.checks import leverage as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement
from homotopy.claims.symbols.regression import ONE_PARAMETER, SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Influence Functions vs Leverage"


def _rows():
    """X of three points and two parameters; P does not change under X → XA."""
    return Matrix([[1, 0], [0, 1], symbols("p q", real=True)])


def _projection():
    X = _rows()
    return X * (X.T * X).inv() * X.T


def _influence():
    """I = H⁻¹∇ℓ at θ*, of the sum risk."""
    return _OLS.H.inv() * _OLS.gradient(_OLS.full_fit)


def _own_change():
    """𝒬 = ∇ℓᵀH⁻¹∇ℓ at θ*."""
    return _OLS.gradient(_OLS.full_fit).dot(_influence())


def _own_effect():
    """dŷ_j/dy_j of the fit on all the data; y_j enters by r."""
    return diff(_OLS.x.dot(_OLS.full_fit), _OLS.r)


def _second_part():
    """∇²(½(f − y)²) less f'f'ᵀ, for one parameter and any smooth f."""
    theta, y = symbols("theta y", real=True)
    f = sympy.Function("f")(theta)
    return diff((f - y) ** 2 / 2, theta, 2) - diff(f, theta) ** 2, f, theta, y


def _second_part_where_stationary():
    """The same at a stationary point: f' = 0 there, or f = y."""
    term, f, theta, _ = _second_part()
    return term.subs(diff(f, theta, 2), symbols("f2", real=True)).subs(diff(f, theta), 0)


CLAIMS = (
    Claim(
        key="P is a projection",
        where=_SECTION,
        says=Statement(
            "P = X(XᵀX)⁻¹Xᵀ is the orthogonal projection on ran(X): P² = P, Pᵀ = P, PX = X.",
            lambda: [
                (_projection() ** 2, _projection()),
                (_projection().T, _projection()),
                (_projection() * _rows(), _rows()),
            ],
        ),
        derivation=("P² = X(XᵀX)⁻¹(XᵀX)(XᵀX)⁻¹Xᵀ = P, and PX = X(XᵀX)⁻¹(XᵀX) = X.",),
        check=Check("the sum of the leverages against d", checks.trace),
    ),
    Claim(
        key="Definition 3",
        where=_SECTION,
        says=Statement(
            "P_jj is how much y_j affects the prediction of it: dŷ_j/dy_j = xᵀ(XᵀX)⁻¹x.",
            lambda: [(_own_effect(), _OLS.leverage)],
        ),
        derivation=(
            "ŷ = Py, so that dŷ_j/dy_j = P_jj.",
            "For xᵢ a column, P_jj = xᵀ(XᵀX)⁻¹x; the notes have the transposes of a row.",
        ),
        check=Check("leverage against refits with y_j + 1", checks.own_effect),
    ),
    Claim(
        key="leverage and outliers",
        where=_SECTION,
        says=Statement(
            "The larger P_jj, the more of an outlier the point is: P_jj tells how far off y_j is, "
            "∂P/∂r > 0.",
            lambda: [(sympy.sign(diff(_OLS.leverage, _OLS.r)), sympy.Integer(1))],
        ),
        disputed="the sign of ∂P/∂r",
        counterexample=Counterexample("one other point m = 1, x = 1, off by r = 1", ONE_PARAMETER),
        correction=Statement(
            "It tells an outlier in x: P depends on X alone, and h = P/(1 − P) is how far out x "
            "is. Of one in y it says nothing, and the fit hides one of high leverage: ê = (1 − "
            "P)r.",
            lambda: [
                (diff(_OLS.leverage, _OLS.r), sympy.Integer(0)),
                (_OLS.h, _OLS.leverage / (1 - _OLS.leverage)),
                (_OLS.residual, (1 - _OLS.leverage) * _OLS.r),
            ],
        ),
        derivation=(
            "P_jj is a function of X alone.",
            "The residual of the deleted fit, r, tells an outlier; the fit with it has (1 − P)r.",
        ),
        check=Check("ê against (1 − P)r", checks.hidden_residual),
    ),
    Claim(
        key="𝒬 and leverage",
        where=_SECTION,
        says=Statement(
            "With X = JF and H = JᵀJ, 𝒬 = ∇ℓᵀH⁻¹∇ℓ is the leverage.",
            lambda: [(_own_change(), _OLS.leverage)],
        ),
        disputed="𝒬",
        counterexample=Counterexample(
            "one parameter, one other point m = 1, x = 1, r = 1", ONE_PARAMETER
        ),
        correction=Statement(
            "𝒬 = ê²P: leverage times the squared residual.",
            lambda: [(_own_change(), _OLS.residual**2 * _OLS.leverage)],
        ),
        derivation=(
            "∇ℓ = −xê, so that 𝒬 = ê² xᵀH⁻¹x.",
            "For a nonlinear f the same algebra with x = ∇f_j, and H up to its second part.",
        ),
        check=Check("the linearised change of the own loss against ê²P", checks.own_loss),
    ),
    Claim(
        key="leverage footnote",
        where=f"{_SECTION}, footnote",
        says=Statement(
            "The second part of the Hessian of ½(f − y)² vanishes where θ is optimal.",
            lambda: [(_second_part_where_stationary(), sympy.Integer(0))],
        ),
        disputed="the second part",
        counterexample=Counterexample(
            "f = θ², y = −1: θ = 0 is the minimum, and f' = 0 there",
            {"f": lambda theta: theta**2, "theta": 0, "y": -1, "f2": 2},
        ),
        correction=Statement(
            "The second part is (f − y)f'': it vanishes with the residual.",
            lambda: [(term, (f - y) * diff(f, theta, 2)) for term, f, theta, y in [_second_part()]],
        ),
        derivation=(
            "d²/dθ² ½(f − y)² = f'² + (f − y)f''.",
            "The gradient (f − y)f' also vanishes where f' does.",
        ),
        check=Check("Hessian at the minimum of that risk, where J = 0", checks.footnote),
        stands=False,
    ),
    Claim(
        key="leave-one-out formula",
        where=_SECTION,
        says=Statement(
            "θ* − θ*₋ = (XᵀX)⁻¹xê/(1 − P).",
            lambda: [(_OLS.change, _OLS.H.inv() * _OLS.x * _OLS.residual / (1 - _OLS.leverage))],
        ),
        derivation=(
            "The full fit is stationary: M(θ* − θ*₋) = x(y − xᵀθ*) = xê.",
            "M⁻¹x = H⁻¹x/(1 − P), by Sherman and Morrison.",
        ),
        check=Check("refits against the formula", checks.leave_one_out),
    ),
    Claim(
        key="1 − P in the denominator",
        where=_SECTION,
        says=Statement(
            "The 1 − P in the denominator means that outliers (P > 0) have influence: θ* ≠ θ*₋.",
            lambda: [(sympy.sign(_OLS.change.dot(_OLS.change)), sympy.Integer(1))],
        ),
        disputed="the sign of ‖θ* − θ*₋‖²",
        counterexample=Counterexample(
            "one other point m = 1, x = 1, r = 0: P = ½", ONE_PARAMETER | {"r": 0}
        ),
        correction=Statement(
            "It cancels: ê = (1 − P)r, so that θ* − θ*₋ = H⁻¹xr, and the point moves its own "
            "prediction by Pr: high influence takes leverage and a residual.",
            lambda: [
                (_OLS.change, _OLS.H.inv() * _OLS.x * _OLS.r),
                (_OLS.x.dot(_OLS.change), _OLS.leverage * _OLS.r),
            ],
        ),
        derivation=(
            "The numerator holds the residual of the fit with the point, which the point pulls "
            "towards itself: 1 − P times the residual r without it.",
        ),
        check=Check("xᵀ(θ* − θ*₋) by refits against Pr", checks.own_prediction),
    ),
    Claim(
        key="leave-one-out formula (000)",
        where=f"000, {_SECTION}",
        says=Statement("−I = θ* − θ*₋.", lambda: [(_OLS.change, -_influence())]),
        disputed="θ* − θ*₋",
        counterexample=Counterexample(
            "one parameter, one other point m = 1, x = 1, r = 1", ONE_PARAMETER
        ),
        correction=Statement(
            "−I = (1 − P)(θ* − θ*₋).",
            lambda: [(-_influence(), (1 - _OLS.leverage) * _OLS.change)],
        ),
        derivation=(
            "I = H⁻¹∇ℓ = −H⁻¹xê is the first order alone.",
            "θ* − θ*₋ = H⁻¹xê/(1 − P): 000 leaves the factor out.",
        ),
        check=Check("influence at ε = 1 against (1 − P) times refits", checks.influence),
    ),
)
