"""What the benchmarks take from elsewhere in the repository is there."""

import pytest

from benchmarks import latency


@pytest.mark.parametrize("case", latency.CASES, ids=lambda case: case.name)
def test_what_is_timed_is_a_script(case):
    assert compile(latency.code_of(case), case.name, "exec").co_code
