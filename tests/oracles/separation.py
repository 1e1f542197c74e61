"""Whether classes can be separated, by trying every direction that could: exact, for integers."""

import itertools
import math


def separable(margins) -> bool:
    """Whether some v has Av ≥ 0 and Av ≠ 0, of an integer matrix A.

    If one has, then so has an edge of the cone Av ≥ 0, on which rows of A of a rank one below A's
    vanish.
    """
    rows = [[int(entry) for entry in row] for row in margins if any(row)]
    rank = len(_kernel(rows)[0]) if rows else 0
    for chosen in itertools.combinations(rows, max(rank - 1, 0)) if rank else ():
        pivots, kernel = _kernel(list(chosen), len(rows[0]))
        if len(pivots) != rank - 1:
            continue
        for vector in kernel:
            products = [sum(a * b for a, b in zip(row, vector, strict=True)) for row in rows]
            if any(products):  # the others of the kernel differ by what no row sees
                if min(products) >= 0 or max(products) <= 0:
                    return True
                break
    return False


def _kernel(rows, width=None):
    """Pivot columns and a basis of the kernel, by elimination without a division: in integers."""
    width = len(rows[0]) if width is None else width
    rows, pivots = [list(row) for row in rows], []
    for column in range(width):
        place = len(pivots)
        lead = next((i for i in range(place, len(rows)) if rows[i][column]), None)
        if lead is None:
            continue
        rows[place], rows[lead] = rows[lead], rows[place]
        own = rows[place]
        for i, row in enumerate(rows):
            if i != place and row[column]:
                rows[i] = _coprime(
                    [own[column] * a - row[column] * b for a, b in zip(row, own, strict=True)]
                )
        pivots.append(column)
    common = math.lcm(*(rows[i][pivot] for i, pivot in enumerate(pivots)))
    kernel = []
    for free in (column for column in range(width) if column not in pivots):
        vector = [0] * width
        vector[free] = common
        for i, pivot in enumerate(pivots):
            vector[pivot] = -rows[i][free] * (common // rows[i][pivot])
        kernel.append(vector)
    return pivots, kernel


def _coprime(row):
    divisor = math.gcd(*row) or 1
    return [entry // divisor for entry in row]
