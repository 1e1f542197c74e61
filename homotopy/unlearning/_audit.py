"""What an observer can tell at least, from outputs alone: lower bounds of ε."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from scipy import stats

from homotopy._checks import ArrayInput, fraction, instance
from homotopy._display import Entries, number
from homotopy._numbers import as_numbers
from homotopy._result import Result
from homotopy._status import Reported, Status
from homotopy._tables import Table
from homotopy.unlearning.gaussian_mechanism import GaussianMechanism, a_mechanism
from homotopy.unlearning.gaussian_pair import GaussianPair

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_THRESHOLDS = 400  # that are tried on the first half
_LEAST = 20  # outputs of each kind


class AuditStatus(Status):
    """What the outputs say of the claim."""

    __successes__ = ("successful",)

    refuted = "the outputs refute the claim: they can be told apart better than it allows"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Audit(Result, Reported):
    """Lower bounds of ε that outputs of unlearning and of retraining prove, beside what is claimed.

    Attributes
    ----------
    privacy_epsilon : float
        ε is at least that, with the confidence, whatever the law of the outputs is.
    gaussian_privacy_epsilon : float
        And that if both are Gaussians of one covariance; `ratio` is the r that it comes from.
    ratio : float
    false_positives, false_negatives : (2,)
        Upper bounds of the two errors of the tests that gave `privacy_epsilon` and `ratio`.
    confidence : float
        Of all bounds together.
    counts : (2,)
        Outputs of unlearning and of retraining that were counted: half of those given.
    mechanism : GaussianMechanism
        What is claimed.
    exact : GaussianPair or None
        The truth, where θ_U, θ_R and σ are known.
    status : AuditStatus
    """

    privacy_epsilon: float
    gaussian_privacy_epsilon: float
    ratio: float
    false_positives: Float[np.ndarray, " 2"]
    false_negatives: Float[np.ndarray, " 2"]
    confidence: float
    counts: tuple[int, int]
    mechanism: GaussianMechanism
    exact: GaussianPair | None
    status: AuditStatus

    def _entries(self) -> Entries:
        claim = self.mechanism
        yield "claimed", f"ε ≤ {number(claim.privacy_epsilon)} at δ = {number(claim.delta)}"
        if self.exact is not None:
            yield "exact", f"ε = {number(self.exact.privacy_epsilon(claim.delta), 4)}"
        sure = f"with confidence {number(self.confidence)}"
        yield "audited", f"ε ≥ {number(self.privacy_epsilon, 4)}, {sure}"
        yield (
            "if Gaussian",
            f"ε ≥ {number(self.gaussian_privacy_epsilon, 4)}, r ≥ {number(self.ratio, 4)}",
        )
        yield "outputs", f"{self.counts[0]} and {self.counts[1]} counted"
        yield "status", self.status

    def _table(self) -> Table:
        rows = self._rows()
        columns = [
            ("privacy epsilon", np.array([value for _, value, _ in rows])),
            ("kind", [kind for *_, kind in rows]),
        ]
        return Table(columns, [("bound", [name for name, *_ in rows])], about="of ε at one δ")

    def _rows(self) -> list[tuple[str, float, str]]:
        claim = self.mechanism
        rows = [("claimed, at most", claim.privacy_epsilon, "certified")]
        if self.exact is not None:
            rows.append(("exact", self.exact.privacy_epsilon(claim.delta), "exact"))
        rows.append(("if Gaussian, at least", self.gaussian_privacy_epsilon, "audited"))
        rows.append(("at least", self.privacy_epsilon, "audited"))
        return rows

    def plot(self, ax: Axes | None = None, **options) -> Axes:
        """The bounds of ε, from below and from above, and the truth where it is known.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        **options
            Of the dots, for `Axes.plot`.
        """
        from homotopy.plotting.certificates import draw_certificates

        names, values, kinds = zip(*self._rows(), strict=True)
        return draw_certificates(values, names, kinds, ax, label="privacy loss ε", **options)


def audit(
    unlearned: ArrayInput,
    retrained: ArrayInput,
    mechanism: GaussianMechanism,
    *,
    confidence: float = 0.95,
    exact: GaussianPair | None = None,
) -> Audit:
    """Lower bounds of ε from outputs of unlearning and of retraining, each with its own noise.

    Half of the outputs choose a direction and a threshold; the other half count how often the test
    errs. With Clopper and Pearson's upper bounds FP⁺ and FN⁺ of the two errors, together of the
    confidence asked for, ε ≥ ln((1 − δ − FN⁺)/FP⁺) whatever the law; and if both are Gaussians of
    one covariance r ≥ Φ⁻¹(1 − FP⁺) − Φ⁻¹(FN⁺) (theory §6.6). An audit can refute a claim; it proves
    none.

    Parameters
    ----------
    unlearned, retrained : (k,) or (k, d)
        Independent outputs of each, as many rows as there are; 20 at least.
    mechanism : GaussianMechanism
        What is claimed: ε at δ.
    confidence : float
        In (0, 1).
    exact : unlearning.GaussianPair, optional
        ‖θ_U − θ_R‖/σ where it is known, to be shown beside.

    Returns
    -------
    Audit
        With the status `refuted` where a bound is above the claim.

    Raises
    ------
    TypeError
        Naming `mechanism` or `exact`.
    ValueError
        Naming `unlearned`, `retrained` or `confidence`.

    Examples
    --------
    >>> import homotopy as hm, numpy as np
    >>> noise = np.random.default_rng(0).normal(size=(2, 2000))
    >>> found = hm.audit(noise[0] + 2.0, noise[1], hm.GaussianMechanism(1.0, 1e-5))
    >>> bool(found.successful), found.ratio < 2.0
    (False, True)
    """
    first, second = _outputs("unlearned", unlearned), _outputs("retrained", retrained)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"retrained: expected outputs of length {first.shape[1]}, as of unlearned, got "
            f"{second.shape[1]}."
        )
    a_mechanism(mechanism)
    confidence = fraction("confidence", confidence)
    if exact is not None:
        instance("exact", exact, GaussianPair, "None or unlearning.GaussianPair(ratio)")
    delta, half = mechanism.delta, (len(first) // 2, len(second) // 2)
    direction = first[: half[0]].mean(axis=0) - second[: half[1]].mean(axis=0)
    length = np.linalg.norm(direction)
    direction = direction / length if length > 0.0 else np.eye(1, first.shape[1])[0]
    first, second = first @ direction, second @ direction
    tried = np.quantile(
        np.concatenate([first[: half[0]], second[: half[1]]]), np.linspace(0.0, 1.0, _THRESHOLDS)
    )
    # Two thresholds, and two errors of each: four bounds that are to hold together.
    level = (1.0 - confidence) / 4.0
    guess = _errors(first[: half[0]], second[: half[1]], tried, level)
    chosen = [int(np.argmax(score(*guess, delta))) for score in (_log_ratio, _apart)]
    errors = _errors(first[half[0] :], second[half[1] :], tried[chosen], level)
    least = max(float(_log_ratio(*errors, delta)[0]), 0.0)
    ratio = max(float(_apart(*errors, delta)[1]), 0.0)
    told = GaussianPair(ratio).privacy_epsilon(delta)
    beyond = max(least, told) > mechanism.privacy_epsilon
    return Audit(
        privacy_epsilon=least,
        gaussian_privacy_epsilon=told,
        ratio=ratio,
        false_positives=errors[0],
        false_negatives=errors[1],
        confidence=confidence,
        counts=(len(first) - half[0], len(second) - half[1]),
        mechanism=mechanism,
        exact=exact,
        status=AuditStatus.refuted if beyond else AuditStatus.successful,
    )


def _outputs(name: str, value) -> Float[np.ndarray, "k d"]:
    known = np.asarray(as_numbers(name, value))
    fits = known.ndim in (1, 2) and known.shape[0] >= _LEAST and 0 not in known.shape
    if not fits or known.dtype.kind not in "iuf":
        raise ValueError(
            f"{name}: expected at least {_LEAST} outputs, of shape (k,) or (k, d), got shape "
            f"{known.shape}."
        )
    return known.reshape(len(known), -1).astype(float)


def _errors(first, second, thresholds, level) -> tuple[np.ndarray, np.ndarray]:
    """Clopper and Pearson's upper bounds of the errors of "unlearned where above"."""
    above = len(second) - np.searchsorted(np.sort(second), thresholds, side="right")
    below = np.searchsorted(np.sort(first), thresholds, side="right")
    return _upper(above, len(second), level), _upper(below, len(first), level)


def _upper(count: np.ndarray, size: int, level: float) -> np.ndarray:
    """Of a probability, from how often something happened."""
    bound = stats.beta.ppf(1.0 - level, count + 1.0, np.maximum(size - count, 0.5))
    return np.where(count < size, bound, 1.0)


def _log_ratio(false_positives, false_negatives, delta):
    """ln((1 − δ − FN)/FP), or with the two exchanged, the larger."""
    pairs = ((false_positives, false_negatives), (false_negatives, false_positives))
    return np.maximum(
        *(np.log(np.maximum(1.0 - delta - miss, 1e-300) / error) for error, miss in pairs)
    )


def _apart(false_positives, false_negatives, delta):
    """Φ⁻¹(1 − FP) − Φ⁻¹(FN)."""
    return stats.norm.isf(false_positives) - stats.norm.ppf(false_negatives)
