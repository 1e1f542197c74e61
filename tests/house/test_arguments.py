"""Every public callable refuses every wrong kind of argument, at once and by name."""

import functools
import importlib
import inspect
import re
import tempfile
from pathlib import Path

import dask.dataframe
import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
from public_face import PUBLIC
from sklearn.linear_model import Ridge

import homotopy as hm
from homotopy import control, datasets, plotting

pytestmark = [
    pytest.mark.usefixtures("without_shape_checks"),
    # Equinox looks at static fields before the package does.
    pytest.mark.filterwarnings("ignore:A JAX array is being set as static"),
]

X, Y, THETA = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 4.0]], [0.0, 1.0, 3.0, 2.0], [0.1, 0.2]


@functools.cache
def problem():
    return hm.LinearRegression(X, Y, deleted=1)


@functools.cache
def of_moments():
    return hm.LinearRegression.from_chunks([(X, Y)], deleted=1)


@functools.cache
def parquet():
    folder = Path(tempfile.mkdtemp())
    pd.DataFrame({"x": Y, "y": Y}).to_parquet(folder / "table.parquet")
    return folder


@functools.cache
def logistic():
    return hm.Problem(hm.linear_model(2), hm.Logistic(), X, [0, 1, 0, 1], deleted=1)


@functools.cache
def ridged():
    return hm.LinearRegression(X, Y, deleted=1, ridge=1.0)


@functools.cache
def deletion():
    return hm.Deletion(problem(), THETA, start=0.5, horizon=1.0)


@functools.cache
def system():
    return control.ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [1.0], 1.0)


@functools.cache
def control_trajectory():
    return control.follow(system(), control.cells(system(), [0.5, 0.5]))


@functools.cache
def surface():
    return hm.homotopy(problem(), THETA, [0.0, 1.0], [0.0, 1.0])


@functools.cache
def path():
    return hm.response(problem(), [0.0, 0.5, 1.0])


@functools.cache
def trajectory():
    return hm.flow(problem(), hm.Constant(1.0), THETA, [0.0, 1.0])


@functools.cache
def change():
    return hm.predict(problem(), hm.Influence())


@functools.cache
def in_time():
    return hm.influence_in_time(problem(), THETA, hm.OwnLoss(), [0.5, 1.0])


@functools.cache
def taylor_model():
    return hm.taylor(problem(), problem().full_fit(), 1.0, 1)


@functools.cache
def dataset():
    return datasets.notes_example(size=5)


@functools.cache
def portrait():
    return hm.portrait(deletion(), {"at once": hm.Step(0.5)})


@functools.cache
def run():
    return hm.training_run(problem(), THETA, 4, hm.GradientDescent(0.01), checkpoints=[2])


@functools.cache
def unlearned():
    return hm.unlearn(run(), 1, hm.RewindToDelete(2))


def two_layer_target():
    return hm.two_layer.single_index([1.0, 1.0], [1.0, 0.9])


@functools.cache
def learning():
    return hm.two_layer.learn(two_layer_target(), 1e-3, [1.0, -0.5], times=[1e-4, 1e-3])


def gaps():
    return hm.results.Gaps(jnp.zeros((1, 3, 6)), jnp.ones((1, 3, 6), bool))


@functools.cache
def sampled_values():
    return hm.data_values(problem(), hm.TestLoss(X, Y), hm.Permutations(4), throw=False)


@functools.cache
def sampled_influence():
    asked = problem(), THETA, hm.TestLoss(X, Y)
    return hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(16), throw=False)


def network():
    return eqx.nn.MLP("scalar", "scalar", 2, 1, key=jax.random.key(0))


# What counts as wrong for any argument, unless the tables below say otherwise.
WRONG = {
    "None": None,
    "text": "text",
    "an object": object(),
    "a function": lambda: 0.0,
    "a list of text": ["a", "b"],
    "a negative number": -1.5,
    "NaN": float("nan"),
    "a wrong shape": np.zeros((2, 3, 4)),
    "rows of different lengths": [[1.0], [1.0, 2.0]],
    "a mapping": {"a": 1.0},
    "a boolean": True,
    "a class": dict,
    "complex": 1j,
    "a masked number": np.ma.masked,
}

STEP = hm.Step(0.5)

