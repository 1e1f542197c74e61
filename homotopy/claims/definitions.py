"""Influence functions, response functions, Bregman divergences: the paper's part of the notes."""

from __future__ import annotations

import sympy
from sympy import Function, Matrix, Rational, diff, symbols

from homotopy.claims import checks
from homotopy.claims.claim import Claim, Identity

_INFLUENCE, _RESPONSE = "Influence functions", "Response functions"


def _scalar_response():
    """r'(ε) of r(ε) = argmin L − εℓ with one parameter, by differentiating L' − εℓ' = 0."""
    epsilon, theta = symbols("epsilon theta")
    L, loss = Function("L")(theta), Function("l")(theta)
    slope = symbols("slope")
    stationary = diff(L, theta) - epsilon * diff(loss, theta)
    total = diff(stationary, theta) * slope + diff(stationary, epsilon)
    return sympy.solve(total, slope)[0], L, loss, epsilon, theta


def _influence_residual(k, at):
    slope, L, loss, epsilon, theta = _scalar_response()
    hessian = diff(L, theta, 2) - at * diff(loss, theta, 2)
    return slope.subs(epsilon, symbols("n") ** -1) - k * diff(loss, theta) / hessian


def _loss_difference(k):
    """d/dε ℓ(r(ε)) at ε = 1/n against ∇ℓ(Hessian of L − ℓ/n)⁻¹∇ℓ."""
    slope, L, loss, epsilon, theta = _scalar_response()
    rate = (diff(loss, theta) * slope).subs(epsilon, symbols("n") ** -1)
    hessian = diff(L, theta, 2) - diff(loss, theta, 2) / symbols("n")
    return rate - k * diff(loss, theta) ** 2 / hessian


def _objective_rate(k):
    """d/dε [L(r(ε)) − εℓ(r(ε))] − k(−ℓ), with the stationarity of r put in."""
    slope, L, loss, epsilon, theta = _scalar_response()
    rate = (diff(L, theta) - epsilon * diff(loss, theta)) * slope - loss
    stationary = {diff(L, theta): epsilon * diff(loss, theta)}
    return rate.subs(stationary) + k * loss


def _bregman(k, kind):
    """D(a, b) of a general loss: its value and slope at a = b, and its curvature."""
    a, b = symbols("a b")
    loss = Function("l")
    divergence = loss(a) - loss(b) - k * diff(loss(b), b) * (a - b)
    if kind == "squared":
        y = symbols("y")
        square = {1: (a - y) ** 2 / 2, 2: (b - y) ** 2 / 2}
        return [square[1] - square[2] - k * diff(square[2], b) * (a - b) - (a - b) ** 2 / 2]
    at_b = [divergence.subs(a, b).doit(), diff(divergence, a).subs(a, b).doit()]
    return [*at_b, diff(divergence, a, 2) - diff(loss(a), a, 2)]


def _bregman_response(k, gauss_newton=True, bregman=True):
    """Slope at ε = 0 of argmin (1/n)Σ Dᵢ − εℓ₁ + (λ/2)u², of two points and one parameter.

    Outputs fᵢ = pᵢ + bᵢu + cᵢu²/2 and losses gᵢv + qᵢv²/2 + … in v = fᵢ − pᵢ: only these
    coefficients enter. Without Bregman divergences the losses themselves, at a minimum.
    """
    u, damping, epsilon = symbols("u lambda epsilon")
    slope = symbols("slope")
    b, c, g, q = (symbols(f"{name}1 {name}2") for name in "bcgq")
    total = damping / 2 * u**2
    for i in range(2):
        v = b[i] * u + c[i] * u**2 / 2
        linear = 0 if bregman else g[i] * v
        total += Rational(1, 2) * (q[i] * v**2 / 2 + linear)
    v = b[0] * u + c[0] * u**2 / 2
    total -= epsilon * (g[0] * v + q[0] * v**2 / 2)
    equation = diff(total, u)
    rate = sympy.solve(diff(equation, u) * slope + diff(equation, epsilon), slope)[0]
    rate = rate.subs({u: 0, epsilon: 0})
    curvature = sum(q[i] * b[i] ** 2 for i in range(2)) / 2
    if not gauss_newton:
        curvature += sum(g[i] * c[i] for i in range(2)) / 2
    return rate - k * g[0] * b[0] / (curvature + damping)


