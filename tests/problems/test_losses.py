"""Losses against their definitions in 120 digits, and against automatic differentiation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxtyping
import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rounding import assert_same_number

from homotopy.losses import (
    AbstractLoss,
    Logistic,
    Poisson,
    SoftmaxCrossEntropy,
    SquaredError,
)

# The losses claim relative accuracy even where results are tiny. Logits in [−50, 50] have log-odds
# up to 100, whose own rounding (in logsumexp and in the difference) is an absolute 1.4e-14; the
# exponential makes that a relative error, and an entry of the Hessian is a product of two.
RELATIVE = 4e-14

logit = st.floats(-50, 50)
logits = st.lists(logit, min_size=2, max_size=4)
# Far enough from zero that its square is within reach of the oracle's digits.
change = st.floats(0.01, 30).flatmap(lambda size: st.sampled_from([size, -size]))


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(120):
        yield


@eqx.filter_jit
def evaluate(loss, method, *arguments):
    return getattr(loss, method)(*arguments)


def array(x):
    return jnp.asarray(x, dtype=float)


def same(computed, exact, relative=RELATIVE):
    """Entrywise relative agreement with mpmath numbers, below underflow excepted."""
    computed, exact = np.ravel(computed), np.ravel(np.asarray(exact, dtype=object))
    assert computed.size == exact.size
    for c, e in zip(computed, exact, strict=True):
        assert abs(mp.mpf(float(c)) - e) <= relative * abs(e) + mp.mpf("1e-300"), (c, e)


def exact_softmax(z):
    weights = [mp.exp(mp.mpf(v)) for v in z]
    return [w / mp.fsum(weights) for w in weights]


def exact_logsumexp(z):
    return mp.log(mp.fsum(mp.exp(mp.mpf(v)) for v in z))


def exact_logistic(logit, label):
    """−log of the probability that the logit gives to the label."""
    return mp.log(1 + mp.exp(-mp.mpf(logit) if label else mp.mpf(logit)))


# --- squared error


def test_squared_error_of_a_vector():
    prediction, target, reference = array([1.0, -2.0]), array([0.5, 1.0]), array([0.0, 4.0])
    loss = SquaredError()
    assert float(loss.value(prediction, target)) == 0.5 * (0.25 + 9.0)
    np.testing.assert_array_equal(loss.gradient(prediction, target), [0.5, -3.0])
    np.testing.assert_array_equal(loss.hessian(prediction, target), np.eye(2))
    assert float(loss.bregman(prediction, reference, target)) == 0.5 * (1.0 + 36.0)


def test_squared_error_of_a_scalar_takes_integer_targets():
    loss = SquaredError()
    assert float(loss.value(array(3.0), jnp.asarray(1))) == 2.0
    assert float(loss.gradient(array(3.0), jnp.asarray(1))) == 2.0
    hessian = loss.hessian(array(3.0), jnp.asarray(1))
    assert hessian.shape == () and hessian == 1.0


# --- logistic


@given(logit, st.sampled_from([0, 1]))
def test_logistic_against_its_definition(prediction, label):
    loss, target = Logistic(), jnp.asarray(label)
    probability = 1 / (1 + mp.exp(-mp.mpf(prediction)))
    same(evaluate(loss, "value", array(prediction), target), exact_logistic(prediction, label))
    same(evaluate(loss, "gradient", array(prediction), target), probability - label)
    same(evaluate(loss, "hessian", array(prediction), target), probability * (1 - probability))


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("prediction", [-800.0, 800.0])
def test_logistic_does_not_overflow(prediction, label):
    loss, target = Logistic(), jnp.asarray(label)
    wrong = (prediction > 0) != label
    assert float(loss.value(array(prediction), target)) == (800.0 if wrong else 0.0)
    assert abs(float(loss.gradient(array(prediction), target))) == (1.0 if wrong else 0.0)


@given(logit, change, st.integers(0, 12))
def test_logistic_bregman_keeps_its_digits_between_close_outputs(reference, change, decades):
    prediction = reference + change * 10.0**-decades
    a, b = mp.mpf(prediction), mp.mpf(reference)
    slope = 1 / (1 + mp.exp(-b))
    exact = exact_logistic(a, 0) - exact_logistic(b, 0) - slope * (a - b)
    for label in (0, 1):
        arguments = array(prediction), array(reference), jnp.asarray(label)
        computed = evaluate(Logistic(), "bregman", *arguments)
        same(computed, exact, relative=1e-13)


# --- softmax cross-entropy


@given(logits, st.data())
def test_softmax_against_its_definition(z, data):
    label = data.draw(st.integers(0, len(z) - 1))
    loss, prediction, target = SoftmaxCrossEntropy(), array(z), jnp.asarray(label)
    p = exact_softmax(z)
    others = [v for i, v in enumerate(z) if i != label]
    y = [int(i == label) for i in range(len(z))]
    same(
        evaluate(loss, "value", prediction, target),
        mp.log(1 + mp.exp(exact_logsumexp(others) - mp.mpf(z[label]))),
    )
    same(evaluate(loss, "gradient", prediction, target), [a - b for a, b in zip(p, y, strict=True)])
    same(
        evaluate(loss, "hessian", prediction, target),
        [[p[i] * (int(i == j) - p[j]) for j in range(len(z))] for i in range(len(z))],
    )


@given(logits, st.data())
def test_softmax_targets_may_be_probabilities(z, data):
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(z), max_size=len(z)))
    y = np.array(weights) / sum(weights)
    p = exact_softmax(z)
    loss = SoftmaxCrossEntropy()
    same(
        evaluate(loss, "value", array(z), array(y)),
        -mp.fsum(mp.mpf(w) * mp.log(q) for w, q in zip(y, p, strict=True)),
    )
    exact = np.array([float(q - mp.mpf(w)) for w, q in zip(y, p, strict=True)])
    # The difference itself is ill-conditioned where p meets y, hence an absolute comparison.
    computed = evaluate(loss, "gradient", array(z), array(y))
    np.testing.assert_allclose(computed, exact, rtol=0, atol=RELATIVE)


@pytest.mark.parametrize("label", [0, 2])
def test_softmax_label_one_hot_and_float_label_agree(label):
    loss, z = SoftmaxCrossEntropy(), array([0.3, -1.0, 2.0])
    for target in (array(np.eye(3)[label]), array(float(label))):
        for method in (loss.value, loss.gradient):
            expected = method(z, jnp.asarray(label))
            np.testing.assert_allclose(method(z, target), expected, rtol=0, atol=RELATIVE)


@given(logits, st.data(), st.integers(0, 12))
def test_softmax_bregman_keeps_its_digits_between_close_outputs(z, data, decades):
    changes = data.draw(st.lists(change, min_size=len(z), max_size=len(z)))
    a = [r + c * 10.0**-decades for r, c in zip(z, changes, strict=True)]
    p = exact_softmax(z)
    differences = [mp.mpf(u) - mp.mpf(v) for u, v in zip(a, z, strict=True)]
    exact = exact_logsumexp(a) - exact_logsumexp(z)
    exact -= mp.fsum(q * d for q, d in zip(p, differences, strict=True))
    arguments = array(a), array(z), jnp.asarray(0)
    computed = evaluate(SoftmaxCrossEntropy(), "bregman", *arguments)
    # Rounding in the changes is relative to the largest, although what all have in common drops
    # out: that is the conditioning of the divergence, not a fault of the formula.
    spread = max(differences) - min(differences)
    if spread > 1e-6 * max(abs(d) for d in differences):
        common = max(abs(d) for d in differences) / spread
        same(computed, exact, relative=1e-13 * float(common))
    else:
        assert 0 <= float(computed) < 1e-20 + 1e-9 * float(max(abs(d) for d in differences)) ** 2


def test_softmax_bregman_keeps_its_digits_where_one_class_has_all_the_probability():
    z, changes = [-11.0, 0.0, 0.0, 33.25], [-1.0, 1.0, 1.0, 1.0]
    a = [r + c for r, c in zip(z, changes, strict=True)]
    mean = mp.fsum(q * c for q, c in zip(exact_softmax(z), changes, strict=True))
    exact = exact_logsumexp(a) - exact_logsumexp(z) - mean
    arguments = array(a), array(z), jnp.asarray(0)
    same(evaluate(SoftmaxCrossEntropy(), "bregman", *arguments), exact, relative=2e-14)


@pytest.mark.parametrize(
    "z, a", [([39.0, 0.0], [38.0, 30.0]), ([38.0, -37.0, 4.0], [6.0, -24.0, -28.0])]
)
def test_softmax_bregman_keeps_its_digits_where_an_unlikely_class_gains_much(z, a):
    p = exact_softmax(z)
    mean = mp.fsum(q * (mp.mpf(u) - mp.mpf(v)) for q, u, v in zip(p, a, z, strict=True))
    exact = exact_logsumexp(a) - exact_logsumexp(z) - mean
    arguments = array(a), array(z), jnp.asarray(0)
    # The likeliness of a class is rounded as its logit is, which is nearly 80 at most.
    same(evaluate(SoftmaxCrossEntropy(), "bregman", *arguments), exact, relative=80 * 2.0**-52)


def test_softmax_bregman_of_far_outputs_is_finite_with_finite_gradient():
    far, near = array([0.0, 900.0, -900.0]), array([0.0, 0.0, 0.0])
    divergence = jax.jit(jax.value_and_grad(SoftmaxCrossEntropy().bregman))
    value, gradient = divergence(far, near, jnp.asarray(0))
    # logsumexp(far) = 900; logsumexp(near) = log 3; the mean change is 0.
    same(value, 900 - mp.log(3))
    np.testing.assert_allclose(gradient, [-1 / 3, 2 / 3, -1 / 3], rtol=1e-14)


# --- all of them

CASES = [
    (SquaredError(), array(0.7), array(-0.2), array(1.5)),
    (SquaredError(), array([0.7, -1.1]), array([2.0, 0.1]), array([1.5, 0.0])),
    (Logistic(), array(0.7), array(-0.2), jnp.asarray(1)),
    (SoftmaxCrossEntropy(), array([0.7, -1.1, 0.4]), array([0.0, 0.5, 0.1]), jnp.asarray(2)),
    (
        SoftmaxCrossEntropy(),
        array([0.7, -1.1, 0.4]),
        array([0.0, 0.5, 0.1]),
        array([0.2, 0.5, 0.3]),
    ),
]


@pytest.mark.parametrize(("loss", "prediction", "reference", "target"), CASES)
def test_formulas_are_the_derivatives_of_the_value(loss, prediction, reference, target):
    # The base class differentiates `value`; the overriding formulas must agree with it.
    for method in ("gradient", "hessian"):
        formula = evaluate(loss, method, prediction, target)
        automatic = jax.jit(getattr(AbstractLoss, method))(loss, prediction, target)
        assert formula.shape == automatic.shape
        np.testing.assert_allclose(formula, automatic, rtol=1e-13, atol=1e-15)
    formula = loss.bregman(prediction, reference, target)
    automatic = AbstractLoss.bregman(loss, prediction, reference, target)
    np.testing.assert_allclose(formula, automatic, rtol=1e-13)


@pytest.mark.parametrize(("loss", "prediction", "reference", "target"), CASES)
def test_bregman_has_the_gradient_of_the_loss_shifted_to_the_reference(
    loss, prediction, reference, target
):
    at = jax.jit(jax.grad(loss.bregman))
    expected = loss.gradient(prediction, target) - loss.gradient(reference, target)
    np.testing.assert_allclose(at(prediction, reference, target), expected, rtol=1e-13)
    # The difference of two gradients, of which a compiler may round each in its own way.
    here = np.asarray(at(reference, reference, target))
    scale = 1.0 + np.max(np.abs(reference)) + np.max(np.abs(target))
    assert_same_number(here, np.zeros_like(here), operations=8, scale=scale)
    curvature = jax.jit(jax.hessian(loss.bregman))(reference, reference, target)
    np.testing.assert_allclose(curvature, loss.hessian(reference, target), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize(("loss", "prediction", "reference", "target"), CASES)
def test_losses_compile_and_map(loss, prediction, reference, target):
    def both(loss, p):
        return loss.value(p, target), loss.bregman(p, reference, target)

    mapped = jax.jit(jax.vmap(both, in_axes=(None, 0)))(loss, jnp.stack([prediction, reference]))
    for i, p in enumerate([prediction, reference]):
        for computed, expected in zip(mapped, both(loss, p), strict=True):
            np.testing.assert_allclose(computed[i], expected, rtol=1e-14, atol=1e-16)


def test_shapes_are_checked_in_this_test_run():
    # The import hook of conftest.py must be at work, or no shape annotation is ever tested.
    with pytest.raises(jaxtyping.TypeCheckError):
        SquaredError().value(array([1.0, 2.0]), array([1.0, 2.0, 3.0]))


GOOD_TARGETS = [
    (Poisson(), np.array([0, 3, 1]), ()),
    (Poisson(), np.array([0.5, 0.0]), None),
    (SquaredError(), np.array([1.5, -2.0]), ()),
    (SquaredError(), np.ones((4, 3)), (3,)),
    (Logistic(), np.array([0, 1, 1]), ()),
    (Logistic(), jnp.array([0.0, 1.0]), None),
    (SoftmaxCrossEntropy(), np.array([0, 2, 1]), (3,)),
    (SoftmaxCrossEntropy(), np.array([[0.1, 0.2, 0.7], [1.0, 0.0, 0.0]]), (3,)),
    (SoftmaxCrossEntropy(), np.array([[1, 0, 0]]), None),
    (SoftmaxCrossEntropy(), np.float32([[0.1, 0.2, 0.7]]), None),
]


@pytest.mark.parametrize(("loss", "y", "output_shape"), GOOD_TARGETS)
def test_targets_in_range_pass(loss, y, output_shape):
    loss.validate(y, output_shape)


BAD_TARGETS = [
    (Poisson(), np.array([1, -2]), (), "counts >= 0, got -2 in row 1"),
    (Poisson(), np.array([1.0, np.inf]), (), "finite numbers, got inf in row 1"),
    (Poisson(), np.array([1, 2]), (2,), "logarithm of the rate"),
    (Poisson(), np.array([[1], [2]]), None, r"got \(2, 1\)"),
    (SquaredError(), np.array([1.0, np.nan]), (), "finite numbers, got nan in row 1"),
    (SquaredError(), np.ones((4, 1)), (), r"shape \(n,\) .* got \(4, 1\)"),
    (SquaredError(), np.ones(4), (3,), r"shape \(n, 3\) .* got \(4,\)"),
    (Logistic(), np.array([0, 1, 2]), (), "labels 0 or 1, got 2 in row 2"),
    (Logistic(), np.array([-1, 1]), None, "labels 0 or 1, got -1 in row 0"),
    (Logistic(), np.array([0.0, np.nan]), None, "got nan in row 1"),
    (Logistic(), np.array([0, 1]), (2,), "scalar output"),
    (Logistic(), np.array([[0], [1]]), None, r"got \(2, 1\)"),
    (SoftmaxCrossEntropy(), np.array([0, 3]), (3,), "below 3, got 3 in row 1"),
    (SoftmaxCrossEntropy(), np.array([0, -1]), None, "got -1 in row 1"),
    (SoftmaxCrossEntropy(), np.array([0.5, 1]), None, "whole class numbers from 0, got 0.5"),
    (SoftmaxCrossEntropy(), np.array([0, 1]), (), "one logit a class"),
    (SoftmaxCrossEntropy(), np.array([0, 1]), (1,), "one logit a class"),
    (SoftmaxCrossEntropy(), np.array([[0.5, 0.6]]), (2,), "sum to 1"),
    (SoftmaxCrossEntropy(), np.array([[1.5, -0.5]]), (2,), "probabilities"),
    (SoftmaxCrossEntropy(), np.array([[0.5, 0.5]]), (3,), r"shape \(n, 3\)"),
    (SoftmaxCrossEntropy(), np.array([[1.0]]), None, "k ≥ 2"),
]


@pytest.mark.parametrize(("loss", "y", "output_shape", "message"), BAD_TARGETS)
def test_targets_out_of_range_are_refused(loss, y, output_shape, message):
    with pytest.raises(ValueError, match=message):
        loss.validate(y, output_shape)


def test_traced_targets_are_checked_for_shape_only():
    @jax.jit
    def build(y):
        Logistic().validate(y)
        return y

    build(jnp.array([5.0]))
    with pytest.raises(ValueError, match="shape"):
        build(jnp.array([[0.0]]))


def test_a_mismatched_target_of_the_softmax_is_refused():
    with pytest.raises(ValueError, match="class number or have the logits' shape"):
        SoftmaxCrossEntropy().value(array([0.0, 1.0]), array([0.2, 0.3, 0.5]))


def exact_poisson(logarithm, count):
    """Value and slope; near the minimum by a series, as no digits would be enough."""
    if not count:
        return mp.exp(logarithm), mp.exp(logarithm)
    above = logarithm - mp.log(count)
    near = above**2 / 2 * (1 + above / 3 + above**2 / 12)
    value = near if abs(above) < mp.mpf("1e-30") else mp.expm1(above) - above
    return count * value, count * mp.expm1(above)


@given(logit, st.one_of(st.integers(0, 10**6), st.floats(1e-3, 1e3)))
@example(7.455670894324315e-263, 1.0)
@example(5e-324, 1.0)
def test_poisson_values_and_derivatives_are_accurate(logarithm, count):
    loss, y, at = Poisson(), array(count), array(logarithm)
    z, k = mp.mpf(logarithm), mp.mpf(count)
    # What ŷ − log y carries of the rounding of both, times the slope, is no fault of the loss.
    carried = 4e-16 * float(abs(z) + (abs(mp.log(k)) if k else 0))
    value, slope = exact_poisson(z, k)
    error = abs(mp.mpf(float(evaluate(loss, "value", at, y))) - value)
    tiny = np.finfo(float).tiny  # what is below it is 0
    assert error <= RELATIVE * abs(value) + carried * abs(slope) + carried**2 * k + tiny
    found = mp.mpf(float(evaluate(loss, "gradient", at, y)))
    assert abs(found - slope) <= RELATIVE * abs(slope) + carried * max(k, mp.exp(z)) + tiny
    same(evaluate(loss, "hessian", at, y), [mp.exp(z)])


@given(st.floats(-30, 30), change)
def test_poisson_divergences_lose_no_digits(logarithm, by):
    computed = evaluate(Poisson(), "bregman", array(logarithm + by), array(logarithm), array(2))
    moved = mp.mpf(logarithm + by) - mp.mpf(logarithm)
    exact = mp.exp(mp.mpf(logarithm)) * (mp.exp(moved) - 1 - moved)
    # The difference of the logarithms is exact where they are near, and rounded otherwise.
    assert abs(mp.mpf(float(computed)) - exact) <= 1e-12 * exact


def test_poissons_own_derivatives_are_those_of_its_value():
    for count in (0, 1, 7):
        for at in (-2.0, float(np.log(max(count, 1))), 1.3):
            loss, y = Poisson(), array(count)
            np.testing.assert_allclose(
                jax.grad(loss.value)(array(at), y), loss.gradient(array(at), y), atol=1e-14
            )
            np.testing.assert_allclose(
                jax.grad(jax.grad(loss.value))(array(at), y), loss.hessian(array(at), y), rtol=1e-12
            )