# A valid call of everything public that takes arguments. Its arrays are small; none is run.
VALID = {
    "homotopy.Adaptive": lambda: {
        "rtol": 1e-9, "atol": 1e-12, "solver": diffrax.Tsit5(), "max_steps": 10,
        "adjoint": diffrax.RecursiveCheckpointAdjoint(),
    },
    "homotopy.Arnoldi": lambda: {"rank": 1, "steps": 2, "seed": 0, "tolerance": 0.1},
    "homotopy.BangBang": lambda: {"switches": [0.5], "initial": 1},
    "homotopy.BangBangs": lambda: {"max_switches": 1, "max_steps": 5},
    "homotopy.BlockConjugateGradient": lambda: {
        "tolerance": 1e-6, "max_steps": 5, "block_size": None, "preconditioner": None,
        "working_dtype": None,
    },
    "homotopy.Cells": lambda: {"count": 4, "max_steps": 5},
    "homotopy.ConjugateGradient": lambda: {
        "tolerance": 1e-6, "max_steps": 5, "preconditioner": None
    },
    "homotopy.Constant": lambda: {"value": 0.5},
    "homotopy.responses.Continuation": lambda: {
        "largest_step": 0.1, "past": 1e-4, "beyond": 0, "max_steps": 5, "max_jumps": 1,
        "tolerance": 1e-6, "solver": None, "flow_steps": 5,
    },
    "homotopy.Deletion": lambda: {
        "problem": problem(), "theta0": THETA, "start": 0.5, "horizon": 1.0, "target": None,
        "method": None, "terminal_cost": None,
    },
    "homotopy.Dense": lambda: {"tolerance": 0.1},
    "homotopy.EigenvalueKronecker": lambda: {"tolerance": 0.1},
    "homotopy.Everything": lambda: {"gap": 0.1, "time_limit": 1.0, "max_nodes": 5},
    "homotopy.Exact": lambda: {
        "tolerance": 1e-6, "max_steps": 5, "adjoint": diffrax.RecursiveCheckpointAdjoint()
    },
    "homotopy.responses.FlowLimits": lambda: {"tolerance": 1e-6, "solver": None, "max_steps": 5},
    "homotopy.GaussNewton": lambda: {"damping": 0.1, "solver": None},
    "homotopy.GradientDescent": lambda: {"step_size": 0.1, "max_steps": 5},
    "homotopy.Influence": lambda: {"at": 1.0, "damping": 0.0, "solver": None},
    "homotopy.LeaveOneOut": lambda: {
        "theta0": None, "damping": 0.0, "tolerance": 0.1, "max_steps": 5
    },
    "homotopy.LinearRegression": lambda: {
        "X": X, "y": Y, "deleted": 1, "ridge": 0.0, "weights": None, "dtype": None
    },
    "homotopy.Lissa": lambda: {
        "steps": 5, "batch_size": None, "repeats": 1, "scale": None, "seed": 0, "tolerance": 0.1
    },
    "homotopy.MultiOutputRegression": lambda: {
        "X": X, "y": X, "deleted": 1, "ridge": 0.0, "weights": None, "dtype": None
    },
    "homotopy.Network": lambda: {"network": network(), "start": 0.0, "stop": 1.0},
    "homotopy.Networks": lambda: {
        "width": 2, "depth": 1, "count": 1, "seed": 0, "largest_weight": 5.0, "max_steps": 5
    },
    "homotopy.NewtonStep": lambda: {"damping": 0.0, "solver": None},
    "homotopy.Nystrom": lambda: {"rank": 1, "seed": 0, "tolerance": 0.1},
    "homotopy.PathIntegration": lambda: {"tolerance": 0.1, "max_steps": 5},
    "homotopy.PiecewiseConstant": lambda: {"times": [0.5], "values": [1.0, 0.0]},
    "homotopy.Polynomial": lambda: {"start": 0.0, "stop": 1.0, "power": 2.0},
    "homotopy.Polynomials": lambda: {"largest_power": 4.0, "max_steps": 5},
    "homotopy.deletion.PredictionDistance": lambda: {"X": None},
    "homotopy.Predictions": lambda: {"X": None},
    "homotopy.Problem": lambda: {
        "model": hm.linear_model(2), "loss": hm.SquaredError(), "X": X, "y": Y, "deleted": 1,
        "ridge": 0.0, "weights": None, "dtype": None,
    },
    "homotopy.ProximalBregman": lambda: {
        "damping": 0.0, "tolerance": 0.1, "max_steps": 5, "solver": None
    },
    "homotopy.Ramp": lambda: {"start": 0.0, "stop": 1.0},
    "homotopy.Ramps": lambda: {"max_steps": 5},
    "homotopy.Separately": lambda: {"gap": 0.1, "time_limit": 1.0, "max_nodes": 5},
    "homotopy.Spline": lambda: {"knots": [0.0, 1.0], "logits": [0.0, 0.0]},
    "homotopy.Splines": lambda: {"count": 3, "largest_logit": 5.0, "max_steps": 5},
    "homotopy.Step": lambda: {"switch": 0.5},
    "homotopy.Steps": lambda: {"grid": None},
    "homotopy.StochasticGradientDescent": lambda: {
        "step_size": 0.1, "batch_size": 2, "seed": 0, "max_steps": 5
    },
    "homotopy.Taylor": lambda: {"order": 1},
    "homotopy.TestLoss": lambda: {"X": X, "y": Y},
    "homotopy.two_layer.FiniteWidth": lambda: {"overlaps": [[1.0, 0.1], [0.1, 1.0]]},
    "homotopy.two_layer.Target": lambda: {"terms": {(1,): 1.0}, "activation": [1.0, 0.9]},
    "homotopy.two_layer.component_influence": lambda: {"learning": learning(), "throw": True},
    "homotopy.two_layer.learn": lambda: {
        "target": two_layer_target(), "ratio": 1e-3, "amplitudes": [1.0, -0.5],
        "directions": [[0.1], [0.2]], "horizon": None, "times": [1e-4, 1e-3], "reduction": None,
        "rtol": 1e-6, "throw": True,
    },
    "homotopy.two_layer.predicted_exponents": lambda: {"target": two_layer_target()},
    "homotopy.two_layer.single_index": lambda: {"target": [1.0, 1.0], "activation": [1.0, 0.9]},
    "homotopy.two_layer.student": lambda: {
        "target": two_layer_target(), "ratio": 0.1, "size": 4, "inputs": 2, "width": 2,
        "noise": 0.0, "seed": 0,
    },
    "homotopy.two_layer.time_scales": lambda: {
        "target": two_layer_target(), "ratios": [1e-3, 1e-4], "amplitudes": [1.0, -0.5],
        "devices": None, "client": None, "progress": None,
    },
    "homotopy.influence_at": lambda: {
        "run": run(), "steps": [2, 4], "measurement": hm.OwnLoss(), "points": [0, 1],
        "throw": True, "devices": None, "client": None,
    },
    "homotopy.influence.leave_one_out_in_time": lambda: {
        "problem": problem(), "theta0": THETA, "times": [0.0, 1.0], "measurement": hm.OwnLoss(),
        "points": None, "method": None, "throw": True, "devices": None, "client": None,
        "progress": None,
    },
    "homotopy.linear_networks.mode_influence": lambda: {
        "times": [0.0, 1.0], "singular_value": 2.0, "initial": 0.5
    },
    "homotopy.linear_networks.mode_peak": lambda: {"singular_value": 2.0, "initial": 0.5},
    "homotopy.asymptotics.Population": lambda: {
        "eigenvalues": [1.0, 2.0], "masses": [0.5, 0.5], "signal_masses": [0.25, 0.75],
        "scales": [0.5, 2.0], "scale_masses": [0.5, 0.5],
    },
    "homotopy.asymptotics.effective_ridge": lambda: {
        "eigenvalues": [1.0, 2.0], "size": 4, "ridge": 0.1
    },
    "homotopy.asymptotics.leverage_law": lambda: {"size": 4, "dimension": 2},
    "homotopy.asymptotics.memory_kernel": lambda: {"gamma": 0.5, "times": [0.0, 1.0]},
    "homotopy.asymptotics.ridge": lambda: {
        "gamma": [0.5, 2.0], "ridge_per_point": [0.0, 0.1], "noise_variance": 1.0, "signal": 1.0,
        "population": None,
    },
    "homotopy.asymptotics.schedule_gain": lambda: {
        "gamma": 0.5, "start": 0.3, "horizon": 2.0, "noise_variance": 1.0, "signal": 1.0,
        "draws": 4, "seed": 0,
    },
    "homotopy.influence.adversarial_groups": lambda: {
        "effects": Y, "group_size": 2, "count": 1, "seed": 0
    },
    "homotopy.deletions": lambda: {
        "problem": problem(), "theta0": THETA, "start": 0.5, "horizon": 1.0, "points": None
    },
    "homotopy.best_step": lambda: {"deletion": deletion(), "grid": 8},
    "homotopy.influence.clustered_groups": lambda: {"X": X, "group_size": 2, "count": 1, "seed": 0},
    "homotopy.check": lambda: {"problem": problem(), "theta": None, "show": False},
    "homotopy.AumannShapley": lambda: {"nodes": 4, "tolerance": 0.1, "max_nodes": 8},
    "homotopy.BetaShapley": lambda: {"a": 1.0, "b": 2.0},
    "homotopy.EffectiveMedium": lambda: {
        "permutations": 4, "nodes": 4, "tolerance": 0.1, "max_nodes": 8, "seed": 0
    },
    "homotopy.Enumeration": lambda: {"smallest": 0},
    "homotopy.FiniteTime": lambda: {"time": 1.0, "nodes": 4, "tolerance": 0.1, "max_nodes": 8},
    "homotopy.Permutations": lambda: {
        "count": 4, "antithetic": True, "strata": 1, "truncation": 0.0, "tolerance": None,
        "confidence": 0.9, "smallest": 0, "seed": 0,
    },
    "homotopy.valuation.GradientShapley": lambda: {
        "step_size": 0.1, "permutations": 2, "epochs": 1, "seed": 0
    },
    "homotopy.valuation.InclusionMeasure": lambda: {"probabilities": [0.5], "masses": [1.0]},
    "homotopy.valuation.SampleReuse": lambda: {"count": 4, "seed": 0},
    "homotopy.data_values": lambda: {
        "problem": problem(), "measurement": hm.TestLoss(X, Y), "method": hm.Enumeration(),
        "semivalue": hm.Shapley(), "theta0": None, "resume": None, "throw": True,
        "devices": None, "client": None, "progress": None,
    },
    "homotopy.knn_shapley": lambda: {
        "X": X, "y": [0, 1, 0, 1], "X_test": X, "y_test": [0, 1, 0, 1], "neighbours": 2
    },
    "homotopy.valuation.game_values": lambda: {
        "game": lambda inside: float(inside.sum()), "size": 3, "method": hm.Enumeration(),
        "semivalue": hm.Shapley(), "throw": True, "devices": None, "client": None, "progress": None,
    },
    "homotopy.valuation.group_values": lambda: {
        "problem": problem(), "measurement": hm.TestLoss(X, Y), "labels": [0, 0, 1, 1],
        "method": hm.Enumeration(), "semivalue": hm.Shapley(), "theta0": None, "throw": True,
        "devices": None, "client": None, "progress": None,
    },
    "homotopy.valuation.knn_regression_shapley": lambda: {
        "X": X, "y": Y, "X_test": X, "y_test": Y, "neighbours": 2
    },
    "homotopy.valuation.pooled_values": lambda: {"parts": [sampled_values()]},
    "homotopy.LocalPosterior": lambda: {"beta": 2.0, "localisation": 3.0},
    "homotopy.GaussianDraws": lambda: {"draws": 16, "chains": 1, "seed": 0},
    "homotopy.SGLD": lambda: {
        "draws": 16, "chains": 1, "seed": 0, "burn_in": 0, "thinning": 1, "step_size": 0.1,
        "batch_size": 2, "inverse_mass": [1.0, 2.0],
    },
    "homotopy.MALA": lambda: {
        "draws": 16, "chains": 1, "seed": 0, "burn_in": 0, "thinning": 1, "step_size": 0.1,
        "acceptance": 0.5, "inverse_mass": [[1.0, 0.5], [0.5, 2.0]],
    },
    "homotopy.NUTS": lambda: {
        "draws": 16, "chains": 1, "seed": 0, "burn_in": 100, "thinning": 1, "acceptance": 0.8,
        "doublings": 3,
    },
    "homotopy.BayesianInfluence": lambda: {
        "posterior": hm.LocalPosterior(), "sampler": hm.GaussianMoments()
    },
    "homotopy.bayesian_influence": lambda: {
        "problem": problem(), "theta": THETA, "measurement": hm.TestLoss(X, Y),
        "posterior": hm.LocalPosterior(), "sampler": hm.GaussianDraws(16), "resume": None,
        "checkpoint": None, "throw": False, "devices": None, "client": None, "progress": None,
    },
    "homotopy.bayesian.posterior_deletion": lambda: {
        "problem": problem(), "theta": THETA, "measurement": hm.TestLoss(X, Y),
        "posterior": hm.LocalPosterior(), "points": 1, "groups": None, "changes": None,
        "method": hm.bayesian.Reweighting(hm.GaussianDraws(16)), "throw": False,
        "devices": None, "client": None, "progress": None,
    },
    "homotopy.bayesian.ThermodynamicIntegration": lambda: {
        "sampler": hm.GaussianMoments(), "nodes": 2
    },
    "homotopy.bayesian.Reweighting": lambda: {"sampler": hm.GaussianDraws(16)},
    "homotopy.bayesian.CumulantExpansion": lambda: {
        "sampler": hm.GaussianDraws(16), "order": 2
    },
    "homotopy.cooks_distance": lambda: {"problem": problem()},
    "homotopy.diagnostics.glm_diagnostics": lambda: {"problem": logistic(), "theta": None},
    "homotopy.diagnostics.duplicate_rows": lambda: {"problem": problem()},
    "homotopy.influence.early_stopping": lambda: {
        "problem": problem(), "theta0": THETA, "X": X, "y": Y, "optimiser": optax.sgd(0.1),
        "batch_size": 2, "max_epochs": 1, "patience": 1, "seed": 0,
        "progress": None,
    },
    "homotopy.explore": lambda: {"what": problem(), "theta0": THETA},
    "homotopy.flow": lambda: {
        "problem": problem(), "schedule": STEP, "theta0": THETA, "times": [0.0, 1.0],
        "method": None, "throw": True, "progress": None,
    },
    "homotopy.function_model": lambda: {"f": lambda theta, x: theta @ x, "dimension": 2},
    "homotopy.from_sklearn": lambda: {
        "fitted": Ridge().fit(X, Y), "X": X, "y": Y, "deleted": 1, "weights": None
    },
    "homotopy.gaps": lambda: {
        "problem": problem(), "theta_s": THETA, "points": 1, "groups": None,
        "measurement": hm.OwnLoss(), "cold_starts": THETA, "damping": 0.1, "solver": None,
        "tolerance": 1e-8, "max_steps": 5, "throw": False, "devices": None, "client": None,
        "progress": None,
    },
    "homotopy.greedy": lambda: {"deletion": deletion()},
    "homotopy.homotopy": lambda: {
        "problem": problem(), "theta0": THETA, "times": [0.0, 1.0], "epsilons": [0.0, 1.0],
        "method": None, "throw": True, "devices": None, "client": None, "progress": None,
    },
    "homotopy.influence_in_time": lambda: {
        "problem": problem(), "theta0": THETA, "times": [0.0, 1.0], "measurement": hm.OwnLoss(),
        "points": None, "method": None, "throw": True, "devices": None, "client": None,
        "progress": None,
    },
    "homotopy.keep_programs": lambda: {"folder": None},
    "homotopy.diagnostics.jacobian_leverage": lambda: {"problem": problem(), "theta": THETA},
    "homotopy.least_time": lambda: {
        "deletion": deletion(), "cost": 1e-3, "width": 0.1, "max_horizon": None,
        "time_limit": 1.0, "progress": False,
    },
    "homotopy.leverage": lambda: {"problem": problem(), "theta": None},
    "homotopy.linear_model": lambda: {"p": 2},
    "homotopy.linear_networks.linear_network": lambda: {"sizes": [2, 2]},
    "homotopy.measurement_influence": lambda: {
        "problem": problem(), "estimator": hm.Influence(), "theta": THETA,
        "measurement": hm.Predictions(), "throw": True, "devices": None, "client": None,
    },
    "homotopy.flows.DormandPrince853": lambda: {"rtol": 1e-6, "atol": 1e-9},
    "homotopy.flows.RungeKuttaChebyshev": lambda: {"max_stages": 9, "reverse": True},
    "homotopy.flows.measurement_sensitivity": lambda: {
        "problem": problem(), "theta0": THETA, "time": 1.0, "measurement": hm.TestLoss(X, Y),
        "method": None, "throw": True,
    },
    "homotopy.load": lambda: {"path": "absent.npz", "own": [dict]},
    "homotopy.mlp": lambda: {"sizes": [2, 2, 1], "activation": jnp.tanh},
    "homotopy.module_model": lambda: {"module": network()},
    "homotopy.optimise": lambda: {
        "deletion": deletion(), "over": hm.Steps(), "warm_start": None, "devices": None,
        "client": None, "progress": False,
    },
    "homotopy.influence.pooled_gaps": lambda: {"parts": [gaps()]},
    "homotopy.portrait": lambda: {
        "deletion": deletion(), "schedules": {"at once": STEP}, "plane": None
    },
    "homotopy.predict": lambda: {
        "problem": problem(), "estimator": hm.Influence(), "theta": None, "points": None,
        "groups": None, "changes": None, "throw": True, "devices": None, "client": None,
        "progress": None,
    },
    "homotopy.influence.random_groups": lambda: {"size": 4, "group_size": 2, "count": 1, "seed": 0},
    "homotopy.reachable": lambda: {"deletion": deletion()},
    "homotopy.regression_diagnostics": lambda: {"problem": problem()},
    "homotopy.row_diagnostics": lambda: {
        "problem": of_moments(), "chunks": [(X, Y)], "path": None, "measurement": None,
        "parameters": False, "client": None, "journal": None, "throw": True, "progress": None,
    },
    "homotopy.sweep": lambda: {
        "function": np.sum, "cases": [1.0], "devices": None, "client": None, "journal": None,
        "own": (), "progress": None,
    },
    "homotopy.chunks.from_arrays": lambda: {
        "X": np.array(X), "y": np.array(Y), "weights": None, "features": None, "rows": 2,
        "intercept": False,
    },
    "homotopy.chunks.from_frame": lambda: {
        "frame": dask.dataframe.from_pandas(pd.DataFrame({"x": Y, "y": Y}), npartitions=1),
        "target": "y", "features": None, "weights": None, "intercept": False,
    },
    "homotopy.chunks.from_iterable": lambda: {
        "source": [(X, Y)], "features": None, "intercept": False
    },
    "homotopy.chunks.from_parquet": lambda: {
        "path": parquet(), "target": "y", "features": None, "weights": None, "intercept": False
    },
    "homotopy.chunks.moments": lambda: {
        "chunks": [(X, Y)], "keep": (), "client": None, "journal": None, "progress": None
    },
    "homotopy.response": lambda: {
        "problem": problem(), "epsilons": [0.0, 1.0], "theta0": None, "method": None,
        "throw": True, "devices": None, "client": None, "progress": None,
    },
    "homotopy.diagnostics.ridgeless_leave_one_out": lambda: {"problem": problem()},
    "homotopy.soft_weights": lambda: {
        "problem": ridged(), "objective": None, "constraints": (), "bounds": (0.0, 2.0),
        "theta": None, "tolerance": 1e-6, "max_steps": 5,
    },
    "homotopy.reweighting.corrections": lambda: {
        "problem": ridged(), "weights": [1.0, 0.5, 1.0, 1.0], "theta": None
    },
    "homotopy.reweighting.frontier": lambda: {
        "problem": ridged(), "measurement": hm.Predictions([X[0]]), "bounds": [9.0],
        "constraints": (), "devices": None, "client": None,
    },
    "homotopy.reweighting.hard_deletion": lambda: {
        "problem": ridged(), "measurement": hm.TestLoss(X, Y), "target": 0.01, "theta": None,
        "most": 1,
    },
    "homotopy.reweighting.least_norm_weights": lambda: {
        "problem": ridged(), "measurements": [hm.TestLoss(X, Y)], "changes": [0.0],
        "theta": None,
    },
    "homotopy.reweighting.weight_path": lambda: {
        "problem": ridged(), "weights": [1.0, 0.5, 1.0, 1.0], "epsilons": [0.0, 1.0],
        "theta0": None, "method": None, "throw": True, "devices": None, "client": None,
    },
    "homotopy.reweighting.Constraint": lambda: {
        "measurement": hm.TestLoss(X, Y), "lower": 0.0, "upper": 1.0, "relative": False
    },
    "homotopy.reweighting.DemographicParity": lambda: {
        "X": X, "groups": [0, 1, 0, 1], "hard": False
    },
    "homotopy.reweighting.EqualOpportunity": lambda: {
        "X": X, "y": [0, 1, 1, 0], "groups": [0, 1, 0, 1], "hard": False
    },
    "homotopy.reweighting.EqualizedOdds": lambda: {
        "X": X, "y": [0, 1, 1, 0], "groups": [0, 1, 0, 1], "hard": False
    },
    "homotopy.reweighting.WorstCaseLoss": lambda: {
        "X": X, "y": Y, "radius": 1.0, "movable": None
    },
    "homotopy.reweighting.AdversarialLoss": lambda: {
        "X": X, "y": Y, "radius": 1.0, "steps": 2, "movable": None
    },
    "homotopy.reweighting.equal_total": lambda: {"groups": [0, 1, 0, 1]},
    "homotopy.reweighting.equal_within": lambda: {"groups": [0, 1, 0, 1]},
    "homotopy.sensitivity": lambda: {
        "problem": problem(), "theta0": THETA, "times": [0.0, 1.0], "points": None,
        "method": None, "throw": True, "devices": None, "client": None, "progress": None,
    },
    "homotopy.taylor": lambda: {
        "problem": problem(), "theta": THETA, "epsilon": 1.0, "order": 1
    },
    "homotopy.deletion.time_to_reach": lambda: {
        "deletion": deletion(), "schedule": STEP, "cost": 1e-3, "grid": 8
    },
    "homotopy.train": lambda: {
        "problem": problem(), "theta0": THETA, "epsilon": 1.0, "tolerance": 1e-6, "solver": None,
        "max_steps": 5, "throw": True, "progress": None,
    },
    "homotopy.train_network": lambda: {
        "problem": problem(), "theta0": THETA, "epsilon": 1.0, "optimiser": optax.sgd(0.01),
        "batch_size": 2, "max_epochs": 1, "tolerance": None, "keep_every": None, "seed": 0,
        "checkpoint": None, "throw": True, "progress": None,
    },
    "homotopy.influence.weight_jacobian": lambda: {
        "problem": problem(), "theta": THETA, "weights": None, "solver": None,
        "devices": None, "client": None,
    },
    "homotopy.DescendToDelete": lambda: {"steps": 2},
    "homotopy.GaussianMechanism": lambda: {"privacy_epsilon": 1.0, "delta": 1e-5},
    "homotopy.RewindToDelete": lambda: {"steps": 2},
    "homotopy.WhenCertified": lambda: {"distance": 0.1},
    "homotopy.training_run": lambda: {
        "problem": problem(), "theta0": THETA, "steps": 2, "method": hm.GradientDescent(0.01),
        "checkpoints": [1], "curvature": None, "throw": True, "progress": None,
    },
    "homotopy.audit": lambda: {
        "unlearned": np.arange(40.0), "retrained": np.arange(40.0), "confidence": 0.95,
        "mechanism": hm.GaussianMechanism(1.0, 1e-5), "exact": None,
    },
    "homotopy.unlearning.compare": lambda: {
        "run": run(), "points": 1, "methods": {"rewind": hm.RewindToDelete(2)},
        "mechanism": hm.GaussianMechanism(1.0, 1e-5), "test": None,
    },
    "homotopy.unlearning.deletion_distances": lambda: {"run": run(), "rewound": [2]},
    "homotopy.unlearning.step_back": lambda: {"run": run(), "step": 2},
    "homotopy.unlearning.HitLaw": lambda: {
        "hit": 0.1, "factor": 0.9, "batch_size": 2, "share": 0.2, "steps": 5, "rewound": 1
    },
    "homotopy.unlearning.epoch_distance": lambda: {
        "hit": 0.1, "factor": 0.9, "deleted": 2, "batches": 4, "epochs": 5, "rewound": 1
    },
    "homotopy.unlearning.mean_rewind_distance": lambda: {
        "step_size": 0.1, "gradient": 1.0, "smoothness": 1.0, "size": 9, "deleted": 2, "steps": 5,
        "rewound": 2,
    },
    "homotopy.unlearning.noise_budget": lambda: {
        "problem": problem(), "theta0": THETA, "horizon": 0.5,
        "mechanism": hm.GaussianMechanism(1.0, 1e-5),
    },
    "homotopy.unlearning.published_rewind_distance": lambda: {
        "step_size": 0.1, "gradient": 1.0, "smoothness": 1.0, "size": 9, "deleted": 2, "steps": 5,
        "rewound": 2,
    },
    "homotopy.unlearning.published_descent_noise": lambda: {
        "mechanism": hm.GaussianMechanism(1.0, 1e-5), "gradient": 1.0, "curvature": 0.1,
        "smoothness": 1.0, "size": 9, "steps": 2,
    },
    "homotopy.unlearn": lambda: {
        "run": run(), "points": 1, "method": hm.RewindToDelete(2), "stop": None,
        "largest_gradient": None, "throw": True, "progress": None,
    },
    "homotopy.unlearning.ConjugateGradientRefit": lambda: {"steps": 2},
    "homotopy.unlearning.NewtonRefit": lambda: {"steps": 2},
    "homotopy.unlearning.Curvature": lambda: {"lower": -1.0, "upper": 2.0, "estimated": False},
    "homotopy.unlearning.GaussianPair": lambda: {"ratio": 0.5},
    "homotopy.unlearning.ProjectedDescent": lambda: {"step_size": [0.1, 0.2], "radius": 3.0},
    "homotopy.unlearning.ProjectedSGD": lambda: {
        "step_size": 0.1, "batch_size": 2, "sampling": None, "radius": 3.0, "seed": 0
    },
    "homotopy.unlearning.exact_distances": lambda: {
        "problem": problem(), "theta0": THETA, "step_size": 0.1, "steps": 3, "rewound": [1, 2],
        "points": None,
    },
    "homotopy.unlearning.flow_distance": lambda: {
        "gradient": 1.0, "lower": 0.5, "steps": 2.0, "rewound": 1.0
    },
    "homotopy.unlearning.lemma_distance": lambda: {
        "step_size": 0.1, "gradient": 1.0, "lower": 0.5, "upper": 2.0, "steps": 3, "rewound": 1
    },
    "homotopy.unlearning.rewind_point": lambda: {
        "distance": 0.1, "step_size": 0.1, "gradient": 1.0, "lower": 0.5, "upper": 2.0, "steps": 3
    },
    "homotopy.control.ControlAffine": lambda: {
        "drift": lambda x: -x, "control_field": lambda x: jnp.ones(1), "cost": lambda x: x[0],
        "initial": [1.0], "horizon": 1.0, "start": 0.0, "lower": 0.0, "upper": 1.0,
    },
    "homotopy.control.PiecewiseConstantControl": lambda: {
        "breakpoints": [0.5], "values": [0.0, 1.0]
    },
    "homotopy.control.PiecewisePolynomialControl": lambda: {
        "edges": [0.0, 1.0], "coefficients": [[0.5, 0.1]]
    },
    "homotopy.control.bang_bang": lambda: {"system": system(), "switches": [0.5], "first": 1.0},
    "homotopy.control.cells": lambda: {"system": system(), "values": [0.5, 0.5]},
    "homotopy.control.choose_mesh": lambda: {
        "system": system(), "control": STEP, "tolerance": 1e-9, "least": 16, "greatest": 100,
        "begin": None,
    },
    "homotopy.control.cost": lambda: {"system": system(), "control": STEP, "mesh": None},
    "homotopy.control.follow": lambda: {"system": system(), "control": STEP, "mesh": None},
    "homotopy.control.least_horizon": lambda: {
        "system": system(), "cost": 0.5, "target": None, "cells": 4,
        "residual_tolerance": 1e-6, "time_limit": 5.0,
    },
    "homotopy.control.lie_bracket": lambda: {"f": lambda x: x, "g": lambda x: x},
    "homotopy.control.optimise_cells": lambda: {
        "system": system(), "count": 4, "starts": None, "mesh": None, "progress": None,
        "time_limit": 5.0,
    },
    "homotopy.control.pontryagin_residual": lambda: {"trajectory": control_trajectory()},
    "homotopy.control.read_arcs": lambda: {
        "edges": [0.0, 1.0, 2.0], "fractions": [0.0, 1.0], "switching": None
    },
    "homotopy.control.singular_arc": lambda: {
        "trajectory": control_trajectory(),
        "arc": control.Arc(control.ArcKind.singular, 0.0, 1.0),
    },
    "homotopy.control.singular_control": lambda: {"system": system(), "x": [1.0], "p": [1.0]},
    "homotopy.control.solve": lambda: {
        "system": system(), "cells": 4, "tolerance": 1e-6, "starts": None, "refinements": 0,
        "time_limit": 5.0, "progress": False,
    },
    "homotopy.control.solve_bang_bang": lambda: {
        "system": system(), "switches": 1, "tolerance": 1e-6, "time_limit": 5.0,
        "progress": False,
    },
    "homotopy.control.switching_derivatives": lambda: {"system": system(), "x": [1.0], "p": [1.0]},
    "homotopy.control.value_and_gradient": lambda: {
        "system": system(), "control": STEP, "mesh": None
    },
    "homotopy.datasets.adult": lambda: {"path": "absent.data"},
    "homotopy.datasets.Dataset": lambda: {
        "name": "table", "X": np.array(X), "y": np.array(Y), "feature_names": ("a", "b"),
        "target_name": "y", "description": "", "row_names": None, "row_numbers": None,
        "classes": None, "notes": (), "coding": None, "weights": None,
    },
    "homotopy.datasets.collinear_columns": lambda: {"X": X, "tolerance": 1e-9},
    "homotopy.datasets.from_table": lambda: {
        "path": "there_is_no.csv", "target": "y", "formula": "y ~ a", "index": "i", "drop": ("b",),
        "weights": "w", "dropna": True, "separator": ";", "decimal": ",", "encoding": "utf-8",
        "comment": "#",
    },
    "homotopy.datasets.notes_example": lambda: {
        "seed": 0, "size": 5, "dimension": 2, "noise": 0.1
    },
    "homotopy.datasets.standardise": lambda: {"dataset": dataset(), "centre": True},
    "homotopy.deletion.portrait_plane": lambda: {
        "deletion": deletion(), "schedules": {"at once": STEP}
    },
    "homotopy.claims.find": lambda: {"key": "0.10"},
    "homotopy.claims.matching": lambda: {"key": "0.10"},
    "homotopy.teacher.teacher_example": lambda: {
        "seed": 0, "size": 4, "neurons": 1, "noise": 0.1
    },
    "homotopy.linear_networks.hierarchy_example": lambda: {
        "seed": 0, "singular_values": (2.0, 1.0), "hidden": 2, "scale": 1e-3
    },
    "homotopy.linear_networks.mode_strength": lambda: {
        "times": [0.0, 1.0], "singular_value": 2.0, "initial": 0.5
    },
}  # fmt: skip