def _definite(k):
    J = Matrix(2, 2, symbols("j11 j12 j21 j22"))
    B = Matrix([[symbols("b1"), symbols("b3")], [symbols("b3"), symbols("b2")]])
    v, damping = Matrix(symbols("v1 v2")), symbols("lambda")
    form = (v.T * (J.T * B * J + damping * sympy.eye(2)) * v)[0]
    moved = J * v
    return [form - (k * (moved.T * B * moved)[0] + damping * (v.T * v)[0])]


def _footnote(k, at_stationary):
    """The second-order term of ½(θ² − y)² at θ = 0, stationary for every y."""
    theta, y = symbols("theta y")
    f = theta**2
    term = diff((f - y) ** 2 / 2, theta, 2) - diff(f, theta) ** 2
    if at_stationary:
        return [term.subs(theta, 0) - (k - 1)]
    return [term - k * (f - y) * diff(f, theta, 2)]


def _regulariser(k, squared):
    theta = Matrix(symbols("u1 u2", positive=True))
    length = sympy.sqrt(theta[0] ** 2 + theta[1] ** 2)
    penalty = symbols("lambda") * (length**2 if squared else length)
    hessian = sympy.hessian(penalty, list(theta))
    return [(theta.T * hessian * theta)[0] - 2 * k * symbols("lambda") * length**2]


