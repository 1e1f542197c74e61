"""Which residuals deleted points can have at all, how often they change sign, and what follows."""

from __future__ import annotations

import sympy
from sympy import Matrix, symbols

from homotopy.claims.checks import reachable_residual as checks
from homotopy.claims.machinery.check import Check
from homotopy.claims.machinery.claim import Claim
from homotopy.claims.machinery.statement import Statement

_WHERE = "General case, range of the residual (docs/certificate.md)"
_A1, _A2, _BETA, _LENGTH, _R = symbols("alpha1 alpha2 beta xi r", positive=True)
_EPSILON, _W, _STEP, _NU, _GAMMA = symbols("epsilon w h nu gamma", positive=True)


def _coordinates(size):
    """J, x and c in the Lanczos basis that begins with x, the signs S, and z as symbols."""
    J = Matrix([[_A1]]) if size == 1 else Matrix([[_A1, _BETA], [_BETA, _A2]])
    last = Matrix([0] * (size - 1) + [1])
    x = Matrix([_LENGTH] + [0] * (size - 1))
    centre = J.inv() * last
    centre = centre * _R / x.dot(centre)
    signs = sympy.diag(*[(-1) ** k for k in range(size)])
    return J, x, centre, signs, Matrix(symbols(f"z1:{size + 1}", real=True))


def _system(size):
    """ż from u̇ = −Ju − wx, and as the claim has it; and v."""
    J, x, centre, signs, z = _coordinates(size)
    u = signs * z + centre
    determinant, products = J.det(), _BETA ** (size - 1)
    A = Matrix([[-_A1]]) if size == 1 else Matrix([[-_A1, _BETA], [_BETA, -_A2]])
    first, last = sympy.eye(size)[:, 0], sympy.eye(size)[:, size - 1]
    said = A * z - _LENGTH * _W * first - determinant / (_LENGTH * products) * _R * last
    return [(signs * (-J * u - _W * x), said), (x.dot(u) - _R, _LENGTH * z[0])]


def _both():
    return [*_system(1), *_system(2)]


def _compound():
    """The derivative of the minors of e^{hB}: B the homogeneous system of (z₁, z₂, −r)."""
    omega = (_A1 * _A2 - _BETA**2) / (_LENGTH * _BETA)
    B = Matrix(
        [[-_A1 - _EPSILON * _LENGTH**2, _BETA, 0], [_BETA, -_A2, omega], [0, 0, 0]]
    )  # fmt: skip
    pairs, moved = [(0, 1), (0, 2), (1, 2)], sympy.eye(3) + _STEP * B
    found = Matrix([
        [moved.extract(rows, columns).det() for columns in map(list, pairs)]
        for rows in map(list, pairs)
    ])  # fmt: skip
    said = Matrix([
        [-_A1 - _EPSILON * _LENGTH**2 - _A2, omega, 0],
        [0, -_A1 - _EPSILON * _LENGTH**2, _BETA],
        [0, _BETA, -_A2],
    ])  # fmt: skip
    return [(sympy.diff(found, _STEP).subs(_STEP, 0), said), *_system(2)]


def _by_order():
    """(p·D)˙; the square around an end; and the costate backwards, in the coordinates z."""
    found = []
    for size in (1, 2):
        J, x, _, signs, z = _coordinates(size)
        p, D, q = (Matrix(symbols(f"{name}1:{size + 1}", real=True)) for name in "pDq")
        K = J + _EPSILON * x * x.T
        found.append(((K * p).dot(D) + p.dot(-K * D + _NU * x), _NU * x.dot(p)))
        found.append(((q + D).dot(q + D) / 2, q.dot(q) / 2 + q.dot(D) + D.dot(D) / 2))
        A = Matrix([[-_A1]]) if size == 1 else Matrix([[-_A1, _BETA], [_BETA, -_A2]])
        first = sympy.eye(size)[:, 0]
        found.append((signs * (-K * signs * z), A * z - _EPSILON * _LENGTH**2 * z[0] * first))
    return found


def _ellipsoid():
    """q̇ with Ẏ and ċ inserted, d = g = 1 and d = g = 2: what is left of it is a square."""
    found = []
    for size in (1, 2):
        y11, y12, y22, b1, b2 = symbols("Y11 Y12 Y22 b1 b2", real=True)
        Y = Matrix([[y11]]) if size == 1 else Matrix([[y11, y12], [y12, y22]])
        M = Matrix([[_A1]]) if size == 1 else Matrix([[_A1, _BETA], [_BETA, _A2]])
        B = Matrix([[_LENGTH]]) if size == 1 else Matrix([[_LENGTH, b1], [0, b2]])
        z, c, w, r = (Matrix(symbols(f"{name}1:{size + 1}", real=True)) for name in "zcwr")
        away, seen, left = Y * z, B * c - r, sympy.eye(size) - Y
        v = B * (c + away) - r
        moved = -M * (c + away) - B.T * w
        centre = -M * c - left * B.T * seen / 2
        shape = _GAMMA * Y - M * Y - Y * M + left * B.T * B * left / 2
        rate = 2 * z.dot(moved - centre) - z.dot(shape * z) + 2 * w.dot(v - w)
        short = w - (seen + B * (Y - sympy.eye(size)) * z) / 2
        driven, forgotten = seen.dot(seen) / 2, _GAMMA * z.dot(away)
        found.append((rate + 2 * short.dot(short), driven - forgotten))
    return found


