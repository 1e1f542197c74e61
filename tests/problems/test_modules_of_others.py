"""Networks of PyTorch and Flax, against those libraries and against NumPy on the same weights."""

import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm

ROUNDING = 1e-13  # of a few layers of a few units, values of the size of one


def inputs(size=5, width=3):
    return np.random.default_rng(0).normal(size=(size, width))


def outputs(model, X):
    return np.asarray(jax.vmap(lambda x: model(model.initial_parameters(), x))(jnp.asarray(X)))


# Equinox and pytrees ------------------------------------------------------------------------


def test_entries_of_an_equinox_module_go_by_their_place():
    model = hm.module_model(eqx.nn.MLP(2, 1, 3, 1, key=jax.random.key(0)))
    names = model.parameter_names()
    assert len(set(names)) == len(names) == model.dimension
    theta = model.initial_parameters()
    network = model.unravel(theta)
    assert names[0] == "layers[0].weight[0,0]" and "layers[1].bias[0]" in names
    assert theta[names.index("layers[0].weight[2,1]")] == network.layers[0].weight[2, 1]
    assert theta[names.index("layers[1].weight[0,2]")] == network.layers[1].weight[0, 2]


def test_entries_of_a_perceptron_go_by_their_place():
    model = hm.mlp([2, 3, 1])
    theta = jnp.arange(13.0)
    names = model.parameter_names(("a", "b"))
    network = model.unravel(theta)
    assert theta[names.index("layers[0].weight[1,1]")] == network.layers[0].weight[1, 1]
    assert theta[names.index("layers[2].bias[0]")] == network.layers[2].bias[0]


# PyTorch --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def each_activation(nn):
    return [
        *(nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish()),
        *(nn.Softplus(), nn.Softplus(2.0, 1.0), nn.ELU(0.5), nn.CELU(0.5), nn.SELU(), nn.ReLU6()),
        *(nn.LeakyReLU(0.2), nn.Hardtanh(-0.5, 0.5), nn.Softsign(), nn.Tanhshrink()),
        *(nn.LogSigmoid(), nn.Identity(), nn.LayerNorm(4), nn.Dropout(0.5).eval()),
    ]


def test_every_layer_of_torch_gives_torchs_outputs(torch):
    torch.manual_seed(0)
    X = inputs()
    for layer in each_activation(torch.nn):
        network = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(3, 4), layer, torch.nn.Linear(4, 2)
        ).double()
        network[2].train(layer.training)
        expected = network(torch.tensor(X)).detach().numpy()
        found = outputs(hm.module_model(network), X)
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING, err_msg=str(layer))


def own_network(torch):
    class Residual(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(3, 4)
            self.inner = torch.nn.Sequential(
                torch.nn.Linear(4, 4, bias=False), torch.nn.Sequential(torch.nn.Tanh())
            )
            self.norm = torch.nn.BatchNorm1d(4)
            self.scale = torch.nn.Parameter(torch.tensor([0.5, -1.0, 2.0, 1.0]))
            self.last = torch.nn.Linear(4, 1)

        def forward(self, x):
            h = torch.nn.functional.gelu(self.first(x.view(x.shape[0], -1)))
            h = self.norm(h + 0.5 * self.inner(h)) * self.scale
            return self.last(torch.relu(h)).squeeze(-1)

    return Residual().double()


def test_a_network_with_a_forward_of_its_own(torch):
    torch.manual_seed(1)
    network = own_network(torch)
    network(torch.randn(20, 3, dtype=torch.float64))  # statistics of the batch norm
    network.eval()
    X = inputs()
    model = hm.module_model(network)
    expected = network(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(outputs(model, X), expected, rtol=0, atol=ROUNDING)
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(outputs(copied, X), outputs(model, X))
    theta = model.initial_parameters()
    named = model.unravel(theta).parameters
    assert list(named) == [name for name, _ in network.named_parameters()]
    state = network.state_dict()
    for name, array in named.items():
        np.testing.assert_array_equal(array, state[name].numpy())
    names = model.parameter_names()
    assert theta[names.index("inner.0.weight[2,1]")] == float(state["inner.0.weight"][2, 1])
    assert theta[names.index("scale[1]")] == -1.0


def test_gradients_in_the_parameters_are_torchs(torch):
    torch.manual_seed(2)
    network = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.Linear(4, 1)
    ).double()
    X, y = inputs(), np.linspace(-1.0, 1.0, 5)
    problem = hm.Problem(hm.module_model(network), hm.SquaredError(), X, y, deleted=1)
    misfit = network(torch.tensor(X))[:, 0] - torch.tensor(y)
    (0.5 * misfit**2).sum().backward()
    expected = np.concatenate([p.grad.numpy().ravel() for p in network.parameters()])
    found = problem.gradient(problem.model.initial_parameters())
    np.testing.assert_allclose(found, expected, rtol=0, atol=10 * ROUNDING)


def test_what_requires_no_gradient_stays(torch):
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 2))
    network[0].requires_grad_(False)
    model = hm.module_model(network.double())
    assert model.dimension == 6 and model.parameter_names()[0] == "2.weight[0,0]"
    expected = network(torch.tensor(inputs())).detach().numpy()
    np.testing.assert_allclose(outputs(model, inputs()), expected, rtol=0, atol=ROUNDING)


