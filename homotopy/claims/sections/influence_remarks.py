"""The notes' remark on influence functions, the problems with them, and the first solution."""

from __future__ import annotations

import sympy
from sympy import Function, Integer, Matrix, Piecewise, Rational, diff, symbols

from homotopy.claims.checks import influence_remarks as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement, plain
from homotopy.claims.symbols.centred_regression import CentredRegression
from homotopy.claims.symbols.operations import (
    cholesky_count,
    formation_count,
    hessian_product_count,
    matrix_product_count,
)
from homotopy.claims.symbols.regression import ONE_PARAMETER
from homotopy.claims.symbols.smooth_risk import FULL_FIT, gradient, hessian, inverse, retained

_OLS = CentredRegression()
_SECTION = "Influence functions"
_REMARK = f"{_SECTION}, Remark"
_SIZES = ((1, 1), (2, 3), (5, 2), (4, 4))
_H = symbols("h", positive=True)


def _risk(theta):
    """L of one parameter: undetermined."""
    return Function("L")(theta)


def _remainder():
    """L(θ̂ + h) less its second-order Taylor polynomial, at θ̂ = 0."""
    theta = symbols("theta", real=True)
    terms = (diff(_risk(theta), theta, k) * _H**k / sympy.factorial(k) for k in range(3))
    return _risk(_H) - sum(sympy.Subs(term, theta, 0) for term in terms)


def _taylor_from(s):
    """The second-order Taylor polynomial about θ̂ + sh, at θ̂ + h: L(θ̂ + h) at s = 1."""
    theta, there = symbols("theta t", real=True)
    at = there + s * _H
    terms = (
        diff(_risk(theta), theta, k).subs(theta, at) * ((1 - s) * _H) ** k / sympy.factorial(k)
        for k in range(3)
    )
    return sum(terms), diff(_risk(theta), theta, 3).subs(theta, at)


def _moving_taylor():
    """What the polynomial gains as its centre goes from θ̂ to θ̂ + h, and the integrand."""
    s = symbols("s", real=True)
    polynomial, third = _taylor_from(s)
    return diff(polynomial, s), _H**3 * (1 - s) ** 2 * third / 2


def _polynomial_ends():
    """At s = 1 and s = 0, and L(θ̂ + h) and the polynomial about θ̂."""
    there = symbols("t", real=True)
    about = _risk(there) + _H * diff(_risk(there), there) + _H**2 * diff(_risk(there), there, 2) / 2
    return [(_taylor_from(1)[0], _risk(there + _H)), (_taylor_from(Integer(0))[0], about)]


def _model_minimum():
    """The minimum of J·k + ½kᵀHk, J and H of an undetermined risk, by ∂/∂k = 0."""
    k = Matrix(symbols("k1 k2", real=True))
    model = gradient(retained, FULL_FIT).dot(k) + (k.T * hessian(retained, FULL_FIT) * k)[0] / 2
    solution = sympy.solve([diff(model, entry) for entry in k], list(k), dict=True)[0]
    return k.subs(solution)


def _newton_formula():
    """−(∇²L_i)⁻¹∇L_i of two parameters, L_i undetermined."""
    return -inverse(hessian(retained, FULL_FIT)) * gradient(retained, FULL_FIT)


def _newton_step():
    """−(∇²R₋)⁻¹∇R₋ at θ* in least squares, where θ*₋ = 0."""
    return -inverse(_OLS.M) * (_OLS.M * _OLS.fit(0))


def _collinear():
    """H and ∇ℓ at θ* where all rows are multiples of one v, and −θ̇(1) of the least-norm fit.

    Retained rows along v = (v1, v2), as vvᵀ and cv; deleted kv, with y. θ(ε) for ρ → 0.
    """
    v = Matrix(symbols("v1 v2", real=True, nonzero=True))
    k, c, y, epsilon, rho = symbols("k c y epsilon rho", positive=True)
    matrix = (1 + epsilon * k**2) * v * v.T
    ridged = inverse(matrix + rho * sympy.eye(2)) * v * (c + epsilon * k * y)
    fit = ridged.applyfunc(lambda entry: sympy.cancel(entry).subs(rho, 0))
    slope = -k * v * (y - k * v.dot(fit.subs(epsilon, 1)))
    return matrix.subs(epsilon, 1), slope, -fit.diff(epsilon).subs(epsilon, 1)


