"""What chance decides: which batches hit the deleted rows, and what an auditor happens to see."""

import math

import numpy as np
import pytest
import shared
from scipy import stats

import homotopy as hm
from homotopy import unlearning
from homotopy.unlearning import GaussianPair, HitLaw

# q = 0.96, n = 1000, b = 5, one row, T − K = 350; a hit adds α·2L/b with α = 2.2, L = 1.
EXAMPLE = HitLaw(0.88, 0.96, 5, 1e-3, steps=400, rewound=50)


@pytest.mark.parametrize(
    ("delta", "markov", "envelope", "law"),
    [(1e-5, 6562.0, 382.0, 0.444), (1e-2, 4.1, 0.38, 0.10)],
)
def test_noise_by_the_law_of_the_hits_and_by_their_mean(delta, markov, envelope, law):
    mechanism = hm.GaussianMechanism(1.0, delta)
    assert EXAMPLE.noise(mechanism) == pytest.approx(law, rel=2e-2)
    assert EXAMPLE.markov_noise(mechanism) == pytest.approx(markov, rel=5e-3)
    assert EXAMPLE.envelope_noise(mechanism) == pytest.approx(envelope, rel=1e-2)
    # The mean as if it were sure is not enough, and every slot a hit is too much.
    assert (
        mechanism.noise(EXAMPLE.mean) < EXAMPLE.noise(mechanism) < mechanism.noise(EXAMPLE.largest)
    )


def test_the_law_of_the_hits_is_that_of_draws():
    """Of 200,000: shares are good to 5 standard errors; the grid rounds up by less than 1e-3."""
    law, draws = HitLaw(0.5, 0.9, 3, 0.1, steps=12, rewound=4), 200_000
    values, chances, beyond = law.law(1e-9)
    assert chances.sum() + beyond == pytest.approx(1.0, abs=1e-12) and beyond <= 1e-9
    hits = np.random.default_rng(0).binomial(3, 0.1, size=(draws, 8))
    drawn = hits @ (0.5 * 0.9 ** np.arange(11, 3, -1))
    assert drawn.mean() == pytest.approx(law.mean, rel=5 * 2e-3)
    assert values @ chances == pytest.approx(law.mean, rel=1e-3) and values @ chances >= law.mean
    for share in (0.1, 0.5, 0.9, 0.999):
        at = np.quantile(drawn, share)
        below = chances[values <= at + 1e-3].sum()
        assert below == pytest.approx(np.mean(drawn <= at + 5e-4), abs=5 * 1.2e-3)


def test_full_batches_of_one_row_are_the_lemma():
    """b = n and every slot another row: the mean over hits is the full-batch bound."""
    law = HitLaw(0.1, 0.97, 40, 1.0 / 40, steps=30, rewound=10)
    bound = unlearning.lemma_distance(0.1, 1.0, 0.3, 0.5, steps=30, rewound=10)
    assert law.mean == pytest.approx(bound, rel=1e-13)
    assert (
        HitLaw(0.1, 0.97, 4, 0.5, steps=5, rewound=5).noise(hm.GaussianMechanism(1.0, 0.1)) == 0.0
    )


def test_the_noise_of_the_law_is_enough_for_every_mixture():
    """δ of the mixture of pairs W apart, over draws of W: at most what is asked for."""
    law, mechanism = HitLaw(0.3, 0.9, 4, 0.05, steps=20, rewound=3), hm.GaussianMechanism(0.5, 1e-3)
    noise = law.noise(mechanism)
    hits = np.random.default_rng(1).binomial(4, 0.05, size=(40_000, 17))
    drawn = hits @ (0.3 * 0.9 ** np.arange(19, 2, -1))
    unique, counts = np.unique(drawn.round(3), return_counts=True)
    deltas = np.array([GaussianPair(one / noise).delta(0.5) if one > 0 else 0.0 for one in unique])
    found, error = (counts @ deltas) / 40_000, np.sqrt(counts @ deltas**2) / 40_000
    assert found <= 1e-3 + 5 * error
    # And not much more than enough: the grid is fine.
    assert found >= 0.95 * 1e-3 - 5 * error


