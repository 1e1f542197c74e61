"""All single deletions from one spectrum: each as its own problem has it, to fifty digits."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp
from oracles import arithmetic, problems, response
from regressions import relative_error

import homotopy as hm
from homotopy import modal_downdates
from homotopy.data_spectrum import data_spectrum
from homotopy.deletion.bridges.switched_flow import switched_flows


def with_leverage(complement, condition=1.0):
    """A regression whose row 0 has the leverage 1 − complement, nearly; and its targets."""
    generator = np.random.default_rng(5)
    X = generator.normal(size=(12, 4)) * np.geomspace(1.0, condition**-0.5, 4)
    X[0] = X[0] / np.sqrt(complement)
    return X, generator.normal(size=12)


def repeated(leaving=0.0):
    """Columns of a Hadamard matrix: all eigenvalues agree; or all but one."""
    X = problems.hadamard(8)[:, :4]
    X[:, 0] *= 1.0 + leaving
    return X, np.random.default_rng(6).normal(size=8)


def with_zeros():
    """Row 0 sees nothing: deleting it changes nothing."""
    X = np.random.default_rng(7).normal(size=(7, 3))
    X[0] = 0.0
    return X, np.arange(7.0)


DATA = {
    "well conditioned": problems.well_conditioned(),
    "ill conditioned": problems.ill_conditioned(),
    "badly scaled": problems.badly_scaled(),
    "duplicated columns": problems.duplicated_columns(),
    "identity design": problems.identity_design(),
    "underdetermined": problems.underdetermined(5, 4),
    "one parameter": problems.well_conditioned(d=1, n=6),
}
DATA = {name: (data.X, data.y) for name, data in DATA.items()} | {
    "leverage 0.99": with_leverage(1e-2),
    "leverage 0.999, ill conditioned": with_leverage(1e-3, 1e8),
    "leverage 1 − 1e-9": with_leverage(1e-9),
    "leverage 1 − 1e-16": with_leverage(1e-16),
    "one eigenvalue": repeated(),
    "two eigenvalues": repeated(0.5),
    "a row of zeros": with_zeros(),
}
# Where the closed form must serve, and where it must not.
CLOSED = {
    "well conditioned": True,
    "badly scaled": True,
    "duplicated columns": True,
    "identity design": False,
    "underdetermined": False,
    "leverage 0.99": True,
    "leverage 1 − 1e-9": True,
    "leverage 1 − 1e-16": False,
    "one eigenvalue": True,
    "a row of zeros": True,
}
each = pytest.mark.parametrize("name", DATA)


@mp.workdps(50)
def exact_spectra(X, y, point, ridge):
    """Ascending eigenvalues without the point and with it."""
    regression = arithmetic.regression(X, y, [point], ridge)
    return [
        np.array(sorted(map(float, arithmetic.spectrum(regression.at(epsilon)).values)))
        for epsilon in (0.0, 1.0)
    ]


@each
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_each_deletion_to_fifty_digits(name, ridge):
    X, y = DATA[name]
    theta0 = np.linspace(-1.0, 1.0, X.shape[1])
    members = hm.LinearRegression(X, y, deleted=1, ridge=ridge).deleting_each([0, 2])
    for point, problem in zip([0, 2], members, strict=True):
        assert np.asarray(problem.deleted).tolist() == [point]
        modal = jax.tree.map(np.asarray, problem.modal)
        for values, expected in zip(
            (modal.eigenvalues, modal.full.eigenvalues),
            exact_spectra(X, y, point, ridge),
            strict=True,
        ):
            np.testing.assert_allclose(
                np.sort(values), expected, rtol=4e-15, atol=1e-30 * expected[-1]
            )
        for fit, oracle in (
            (problem.deleted_fit, response.deleted_fit),
            (problem.full_fit, response.full_fit),
        ):
            assert relative_error(fit(theta0), oracle(X, y, [point], ridge, theta0)) <= 1e-14
        # Both Hessians, assembled from what is kept: bases and eigenvalues belong together.
        for inputs, basis, values in (
            (np.delete(X, point, axis=0), modal.basis, modal.eigenvalues),
            (X, modal.basis @ modal.full.rotation, modal.full.eigenvalues),
        ):
            hessian = inputs.T @ inputs + ridge * np.eye(X.shape[1])
            scale = np.linalg.norm(X, 2) ** 2 + ridge
            np.testing.assert_allclose(
                (basis * values) @ basis.T, hessian, rtol=0, atol=1e-14 * scale
            )
        np.testing.assert_allclose(
            modal.rows[0], X[point] @ modal.basis, rtol=0, atol=1e-14 * np.abs(X[point]).max()
        )
        count = int(np.sum(modal.active))
        assert np.all(np.asarray(modal.active)[:count]), "active modes come first"
        assert np.all(np.diff(modal.eigenvalues[:count]) > 0)


@pytest.mark.parametrize("name", CLOSED)
def test_where_the_closed_form_serves(name):
    X, y = DATA[name]
    _, accurate = modal_downdates.downdates(X[:1], y[:1], data_spectrum(X, y, 0.0))
    assert accurate[0] == CLOSED[name]


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e3])
def test_leverages_to_rounding_small_ones_too(size):
    X, y = DATA["well conditioned"]
    X = X.copy()
    X[0] *= size
    modal = hm.LinearRegression(X, y, deleted=1).deleting(0).modal
    with mp.workdps(50):
        gram = mp.matrix(arithmetic.regression(X, y, [0], 0.0).kept.gram)
        row = mp.matrix([arithmetic.vector(X[0])])
        expected = float((row * mp.inverse(gram) * row.T)[0])
    np.testing.assert_allclose(modal.leverages, [expected], rtol=1e-15)


def test_the_closed_form_is_refused_before_it_is_wrong():
    """Of ever more extreme rows in rotated data: accepted means right to rounding."""
    verdicts = []
    for condition in (1e4, 1e12):
        data = problems.ill_conditioned(condition=condition)
        for size in 10.0 ** np.arange(0, 10, 3):
            X = data.X.copy()
            X[0] = size * np.random.default_rng(3).normal(size=4)
            fields, accurate = modal_downdates.downdates(
                X[:1], data.y[:1], data_spectrum(X, data.y, 0.0)
            )
            verdicts.append(bool(accurate[0]))
            if accurate[0]:
                expected, _ = exact_spectra(X, data.y, 0, 0.0)
                np.testing.assert_allclose(fields["eigenvalues"][0], expected, rtol=4e-15)
    assert verdicts == [True, True, False, False, True, False, False, False]


@pytest.fixture(scope="module")
def regression():
    X, y = DATA["well conditioned"]
    return hm.LinearRegression(X, y, deleted=[3, 5])


def test_members_are_problems_like_any_other(regression):
    members = regression.deleting_each()
    assert len(members) == regression.size
    own = hm.LinearRegression(regression.X, regression.y, deleted=7)
    assert jax.tree.structure(members[7]) == jax.tree.structure(own)
    assert members[7].X is regression.X
    for part, expected in zip(
        jax.tree.leaves(members[7].modal), jax.tree.leaves(own.modal), strict=True
    ):
        assert part.dtype == expected.dtype and part.shape == expected.shape
        np.testing.assert_allclose(part, expected, rtol=0, atol=1e-13)
    assert [int(each.deleted[0]) for each in members[-3:]] == [17, 18, 19]
    assert int(members[-1].deleted[0]) == 19
    with pytest.raises(IndexError):
        members[20]


def test_all_of_them_under_vmap(regression):
    members = regression.deleting_each([4, 0, 9])
    fits = jax.jit(jax.vmap(lambda each: each.fit(0.25), in_axes=(members.axes,)))(members.stacked)
    for fit, point in zip(fits, [4, 0, 9], strict=True):
        expected = response.response(
            np.asarray(regression.X), np.asarray(regression.y), [point], 0.0, [0.25]
        ).theta[0]
        assert relative_error(fit, expected) <= 1e-14


def test_deleting_is_building_anew(regression):
    for deleted in (2, [2], [0, 6]):
        other = regression.deleting(deleted)
        expected = hm.LinearRegression(regression.X, regression.y, deleted=deleted)
        assert jax.tree.structure(other) == jax.tree.structure(expected)
        assert other.X is regression.X
        for part, of_new in zip(jax.tree.leaves(other), jax.tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(part, of_new)


def test_what_comes_out_of_a_transformation_deletes_as_well(regression):
    moved = jax.tree.map(lambda leaf: leaf + 0, regression)
    fits = (each.deleting(2).deleted_fit() for each in (moved, regression))
    assert relative_error(*fits) <= 2e-14  # each is within half of that of the truth
    stiffer = hm.LinearRegression(regression.X, regression.y, deleted=0, ridge=2.0)
    expected = response.deleted_fit(np.asarray(regression.X), np.asarray(regression.y), [2], 2.0)
    assert relative_error(stiffer.deleting(2).deleted_fit(), expected) <= 1e-14


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([20], r"points: expected row numbers from 0 to 19, got \[20\]"),
        ([-1], r"points: expected row numbers from 0 to 19, got \[-1\]"),
        ([0.5], "points: expected a row number"),
        ([], "points: expected a row number"),
        ([[1]], "points: expected a row number"),
    ],
)
def test_bad_points(regression, without_shape_checks, points, message):
    with pytest.raises(ValueError, match=message):
        regression.deleting_each(points)


def test_bad_deleted_rows(regression):
    with pytest.raises(ValueError, match=r"deleted: expected row numbers from 0 to 19, got \[20\]"):
        regression.deleting(20)


# --------------------------------------------------------------------------- deletion problems


@pytest.mark.parametrize("name", ["well conditioned", "underdetermined", "leverage 1 − 1e-9"])
def test_deletion_problems_are_those_built_one_by_one(name):
    X, y = DATA[name]
    problem = hm.LinearRegression(X, y, deleted=0)
    theta0 = np.linspace(1.0, 2.0, X.shape[1])
    together = hm.deletions(problem, theta0, start=0.1, horizon=0.7, points=[0, 3])
    for point, deletion in zip([0, 3], together, strict=True):
        alone = hm.Deletion(problem.deleting(point), theta0, start=0.1, horizon=0.7)
        assert jax.tree.structure(alone) == jax.tree.structure(deletion)
        for part, expected in zip(switched_flows([deletion]), switched_flows([alone]), strict=True):
            # To the rounding of sums that are taken in another order.
            atol = 1e-15 * (1.0 + np.max(np.abs(expected)))
            np.testing.assert_allclose(part, expected, rtol=0, atol=atol)
        np.testing.assert_allclose(deletion.target, alone.target, rtol=1e-14, atol=1e-14)
        expected = float(alone.cost(hm.Step(0.3)))
        assert float(deletion.cost(hm.Step(0.3))) == pytest.approx(expected, rel=1e-12)


def test_deletion_problems_are_a_sequence_whose_members_are_made_once(regression):
    together = hm.deletions(regression, [0.5] * 4, start=0.1, horizon=0.7)
    assert len(together) == regression.size
    assert together[7] is together[7] is list(together)[7] is together[6:9][1]
    assert together[-1] is together[len(together) - 1]
    # Whatever is asked for first, each is its own.
    for index in (18, 3, 19, 0):
        assert int(together[index].problem.deleted[0]) == index
    with pytest.raises(IndexError):
        together[len(together)]
    again = pickle.loads(pickle.dumps(together))
    np.testing.assert_array_equal(again[3].target, together[3].target)


def test_optima_of_all_points_are_those_of_the_members_and_know_their_problems(regression):
    """Searched from the arrays of all, before any member is made."""
    together = hm.deletions(regression, [3.0] * 4, start=0.1, horizon=0.7)
    found = hm.optimise(together, over=hm.BangBangs(2))
    chosen = [0, 13, 19]
    alone = hm.optimise([together[index] for index in chosen], over=hm.BangBangs(2))
    for index, expected in zip(chosen, alone, strict=True):
        assert found[index].deletion is together[index]
        cost = float(together[index].cost(found[index].schedule))
        scale = 0.5 * float(jnp.sum((together[index].theta0 - together[index].target) ** 2))
        # ℰ is flat at its minimum: two searches of it differ by rounding.
        assert abs(cost - expected.cost) < 1e-14 * scale
        assert abs(cost - found[index].cost) < 1e-14 * scale
    kept = pickle.loads(pickle.dumps(found[13]))
    assert kept.structure == found[13].structure
    assert int(kept.deletion.problem.deleted[0]) == 13
    assert len(kept.minima) == len(found[13].minima) > 0
    # Warm starts, of all and of each.
    warm = hm.optimise(together, over=hm.BangBangs(2), warm_start=found)
    for index in chosen:
        assert warm[index].cost < found[index].cost + 1e-14


def test_deletions_of_given_problems_and_in_single_precision(regression):
    members = regression.deleting_each([1, 2])
    together = hm.deletions(members, [0.0] * 4, 0.0, 1.0)
    assert [int(each.problem.deleted[0]) for each in together] == [1, 2]
    X, y = DATA["well conditioned"]
    single = hm.LinearRegression(X, y, deleted=0, dtype=jnp.float32)
    deletion = hm.deletions(single, [0.0] * 4, 0.0, 1.0, points=[1])[0]
    assert {leaf.dtype for leaf in jax.tree.leaves(deletion) if leaf.dtype.kind == "f"} == {
        np.dtype(np.float32)
    }
    expected = hm.Deletion(regression.deleting(1), [0.0] * 4, 0.0, 1.0).target
    np.testing.assert_allclose(deletion.target, expected, rtol=1e-5)


def test_bad_arguments_of_deletions(regression, without_shape_checks):
    model = hm.linear_model(1)
    other = hm.Problem(model, hm.SquaredError(), [[1.0], [2.0]], [0.0, 1.0], deleted=0)
    with pytest.raises(TypeError, match="problem: expected a LinearRegression, got Problem"):
        hm.deletions(other, [0.0], 0.0, 1.0)
    with pytest.raises(ValueError, match="points: expected None"):
        hm.deletions(regression.deleting_each([1]), [0.0] * 4, 0.0, 1.0, points=[1])
    with pytest.raises(ValueError, match="horizon: expected a time after start"):
        hm.deletions(regression, [0.0] * 4, 1.0, 1.0)
    with pytest.raises(ValueError, match="theta0: expected a vector of length 4"):
        hm.deletions(regression, [0.0] * 3, 0.0, 1.0)