# Methods that users call: the object, and a valid call.
METHODS = {
    "Deletion.cost": lambda: (deletion(), {"schedule": STEP, "outside": "warn"}),
    "Deletion.value_and_gradient": lambda: (deletion(), {"schedule": STEP}),
    "Deletion.membership": lambda: (deletion(), {"schedule": STEP}),
    "Deletion.costate": lambda: (deletion(), {"schedule": STEP}),
    "Deletion.switching_function": lambda: (deletion(), {"schedule": STEP}),
    "Deletion.pmp_residual": lambda: (deletion(), {"schedule": STEP}),
    "Deletion.final_state": lambda: (deletion(), {"switch": 0.5}),
    "Costate.__call__": lambda: (deletion().costate(STEP), {"t": 0.5}),
    "SwitchingFunction.__call__": lambda: (deletion().switching_function(STEP), {"t": 0.5}),
    "GreedyFeedback.advantage": lambda: (hm.greedy(deletion()), {"t": 0.75}),
    "control.Trajectory.at": lambda: (control_trajectory(), {"t": 0.5}),
    "LinearRegression.from_formula": lambda: (
        hm.LinearRegression,
        {
            "formula": "y ~ a", "data": pd.DataFrame({"y": Y, "a": [0.0, 1.0, 2.0, 4.0]}),
            "deleted": 1, "ridge": 0.0, "weights": None, "dtype": None,
        },
    ),
    "Problem.full_fit": lambda: (problem(), {"theta0": None}),
    "Problem.deleted_fit": lambda: (problem(), {"theta0": None}),
    "Step.membership": lambda: (STEP, {"start": 0.0, "horizon": 1.0}),
    "Step.integral": lambda: (STEP, {"a": 0.0, "b": 1.0}),
    "Step.__call__": lambda: (STEP, {"t": 0.5}),
    "Change.measured": lambda: (change(), {"measurement": hm.OwnLoss()}),
    "Change.linearised": lambda: (change(), {"measurement": hm.OwnLoss()}),
    "ResponsePath.compare": lambda: (path(), {"other": path(), "tolerance": 1e-6}),
    "Trajectory.evaluate": lambda: (trajectory(), {"times": [0.5]}),
    "TaylorModel.__call__": lambda: (taylor_model(), {"epsilon": 0.5}),
    "InfluenceInTime.sign_changes": lambda: (
        in_time(), {"point": 1, "output": (), "tolerance": 1e-6}
    ),
    "InfluenceInTime.sign_change_counts": lambda: (in_time(), {"tolerance": 1e-6}),
    "InfluenceInTime.of_output": lambda: (in_time(), {"output": ()}),
    "HomotopySurface.plot": lambda: (surface(), {"ax": None}),
    "Portrait.plot": lambda: (
        portrait(), {"ax": None, "legend": True, "window": None, "density": 0.6, "frames": True}
    ),
    "ReachableResidual.plot": lambda: (hm.reachable(deletion()), {"ax": None, "schedule": STEP}),
    "ReachableResidual.residual": lambda: (hm.reachable(deletion()), {"schedule": STEP}),
    "ResponsePath.plot": lambda: (path(), {"ax": None}),
    "Step.plot": lambda: (STEP, {"ax": None, "horizon": None}),
    "SwitchingFunction.factors": lambda: (deletion().switching_function(STEP), {"t": 0.5}),
    "SwitchingFunction.plot": lambda: (deletion().switching_function(STEP), {"ax": None}),
    "Trajectory.plot": lambda: (trajectory(), {"ax": None}),
    "PosteriorInfluence.interval": lambda: (
        sampled_influence(), {"confidence": 0.9, "simultaneous": False}
    ),
    "DataValues.interval": lambda: (
        sampled_values(), {"confidence": 0.9, "simultaneous": False}
    ),
    "DataValues.settled": lambda: (sampled_values(), {"top": 1, "seed": 0}),
    "DataValues.of_groups": lambda: (sampled_values(), {"labels": ["a", "a", "b", "b"]}),
    "Population.draw": lambda: (
        hm.asymptotics.Population(),
        {"size": 4, "dimension": 2, "noise_variance": 1.0, "signal": 1.0, "seed": 0},
    ),
    "Population.of": lambda: (
        hm.asymptotics.Population,
        {"covariance": [[2.0, 0.5], [0.5, 1.0]], "coefficients": [1.0, 2.0]},
    ),
    "RidgeLimits.descend_to_delete": lambda: (
        hm.asymptotics.ridge(0.5), {"times": [0.0, 1.0]}
    ),
    "Gaps.standard_error": lambda: (gaps(), {"resamples": 10, "seed": 0}),
    "GaussianMechanism.noise": lambda: (hm.GaussianMechanism(1.0, 1e-5), {"distance": 1.0}),
    "GaussianMechanism.distance": lambda: (hm.GaussianMechanism(1.0, 1e-5), {"noise": 1.0}),
    "GaussianPair.delta": lambda: (hm.unlearning.GaussianPair(0.5), {"privacy_epsilon": 1.0}),
    "GaussianPair.privacy_epsilon": lambda: (hm.unlearning.GaussianPair(0.5), {"delta": 0.1}),
    "GaussianPair.trade_off": lambda: (
        hm.unlearning.GaussianPair(0.5), {"false_positives": 0.1}
    ),
    "TrainingRun.resume": lambda: (
        run(), {"steps": 5, "checkpoints": [5], "progress": None}
    ),
    "Unlearned.release": lambda: (
        unlearned(),
        {
            "mechanism": hm.GaussianMechanism(1.0, 1e-5), "noise": 1e3,
            "reference_distance": 0.1, "seed": 0,
        },
    ),
}  # fmt: skip