def _unsolvable():
    """The rank of (H | ∇ℓ), and that of H and one more."""
    H, slope, _ = _collinear()
    return sympy.Integer(H.row_join(slope).rank(simplify=True)), H.rank(simplify=True) + 1


def _pseudo_inverse_velocity():
    """−θ̇(1), and H⁺∇ℓ, H⁺ = H/(tr H)² for a matrix of rank one; and HH⁺H."""
    H, slope, velocity = _collinear()
    pseudo_inverse = H / H.trace() ** 2
    return [(velocity, pseudo_inverse * slope), (H * pseudo_inverse * H, H)]


def _counts(count, formula):
    """Operations as counted while the algorithm runs, and a formula in (n, d)."""
    return [(count(n, d), Rational(formula(n, d))) for n, d in _SIZES]


def _cubic(d):
    """Σ (d − j)(2j + 1)."""
    return Rational(d * (d + 1) * (2 * d + 1), 6)


CLAIMS = (
    Claim(
        key="Remark, Taylor",
        where=_REMARK,
        says=Statement(
            "L twice differentiable: the remainder of second order is O(‖h‖³), so that it vanishes "
            "beside |h|^(5/2).",
            lambda: [(sympy.Limit(_remainder() / _H ** Rational(5, 2), _H, 0), Integer(0))],
        ),
        disputed="the remainder over |h|^(5/2) as h → 0",
        counterexample=Counterexample(
            "L = |θ|^(5/2) at θ̂ = 0, where L, L' and L'' are zero",
            {
                "L": lambda u: Piecewise(
                    (u ** Rational(5, 2), u >= 0), ((-u) ** Rational(5, 2), True)
                )
            },
        ),
        correction=Statement(
            "L of class C³: along a line it is ½h³∫₀¹(1 − s)²L'''(θ̂ + sh)ds, O(|h|³).",
            lambda: [_moving_taylor(), *_polynomial_ends()],
        ),
        derivation=(
            "The Taylor polynomial about θ̂ + sh, taken at θ̂ + h, is L(θ̂ + h) at s = 1.",
            "Its derivative in s is ½h³(1 − s)²L''': the other terms cancel. Integrate from s = 0.",
            "A Lipschitz Hessian is enough; of L twice differentiable it is o(‖h‖²).",
            "L_i(θ) has to be read as L(θ) − ℓ_i(θ)/n: with θ̂, as printed, it is constant.",
        ),
        check=Check("remainder of a perceptron's risk against the integral", checks.remainder),
    ),
    Claim(
        key="Remark, quadratic model",
        where=_REMARK,
        says=Statement(
            "Minimising the quadratic model of L_i about θ̂ gives θ = θ̂ − (∇²L_i)⁻¹∇L_i.",
            lambda: [plain(_model_minimum(), _newton_formula())],
        ),
        derivation=(
            "∂/∂k of ∇L_i·k + ½kᵀ∇²L_i k is zero at ∇²L_i k = −∇L_i.",
            "The model has a minimum where ∇²L_i, of the risk without the point, is definite.",
        ),
        check=Check("one Newton step of the toolkit against −(∇²R₋)⁻¹∇R₋", checks.newton),
    ),
    Claim(
        key="Remark, Newton step",
        where=_REMARK,
        says=Statement(
            "Influence, H⁻¹∇ℓ, is one Newton step from θ* towards θ*₋.",
            lambda: [(_newton_step(), _OLS.influence)],
        ),
        disputed="the step",
        counterexample=Counterexample("one parameter, m = 1, x = 1, r = 1", ONE_PARAMETER),
        correction=Statement(
            "The Newton step inverts ∇²R₋, influence ∇²R: in least squares influence is 1 − P "
            "times the Newton step, which arrives at θ*₋.",
            lambda: [
                (_OLS.influence, (1 - _OLS.leverage) * _newton_step()),
                (_OLS.fit(0) + _newton_step(), Matrix([0, 0])),
            ],
        ),
        derivation=(
            "∇R = 0 at θ*, ∇R₋ = −∇ℓ: the step is (∇²R₋)⁻¹∇ℓ.",
            "(H − xxᵀ)⁻¹x = H⁻¹x/(1 − P).",
            "Influence is the step with the Hessian of before the deletion, of a chord method.",
        ),
        check=Check("influence against (1 − P) times the Newton step", checks.chord),
    ),
    Claim(
        key="Problem 1",
        where=_SECTION,
        says=Statement(
            "Strong convexity is essential: with an eigenvalue 0 of H, Hv = ∇ℓ, the equation for "
            "influence, has no solution.",
            lambda: [_unsolvable()],
        ),
        disputed="the rank of (H, ∇ℓ)",
        counterexample=Counterexample(
            "two points, two parameters, rows (1, 1) and (1, 1)",
            {"v1": 1, "v2": 1, "k": 1, "c": 0, "y": 1},
        ),
        correction=Statement(
            "In least squares ∇ℓ = −xê is in the range of H = XᵀX, and the derivative of the fit "
            "of least norm is −θ̇(1) = H⁺∇ℓ.",
            _pseudo_inverse_velocity,
        ),
        derivation=(
            "Rows along one v: the general case of two parameters and rank one.",
            "The fit of least norm, the limit ρ → 0 of ridge, stays in the span of the rows.",
            "What is needed is ∇ℓ ⟂ ker H: R = ¼θ⁴, ℓ = θ have θ(1 − s) = s^(1/3), no derivative.",
        ),
        check=Check(
            "slope of least-norm refits of a singular regression against H⁺∇ℓ",
            checks.pseudo_inverse,
            tolerance=1e-5,
        ),
        stands=False,
    ),
    Claim(
        key="Problem 2",
        where=_SECTION,
        says=Statement(
            "With H definite inverse and product are heavy: d²(2n − 1) operations to form XᵀX, "
            "d³/3 + d²/2 + d/6 for Cholesky factors, d(2d − 1) for a product.",
            lambda: [
                *_counts(formation_count, lambda n, d: d**2 * (2 * n - 1)),
                *_counts(cholesky_count, lambda n, d: _cubic(d)),
                *_counts(matrix_product_count, lambda n, d: d * (2 * d - 1)),
            ],
        ),
        derivation=(
            "An inner product of length m takes m products and m − 1 sums.",
            "Column j of Cholesky: 2j + 1 operations for each of its d − j entries.",
            "Counted as the algorithms run; a count is a polynomial of degree 3 at most in d.",
        ),
        check=Check("XLA's count for a Hessian against d²(2n − 1)", checks.formation, 0.1),
    ),
    Claim(
        key="Solution 1",
        where=_SECTION,
        says=Statement(
            "An inverse takes O(n³) operations: n³/3 + n²/2 + n/6 by Cholesky.",
            lambda: [(cholesky_count(1, 2), _cubic(1))],
        ),
        disputed="the count",
        counterexample=Counterexample("n = 1, d = 2: 5 operations, not 1", {}),
        correction=Statement(
            "H is d × d: O(d³), and O(nd²) to form it. A product XᵀXv takes 4nd − n − d, an "
            "inverse-Hessian product by k of them k times as many.",
            lambda: [
                *_counts(cholesky_count, lambda n, d: _cubic(d)),
                *_counts(hessian_product_count, lambda n, d: 4 * n * d - n - d),
            ],
        ),
        derivation=(
            "Xv takes n(2d − 1) operations, Xᵀ times that d(2n − 1).",
            "O(nd) is one product; conjugate gradients need up to d of them for the exact answer.",
        ),
        check=Check("XLA's count for a Hessian product against 4nd − n − d", checks.product, 0.1),
    ),
)
