"""One of everything public, of tiny problems: for the tests that walk over all of it."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import homotopy as hm
from homotopy.control import ControlAffine, solve_bang_bang
from homotopy.deletion.comparison import compare

X = np.array([[1.0, 0.5], [1.0, -1.0], [1.0, 2.0], [1.0, 0.25], [1.0, -0.5]])
Y = np.array([0.3, -1.0, 1.5, 0.7, 0.1])
THETA0 = np.array([1.0, -1.0])
TIMES = [0.0, 0.2, 0.5]


def product(theta, x):
    return theta @ x


def first(theta):
    return theta[0]


def drift(x):
    return jnp.stack([0.0 * x[0], x[0] ** 2])


def field(x):
    return jnp.stack([1.0, 0.0])


def second(x):
    return x[1]


def system():
    """ẋ = u, ∫ x² to be minimised."""
    options = {"initial": [-1.0, 0.0], "horizon": 2.0, "lower": -1.0}
    return ControlAffine(drift=drift, control_field=field, cost=second, **options)


def problems():
    classes = (Y > 0).astype(int)
    return {
        "linear regression": hm.LinearRegression(X, Y, deleted=2),
        "weighted": hm.LinearRegression(X, Y, deleted=2, weights=[1.0, 2.0, 1.0, 0.5, 1.0]),
        "counts": hm.Problem(
            hm.linear_model(2), hm.losses.Poisson(), X, classes, deleted=2, ridge=[0.0, 1.0]
        ),
        "perceptron": hm.Problem(hm.mlp([2, 2, 1]), hm.SquaredError(), X, Y, deleted=2, ridge=1.0),
        "logistic": hm.Problem(hm.linear_model(2), hm.Logistic(), X, classes, deleted=2, ridge=1.0),
        "softmax": hm.Problem(
            hm.mlp([2, 2], jax.nn.relu), hm.SoftmaxCrossEntropy(), X, classes, deleted=2, ridge=1.0
        ),
        "function": hm.Problem(
            hm.function_model(product, 2), hm.SquaredError(), X, Y, deleted=[1, 2]
        ),
        "float32": hm.LinearRegression(X, Y, deleted=2, dtype=np.float32),
    }


def models():
    key = jax.random.key(0)
    network = eqx.nn.MLP(2, 1, 2, 1, activation=jax.nn.gelu, key=key)
    named = {
        name: hm.mlp([2, 2, 1], getattr(jax.nn, name))
        for name in ("tanh", "relu", "softplus", "gelu", "silu", "sigmoid")
    }
    return {
        **named,
        "sin": hm.mlp([2, 2, 1], jnp.sin),
        "module": hm.module_model(network),
        "linear network": hm.linear_networks.linear_network([2, 2, 1]),
        "Hermite network": hm.two_layer.HermiteNetwork(
            2, 2, jnp.asarray(0.1), jnp.array([1.0, 0.9])
        ),
    }


def schedules():
    network = eqx.nn.MLP("scalar", "scalar", 2, 1, jnp.tanh, key=jax.random.key(1))
    return {
        "constant": hm.Constant(0.3),
        "step": hm.Step(0.2),
        "ramp": hm.Ramp(0.1, 0.4),
        "polynomial": hm.Polynomial(0.1, 0.4, 2.0),
        "piecewise": hm.PiecewiseConstant([0.1, 0.3], [1.0, 0.3, 0.0]),
        "bang-bang": hm.BangBang([0.1, 0.2, 0.3], initial=1),
        "spline": hm.Spline([0.1, 0.4], [1.0, -1.0]),
        "network": hm.Network(network, 0.1, 0.4),
    }


def settings():
    """What is asked for: methods, estimators, solvers, searches, measurements, costs."""
    weights, places = hm.reweighting, np.arange(len(X))
    labels, groups = places // 2 % 2, places % 2
    return [
        *(
            hm.Exact(),
            hm.Adaptive(),
            hm.flows.RungeKuttaChebyshev(9),
            hm.flows.DormandPrince853(1e-6, 1e-9),
            hm.GradientDescent(step_size=0.01),
        ),
        hm.StochasticGradientDescent(0.01, 2),
        *(hm.responses.ClosedForm(), hm.responses.Continuation(), hm.responses.FlowLimits()),
        *(hm.Influence(), hm.NewtonStep(), hm.Taylor(2), hm.PathIntegration(), hm.LeaveOneOut()),
        *(hm.GaussNewton(0.1), hm.ProximalBregman(0.1)),
        *(hm.Dense(), hm.ConjugateGradient(), hm.Lissa(), hm.Arnoldi(2), hm.Nystrom(2)),
        *(hm.BlockConjugateGradient(), hm.EigenvalueKronecker()),
        *(hm.Steps(), hm.BangBangs(2), hm.Cells(4), hm.Ramps(), hm.Polynomials()),
        *(hm.Splines(3), hm.Networks(3), hm.Everything(), hm.Separately()),
        *(hm.OwnLoss(), hm.Predictions(X), hm.TestLoss(X, Y)),
        *(hm.Shapley(), hm.Banzhaf(), hm.BetaShapley(2.0, 1.0), hm.valuation.LeaveOneOutValue()),
        *(hm.valuation.InclusionMeasure([0.5], [1.0]), hm.Enumeration(), hm.Permutations(4)),
        *(hm.AumannShapley(), hm.EffectiveMedium(0), hm.FiniteTime(0.5)),
        *(hm.valuation.GradientShapley(0.1), hm.valuation.SampleReuse(4)),
        *(hm.deletion.ParameterDistance(), hm.deletion.PredictionDistance(X)),
        *(weights.LeastSquares(), weights.RelativeEntropy(), weights.Constraint(first, upper=1.0)),
        *(weights.DemographicParity(X, groups), weights.EqualOpportunity(X, labels, groups)),
        *(weights.EqualizedOdds(X, labels, groups), weights.WorstCaseLoss(X, Y, 1.0)),
        weights.AdversarialLoss(X, Y, 1.0),
        *(hm.Retrain(), hm.RewindToDelete(2), hm.DescendToDelete(2), hm.WhenCertified(0.1)),
        *(hm.unlearning.NewtonRefit(1), hm.unlearning.ConjugateGradientRefit(2)),
        *(hm.unlearning.PerInstance(), hm.unlearning.Curvature(-1.0, 2.0)),
        *(hm.unlearning.ProjectedDescent([0.1, 0.2], radius=3.0), hm.unlearning.Epochs()),
        *(hm.unlearning.WithReplacement(), hm.unlearning.WithoutReplacement()),
        *(hm.unlearning.ProjectedSGD(0.01, 2), hm.unlearning.GaussianPair(0.5)),
        *(hm.LocalPosterior(2.0, 3.0), hm.GaussianMoments(), hm.GaussianDraws(16)),
        *(
            hm.SGLD(16, step_size=0.1),
            hm.MALA(16, step_size=0.1, inverse_mass=[1.0, 2.0]),
            hm.NUTS(16),
        ),
        hm.BayesianInfluence(hm.LocalPosterior(2.0, 3.0), hm.GaussianMoments()),
        hm.bayesian.ThermodynamicIntegration(hm.GaussianMoments(), 2),
        hm.bayesian.Reweighting(hm.GaussianDraws(16)),
        *(hm.bayesian.CumulantExpansion(hm.GaussianDraws(16), 2), hm.PointLosses()),
        hm.asymptotics.Population([1.0, 2.0], scales=[0.5, 2.0]),
        *(hm.two_layer.LargeWidth(), hm.two_layer.FiniteWidth(np.eye(2)), two_layer_target()),
        *(hm.GaussianMechanism(1.0, 1e-5), hm.unlearning.HitLaw(0.1, 0.9, 2, 0.2, 5, 1)),
    ]


def of_moments():
    return hm.LinearRegression.from_chunks([(X, Y)], deleted=2, keep=[3])


def two_layer_target():
    return hm.two_layer.single_index([1.0, 1.0], [1.0, 0.9])


def results():
    learned = hm.two_layer.learn(two_layer_target(), 1e-3, [1.0, -0.5], times=[1e-4, 0.1])
    made = problems()
    linear, perceptron = made["linear regression"], made["perceptron"]
    pair = hm.LinearRegression(X, Y, deleted=[1, 2])
    fit, start = linear.full_fit(), perceptron.model.initial_parameters(jax.random.key(1))
    deletion = hm.Deletion(linear, THETA0, 0.1, 0.5)
    two = hm.Deletion(pair, THETA0, 0.1, 0.5)
    certified = hm.optimise(deletion, hm.Everything())
    path = hm.response(linear, [0.0, 0.5, 1.0])
    trained = hm.train(perceptron, start)
    branch = hm.results.Branch(
        epsilons=jnp.array([1.0, 0.5, 0.25]),
        theta=jnp.array([[1.0, 2.0], [1.5, 2.0], [1.75, 2.5]]),
        smallest_eigenvalue=jnp.array([0.5, 0.0, -0.25]),
        arclength=jnp.array([0.0, 0.75, 1.25]),
        epsilon_tangent=-jnp.ones(3),
        theta_tangent=jnp.ones((3, 2)),
        scale=1.0,
        minima=2,
    )
    fold = hm.results.EventKind.fold
    event = hm.results.Event(fold, jnp.array(0.5), jnp.array([1.5, 2.0]), jnp.array([0.0, 1.0]))
    lower = hm.reweighting.Constraint(hm.Predictions(X[:1]), upper=9.0)
    each = hm.deletions(linear, THETA0, 0.1, 0.5)
    run = hm.training_run(linear, THETA0, 4, hm.GradientDescent(0.1), checkpoints=[2])
    gone = hm.unlearn(run, 2, hm.RewindToDelete(2))
    mechanism = hm.GaussianMechanism(1.0, 1e-5)
    return {
        "several targets": hm.MultiOutputRegression(X, np.column_stack([Y, Y**2]), deleted=2),
        "linear regressions": problems()["linear regression"].deleting_each(),
        "hierarchy": hm.linear_networks.hierarchy_example(),
        "deletion": deletion,
        "deletion of a function": hm.Deletion(linear, THETA0, 0.1, 0.5, terminal_cost=first),
        "deletion from a network": hm.Deletion(perceptron, start, 0.1, 0.5),
        "trajectory": hm.flow(linear, hm.Step(0.2), THETA0, TIMES),
        "surface": hm.homotopy(linear, THETA0, TIMES, [0.0, 1.0]),
        "sensitivity": hm.sensitivity(linear, THETA0, TIMES),
        "measurement sensitivity": hm.flows.measurement_sensitivity(linear, THETA0, first, 0.5),
        "training": trained,
        "network training": hm.train_network(
            perceptron, start, optimiser=optax.sgd(0.01), max_epochs=2, batch_size=5, keep_every=1
        ),
        "early stopping": hm.influence.early_stopping(
            perceptron, start, X, Y, optimiser=optax.sgd(0.01), max_epochs=2, batch_size=5
        ),
        "response": path,
        "comparison of paths": path.compare(path),
        "Taylor model": hm.taylor(linear, fit, 1.0, 2),
        "change": hm.predict(linear, hm.Influence(), points=[0, 1]),
        "measurement influence": hm.measurement_influence(linear, hm.Influence(), fit, first),
        "influence in time": hm.influence_in_time(linear, THETA0, first, TIMES, points=[0, 1]),
        "diagnostics": hm.regression_diagnostics(linear),
        "rows": hm.row_diagnostics(of_moments(), [(X, Y)]),
        "of moments": of_moments(),
        "moments": hm.chunks.moments([(X, Y)], keep=[2, 3]),
        "data values": hm.data_values(linear, first, hm.Permutations(4)),
        "values of an effective medium": hm.data_values(
            hm.LinearRegression(X, Y, deleted=2, ridge=1.0),
            hm.TestLoss(X, Y),
            hm.EffectiveMedium(8),
        ),
        "Bayesian influence": hm.bayesian_influence(
            linear, THETA0, first, sampler=hm.GaussianDraws(200)
        ),
        "Bayesian influence in closed form": hm.bayesian_influence(
            linear, THETA0, first, sampler=hm.GaussianMoments()
        ),
        "deletion from a posterior": hm.bayesian.posterior_deletion(
            linear,
            THETA0,
            first,
            hm.LocalPosterior(1.0, 9.0),
            points=[0, 1],
            method=hm.bayesian.Reweighting(hm.GaussianDraws(400)),
        ),
        "check": hm.check(linear, show=False),
        "GLM diagnostics": hm.diagnostics.glm_diagnostics(made["logistic"], THETA0),
        "duplicates": hm.diagnostics.duplicate_rows(linear),
        "leverage": hm.diagnostics.jacobian_leverage(linear, fit),
        "weight Jacobian": hm.influence.weight_jacobian(linear, fit),
        "ridgeless": hm.diagnostics.ridgeless_leave_one_out(linear),
        "best step": hm.best_step(deletion),
        "optimum": hm.optimise(deletion, hm.BangBangs(2)),
        "certified optimum": certified,
        "separate optimum": hm.optimise(two, hm.Separately()),
        "least time": hm.least_time(deletion, cost=1e-2),
        "greedy": hm.greedy(deletion),
        "reachable residual": hm.reachable(deletion),
        "portrait": hm.portrait(deletion, {"at once": hm.Step(0.1), "later": hm.Step(0.3)}),
        "branch": branch,
        "event": event,
        "optima": hm.optimise(each, hm.BangBangs(2)),
        "local minimum": hm.results.LocalMinimum(hm.Step(0.2), 0.5),
        "comparison": compare(deletion, {"at once": hm.Step(0.1), "never": hm.Step(0.9)}),
        "control": solve_bang_bang(system(), 1),
        "change of the deleted": hm.predict(linear, hm.LeaveOneOut()),
        "gaps": hm.results.Gaps(jnp.ones((1, 2, 6)), jnp.ones((1, 2, 6), bool)),
        "switching function": deletion.switching_function(hm.Step(0.2)),
        "costate": deletion.costate(hm.Step(0.2)),
        "membership": deletion.membership(hm.Step(0.2)),
        "soft weights": hm.soft_weights(linear, constraints=lower),
        "frontier": hm.reweighting.frontier(linear, first, [9.0, 1.0]),
        "hard deletion": hm.reweighting.hard_deletion(linear, first, -9.0, most=1),
        "corrections": hm.reweighting.corrections(linear, np.linspace(0.5, 1.5, linear.size)),
        "training run": run,
        "unlearned": gone,
        "certificate": gone.certificate,
        "audit": hm.audit(np.arange(40.0), np.arange(40.0) - 9.0, mechanism),
        "deletion distances": hm.unlearning.deletion_distances(run, [2, 4]),
        "comparison of algorithms": hm.unlearning.compare(
            run,
            2,
            {"rewind": hm.RewindToDelete(2), "refit": hm.unlearning.NewtonRefit(1)},
            mechanism,
        ),
        "noise budget": hm.unlearning.noise_budget(linear, THETA0, 0.5, mechanism),
        "step back": hm.unlearning.step_back(run, 2),
        "learning": learned,
        "component influence": hm.two_layer.component_influence(learned),
        "time scales": hm.two_layer.time_scales(two_layer_target(), [1e-3, 1e-4], [1.0, -0.5]),
        "student": hm.two_layer.student(two_layer_target(), 0.1, size=4, inputs=2, width=2),
        "mode peak": hm.linear_networks.mode_peak(3.0, 1e-2),
        "influence at steps": hm.influence_at(run, [2, 4], first, points=[0, 1]),
        "limits": hm.asymptotics.ridge([0.5, 1.0, 2.0]),
        "gain of a schedule": hm.asymptotics.schedule_gain(0.5, 0.3, 2.0, draws=4),
        "draw": hm.asymptotics.Population().draw(4, 3),
        "release": gone.release(mechanism, hm.unlearning.PerInstance(), seed=0),
    }


OWN = [product, first, drift, field, second]  # what a file does not hold


@functools.cache
def everything():
    listed = {f"setting {type(each).__name__}": each for each in settings()}
    parts = (problems(), models(), schedules(), results())
    return functools.reduce(lambda one, other: one | other, parts, listed)
