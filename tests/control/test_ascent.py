"""The dual's ascent, on tubes without gaps, where duality is strong: from any q to the optimum."""

import numpy as np
import pytest

from benchmarks.influential import influential
from homotopy.control.certificate import certified_optimum
from homotopy.control.certificate.ascent import maximise
from homotopy.control.certificate.one_row.node import copied
from homotopy.control.certificate.one_row.search import exact_tube, width_of

# Ends that nearly meet the goal: of directions q hardly any has D > 0, or two pieces of D meet.
HARD = (44, 54, 87, 88, 155, 190, 212)


@pytest.mark.parametrize("seed", HARD)
def test_the_optimum_is_found_from_any_costate(seed):
    system = influential(np.random.default_rng([0, seed]))
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
