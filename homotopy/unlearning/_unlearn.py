"""Deleting points from a trained model by one of several algorithms: the verb `unlearn`."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np

from homotopy._checks import ArrayInput, flag, positive, row_numbers
from homotopy._progress import clock
from homotopy._result import named
from homotopy.labels import numbered
from homotopy.unlearning import routes
from homotopy.unlearning._training_run import TrainingRun, a_run
from homotopy.unlearning.certificate import (
    Certificate,
    CertificateKind,
    ComparedTo,
    certificate,
    smallest,
)
from homotopy.unlearning.methods import (
    AbstractUnlearning,
    ConjugateGradientRefit,
    DescendToDelete,
    NewtonRefit,
    Retrain,
    RewindToDelete,
    WhenCertified,
    a_method,
    a_stop,
)
from homotopy.unlearning.posterior import newton_residuals, remaining_gradient
from homotopy.unlearning.refits import conjugate_gradient_steps, newton_steps
from homotopy.unlearning.steps import advance
from homotopy.unlearning.training_methods import ProjectedSGD
from homotopy.unlearning.unlearned import Unlearned, UnlearningStatus


def unlearn(
    run: TrainingRun,
    points: ArrayInput | str,
    method: AbstractUnlearning,
    stop: WhenCertified | None = None,
    *,
    largest_gradient: float | None = None,
    throw: bool = True,
    progress: bool | None = None,
) -> Unlearned:
    """Delete points from a training run, and say how near it comes to training without them.

    The result has a certificate by every route that holds (theory §6): by what training recorded,
    by the gradient that is left, exactly for least squares. What may be published is its `release`
    with Gaussian noise; θ itself can be told from retraining however near it is. Runs outside
    `jax.jit`.

    Parameters
    ----------
    run : TrainingRun
    points : int or str, sequence of them, or (n,) of bool
        Row numbers of what is deleted, or names of rows. Of a run from which points were deleted
        before, all of them: a certificate is for their union.
    method : AbstractUnlearning
        `Retrain()`, `RewindToDelete(steps)`, `DescendToDelete(steps)`, `unlearning.NewtonRefit()`
        or `unlearning.ConjugateGradientRefit()`.
    stop : WhenCertified, optional
        End as soon as that distance is proved: the recommended way, as the noise is then fixed
        before.
    largest_gradient : float, optional
        L, known beforehand, of every ‖∇ℓ_i‖ that training can meet: gives a certificate that is
        not computed from the deleted points.
    throw : bool
        Whether it raises where `stop` was not reached.
    progress : bool, optional
        By default a line shows the time that it has taken, in a terminal or a notebook, after two
        seconds; True shows it always, False never.

    Returns
    -------
    Unlearned

    Raises
    ------
    TypeError
        Naming `run`, `method` or `stop`.
    ValueError
        Naming `points`; `steps` of the method, without a checkpoint or more than there are;
        `stop`, where no certificate can be had; or `largest_gradient`, where one that was met is
        larger.
    RuntimeError
        Where `stop` was not reached.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> run = hm.training_run(problem, [0.0], 4, hm.GradientDescent(0.25), checkpoints=[2])
    >>> gone = hm.unlearn(run, 1, hm.RewindToDelete(2))
    >>> gone.theta.tolist(), round(gone.certificate.distance, 12), gone.work
    ([0.2109375], 0.2109375, 2)
    """
    problem = a_run(run).problem
    if not np.all(np.isfinite(np.asarray(run.theta))):
        raise ValueError(
            "run: expected one that ended at finite parameters, got one that diverged: train with "
            "a smaller step size."
        )
    names = problem.labels
    deleted = row_numbers("points", numbered("points", points, names), problem.size)
    if deleted.size == problem.size:
        raise ValueError(
            f"points: expected some of the {problem.size} rows, got all of them: one must remain."
        )
    a_method(method)
    a_stop(stop)
    flag("throw", throw)
    if largest_gradient is not None:
        largest_gradient = positive("largest_gradient", largest_gradient)
        met = float(run.largest_gradients[-1].max())
        if met > largest_gradient * (1.0 + 1e-12):
            raise ValueError(
                f"largest_gradient: expected at least {met:.6g}, the largest ‖∇ℓᵢ‖ that training "
                f"met, got {largest_gradient:g}: it is no bound."
            )
    if stop is not None and not isinstance(method, Retrain | RewindToDelete):
        _check_strongly_convex(run, deleted)
    with clock(progress, "unlearning"):
        if isinstance(method, Retrain | RewindToDelete):
            found = _rewound(run, deleted, method, stop, largest_gradient)
        elif isinstance(method, DescendToDelete):
            found = _descended(run, deleted, method, stop, largest_gradient)
        else:
            found = _refitted(run, deleted, method, stop)
    if throw and not bool(found.successful):
        raise RuntimeError(UnlearningStatus[found.status])
    return named(found, problem)


def _check_strongly_convex(run, deleted) -> None:
    lower, kind = routes.strong_convexity(run, deleted)
    if not lower > 0.0:
        raise ValueError(
            "stop: expected a risk that is strongly convex without the points, as a distance to "
            f"its minimum needs, got {lower:.4g} for the lower bound of its curvature: add a "
            "ridge, or use RewindToDelete()."
        )
    if kind is CertificateKind.estimated:
        raise ValueError(
            "stop: expected bounds of the curvature that are proved, got estimated ones, which "
            "certify nothing: give Curvature(lower, upper) to training_run."
        )


def _rewound(run, deleted, method, stop, given) -> Unlearned:
    """From a checkpoint to the end of the training, without the points."""
    if isinstance(method, Retrain):
        started = 0
    elif method.steps is not None:
        if method.steps > run.steps:
            raise ValueError(
                f"steps: expected at most the {run.steps} steps of the training, got "
                f"{method.steps}."
            )
        started = _checkpoint(run, run.steps - method.steps)
    elif stop is None:
        raise ValueError("steps: expected an integer >= 0 where there is no stop, got None.")
    else:
        # The least work that the distance allows: the last checkpoint that is near enough.
        started = next(
            place
            for place in run.checkpoints[::-1].tolist()
            if place == 0 or _allowed(run, deleted, place, stop, given)
        )
    steps, weights = run.steps - started, routes.kept_weights(run.problem.size, deleted)
    begin = jnp.asarray(run.checkpoint_theta[run.at(started)])
    theta, _ = advance(run.problem, run.method, begin, None, None, started, run.steps, weights)
    made = _certificates(run, deleted, started, steps, theta, given)
    enough = stop is None or _reached(made, stop, ComparedTo.retraining)
    work = _work(run, deleted, steps)
    return _result(run, deleted, method, stop, theta, started, steps, work, made, enough)


def _allowed(run, deleted, place, stop, given) -> bool:
    made = routes.by_the_path(run, deleted, place, run.steps - place, given)
    made += routes.in_closed_form(run, deleted, place, run.steps - place)
    return _reached(made, stop, ComparedTo.retraining)


def _reached(made, stop, goal) -> bool:
    best = smallest(made, goal)
    return best is not None and best.distance <= stop.distance


def _checkpoint(run, step: int) -> int:
    try:
        run.at(step)
    except ValueError as error:
        raise ValueError(
            f"steps: rewinding by {run.steps - step} of {run.steps} steps needs a checkpoint "
            f"after {step}: {str(error).removeprefix('step: ')}"
        ) from None
    return step


def _descended(run, deleted, method, stop, given) -> Unlearned:
    """More steps from the end of the training, without the points."""
    problem, theta, made = run.problem, run.theta, run.steps
    weights = routes.kept_weights(problem.size, deleted)
    if stop is None:
        last, checks = made + method.steps, 0
        theta, _ = advance(problem, run.method, theta, None, None, made, last, weights)
        enough = True
    else:
        last, checks, enough = made, 1, False
        convexity = routes.strong_convexity(run, deleted)
        for last in range(made, made + method.steps + 1):
            if last > made:
                theta, _ = advance(problem, run.method, theta, None, None, last - 1, last, weights)
            reached = routes.of_the_point(run, deleted, theta, convexity)
            enough = _reached(reached, stop, ComparedTo.minimum)
            if enough:
                break
        # Of full batches the gradient that certifies is the one that the next step takes.
        if isinstance(run.method, ProjectedSGD):
            checks += last - made
    found = _certificates(run, deleted, made, last - made, theta, given)
    work = _work(run, deleted, last - made) + checks * (problem.size - deleted.size)
    return _result(run, deleted, method, stop, theta, made, last - made, work, found, enough)


def _refitted(run, deleted, method, stop) -> Unlearned:
    """To the minimum without the points, by a method of optimisation."""
    problem, theta = run.problem, run.theta
    weights = routes.kept_weights(problem.size, deleted)
    newton = isinstance(method, NewtonRefit)
    going = newton_steps if newton else conjugate_gradient_steps
    each, work, steps, move, enough = problem.size - deleted.size, 0, 0, None, stop is None
    lower, kind = routes.strong_convexity(run, deleted)

    def certified(theta) -> bool:
        made = routes.of_the_point(run, deleted, theta, (lower, kind))
        return _reached(made, stop, ComparedTo.minimum)

    if stop is not None:
        enough, work = certified(theta), each
    if stop is None or not enough:
        walk = itertools.islice(going(problem, run.theta, weights), method.steps)
        for theta, gradients, told in walk:
            steps, work = steps + 1, work + gradients * each
            if newton:
                move = told
            # Conjugate gradients tell how large the gradient is by their recurrence: only where
            # that is small enough is it worth to compute it.
            if stop is not None and (newton or told <= lower * stop.distance):
                enough, work = certified(theta), work + each * (not newton)
                if enough:
                    break
    found = routes.of_the_point(run, deleted, theta)
    if move is not None and lower > 0.0 and kind is CertificateKind.certified:
        left = remaining_gradient(problem, theta, weights)
        found += newton_residuals(problem, move, weights, lower, left)
    return _result(run, deleted, method, stop, theta, run.steps, steps, work, found, enough)


def _certificates(run, deleted, started, steps, theta, given) -> list[Certificate]:
    path = routes.by_the_path(run, deleted, started, steps, given)
    if started == run.steps and steps:
        path += routes.to_the_length_of_training(run, deleted, steps, path)
    return [
        *routes.in_closed_form(run, deleted, started, steps),
        *path,
        *routes.of_the_point(run, deleted, theta),
        *routes.since_the_request(run, deleted, started, steps),
    ]


def _work(run, deleted, steps) -> int:
    """Gradients of single losses in steps without the points."""
    each = run.problem.size - deleted.size
    return steps * min(each, getattr(run.method, "batch_size", each))


def _result(run, deleted, method, stop, theta, started, steps, work, made, enough) -> Unlearned:
    made = made or [_nothing(run, deleted)]
    status = UnlearningStatus.successful if enough else UnlearningStatus.not_certified
    item = run.theta.dtype.itemsize
    sums = (
        0
        if isinstance(method, Retrain | NewtonRefit | ConjugateGradientRefit)
        else run.scalars[0].size
    )
    return Unlearned(
        theta=jnp.asarray(theta),
        deleted=deleted,
        started=started,
        steps=steps,
        work=int(work),
        bytes_stored=item * (run.problem.dimension + sums),
        certificates=tuple(made),
        run=run,
        method=method,
        stop=stop,
        status=status,
    )


def _nothing(run, deleted) -> Certificate:
    """Of what has no certificate, with the reason."""
    reason = "the risk without the points is not known to be strongly convex: add a ridge"
    if run.curvature is None:
        reason = "no bound of the curvature is known: give Curvature(lower, upper) to training_run"
    return certificate(np.inf, "none", ComparedTo.minimum, {}, vacuous=reason)
