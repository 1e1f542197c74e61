"""Derivatives along θ(ε): influence functions, the optimal risk, the own loss, many weights."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, diff, symbols

from homotopy.claims.checks import response_derivatives as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Statement
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Reformulation of influence functions"
_EPSILON = symbols("epsilon", positive=True)
# A curve θ(ε), and any smooth R_j and ℓ_j along it.
_PATH = Matrix([Function(name)(_EPSILON) for name in ("t1", "t2")])
_RISK, _LOSS = (Function(name)(*_PATH) for name in ("R", "l"))


def _slope(function):
    """The gradient in θ, on the curve."""
    return Matrix([diff(function, entry) for entry in _PATH])


def _hessian(function):
    """The Hessian in θ, on the curve."""
    return _slope(function).jacobian(_PATH)


def _flat(matrix):
    """The matrix with its derivatives as symbols: what is left is linear algebra."""
    return matrix.xreplace({d: sympy.Symbol(str(d)) for d in matrix.atoms(sympy.Derivative)})


def _rate(risk, at=_EPSILON):
    """θ̇ at a weight, solved from d/dε ∇R_ε(θ(ε)) = 0; derivatives as symbols."""
    total, rates = diff(_slope(risk), _EPSILON), symbols("v1 v2")
    total = total.xreplace(dict(zip(diff(_PATH, _EPSILON), rates, strict=True)))
    equations = _flat(total).subs(_EPSILON, at)
    matrix, right = sympy.linear_eq_to_matrix(list(equations), *rates)
    return matrix.cramer_solve(right)


def _newton(hessian, slope):
    """−H⁻¹g, derivatives as symbols."""
    return -_flat(hessian).inv() * _flat(slope)


def _ols_velocity(at):
    """θ̇ of the solved normal equations."""
    return diff(_OLS.response(_EPSILON), _EPSILON).subs(_EPSILON, at)


def _others_change():
    """d/dε of ∇R_j at θ(ε), and −d/dε of ε∇ℓ_j there: of least squares."""
    theta = _OLS.response(_EPSILON)
    others = _OLS.M * (theta - _OLS.deleted_fit)
    return diff(others, _EPSILON), -diff(_EPSILON * _OLS.gradient(theta), _EPSILON)


def _along_any_curve():
    """d/dε [R_j + εℓ_j] on a curve that need not be the response."""
    return diff(_RISK + _EPSILON * _LOSS, _EPSILON)


def _on_the_response():
    """The same where ∇R_j = −ε∇ℓ_j."""
    stationary = dict(zip(_slope(_RISK), -_EPSILON * _slope(_LOSS), strict=True))
    return _along_any_curve().subs(stationary)


def _ols_losses(epsilon):
    """R_j (but a constant) and ℓ_j of least squares at θ(ε)."""
    away = _OLS.response(epsilon) - _OLS.deleted_fit
    return away.dot(_OLS.M * away) / 2, (_OLS.r - _OLS.x.dot(away)) ** 2 / 2


def _optimal_risk_change():
    """d/dε [R_j + εℓ_j] of least squares at ε = 0."""
    risk, loss = _ols_losses(_EPSILON)
    return diff(risk + _EPSILON * loss, _EPSILON).subs(_EPSILON, 0)


def _own_loss_change():
    """dℓ_j/dε at ε = 0 by the chain rule, with θ̇(0); derivatives as symbols."""
    total = diff(_LOSS, _EPSILON)
    slope = [total.coeff(diff(entry, _EPSILON)) for entry in _PATH]
    return _flat(Matrix(slope)).dot(_rate(_RISK + _EPSILON * _LOSS, 0))


def _many(*weights):
    """R + w₁ℓ₁ + w₂ℓ₂ on the curve, all three any smooth functions."""
    losses = (Function(f"l{i}")(*_PATH) for i in (1, 2))
    return _RISK + sum(w * loss for w, loss in zip(weights, losses, strict=True))


def _column(index, *weights):
    """Column i of Jθ = −(∂F/∂θ)⁻¹∂F/∂w at the weights, where F(θ, w) = ∇R(θ; w)."""
    w = symbols("w1 w2", positive=True)
    gradient = _slope(_many(*w))
    column = -_flat(gradient.jacobian(_PATH)).inv() * _flat(gradient.diff(w[index]))
    return column.subs(dict(zip(w, weights, strict=True)))


def _group_from_all():
    """d/dε at ε = 1 for weights 1 − (1 − ε)v, and Σ vᵢ times column i of Jθ at (1, 1)."""
    v = symbols("g1 g2", real=True)
    columns = [_column(i, 1, 1) for i in (0, 1)]
    return _rate(_many(*(1 - (1 - _EPSILON) * one for one in v)), 1), (
        v[0] * columns[0] + v[1] * columns[1]
    )


def _one_of_many():
    """θ̇¹(ε), the other weight 1, and column 1 of Jθ at (ε, 1)."""
    return _rate(_many(_EPSILON, 1)), _column(0, _EPSILON, 1)


def _group_at_common_weight():
    """d/dε θ(ε, ε), and the sum of the columns of Jθ at (ε, ε)."""
    columns = [_column(i, _EPSILON, _EPSILON) for i in (0, 1)]
    return _rate(_many(_EPSILON, _EPSILON)), columns[0] + columns[1]


CLAIMS = (
    Claim(
        key="0.3",
        where=f"{_SECTION}, Proposition 0.0.1",
        says=Statement(
            "I(j) = θ̇(0) = −H_{R_j}⁻¹∇ℓ_j(θ*₋), the Hessian that of R_j at θ*₋.",
            lambda: [
                (_rate(_RISK + _EPSILON * _LOSS, 0), _newton(_hessian(_RISK), _slope(_LOSS))),
                (_ols_velocity(0), -_OLS.M.inv() * _OLS.gradient(_OLS.deleted_fit)),
            ],
        ),
        derivation=(
            "(0.6) at ε = 0: any smooth R_j and ℓ_j with a nonsingular Hessian.",
            "In least squares also by the derivative of the solved normal equations.",
        ),
        check=Check(
            "derivatives at ε = 0, of refits of a logistic regression and of closed forms, "
            "against the formula",
            checks.at_zero,
        ),
    ),
    Claim(
        key="0.4",
        where=f"{_SECTION}, proof of Proposition 0.0.1",
        says=Statement(
            "d/dε ∇R_ε(θ(ε)) = 0: ∇R_j and ε∇ℓ_j change by opposite amounts along θ(ε).",
            lambda: [_others_change()],
        ),
        derivation=(
            "∇R_j(θ(ε)) + ε∇ℓ_j(θ(ε)) is zero for every ε, and so is its derivative.",
            "It is the total derivative; ∇²_{θ,ε} as a partial one is ∇ℓ_j, which is not zero.",
        ),
        check=Check("both changes by refits of a logistic regression", checks.opposite_changes),
    ),
    Claim(
        key="0.5",
        where=f"{_SECTION}, proof of Proposition 0.0.1",
        says=Statement(
            "d/dε ∇R_ε(θ(ε)) = ∇²R_j θ̇ + ∇ℓ_j + ε∇²ℓ_j θ̇.",
            lambda: [
                (
                    diff(_slope(_RISK + _EPSILON * _LOSS), _EPSILON),
                    _hessian(_RISK) * diff(_PATH, _EPSILON)
                    + _slope(_LOSS)
                    + _EPSILON * _hessian(_LOSS) * diff(_PATH, _EPSILON),
                )
            ],
        ),
        derivation=("The chain and the product rule, on any curve θ(ε).",),
        check=Check("∇²R_ε θ̇ with θ̇ by refits, against −∇ℓ_j", checks.linear_equation),
    ),
    Claim(
        key="0.6",
        where=f"{_SECTION}, proof of Proposition 0.0.1",
        says=Statement(
            "θ̇(ε) = −(∇²(R_j + εℓ_j))⁻¹∇ℓ_j, all at θ(ε).",
            lambda: [
                (
                    _rate(_RISK + _EPSILON * _LOSS),
                    _newton(_hessian(_RISK + _EPSILON * _LOSS), _slope(_LOSS)),
                )
            ],
        ),
        derivation=(
            "(0.5) is linear in θ̇: ∇²R_ε θ̇ = −∇ℓ_j.",
            "Where ∇²R_ε is singular it has no solution, or many: the “iff” needs the inverse.",
        ),
        check=Check("θ̇ by refits and closed forms at ε = 0.3 against the formula", checks.within),
    ),
    Claim(
        key="θ̇(1)",
        where=f"{_SECTION}, Remark on Proposition 0.0.1",
        says=Statement(
            "θ̇(1) = −H_R⁻¹∇ℓ_j(θ*), the Hessian that of R at θ*.",
            lambda: [
                (
                    _rate(_RISK + _EPSILON * _LOSS, 1),
                    _newton(_hessian(_RISK + _LOSS), _slope(_LOSS)),
                ),
                (_ols_velocity(1), -_OLS.H.inv() * _OLS.gradient(_OLS.full_fit)),
            ],
        ),
        derivation=("(0.6) at ε = 1, where R_j + ℓ_j = R.",),
        check=Check("the toolkit's influence against refits near ε = 1", checks.at_one),
    ),
    Claim(
        key="unlearning without retraining",
        where=f"{_SECTION}, Remark on Proposition 0.0.1",
        says=Statement(
            "To unlearn with θ̇(1) takes no retraining: θ* is all it needs. In least squares "
            "θ* − θ̇(1) = θ* + H_R⁻¹∇ℓ_j(θ*) comes to θ*₋ but for P(θ* − θ*₋).",
            lambda: [
                (
                    _OLS.full_fit + _OLS.H.inv() * _OLS.gradient(_OLS.full_fit),
                    _OLS.deleted_fit + _OLS.leverage * _OLS.change,
                ),
            ],
        ),
        derivation=(
            "H_R and ∇ℓ_j(θ*) are taken at θ*; I(j) is at θ*₋, known after retraining alone.",
            "θ̇(1) = (1 − P)(θ* − θ*₋): a first order, short by P. The Newton step of Definition 6 "
            "takes θ* alone as well, and is exact here.",
        ),
        check=Check("θ* less θ̇(1), less the refit, against P(θ* − θ*₋)", checks.left_over),
    ),
    Claim(
        key="0.7",
        where=f"{_SECTION}, Corollary 0.0.1",
        says=Statement(
            "Q is d/dε [R_j(θ(ε)) + εℓ_j(θ(ε))] = ∇R_jᵀθ̇ + ℓ_j + ε∇ℓ_jᵀθ̇ at ε = 0.",
            lambda: [
                (
                    _along_any_curve(),
                    _slope(_RISK).dot(diff(_PATH, _EPSILON))
                    + _LOSS
                    + _EPSILON * _slope(_LOSS).dot(diff(_PATH, _EPSILON)),
                )
            ],
        ),
        derivation=("The chain and the product rule, on any curve θ(ε).",),
        check=Check("R_ε along a straight line, by differences, against the sum", checks.any_curve),
    ),
    Claim(
        key="0.8, first line",
        where=f"{_SECTION}, Corollary 0.0.1",
        says=Statement(
            "d/dε [R_j(θ(ε)) + εℓ_j(θ(ε))] = ℓ_j(θ(ε)), at ε = 0 ℓ_j(θ*₋): ½r² in least squares.",
            lambda: [
                (_on_the_response(), _LOSS),
                (_optimal_risk_change(), _OLS.r**2 / 2),
            ],
        ),
        derivation=(
            "(0.7) with ∇R_j + ε∇ℓ_j = 0: the envelope theorem, at every ε.",
            "As ℓ_j ≥ 0 the optimal risk grows with ε, by ∫₀¹ ℓ_j(θ(ε)) dε in all.",
        ),
        check=Check("derivative of the optimal risk by refits against ℓ_j(θ*₋)", checks.envelope),
    ),
    Claim(
        key="0.8, second line",
        where=f"{_SECTION}, Corollary 0.0.1",
        says=Statement(
            "dℓ_j(θ(ε))/dε at ε = 0 is −∇ℓ_jᵀH_{R_j}⁻¹∇ℓ_j at θ*₋: −r²h in least squares.",
            lambda: [
                (
                    _own_loss_change(),
                    _flat(_slope(_LOSS)).dot(_newton(_hessian(_RISK), _slope(_LOSS))),
                ),
                (diff(_ols_losses(_EPSILON)[1], _EPSILON).subs(_EPSILON, 0), -(_OLS.r**2) * _OLS.h),
            ],
        ),
        derivation=(
            "∇ℓ_jᵀθ̇(0) with (0.3); with (0.6) the same at every ε.",
            "At most 0 where the Hessian is positive definite: forgetting a point, ε from 1 to 0, "
            "never lowers its loss. 𝒬 is the same at θ*, in the direction of deletion.",
        ),
        check=Check("derivative of ℓ_j by refits against the formula", checks.own_loss),
    ),
    Claim(
        key="vector of weights",
        where=f"{_SECTION}, Remark on several points",
        says=Statement(
            "For R_ϵ = Σ εᵢℓᵢ, the θ(0) of [7] is θ(1, …, 1), all the data: what is deleted is a "
            "group. Its derivative there is the sum of its columns of Jθ at ϵ = (1, …, 1).",
            lambda: [_group_from_all()],
        ),
        derivation=(
            "Along ϵ = 1 − tv, v = 1 on the group, all the data are at t = 0; ε = 1 − t.",
            "dθ/dε = Jθ(1, …, 1)v by the chain rule, for any v; I of a group is a sum.",
        ),
        check=Check("θ̇(1) of a deleted pair against the sum of two columns", checks.pair_at_one),
    ),
    Claim(
        key="θ̇ʲ and Jθ",
        where=f"{_SECTION}, Question",
        says=Statement(
            "θ̇ʲ(ε) is column j of Jθ at ϵ = (1, …, ε, …, 1), and a group's derivative the sum of "
            "its columns at its common ε.",
            lambda: [_one_of_many(), _group_at_common_weight()],
        ),
        derivation=(
            "θʲ is θ along the line ϵ(ε) = (1, …, ε, …, 1): θ̇ʲ = Jθ(ϵ(ε))e_j, so the link is "
            "an identity; ∇R(θ; ϵ) = 0 gives the column −(∇²R)⁻¹∇ℓ_j.",
            "θ̇¹(ε) and θ̇²(ε) add up to the pair's derivative at ε = 1 alone: elsewhere their "
            "columns are at (ε, 1) and (1, ε). With R = ½θ², ℓ₁ = ℓ₂ = ½(θ − 1)² they are ¼ each "
            "at ε = 0, and the pair's derivative is 2.",
        ),
        check=Check(
            "θ̇ʲ of refits and of a deleted pair at ε = 0.3 against columns there",
            checks.columns,
        ),
    ),
)
