"""Groups of data points to delete together: drawn at random, close to each other, or adversarial.

Koh, Ang, Teo, Liang, "On the accuracy of influence functions for measuring group effects", NeurIPS
2019: influence adds up over a group, and so misses what its points do together; most so where they
are alike.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Num

from homotopy._checks import ArrayInput, integer, matrix, vector


def random_groups(size: int, group_size: int, count: int, seed: int = 0) -> Int[np.ndarray, "k g"]:
    """Rows drawn without replacement, for each group anew.

    Parameters
    ----------
    size : int
        n.
    group_size : int
        From 1 to n − 1.
    count : int
        Of groups.
    seed : int

    Examples
    --------
    >>> random_groups(10, 3, 4).shape
    (4, 3)
    """
    integer("size", size, 2)
    _check(size, group_size, count, seed)
    generator = np.random.default_rng(seed)
    return np.stack(
        [np.sort(generator.choice(size, group_size, replace=False)) for _ in range(count)]
    )


def clustered_groups(
    X: Num[np.ndarray, "n p"] | ArrayInput, group_size: int, count: int, seed: int = 0
) -> Int[np.ndarray, "k g"]:
    """Each a point drawn at random with its nearest neighbours: groups whose points are alike.

    Parameters
    ----------
    X : (n, p)
        What distances are measured in, standardised; add the target as a column for points alike
        in that too.
    group_size, count, seed
        As of `random_groups`; `count` at most n.

    Examples
    --------
    >>> sorted(clustered_groups(np.array([[0.0], [0.1], [5.0], [5.1]]), 2, 4).tolist())
    [[0, 1], [0, 1], [2, 3], [2, 3]]
    """
    inputs = matrix("X", X).astype(float, copy=False)
    _check(len(inputs), group_size, count, seed)
    integer("count", count, 1, len(inputs))
    generator = np.random.default_rng(seed)
    centres = generator.choice(len(inputs), count, replace=False)
    distances = np.linalg.norm(inputs[centres][:, None, :] - inputs[None, :, :], axis=-1)
    distances[np.arange(count), centres] = -1.0  # first of all, also among twins
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :group_size]
    return np.sort(nearest, axis=1)


def adversarial_groups(
    effects: Float[np.ndarray, " n"] | ArrayInput, group_size: int, count: int, seed: int = 0
) -> Int[np.ndarray, "k g"]:
    """Groups drawn from the points whose effects are largest, and so all of one sign.

    Parameters
    ----------
    effects : (n,)
        What each point does alone, such as `predict(...).linearised(measurement)`. Rows are drawn
        from the 3/2 · group_size of largest effect: of one sign, so that effects add up.
    group_size, count, seed
        As of `random_groups`.

    Examples
    --------
    >>> adversarial_groups([0.0, 3.0, 2.0, 1.0, -5.0], 2, 1)[0].max() <= 3
    np.True_
    """
    values = np.asarray(vector("effects", effects))
    _check(values.size, group_size, count, seed)
    most = min(group_size * 3 // 2, values.size - 1)
    pool = np.argsort(-values, kind="stable")[:most]
    generator = np.random.default_rng(seed)
    return np.stack(
        [np.sort(generator.choice(pool, group_size, replace=False)) for _ in range(count)]
    )


def _check(size, group_size, count, seed) -> None:
    integer("group_size", group_size, 1, size - 1)
    integer("count", count)
    integer("seed", seed, 0)