def functional_network(torch, apply):
    class Functional(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(3, 4)
            self.doubled = 2.0 * torch.ones(4, dtype=torch.float64)  # no buffer
            self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3, 0.4]))
            self.register_buffer("variance", torch.tensor([1.0, 2.0, 0.5, 1.5]))

        def forward(self, x):
            return apply(self, self.first(x))

    return Functional().double().eval()


def test_functions_and_tensors_of_torch(torch):
    functional = torch.nn.functional
    for apply in (
        lambda own, x: functional.dropout(x, 0.5, own.training),
        lambda own, x: functional.batch_norm(x, own.mean, own.variance),
        lambda own, x: functional.batch_norm(x, own.mean, own.variance, None, None, False, 0.1, 2),
        lambda own, x: x * own.doubled,
        lambda own, x: torch.tanh(x).squeeze(),  # of a batch this leaves all as it is
        lambda own, x: x[:, 1:3],
    ):
        network = functional_network(torch, apply)
        expected = network(torch.tensor(inputs())).detach().numpy()
        found = outputs(hm.module_model(network), inputs())
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)
    for apply, words in (
        (lambda own, x: functional.dropout(x), "got dropout in training mode"),
        (
            lambda own, x: functional.batch_norm(x, own.mean, own.variance, training=True),
            "got batch_norm in training mode",
        ),
        (lambda own, x: torch.add(x, x, alpha=2), "got add with other arguments"),
    ):
        with pytest.raises(ValueError, match=f"^module: expected .* {words}"):
            hm.module_model(functional_network(torch, apply))


def test_what_torch_networks_are_refused(torch):
    nn = torch.nn

    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    for network, words in [
        (nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)), "module.eval()"),
        (nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), "module.eval()"),
        (nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False)), "statistics of the batch"),
        (nn.Sequential(nn.Conv1d(1, 1, 3)), "got Conv1d; write the network"),
        (Branching(), "torch.fx does not trace Branching"),
        (nn.Sequential(nn.Linear(3, 1)).requires_grad_(False), "require a gradient"),
    ]:
        with pytest.raises(ValueError, match=r"^module: ") as caught:
            hm.module_model(network)
        assert words in str(caught.value)


# The same programs without PyTorch: NumPy is the oracle ------------------------------------------


