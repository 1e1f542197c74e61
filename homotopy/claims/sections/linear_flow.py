"""The gradient flow of least squares at a constant weight: (LRGF) and (0.10)."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, exp, symbols

from homotopy.claims.checks import linear_flow as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Counterexample, Statement, plain
from homotopy.claims.sections.gradient_flow import (
    ROWS,
    STATE,
    TARGETS,
    scalar_flux,
    weighted_gradient,
)
from homotopy.claims.symbols.regression import SymbolicRegression

_OLS = SymbolicRegression()
_SECTION = "Epsilon dynamic"
_TIME, _SWITCH, _EPSILON = symbols("t s epsilon", positive=True)
_SCALAR_START = symbols("theta0", real=True)
_START = Matrix(symbols("theta01 theta02", real=True))

# Any symmetric H and any c; e^(−Ht) as what it is defined by, Ė = −HE and E = Id at 0.
_H = Matrix(2, 2, lambda i, j: symbols(f"h{min(i, j)}{max(i, j)}", real=True))
_MOMENT = Matrix(symbols("c1 c2", real=True))
_E = Matrix(2, 2, lambda i, j: Function(f"E{i}{j}")(_TIME))

# Its eigenbasis.
_RATES = sympy.diag(*symbols("lambda1 lambda2", positive=True))


def _rate(expression):
    """Time derivative, Ė = −HE."""
    known = zip(_E.diff(_TIME), -_H * _E, strict=True)
    return expression.diff(_TIME).subs(list(known))


def _solution():
    """e^(−Ht)θ₀ + (Id − e^(−Ht))H⁻¹c."""
    return _E * _START + (sympy.eye(2) - _E) * _H.inv() * _MOMENT


def _at_the_start():
    """The solution where e^(−Ht) = Id, and θ₀."""
    return _solution().subs(list(zip(_E, sympy.eye(2), strict=True))), _START


def _two_stages():
    """θ(t + s) under ε_s by variation of constants, one parameter, and by (0.9)."""
    m, x, r = _OLS.M[0], _OLS.x[0], _OLS.r
    time = symbols("time", positive=True)
    until = (m + x**2) * time
    gathered = sympy.integrate(x * r * exp(until), (time, 0, _SWITCH))
    forgotten = exp(-until.subs(time, _SWITCH) - m * _TIME)
    deleted_fit = _OLS.deleted_fit[0]
    found = deleted_fit + forgotten * (_SCALAR_START - deleted_fit + gathered)
    return found, scalar_flux(_TIME, 0, scalar_flux(_SWITCH, 1, _SCALAR_START))


def _limit():
    """The limit of the solution in the eigenbasis."""
    decay = sympy.diag(*(exp(-rate * _TIME) for rate in _RATES.diagonal()))
    solution = decay * _START + (sympy.eye(2) - decay) * _RATES.inv() * _MOMENT
    return solution.applyfunc(lambda one: sympy.limit(one, _TIME, sympy.oo))


def _normal_equations():
    """Xᵀ(Xθ̂) for θ̂ = (XᵀX)⁻¹Xᵀy, and Xᵀy."""
    X, y = ROWS, TARGETS
    return X.T * X * (X.T * X).inv() * X.T * y, X.T * y


class _Singular:
    """Two parallel rows: H = XᵀX of rank one, λ its trace, and H² = λH."""

    def __init__(self):
        self.X = Matrix([1, symbols("k", real=True)]) * Matrix([symbols("p q", real=True)])
        self.H = self.X.T * self.X
        self.c = self.X.T * Matrix(symbols("y1 y2", real=True))
        self.pseudoinverse = self.H / self.H.trace() ** 2

    def propagator(self, vanished):
        """e^(−Ht) = Id − (1 − e^(−λt))H/λ; of the limit e^(−λt) is 0."""
        return sympy.eye(2) - (1 - vanished) * self.H / self.H.trace()

    def theta(self, vanished):
        """(LRGF)'s formula with H⁺."""
        E = self.propagator(vanished)
        return E * _START + (sympy.eye(2) - E) * self.pseudoinverse * self.c

    def decay(self):
        """e^(−λt)."""
        return exp(-self.H.trace() * _TIME)

    def limit(self):
        """lim θ(t)."""
        return self.theta(sympy.limit(exp(-_RATES[0, 0] * _TIME), _TIME, sympy.oo))