# Kinds that one would call wrong, and that are right for an argument: of any callable, or of one.
# A function of no argument is one of progress as well, as far as can be told without calling it.
# Booleans are numbers where arrays of any shape are taken, and the answer where yes or no is asked.
ANY_SHAPE = {"a wrong shape", "a boolean"}
RIGHT = {
    "throw": {"a boolean"},
    "hard": {"a boolean"},
    "relative": {"a boolean"},
    "antithetic": {"a boolean"},
    "intercept": {"a boolean"},
    "features": {"a list of text"},
    "journal": {"text"},
    "homotopy.sweep.function": {"a function"},
    "homotopy.sweep.cases": {"a list of text", "rows of different lengths", "a wrong shape"},
    "homotopy.chunks.from_iterable.source": {"a function"},
    "parameters": {"a boolean"},
    "legend": {"a boolean"},
    "frames": {"a boolean"},
    "progress": {"a function", "a boolean"},
    "homotopy.function_model.f": {"a function"},
    "homotopy.keep_programs.folder": {"text"},
    "homotopy.load.path": {"text"},
    "homotopy.row_diagnostics.path": {"text"},
    "homotopy.bayesian_influence.checkpoint": {"text"},
    "homotopy.mlp.activation": {"a function"},
    "homotopy.train_network.checkpoint": {"text"},
    "homotopy.check.show": {"a boolean"},
    "homotopy.control.ControlAffine.start": {"a negative number"},
    "homotopy.control.ControlAffine.lower": {"a negative number"},
    "homotopy.control.least_horizon.cost": {"a negative number"},
    "homotopy.control.lie_bracket.f": {"a function"},
    "homotopy.control.lie_bracket.g": {"a function"},
    "homotopy.reweighting.Constraint.lower": {"a negative number"},
    "homotopy.reweighting.Constraint.upper": {"a negative number"},
    "homotopy.reweighting.Constraint.measurement": {"a function"},
    "homotopy.reweighting.equal_total.groups": {"a list of text"},
    "homotopy.reweighting.equal_within.groups": {"a list of text"},
    "homotopy.reweighting.hard_deletion.target": {"a negative number"},
    "homotopy.datasets.Dataset.name": {"text"},
    "homotopy.datasets.Dataset.target_name": {"text"},
    "homotopy.datasets.Dataset.description": {"text"},
    "homotopy.datasets.Dataset.feature_names": {"a list of text"},
    "homotopy.datasets.Dataset.classes": {"a list of text"},
    "homotopy.datasets.Dataset.notes": {"a list of text"},
    "homotopy.datasets.standardise.centre": {"a boolean"},
    "homotopy.datasets.from_table.path": {"text"},
    "homotopy.datasets.adult.path": {"text"},
    "homotopy.datasets.from_table.target": {"text"},
    "homotopy.datasets.from_table.formula": {"text"},
    "homotopy.datasets.from_table.weights": {"text"},
    "homotopy.datasets.from_table.index": {"text"},
    "homotopy.datasets.from_table.drop": {"a list of text"},
    "homotopy.datasets.from_table.dropna": {"a boolean"},
    "homotopy.datasets.from_table.separator": {"text"},
    "homotopy.datasets.from_table.decimal": {"text"},
    "homotopy.datasets.from_table.encoding": {"text"},
    "homotopy.datasets.from_table.comment": {"text"},
    "homotopy.claims.find.key": {"text"},
    "homotopy.claims.matching.key": {"text"},
    "homotopy.linear_networks.mode_strength.times": ANY_SHAPE,
    "homotopy.linear_networks.mode_influence.times": ANY_SHAPE,
    "homotopy.linear_networks.mode_influence.singular_value": {"a boolean"},
    "homotopy.linear_networks.mode_influence.initial": {"a boolean"},
    "homotopy.influence_at.measurement": {"a function"},
    "homotopy.unlearning.Curvature.lower": {"a negative number"},
    "homotopy.unlearning.Curvature.estimated": {"a boolean"},
    "homotopy.unlearning.exact_distances.step_size": {"None"},
    "homotopy.Adaptive.solver": {"None"},
    "homotopy.flows.RungeKuttaChebyshev.reverse": {"a boolean"},
    "homotopy.unlearning.flow_distance.lower": {"a negative number"},
    "homotopy.unlearning.lemma_distance.lower": {"a negative number"},
    "homotopy.unlearning.rewind_point.lower": {"a negative number"},
    "homotopy.linear_networks.mode_strength.singular_value": {"a boolean"},
    "homotopy.linear_networks.mode_strength.initial": {"a boolean"},
    "DataValues.interval.simultaneous": {"a boolean"},
    "PosteriorInfluence.interval.simultaneous": {"a boolean"},
    "DataValues.of_groups.labels": {"a list of text"},
    "Costate.__call__.t": ANY_SHAPE,
    "SwitchingFunction.__call__.t": ANY_SHAPE,
    "SwitchingFunction.factors.t": ANY_SHAPE,
    "GreedyFeedback.advantage.t": ANY_SHAPE,
    "control.Trajectory.at.t": ANY_SHAPE,
    "Deletion.final_state.switch": ANY_SHAPE,
    "Step.integral.a": ANY_SHAPE,
    "Step.integral.b": ANY_SHAPE,
    "Step.__call__.t": ANY_SHAPE,
    "TaylorModel.__call__.epsilon": ANY_SHAPE | {"a negative number"},
}