def test_epochs_hit_every_row_once():
    """Against the recursion with the hits at the end of each epoch, and runs below it."""
    for factor in (0.9, 1.0, 1.1):
        total = 0.0
        for epoch in range(6):
            for step in range(4):
                last = step == (0 if factor > 1.0 else 3)
                total = factor * total + 2 * 0.3 * (last and epoch < 4)
        found = unlearning.epoch_distance(0.3, factor, deleted=2, batches=4, epochs=6, rewound=2)
        assert found == pytest.approx(total, rel=1e-13)
    problem = shared.classification()
    X = np.asarray(problem.X)
    size = 0.5 / (0.25 * len(X) * np.max(np.sum(X**2, axis=1)) + 0.5)
    method = unlearning.ProjectedSGD(size, 6, unlearning.Epochs(), seed=2)
    run = hm.training_run(problem, shared.data()[2], 24, method, checkpoints=[16])
    found = hm.unlearn(run, [1, 7], hm.RewindToDelete(8))
    hit = size * len(X) / 6 * np.max(np.linalg.norm(X, axis=1))
    bound = unlearning.epoch_distance(hit, 1.0 - 0.5 * size, 2, 4, 6, 2)
    assert found.distance <= found.certificate.distance <= bound


# Audits ------------------------------------------------------------------------------------------

CLAIM = hm.GaussianMechanism(1.0, 1e-5)


def outputs(ratio, count, dimension, draw):
    shift = np.zeros(dimension)
    shift[-1] = ratio
    return draw.normal(size=(count, dimension)) + shift, draw.normal(size=(count, dimension))


def test_lower_bounds_exceed_the_truth_as_rarely_as_they_say():
    """200 repetitions at 95 %: at most 10 + 4·√(200·0.05·0.95) would be allowed by chance."""
    draw, ratio = np.random.default_rng(0), CLAIM.ratio
    above = [
        (found.ratio > ratio, found.privacy_epsilon > 1.0)
        for found in (hm.audit(*outputs(ratio, 400, 3, draw), CLAIM) for _ in range(200))
    ]
    assert np.all(np.sum(above, axis=0) <= 10 + 4 * math.sqrt(200 * 0.05 * 0.95))


def test_a_mechanism_with_a_third_of_the_noise_is_caught_and_a_sound_one_is_not():
    draw = np.random.default_rng(1)
    caught = [
        not bool(hm.audit(*outputs(factor * CLAIM.ratio, 4000, 3, draw), CLAIM).successful)
        for factor in (3.0, 1.0)
        for _ in range(20)
    ]
    assert sum(caught[:20]) >= 19 and sum(caught[20:]) <= 3
    # Without any noise the outputs are points.
    points = np.zeros((100, 2)), np.full((100, 2), 1e-9)
    assert not bool(hm.audit(*points, CLAIM).successful)


def test_equal_laws_give_nothing_and_many_outputs_come_near():
    draw = np.random.default_rng(2)
    same = hm.audit(*outputs(0.0, 2000, 1, draw), CLAIM)
    assert same.privacy_epsilon == 0.0 and same.ratio <= 0.1
    exact = GaussianPair(CLAIM.ratio)
    many = hm.audit(*outputs(CLAIM.ratio, 200_000, 1, draw), CLAIM, exact=exact)
    assert 0.55 <= many.privacy_epsilon <= 1.0 and 0.88 <= many.gaussian_privacy_epsilon <= 1.0
    frame = many.to_frame()
    assert frame.loc["exact", "privacy epsilon"] == pytest.approx(1.0, abs=1e-9)
    assert list(frame["kind"]) == ["certified", "exact", "audited", "audited"]


def test_the_errors_are_bounded_as_clopper_and_pearson_do():
    for count, size, level in ((0, 50, 0.01), (7, 50, 0.05), (50, 50, 0.01)):
        found = float(unlearning._audit._upper(np.array([count]), size, level)[0])
        if count == size:
            assert found == 1.0
        else:
            # So many or fewer are seen with that probability, if the share is at the bound.
            assert stats.binom.cdf(count, size, found) == pytest.approx(level, rel=1e-9)


@pytest.mark.usefixtures("without_shape_checks")
def test_bad_arguments_are_refused_by_name():
    good = np.arange(40.0)
    for arguments, message in (
        ((good[:5], good, CLAIM), r"^unlearned: expected at least 20 outputs"),
        ((good, good.reshape(20, 2), CLAIM), r"^retrained: expected outputs of length 1"),
        ((good, good, 1.0), r"^mechanism: expected GaussianMechanism"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            hm.audit(*arguments)
    with pytest.raises(ValueError, match=r"^confidence: expected a number in \(0, 1\)"):
        hm.audit(good, good, CLAIM, confidence=1.0)
    with pytest.raises(ValueError, match=r"^share: expected a number in \(0, 1\)"):
        HitLaw(0.1, 0.9, 2, 1.0, 5, 1)
    with pytest.raises(ValueError, match=r"^mechanism: expected δ >= 1e-12"):
        EXAMPLE.noise(hm.GaussianMechanism(1.0, 1e-13))