CLAIMS = (
    Claim(
        key="exact range of the residual",
        where=_WHERE,
        says=Statement(
            "In Lanczos coordinates z from x the flow under any ε is ż = Az − ‖x‖w e₁ − ωr e_m, "
            "w = εv, v = ‖x‖z₁, with A tridiagonal, its off-diagonal entries +β > 0 and "
            "ω = det J/(‖x‖Πβ). So v(t) lies between its values under the feedbacks ε = 1[v > 0] "
            "and ε = 1[v < 0], for all t at once.",
            _both,
        ),
        derivation=(
            "q_1 = x/‖x‖, …, q_m Lanczos, J = QᵀMQ, Mc = γq_m with xᵀc = r, "
            "z_k = (−1)^(k−1) q_kᵀ(u − c): insert.",
            "D = z − z_min: w lies between 0 and v, so w ≤ v⁺ and w − v_min⁺ = κ(v − v_min) − ν "
            "with κ ∈ [0, 1], ν ≥ 0. So Ḋ = (A − κ‖x‖²e₁e₁ᵀ)D + ν‖x‖e₁, D(0) = 0: the matrix has "
            "off-diagonal entries ≥ 0, the force is ≥ 0, and D ≥ 0. The form of A is that for "
            "every m; the other half is (u, r) → (−u, −r).",
        ),
        check=Check(
            "hm.reachable against SciPy's integration of both feedbacks, and against random "
            "schedules, d = 1 to 10",
            checks.exact_tube,
            1e-7,
        ),
    ),
    Claim(
        key="changes of sign of the residual",
        where=_WHERE,
        says=Statement(
            "(z₁, …, z_m, −r) obeys a homogeneous system with off-diagonal entries ≥ 0, next to "
            "the diagonal only; so do its minors, whose off-diagonal rates are ω, β ≥ 0 for "
            "m = 2. Under any ε, v changes sign at most as often as that sequence does at the "
            "start, and at most m times.",
            _compound,
        ),
        derivation=(
            "With −r as component m + 1 the system of z is homogeneous; w = εv is a part of the "
            "first diagonal entry.",
            "The minors of order k of its transition matrix obey the additive compound, whose "
            "off-diagonal entries are entries next to the diagonal: ≥ 0. Transition matrices are "
            "totally non-negative, and diminish variation (Gantmacher and Krein).",
            "Each change of sign of z₁ costs one change in the sequence, as the sign of its first "
            "entry stays where their number does not fall.",
        ),
        check=Check(
            "the most changes of sign among random schedules, where the bound is 1 or 2, and "
            "schedules with more than their bound",
            checks.sign_changes,
        ),
    ),
    Claim(
        key="bound by order",
        where=_WHERE,
        says=Statement(
            "Let u_min end at goal + q, and let xᵀp ≥ 0 throughout for the costate p of q under "
            "ε ≡ 1. Then no schedule has ℰ < ½‖q‖², which u_min attains. For D = u − u_min, "
            "Ḋ = −(M + κxxᵀ)D + νx, and ṗ = (M + κxxᵀ)p: (p·D)˙ = νxᵀp, "
            "½‖q + D‖² = ½‖q‖² + q·D + ½‖D‖²; and backwards p obeys the system of z with r = 0.",
            _by_order,
        ),
        derivation=(
            "κ and ν = v⁺ − w ≥ 0 as for the exact range, and D(0) = 0: q·D(T) = ∫ν xᵀp dt.",
            "Backwards in time xᵀp is the residual of a flow with r = 0 from q under ε = κ. By "
            "the exact range its least value over all κ is that under ε = 1 where it is positive, "
            "which is ε ≡ 1 as long as that keeps it ≥ 0. So q·D(T) ≥ 0.",
            "‖u(T) − goal‖² = ‖q + D(T)‖² ≥ ‖q‖².",
        ),
        check=Check(
            "the bound of the certificate against ℰ of the feedback by SciPy's integration, and "
            "against random schedules, for targets beyond an end, d = 1 to 10",
            checks.bound_by_order,
            1e-7,
        ),
    ),
    Claim(
        key="ellipsoid of several residuals",
        where="General case, several rows (docs/certificate.md)",
        says=Statement(
            "Let Ẏ = γY − MY − YM + ½(1 − Y)BᵀB(1 − Y), ċ = −Mc − ½(1 − Y)Bᵀv_c with c(0) = u(0), "
            "ϱ̇ = ½‖v_c‖² − γϱ, v_c = Bc − r. Under any ε_i of the rows, common or not, "
            "(u − c)ᵀY⁻¹(u − c) ≤ ϱ. With z = Y⁻¹(u − c) and q = z·(u − c), "
            "q̇ + 2w·(v − w) + 2‖w − ½(v_c + B(Y − 1)z)‖² = ½‖v_c‖² − γq.",
            _ellipsoid,
        ),
        derivation=(
            "w_i = ε_i v_i, so that w·(v − w) = Σ ε_i(1 − ε_i)v_i² ≥ 0. Insert "
            "u̇ = −Mu − Bᵀw and the equations of Y and c, and complete the square in w.",
            "Both terms that are added to q̇ are ≥ 0: q̇ ≤ ½‖v_c‖² − γq, and q(0) = 0.",
        ),
        check=Check(
            "Y of the certificate, whose floor is 10⁻⁴, against matrix exponentials, d = 2 and 5; "
            "no random schedule of three rows, common or not, leaves its ellipsoids or its range",
            checks.ellipsoid,
            2e-3,
        ),
    ),
)