def takes_arguments(value):
    """Functions, and classes of objects that users make: others are results or bases."""
    if not callable(value) or (inspect.isclass(value) and inspect.isabstract(value)):
        return False
    return not inspect.isclass(value) or "Parameters\n" in (value.__doc__ or "")


def public_callables():
    everything = PUBLIC | {f"homotopy.plotting.{n}": getattr(plotting, n) for n in plotting.__all__}
    for name, value in everything.items():
        if takes_arguments(value) and inspect.signature(value).parameters:
            yield name


def looked_up(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_the_table_of_calls_has_every_public_callable_and_argument():
    public = set(public_callables())
    assert public <= set(VALID), sorted(public - set(VALID))
    for name, valid in VALID.items():
        takes = [
            parameter.name
            for parameter in inspect.signature(looked_up(name)).parameters.values()
            if parameter.kind != parameter.VAR_KEYWORD
        ]
        assert set(valid()) == set(takes), name


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """Words are paths to some arguments: what is written there goes into a folder of its own."""
    monkeypatch.chdir(tmp_path)


def refusals(name, call, valid):
    """What is wrong with how a callable takes wrong kinds: (argument, kind, what happened)."""
    found, takes = [], inspect.signature(call).parameters
    for argument in valid:
        optional = takes[argument].default is None
        right = RIGHT.get(argument, set()) | RIGHT.get(f"{name}.{argument}", set())
        for kind, value in WRONG.items():
            if kind in right or (kind == "None" and optional):
                continue
            try:
                call(**(valid | {argument: value}))
            except (TypeError, ValueError) as error:
                if not re.search(rf"\b{argument}\b", str(error)):
                    found.append((argument, kind, f"{type(error).__name__}: {error}"[:150]))
            except Exception as error:  # any other kind is the fault looked for
                found.append((argument, kind, f"{type(error).__name__}: {error}"[:150]))
            else:
                found.append((argument, kind, "accepted"))
    return found


@pytest.mark.parametrize("name", VALID)
def test_wrong_kinds_of_argument_are_refused_by_name(name):
    assert refusals(name, looked_up(name), VALID[name]()) == []


@pytest.mark.parametrize("name", METHODS)
def test_methods_refuse_wrong_kinds_of_argument_by_name(name):
    owner, valid = METHODS[name]()
    assert refusals(name, getattr(owner, name.rpartition(".")[2]), valid) == []