CLAIMS = (
    Claim(
        "Definition 1",
        _INFLUENCE,
        Identity(
            "𝒬 = d/dε ℓ(θ̂_ε) at ε = 1/n is ∇ℓᵀH⁻¹∇ℓ, H the Hessian of L on all the data.",
            lambda k: [
                _influence_residual(k, 0)
            ],
        ),
        (
            "θ̂_ε minimises L − εℓ: (L'' − εℓ'') dθ̂/dε = ℓ'.",
            "At ε = 1/n the Hessian is that of L − ℓ/n, and θ̂ the fit without the point.",
        ),
        checks.own_loss,
        correct=Identity(
            "𝒬 at ε = 1/n is ∇ℓᵀ(∇²(L − ℓ/n))⁻¹∇ℓ at the fit without the point; the closed form "
            "with H at θ̂ is that at ε = 0.",
            lambda k: [_loss_difference(k)],
        ),
    ),
    Claim(
        "Definition 1 (000)",
        f"000, {_INFLUENCE}",
        Identity(
            "d/dε [L(θ̂) − εℓ(θ̂)] measures the change of the training error, ∇ℓᵀH⁻¹∇ℓ.",
            lambda k: [_objective_rate(1) - _loss_difference(k) + _loss_difference(0)],
        ),
        (
            "With θ̂ fixed the derivative is −ℓ(θ̂); with θ̂_ε too, by the envelope theorem.",
            "It is the loss of the point, not the change of anything on deletion.",
        ),
        checks.own_loss,
        correct=Identity(
            "d/dε [L(θ̂_ε) − εℓ(θ̂_ε)] = −ℓ(θ̂_ε).", lambda k: [_objective_rate(k)]
        ),
        saved=False,
    ),
    Claim(
        "Definition 2",
        _INFLUENCE,
        Identity(
            "The limit at ε = 1/n is H⁻¹∇ℓ with the Hessian of L on all the data.",
            lambda k: [_influence_residual(k, 0)],
        ),
        ("As Definition 1: at ε = 1/n the Hessian is that of L − ℓ/n.",),
        checks.influence_over_truth,
        correct=Identity(
            "It is (∇²(L − ℓ/n))⁻¹∇ℓ at the fit without the point.",
            lambda k: [_influence_residual(k, symbols("n") ** -1)],
        ),
    ),
    Claim(
        "linearised response",
        _RESPONSE,
        Identity(
            "r(ε) ≈ θ̂ + εH⁻¹∇ℓ: the slope at ε = 0 is H⁻¹∇ℓ.",
            lambda k: [
                _scalar_response()[0].subs(symbols("epsilon"), 0)
                - k
                * diff(_scalar_response()[2], symbols("theta"))
                / diff(_scalar_response()[1], symbols("theta"), 2)
            ],
        ),
        ("(L'' − εℓ'') r' = ℓ' at ε = 0.",),
        checks.influence_over_truth,
    ),
    Claim(
        "linearised damped response",
        _RESPONSE,
        Identity(
            "Linearising the damped response gives (G + λ)⁻¹∇ℓ, G the Gauss–Newton matrix.",
            lambda k: [_bregman_response(k, bregman=False)],
        ),
        (
            "The second derivative of ℓ(f(θ)) is ℓ''f'² + ℓ'f''; the Gauss–Newton matrix lacks the "
            "second part, which does not vanish at a minimum of the sum.",
        ),
        checks.linearised_response,
        correct=Identity(
            "It gives (∇²L + λ)⁻¹∇ℓ, with the whole Hessian.",
            lambda k: [_bregman_response(k, gauss_newton=False, bregman=False)],
        ),
    ),
    Claim(
        "damped Gauss–Newton is definite",
        _RESPONSE,
        Identity(
            "vᵀ(JᵀBJ + λ)v = (Jv)ᵀB(Jv) + λ‖v‖²: positive for λ > 0 and B ⪰ 0, the losses' "
            "Hessians in the outputs.",
            _definite,
        ),
        ("No condition on the Hessian in θ is needed: B ⪰ 0 is convexity of the loss.",),
        checks.definite_gauss_newton,
    ),
    Claim(
        "Bregman divergence is non-negative",
        _RESPONSE,
        Identity(
            "D(b, b) = 0, ∂D/∂a = 0 at a = b, ∂²D/∂a² = ℓ''(a): for a convex loss D ≥ 0.",
            lambda k: _bregman(k, "general"),
        ),
        ("D is ℓ less its tangent at b: a convex function is above its tangents.",),
        checks.bregman_is_positive,
    ),
    Claim(
        "Bregman divergence of squared loss",
        _RESPONSE,
        Identity("D(a, b) = ½‖a − b‖².", lambda k: _bregman(k, "squared")),
        ("½(a − y)² − ½(b − y)² − (b − y)(a − b) = ½(a − b)².",),
        checks.bregman_is_positive,
    ),
    Claim(
        "linearised PBRF",
        _RESPONSE,
        Identity(
            "Linearising the proximal Bregman response at θˢ gives (G + λ)⁻¹∇ℓ, whatever θˢ.",
            lambda k: [_bregman_response(k)],
        ),
        (
            "The divergences have no slope at θˢ, and the curvature ℓ''f'²: the part ℓ'f'' is "
            "subtracted with the tangent.",
        ),
        checks.linearised_response,
    ),
    Claim(
        "leverage footnote",
        "Influence Functions vs Leverage, footnote",
        Identity(
            "The second-order term vanishes where θ is optimal.", lambda k: _footnote(k, True)
        ),
        (
            "f = θ², one point with y ≠ 0: θ = 0 is stationary, J = 0, and the term is −2y.",
            "It vanishes with the residuals, not with the gradient.",
        ),
        checks.footnote,
        correct=Identity(
            "The term is (f − y)f'': it vanishes with the residuals.", lambda k: _footnote(k, False)
        ),
        saved=False,
    ),
    Claim(
        "Definition 6, regulariser",
        "Reformulation of influence functions",
        Identity(
            "λ‖θ‖ raises every eigenvalue of the Hessian by 2λ.", lambda k: _regulariser(k, False)
        ),
        ("The Hessian of λ‖θ‖ is zero along θ; that of λ‖θ‖² is 2λ Id.",),
        checks.newton_is_exact,
        correct=Identity(
            "λ‖θ‖² raises every eigenvalue of the Hessian by 2λ.", lambda k: _regulariser(k, True)
        ),
    ),
)