def _scaled(power):
    """XᵀX, the deleted row of X times ε^power."""
    X = sympy.diag(1, 1, _EPSILON**power) * ROWS
    return X.T * X


def _weighted():
    """H_ε = Σ wᵢxᵢxᵢᵀ."""
    kept, row = ROWS[:2, :], ROWS[2, :]
    return kept.T * kept + _EPSILON * row.T * row


_SINGULAR = _Singular()

CLAIMS = (
    Claim(
        key="ε_s",
        where=_SECTION,
        says=Statement(
            "(0.9) is the flow of one schedule: θ(t, s) = ξ(0, t, ε_s; θ₀), ε_s = 1_[0,s].",
            lambda: [_two_stages()],
        ),
        derivation=(
            "θ̇ = −∇R_j − ε_s(t)∇ℓ_j is (GF) with ε = 1 until s, and with ε = 0 after.",
            "Here by variation of constants, e^(−A)(u₀ + ∫ ε_s xr e^A), A = ∫(m + ε_s x²).",
        ),
        check=Check("the flow of the schedule against two flows", checks.one_schedule),
    ),
    Claim(
        key="LRGF",
        where=_SECTION,
        says=Statement(
            "θ̇ = −∇½‖Xθ − y‖² = −XᵀXθ + Xᵀy, solved by e^(−Ht)θ₀ + (Id − e^(−Ht))H⁻¹Xᵀy.",
            lambda: [
                (-weighted_gradient(1), -ROWS.T * ROWS * STATE + ROWS.T * TARGETS),
                plain(_rate(_solution()), -_H * _solution() + _MOMENT),
                _at_the_start(),
            ],
        ),
        derivation=(
            "d/dt: −He^(−Ht)(θ₀ − H⁻¹c) = −Hθ + c, c = Xᵀy, and e⁰ = Id gives θ₀.",
            "Proved with e^(−Ht) as any E with Ė = −HE, for every symmetric H that is regular.",
        ),
        check=Check("the flow of ε = 1 against the matrix exponential", checks.full_data),
    ),
    Claim(
        key="LRGF, t → ∞",
        where=f"{_SECTION}, Remark",
        says=Statement(
            "θ* = lim θ(t) = (XᵀX)⁻¹Xᵀy = θ̂.",
            lambda: [(_limit(), _RATES.inv() * _MOMENT), _normal_equations()],
        ),
        derivation=(
            "For H regular its eigenvalues are positive, and every e^(−λt) vanishes.",
            "θ̂ solves the normal equations: ∇½‖Xθ − y‖² = 0.",
        ),
        check=Check("the flow after 60 decay times against least squares", checks.late),
    ),
    Claim(
        key="Moore–Penrose",
        where=f"{_SECTION}, Remark",
        says=Statement(
            "With H⁺ for H⁻¹ the formula holds where H is singular.",
            lambda: [
                (_SINGULAR.H * _SINGULAR.pseudoinverse * _SINGULAR.H, _SINGULAR.H),
                (
                    (E := _SINGULAR.propagator(_SINGULAR.decay())).diff(_TIME),
                    -_SINGULAR.H * E,
                ),
                (
                    (theta := _SINGULAR.theta(_SINGULAR.decay())).diff(_TIME),
                    -_SINGULAR.H * theta + _SINGULAR.c,
                ),
            ],
        ),
        derivation=(
            "d/dt: −HE(θ₀ − H⁺c) = −Hθ + HH⁺c, as E commutes with H.",
            "HH⁺ projects on ran H = ran Xᵀ, where c = Xᵀy lies: HH⁺c = c.",
        ),
        check=Check("flows of singular regressions against the formula", checks.singular),
    ),
    Claim(
        key="Moore–Penrose, t → ∞",
        where=f"{_SECTION}, Remark",
        says=Statement(
            "Where H is singular, lim θ(t) = H⁺Xᵀy.",
            lambda: [(_SINGULAR.limit(), _SINGULAR.pseudoinverse * _SINGULAR.c)],
        ),
        disputed="the limit of θ₂",
        counterexample=Counterexample(
            "X = (1, 0), y = 1, θ₀ = (0, 1): the second parameter does not move",
            {"p": 1, "q": 0, "k": 0, "y1": 1, "y2": 0, "theta01": 0, "theta02": 1},
        ),
        correction=Statement(
            "lim θ(t) = H⁺Xᵀy + (Id − H⁺H)θ₀: the part of θ₀ that no data point sees is kept.",
            lambda: [
                (
                    _SINGULAR.limit(),
                    _SINGULAR.pseudoinverse * _SINGULAR.c
                    + (sympy.eye(2) - _SINGULAR.pseudoinverse * _SINGULAR.H) * _START,
                )
            ],
        ),
        derivation=(
            "e^(−Ht) → Id − H⁺H, the projection on ker H.",
            "The notes' limit, the fit of least norm, is that from θ₀ in ran Xᵀ, as θ₀ = 0.",
        ),
        check=Check("late flows of singular regressions", checks.singular_late),
    ),
    Claim(
        key="0.10, ε = 0",
        where=f"{_SECTION}, footnote 2",
        says=Statement(
            "At ε = 0 the row of X_ε is zero, and H₀ and c₀ are those of the data without it; the "
            "formula holds there too, with H₀⁺ where that is singular.",
            lambda: [
                (_scaled(1).subs(_EPSILON, 0), ROWS[:2, :].T * ROWS[:2, :]),
                (
                    (ROWS.T * sympy.diag(1, 1, _EPSILON) * TARGETS).subs(_EPSILON, 0),
                    ROWS[:2, :].T * TARGETS[:2, :],
                ),
                (
                    (theta := _SINGULAR.theta(_SINGULAR.decay())).diff(_TIME),
                    -_SINGULAR.H * theta + _SINGULAR.c,
                ),
            ],
        ),
        derivation=(
            "A zero row adds nothing to XᵀX and Xᵀy.",
            "Xᵀy of the other rows lies in ran H₀: as for Moore–Penrose.",
            "With H₀ singular θ̂(ε) need not tend to θ̂(0) = H₀⁺c₀ for ε → 0; θ(t, ε) does.",
        ),
        check=Check("flows at ε = 0 with all retained rows parallel", checks.singular_deleted),
    ),
    Claim(
        key="rows scaled by ε",
        where=f"{_SECTION}, before (0.10)",
        says=Statement(
            "With row j of X and y times ε, H_ε = X_εᵀX_ε is that of R_ε.",
            lambda: [(_scaled(1), _weighted())],
        ),
        disputed="the first entry of H_ε",
        counterexample=Counterexample(
            "x_j = (1, 0), ε = ½: ¼ in place of ½",
            {"x11": 1, "x12": 0, "x21": 0, "x22": 1, "x31": 1, "x32": 0, "epsilon": "1/2"},
        ),
        correction=Statement(
            "Row j of X and y times √ε.", lambda: [(_scaled(sympy.Rational(1, 2)), _weighted())]
        ),
        derivation=(
            "A row enters H and c twice: times ε it weighs ε².",
            "At ε = 0 and 1 there is no difference.",
        ),
        check=Check("all rows, row j times √½, against ε = ½", checks.scaled_rows),
    ),
    Claim(
        key="0.10",
        where=_SECTION,
        says=Statement(
            "θ(t, ε) = e^(−H_ε t)θ₀ + (Id − e^(−H_ε t))θ̂(ε), θ̂(ε) = H_ε⁻¹c_ε.",
            lambda: [
                (
                    -weighted_gradient(_EPSILON),
                    -_scaled(sympy.Rational(1, 2)) * STATE
                    + ROWS.T * sympy.diag(1, 1, _EPSILON) * TARGETS,
                ),
                plain(_rate(_solution()), -_H * (_solution() - _H.inv() * _MOMENT)),
                _at_the_start(),
            ],
        ),
        derivation=(
            "(LRGF) with X_ε and y_ε, their row j times √ε: H_ε = X_εᵀX_ε, c_ε = X_εᵀy_ε.",
            "H₁ = H and θ̂(1) = θ*.",
        ),
        check=Check("θ(t, ε) at three weights against the formula", checks.three_weights),
    ),
)
