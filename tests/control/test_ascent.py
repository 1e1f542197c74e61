"""The dual's ascent, on tubes without gaps, where duality is strong: from any q to the optimum."""

import numpy as np
import pytest

from homotopy.control.certificate import ResidualSystem, certified_optimum
from homotopy.control.certificate.ascent import maximise
from homotopy.control.certificate.one_row.node import copied
from homotopy.control.certificate.one_row.search import exact_tube, width_of

# Ends that nearly meet the goal: of directions q hardly any has D > 0, or two pieces of D meet.
HARD = (44, 54, 87, 88, 155, 190, 212)


def influential(seed: int) -> ResidualSystem:
    """One row with ‖b‖²T from 1 to 1e4, h from 0.1 to 100, and a slow mode."""
    generator = np.random.default_rng([0, seed])
    d = int(generator.choice((2, 3, 5, 10)))
    squared, h = 10.0 ** generator.uniform(0, 4), 10.0 ** generator.uniform(-1, 2)
    rates = squared / h * 10.0 ** generator.uniform(-1.2, 1.2, d)
    rates[0] = generator.uniform(0.2, 3.0)
    row = np.sqrt(squared * generator.dirichlet(np.ones(d))) * generator.choice([-1.0, 1.0], d)
    start = generator.normal(size=d)
    residual = 0.5 * generator.normal() * np.linalg.norm(row * start)
    order = np.argsort(rates)
    rates, rows, start = rates[order], row[order][None], start[order]
    return ResidualSystem(
        rates, rows, np.array([residual]), start, np.zeros(d), 1.0, np.zeros(1, dtype=int),
        lambda weights: np.linalg.eigh(np.diag(rates) + (rows.T * weights) @ rows),
    )  # fmt: skip


@pytest.mark.parametrize("seed", HARD)
def test_the_optimum_is_found_from_any_costate(seed):
    system = influential(seed)
    least = certified_optimum(system, max_nodes=200)
    assert least.finished
    bounder, tube = exact_tube(system)
    assert width_of(tube) == 0.0
    generator, size = np.random.default_rng(seed), system.start.size
    drawn = generator.normal(size=(3, size)) * np.linalg.norm(system.start)
    for costate in (system.rows[0], -system.rows[0], system.start, *drawn):
        dual = bounder.dual(copied(tube))
        point, count = maximise(dual, np.array(costate), (1.0 - 1e-6) * least.cost, 90)
        assert (1.0 - 1e-3) * least.cost <= point.bound <= least.cost + least.cost_error
        assert count <= 60
