"""Every verb with a batch, alone and shared out: printed as JSON, for the tests of it.

Run in a process of its own, whose number of devices is set before JAX begins. Tables of numbers by
the name of a verb: `serial`; `devices` and `one`, shared out over several devices and over the
first; and `processes`, some of them over two processes.

Each device has its programs traced and compiled for it. All devices are used by one verb of each
way to share out: cases of arrays, one program on all devices, loops of Numba, a user's function.
The others are to run where JAX would not put them by itself, for which one more device will do.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import eager_moves
import jax
import numpy as np
import quick_jax

import homotopy as hm
from homotopy._xla_flags import QUICK_COMPILATION, ask_for

COUNT = int(sys.argv[1])
ask_for(f"xla_force_host_platform_device_count={COUNT}", *QUICK_COMPILATION)
hm.enable_x64()
quick_jax.reuse_lowering_contexts()
eager_moves.move_with_numpy()
generator = np.random.default_rng(0)
X = generator.normal(size=(21, 3))
Y = X.sum(axis=1) + generator.normal(size=21)
THETA0, STARTS = np.ones(3), generator.normal(size=(9, 3))
WEIGHTS, TIMES = np.linspace(0.0, 1.0, 13), [0.0, 0.3]
OVER_PROCESSES = (
    "predict", "sensitivity", "chains", "integrals of posteriors", "data values", "games",
    "bounds", "response", "sweep of horizons",
)  # fmt: skip


OVER_ALL_DEVICES = (
    "homotopy, exact", "homotopy", "predict", "optimise", "data values",
    "all coalitions of points", "games", "sweep of θ₀",
)  # fmt: skip


def itself(theta):
    return theta


def problems():
    linear = hm.LinearRegression(X, Y, deleted=[2], ridge=0.1)
    classes = hm.Problem(hm.linear_model(3), hm.Logistic(), X, (Y > 0).astype(int), deleted=2,
                         ridge=0.5)  # fmt: skip
    return linear, classes


def verbs(asked=lambda name: True, **workers):
    """Each verb that has a batch, of three cases mostly."""
    linear, classes = problems()
    loss, trained = hm.TestLoss(X[:5], Y[:5]), linear.full_fit()
    run = hm.training_run(linear, THETA0, 6, hm.GradientDescent(0.01))
    few = {"points": [3, 1, 20], **workers}
    verbs = {
        "homotopy, exact": lambda: hm.homotopy(linear, THETA0, TIMES, WEIGHTS, **workers).theta,
        "homotopy": lambda: hm.homotopy(classes, THETA0, TIMES, WEIGHTS, **workers).theta,
        "predict": lambda: hm.predict(linear, hm.Influence(), points=range(21), **workers).delta,
        "sensitivity": lambda: hm.sensitivity(linear, THETA0, TIMES, **few).derivative,
        "in time": lambda: hm.influence_in_time(linear, THETA0, itself, TIMES, **few).influence,
        "left out in time": lambda: hm.influence.leave_one_out_in_time(
            linear, THETA0, itself, TIMES, **few
        ).influence,
        "on measurements": lambda: hm.measurement_influence(
            linear, hm.GaussNewton(0.5), trained, hm.Predictions(np.resize(X, (150, 3))), **workers
        ).change,
        "at steps": lambda: hm.influence_at(run, [3, 6], **few).influence,
        "at steps, back": lambda: hm.influence_at(run, [3, 6], loss, **workers).influence,
        "gaps": lambda: hm.gaps(linear, THETA0, cold_starts=THETA0, damping=0.5, **few).links,
        "chains": lambda: hm.bayesian_influence(
            linear, trained, loss, sampler=hm.GaussianDraws(32, chains=3), throw=False, **workers
        ).change,
        "tuned chains": lambda: hm.bayesian_influence(
            linear, trained, loss, hm.LocalPosterior(1.0, 1.0), throw=False,
            sampler=hm.MALA(16, chains=2, burn_in=100, thinning=1), **workers,
        ).change,
        "optimise": lambda: [
            one.cost
            for one in hm.optimise(
                hm.deletions(linear, THETA0, 0.1, 1.0, [3, 1, 20]), hm.BangBangs(2), **workers
            )
        ],
        "response": lambda: hm.response(linear, WEIGHTS, **workers).theta,
        "response, followed": lambda: hm.response(
            classes, [0.0, 1.0], method=hm.responses.Continuation(), **workers
        ).theta,
        "response, trained": lambda: hm.response(
            classes, [0.0, 1.0], method=hm.responses.FlowLimits(), **workers
        ).theta,
        "path of weights": lambda: hm.reweighting.weight_path(
            classes, np.linspace(0.5, 1.0, 21), [0.0, 1.0], **workers
        ).theta,
        "Jacobian of weights": lambda: hm.influence.weight_jacobian(
            many(), np.ones(3), **workers
        ).columns,
        "posteriors": lambda: hm.bayesian.posterior_deletion(
            linear, trained, loss, points=[3, 1], throw=False, **workers,
            method=hm.bayesian.Reweighting(hm.GaussianDraws(32, chains=3)),
        ).change,
        "integrals of posteriors": lambda: hm.bayesian.posterior_deletion(
            linear, trained, loss, points=[3, 1], throw=False, **workers,
            method=hm.bayesian.ThermodynamicIntegration(hm.GaussianDraws(32, chains=3), nodes=2),
        ).change,
        "bounds": lambda: hm.reweighting.frontier(
            linear, one_of, [0.9, 0.8, 0.7], theta=trained, **workers
        ).weights,
        "scales": lambda: hm.two_layer.time_scales(
            hm.two_layer.single_index([1.0, 1.0], [1.0, 0.9]), [0.2, 0.1], **workers
        ).half_times,
        "data values": lambda: hm.data_values(linear, loss, hm.Permutations(128), **workers).values,
        "values of groups": lambda: hm.valuation.group_values(
            linear, loss, np.arange(21) % 5, hm.Permutations(40), **workers
        ).values,
        "all coalitions": lambda: hm.valuation.group_values(
            linear, loss, np.arange(21) % 6, hm.Enumeration(), **workers
        ).values,
        "all coalitions of points": lambda: hm.data_values(
            few_points(), loss, hm.Enumeration(), **workers
        ).values,
        "games": lambda: hm.valuation.game_values(
            game, 4, hm.valuation.SampleReuse(40), hm.Banzhaf(), **workers
        ).values,
        "values in time": lambda: hm.data_values(
            hm.LinearRegression(X[:9], Y[:9], deleted=2), loss, hm.FiniteTime(0.1), **workers
        ).values,
        "values by gradients": lambda: hm.data_values(
            linear, loss, hm.valuation.GradientShapley(0.01, 7), **workers
        ).values,
        "sweep of θ₀": lambda: hm.sweep(flowed, STARTS, **workers),
        "sweep of seeds": lambda: hm.sweep(network_of, range(2), **workers),
        "sweep of horizons": lambda: hm.sweep(cost, [0.5, 1.0, 2.0], **workers),
    }  # fmt: skip
    return {name: np.asarray(verb()).tolist() for name, verb in verbs.items() if asked(name)}


def many():
    """150 points: three parts of 64 at the least."""
    return hm.LinearRegression(np.resize(X, (150, 3)), np.resize(Y, 150), deleted=2, ridge=0.1)


def few_points():
    return hm.LinearRegression(X[:8], Y[:8], deleted=2, ridge=0.1)


def one_of(theta):
    return theta[0]


def game(inside):
    return -float(inside[0] and (inside[1] or inside[2])) - 0.1 * inside.sum()


def flowed(theta0):
    return np.asarray(hm.flow(problems()[0], hm.Step(0.2), theta0, [0.1, 1.0]).theta)


def network_of(seed):
    return np.asarray(hm.train_network(problems()[1], THETA0, max_epochs=2, seed=seed).theta)


def cost(horizon):
    return float(hm.Deletion(problems()[0], THETA0, 0.1, horizon).cost(hm.Step(0.3)))


if __name__ == "__main__":
    assert len(jax.devices()) == COUNT
    few = [jax.devices()[0], jax.devices()[COUNT - 2]]
    tables = {
        "serial": verbs(),
        "devices": verbs(OVER_ALL_DEVICES.__contains__, devices=COUNT)
        | verbs(lambda name: name not in OVER_ALL_DEVICES, devices=few),
        "one": verbs(devices=1),
    }
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        tables["processes"] = verbs(OVER_PROCESSES.__contains__, client=pool)
    print(json.dumps(tables))
