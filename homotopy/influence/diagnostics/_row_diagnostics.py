"""The verb `row_diagnostics`: all rows of data that are not in memory, in a second pass."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy._checks import flag, instance
from homotopy._display import Entries, largest, number
from homotopy._progress import checked_progress, counted
from homotopy._result import Result, in_order
from homotopy._status import Reported, Status, require_success
from homotopy._tables import Table
from homotopy._wording import described
from homotopy.chunks.chunk import AbstractChunks
from homotopy.chunks.iterables import as_chunks
from homotopy.data_spectrum import EPSILON
from homotopy.influence.diagnostics.row_pass import TOP, count_files, row_pass
from homotopy.kept_spectra import spectrum_of
from homotopy.linear import LinearRegression
from homotopy.measurements import AbstractMeasurement, OwnLoss, as_scalar_measurement
from homotopy.numerics.double_double import matmul
from homotopy.sweeps._sweep import swept
from homotopy.sweeps.workers import checked_client
from homotopy.sweeps.workers import in_order as in_the_order_of_chunks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SAME = 1e-8  # of the sums of both passes, at least: by how much they may differ


class RowDiagnosticsStatus(Status):
    """How a second pass ended."""

    other_rows = (
        "the chunks are not the rows that the moments are sums of: their number, leverages or "
        "residuals add up to something else"
    )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RowDiagnostics(Result, Reported):
    """What deleting each of n rows does, of data that are not in memory.

    Attributes
    ----------
    top : dict of (k,)
        Of the rows of largest Cook's distance (with a ridge, largest residual of leaving one out)
        what there is of every row: `row`, its number; `leverage`; `residual`;
        `leave_one_out_residual`, yᵢ − xᵢᵀθ*₋ᵢ; without a ridge `studentised`, externally, and
        `cooks_distance`; and what was asked for beside.
    columns : dict of (n,) or None
        The same of all rows, where no path was given.
    path : str or None
        The folder of Parquet files that hold it.
    theta : (d,)
        θ*.
    size, rank : int
    ridge : float
    press : float
        Σ wᵢ(yᵢ − xᵢᵀθ*₋ᵢ)².
    undetermined : int
        Rows whose leverage is 1 to rounding: what is said of leaving them out is NaN.
    leverage_sums, residual_squares : (2,)
        Of this pass, and what the moments say they are: the evidence that the rows are those.
    status : RowDiagnosticsStatus
    """

    top: dict[str, np.ndarray]
    columns: dict[str, np.ndarray] | None
    path: str | None
    theta: Float[np.ndarray, " d"]
    size: int
    rank: int
    ridge: float
    press: float
    undetermined: int
    leverage_sums: Float[np.ndarray, 2]
    residual_squares: Float[np.ndarray, 2]
    status: RowDiagnosticsStatus

    _axes = (("theta", 1),)

    def _entries(self) -> Entries:
        names = [f"row {row}" for row in self.top["row"]]
        yield "n", self.size
        yield "ridge", self.ridge or None
        name, values = self._leading()
        known = np.flatnonzero(np.isfinite(values))
        if known.size:
            yield name, largest(values[known], [names[place] for place in known])
        yield "PRESS", self.press
        ours, theirs = (number(float(one), 8) for one in self.leverage_sums)
        yield (
            "sum of leverages",
            f"{number(float(ours), 8)}, of the moments {number(float(theirs), 8)}",
        )
        yield "in", self.path
        yield "status", self.status

    def _leading(self):
        if "cooks_distance" in self.top:
            return "Cook's distance", self.top["cooks_distance"]
        return "leave-one-out residual", self.top["leave_one_out_residual"]

    def _table(self) -> Table:
        known = self.top if self.columns is None else self.columns
        columns = [(name.replace("_", " "), part) for name, part in known.items() if name != "row"]
        sizes = known.get("cooks_distance", known["leave_one_out_residual"])
        about = "the most influential rows, largest first" if self.columns is None else ""
        return Table(columns, [("row", known["row"])], in_order(sizes), about or "largest first")

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """Residuals of the most influential rows against leverage, areas as Cook's distance.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the circles, for `Axes.scatter`.
        """
        from homotopy.plotting.influence import draw_influence

        names = [f"row {row}" for row in self.top["row"]]
        distance = self.top.get("cooks_distance")
        what = "leave_one_out_residual" if distance is None else "studentised"
        label = "residual of leaving one out" if distance is None else "studentised residual"
        return draw_influence(
            self.top["leverage"], self.top[what], distance, names, label, ax, **options
        )


def row_diagnostics(
    problem: LinearRegression,
    chunks: AbstractChunks | Iterable,
    path: str | os.PathLike | None = None,
    *,
    measurement: AbstractMeasurement | Callable | None = None,
    parameters: bool = False,
    client: Any = None,
    journal: str | os.PathLike | None = None,
    throw: bool = True,
    progress: bool | Callable[[int], None] | None = None,
) -> RowDiagnostics:
    """Leverage, influence and leave-one-out of all rows of data that are not in memory.

    A second pass over the chunks that a problem `from_chunks` is of. Each chunk becomes a file of
    Parquet, written where it is computed: nothing of the size of the data comes together. As
    accurate as `regression_diagnostics`, whose errors are, too, a rounding times the condition of
    the columns brought to one length (theory §14).

    Parameters
    ----------
    problem : LinearRegression
        Of `from_chunks` or `from_moments`; its deleted set plays no part.
    chunks : AbstractChunks, or an iterable of pairs (X, y)
        The same as in the first pass.
    path : str or path, optional
        A folder, new or empty, that all processes can write to. Without one the columns are kept
        in memory, as `columns`.
    measurement : AbstractMeasurement or callable, optional
        A function of θ with one number, as `TestLoss(X, y)`: its change on deletion of each row,
        ∇m(θ*)·Δ, for Δ of the influence function ("influence on the measurement") and of leaving
        the row out ("leave_one_out on the measurement").
    parameters : bool
        Whether both Δ, θ(0) − θ(1) as of `predict`, are wanted too: 2d columns.
    client, journal, progress
        As of `chunks.moments`.
    throw : bool
        Raise where the rows turn out not to be those of the moments.

    Returns
    -------
    RowDiagnostics

    Raises
    ------
    TypeError, ValueError
        Naming `problem`, `chunks`, `path`, `measurement`, `client` or `journal`; `parameters`,
        where columns depend on each other, so that the fits are not unique.
    RuntimeError
        With the status, where the rows are others.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> chunks = [([[1.0], [1.0]], [0.0, 1.0]), ([[2.0]], [5.0])]
    >>> problem = hm.LinearRegression.from_chunks(chunks, deleted=2)
    >>> found = hm.row_diagnostics(problem, chunks)
    >>> found.columns["leverage"].round(6).tolist()
    [0.166667, 0.166667, 0.666667]
    >>> found.columns["leave_one_out_residual"].round(6).tolist()  # 5 − 2 · 0.5 is the last
    [-2.2, -1.0, 4.0]
    """
    instance("problem", problem, LinearRegression, "a LinearRegression of from_chunks")
    if problem.has_rows:
        raise ValueError(
            "problem: expected a LinearRegression of from_chunks or from_moments, got one that "
            "holds its rows: regression_diagnostics(problem) has those of all of them."
        )
    source, client = as_chunks(chunks), checked_client(client)
    folder = None if path is None else _folder(path, journal is not None)
    flag("throw", throw)
    checked_progress(progress, "the number of rows done")
    full = spectrum_of(problem)
    gram = problem.moments.gram_without(np.zeros(0, int)).gram
    theta = matmul(full.basis, full.fit.at(np.s_[:, None])).at(np.s_[:, 0]).rounded()
    gradient = None if measurement is None else _gradient(measurement, problem, theta)
    wanted = tuple(problem.parameter_names) if flag("parameters", parameters) else None
    work = row_pass(full, gram, gradient, wanted, folder)
    if wanted is not None or gradient is not None:
        if work.rank < theta.size:
            raise ValueError(
                f"{'parameters' if wanted else 'measurement'}: expected columns that do not depend "
                f"on each other, got {theta.size} of rank {work.rank}, so that fits are not "
                "unique; a ridge makes them so."
            )
    return _collected(problem, source, work, client, journal, throw, progress)


def _collected(problem, source, work, client, journal, throw, progress) -> RowDiagnostics:
    size, sums, tops, columns = 0, np.zeros(3), [], []
    undetermined, parts, expected = 0, 0, int(problem.moments.size)
    with counted(progress, expected, "a second pass over the rows") as report:
        for part in in_the_order_of_chunks(swept(work, source, None, client, journal)):
            size, parts = size + part.rows, parts + 1
            sums += part.leverage, part.square, part.press
            undetermined += part.undetermined
            tops = [_largest([*tops, part.top])]
            columns += [] if part.columns is None else [part.columns]
            report(size)
    if work.folder is not None and count_files(work.folder) != parts:
        raise ValueError(
            f"path: expected the {parts} files of this pass, got {count_files(work.folder)}: the "
            "journal goes with the folder of its pass; delete both to begin again."
        )
    values, ridge = work.values.rounded(), work.ridge
    leverages = np.array([sums[0], float(np.sum(1.0 - ridge / values))])
    inside = float(np.sum(np.asarray(spectrum_of(problem).fit.rounded()) ** 2))
    squares = np.array([sums[1], float(work.square.rounded()[0]) - ridge * inside])
    # What rounding may part them by.
    part = max(_SAME, 8 * work.theta.size * EPSILON * work.condition)
    near = np.array([part * leverages[1], _SAME * squares[1] + work.exact_below**2])
    same = size == expected
    same &= bool(abs(leverages[0] - leverages[1]) <= near[0])
    same &= bool(abs(squares[0] - squares[1]) <= near[1])
    status = RowDiagnosticsStatus.successful if same else RowDiagnosticsStatus.other_rows
    if throw:
        require_success(leverages, status)
    joined = None
    if columns:
        joined = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    return RowDiagnostics(
        tops[0] if tops else {}, joined, work.folder, work.theta, size, work.rank, ridge,
        float(sums[2]), undetermined, leverages, squares, status,
    )  # fmt: skip


def _largest(tops: list[dict]) -> dict:
    """The most influential of several lists."""
    together = {name: np.concatenate([top[name] for top in tops]) for name in tops[0]}
    sizes = np.abs(together.get("cooks_distance", together["leave_one_out_residual"]))
    first = np.argsort(-np.where(np.isnan(sizes), np.inf, sizes), kind="stable")[:TOP]
    return {name: part[first] for name, part in together.items()}


def _folder(path, resumed: bool) -> str:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected the name of a folder, got {described(path)}.")
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError("path: Parquet needs pyarrow: pip install 'homotopy[scale]'.") from error
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not resumed)):
        raise ValueError(
            f"path: expected a new or an empty folder, got {folder.name}; with a journal a pass "
            "that was killed goes on in its own."
        )
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder.absolute())


def _gradient(measurement, problem, theta) -> np.ndarray:
    if isinstance(measurement, OwnLoss):
        raise ValueError(
            "measurement: expected a function of θ alone, got OwnLoss(): of each row its own "
            "follows from residual and leave_one_out_residual."
        )
    known = as_scalar_measurement(measurement, problem)
    none, nothing = jnp.zeros(1, int), jnp.zeros(1)
    return np.asarray(
        jax.jit(jax.grad(lambda at: known(problem, at, none, nothing)))(jnp.asarray(theta))
    )
