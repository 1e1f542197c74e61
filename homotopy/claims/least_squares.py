"""Ordinary least squares: leverage, influence, Newton steps."""

from __future__ import annotations

from sympy import Matrix, symbols

from homotopy.claims import checks
from homotopy.claims.claim import Claim, Identity
from homotopy.claims.regression import SymbolicRegression

_OLS = SymbolicRegression()
_LEVERAGE, _EXAMPLE = "Influence Functions vs Leverage", "Example: IFs for OLS"


def _influence():
    """I = H⁻¹∇ℓ at θ*, of the sum risk."""
    return _OLS.H.inv() * _OLS.gradient(_OLS.full_fit)


def _change():
    return _OLS.full_fit - _OLS.deleted_fit


def _projection():
    # P does not change under X → XA: two independent rows may be those of the identity.
    X = Matrix([[1, 0], [0, 1], symbols("p q")])
    return X * (X.T * X).inv() * X.T


def _newton():
    """θ* − (∇²R_j)⁻¹∇R_j(θ*); ∇R_j = M(θ − θ*₋)."""
    return _OLS.full_fit - _OLS.M.inv() * (_OLS.M * _change())


def _without_the_point():
    """(H − ∇²ℓ)⁻¹."""
    return (_OLS.H - _OLS.x * _OLS.x.T).inv()


CLAIMS = (
    Claim(
        "P is a projection",
        _LEVERAGE,
        Identity(
            "P = X(XᵀX)⁻¹Xᵀ satisfies P² = P.",
            lambda k: [_projection() ** 2 - k * _projection()],
        ),
        ("P² = X(XᵀX)⁻¹(XᵀX)(XᵀX)⁻¹Xᵀ = P.",),
        lambda: checks.worst(
            "trace of the projection against d",
            lambda problem: abs(float(checks.leverage(problem).sum()) - problem.dimension),
        ),
    ),
    Claim(
        "leave-one-out formula",
        _LEVERAGE,
        Identity(
            "θ* − θ*₋ = (XᵀX)⁻¹xê/(1 − P).",
            lambda k: [
                _change() - k * _OLS.H.inv() * _OLS.x * _OLS.residual / (1 - _OLS.leverage)
            ],
        ),
        (
            "H = M + xxᵀ, so that M(θ* − θ*₋) = x(y − xᵀθ*) = xê: the full fit is stationary.",
            "M⁻¹x = H⁻¹x/(1 − P) by Sherman and Morrison.",
        ),
        checks.influence_over_truth,
    ),
    Claim(
        "leave-one-out formula (000)",
        f"000, {_LEVERAGE}",
        Identity("−I = θ* − θ*₋.", lambda k: [_change() + k * _influence()]),
        (
            "I = H⁻¹∇ℓ = −H⁻¹xê is the first order alone.",
            "θ* − θ*₋ = H⁻¹xê/(1 − P): the factor 1/(1 − P) is missing.",
        ),
        checks.influence_over_truth,
        correct=Identity(
            "−I = (1 − P)(θ* − θ*₋).",
            lambda k: [(1 - _OLS.leverage) * _change() + k * _influence()],
        ),
    ),
    Claim(
        "𝒬 and leverage",
        _LEVERAGE,
        Identity(
            "𝒬 = ∇ℓᵀH⁻¹∇ℓ is the leverage.",
            lambda k: [
                (_OLS.gradient(_OLS.full_fit).T * _influence())[0] - k * _OLS.leverage
            ],
        ),
        ("∇ℓ = −xê, so that 𝒬 = ê² xᵀH⁻¹x: leverage times the squared residual.",),
        checks.own_loss,
        correct=Identity(
            "𝒬 = ê²P.",
            lambda k: [
                (_OLS.gradient(_OLS.full_fit).T * _influence())[0]
                - k * _OLS.residual**2 * _OLS.leverage
            ],
        ),
    ),
    Claim(
        "OLS gradient",
        _EXAMPLE,
        Identity(
            "∇ℓ(θ) = −x(y − xᵀθ).",
            lambda k: [
                _OLS.gradient(_OLS.full_fit) + k * _OLS.x * _OLS.residual,
            ],
        ),
        ("The derivative of ½(y − xᵀθ)².",),
        checks.own_loss,
    ),
    Claim(
        "OLS influence function",
        _EXAMPLE,
        Identity(
            "I = +(XᵀX)⁻¹x(y − xᵀθ*).",
            lambda k: [_influence() - k * _OLS.H.inv() * _OLS.x * _OLS.residual],
        ),
        ("I = H⁻¹∇ℓ and ∇ℓ = −xê: the sign is the other one. H = XᵀX belongs to the sum risk.",),
        checks.influence_over_truth,
        correct=Identity(
            "I = −(XᵀX)⁻¹x(y − xᵀθ*).",
            lambda k: [_influence() + k * _OLS.H.inv() * _OLS.x * _OLS.residual],
        ),
    ),
    Claim(
        "influence is a Newton step",
        "Influence functions, Remark",
        Identity(
            "θ* + H⁻¹∇ℓ is one Newton step from θ* on the risk without the point.",
            lambda k: [_newton() - (_OLS.full_fit + k * _influence())],
        ),
        (
            "The Newton step inverts the Hessian without the point, H − ∇²ℓ; influence does H.",
            "They differ by the factor 1 − P in least squares.",
        ),
        checks.newton_is_exact,
        correct=Identity(
            "θ* + (H − ∇²ℓ)⁻¹∇ℓ is that Newton step.",
            lambda k: [
                _newton() - _OLS.full_fit - k * _without_the_point() * _OLS.gradient(_OLS.full_fit)
            ],
        ),
    ),
    Claim(
        "Definition 6",
        "Reformulation of influence functions",
        Identity(
            "θ_Nt = θ(1) − (∇²R_j)⁻¹∇R_j(θ(1)) is θ(0) where the risk is quadratic.",
            lambda k: [_OLS.full_fit - k * _OLS.M.inv() * _OLS.M * _change() - _OLS.deleted_fit],
        ),
        ("∇R_j(θ) = M(θ − θ*₋) for a quadratic risk.",),
        checks.newton_is_exact,
    ),
    Claim(
        "mean and sum",
        "Response functions",
        Identity(
            "(1/n)(H/n)⁻¹∇ℓ of the mean risk is H⁻¹∇ℓ of the sum.",
            lambda k: [
                (_OLS.H / symbols("n", positive=True)).inv()
                * _OLS.x
                / symbols("n", positive=True)
                - k * _OLS.H.inv() * _OLS.x
            ],
        ),
        ("Both Hessian and unit of weight scale with 1/n.",),
        checks.influence_over_truth,
    ),
)