def test_a_program_of_torch_operations_is_what_numpy_computes():
    from homotopy.conversion.network import ConvertedNetwork
    from homotopy.conversion.torch_operations import OPERATIONS

    rng = np.random.default_rng(3)
    weights = [rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(2, 4))]

    def program(arrays, x):
        hidden = OPERATIONS["linear"](x[None], arrays["0.weight"], arrays["0.bias"])
        return OPERATIONS["linear"](OPERATIONS["tanh"](hidden), arrays["2.weight"])[0]

    names = ("0.weight", "0.bias", "2.weight")
    network = ConvertedNetwork(dict(zip(names, weights, strict=True)), {}, program)
    model = hm.module_model(network)
    X = inputs()
    expected = np.tanh(X @ weights[0].T + weights[1]) @ weights[2].T
    np.testing.assert_allclose(outputs(model, X), expected, rtol=0, atol=ROUNDING)
    assert model.parameter_names()[:2] == ("0.weight[0,0]", "0.weight[0,1]")
    assert model.parameter_names()[-1] == "2.weight[1,3]"


def test_operations_with_a_shape_or_a_parameter():
    from homotopy.conversion.torch_operations import OPERATIONS

    x = np.random.default_rng(4).normal(size=(2, 3, 4))
    of = {name: lambda *given, f=f, **named: np.asarray(f(*given, **named))
          for name, f in OPERATIONS.items()}  # fmt: skip
    at = jnp.asarray(x)
    np.testing.assert_array_equal(of["flatten"](at, 1), x.reshape(2, 12))
    np.testing.assert_array_equal(of["flatten"](at, start_dim=0, end_dim=1), x.reshape(6, 4))
    np.testing.assert_array_equal(of["view"](at, 2, -1), x.reshape(2, 12))
    assert of["squeeze"](at[:1, :1, :1]).shape == (1,)  # the batch's axis stays
    assert of["squeeze"](at[:1, :1]).shape == (1, 4)
    centred = x - x.mean(axis=-1, keepdims=True)
    expected = centred / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(of["layer_norm"](at, (4,)), expected, rtol=0, atol=ROUNDING)
    mean, variance = np.arange(4.0), np.arange(1.0, 5.0)
    found = of["batch_norm"](at[:, 0], jnp.asarray(mean), jnp.asarray(variance))
    np.testing.assert_allclose(
        found, (x[:, 0] - mean) / np.sqrt(variance + 1e-5), rtol=0, atol=ROUNDING
    )
    flat = x.ravel()
    for name, expected in {
        "softplus": np.log1p(np.exp(flat)),
        "silu": flat / (1 + np.exp(-flat)),
        "mish": flat * np.tanh(np.log1p(np.exp(flat))),
        "elu": np.where(flat > 0, flat, np.expm1(flat)),
        "leaky_relu": np.where(flat > 0, flat, 0.01 * flat),
        "hardtanh": np.clip(flat, -1, 1),
    }.items():
        np.testing.assert_allclose(of[name](at.ravel()), expected, rtol=0, atol=ROUNDING)


# Flax NNX ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nnx():
    return pytest.importorskip("flax.nnx", reason="Flax is not installed")


def flax_network(nnx):
    class Network(nnx.Module):
        def __init__(self, rngs):
            self.layers = nnx.List([nnx.Linear(3, 4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)])
            self.norm = nnx.BatchNorm(4, rngs=rngs)
            self.dropout = nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            hidden = self.dropout(self.norm(jnp.tanh(self.layers[0](x))))
            return self.layers[1](hidden)

    return Network(nnx.Rngs(0))


@pytest.mark.filterwarnings("ignore")  # of Flax, for the releases of JAX that it was made for
def test_a_flax_module_gives_flaxs_outputs(nnx):
    network = flax_network(nnx)
    with pytest.raises(ValueError, match=r"^module: .*module.eval\(\)"):
        hm.module_model(network)
    network.eval()
    model = hm.module_model(network)
    X = inputs()
    np.testing.assert_allclose(outputs(model, X), network(jnp.asarray(X)), rtol=0, atol=ROUNDING)
    names, theta = model.parameter_names(), model.initial_parameters()
    assert len(names) == model.dimension == 3 * 4 + 4 + 4 * 2 + 2 + 8
    kernel = np.asarray(network.layers[0].kernel)
    assert theta[names.index("layers[0].kernel[2,1]")] == kernel[2, 1]
    problem = hm.Problem(model, hm.SquaredError(), X, X[:, :2], deleted=1, ridge=0.1)
    assert np.isfinite(problem.gradient(theta)).all()
