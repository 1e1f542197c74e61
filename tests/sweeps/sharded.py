"""Every verb with a batch, alone and shared out: printed as JSON, for the tests of it.

Run in a process of its own, whose number of devices is set before JAX begins.
"""

import json
import sys

import jax
import numpy as np

import homotopy as hm
from homotopy._xla_flags import QUICK_COMPILATION, ask_for

COUNT = int(sys.argv[1])
ask_for(f"xla_force_host_platform_device_count={COUNT}", *QUICK_COMPILATION)
hm.enable_x64()
generator = np.random.default_rng(0)
X = generator.normal(size=(21, 3))
Y = X.sum(axis=1) + generator.normal(size=21)
THETA0 = np.ones(3)


def verbs(**workers):
    linear = hm.LinearRegression(X, Y, deleted=[2], ridge=0.1)
    classes = hm.Problem(hm.linear_model(3), hm.Logistic(), X, (Y > 0).astype(int), deleted=2,
                         ridge=0.5)  # fmt: skip
    weights, times = np.linspace(0.0, 1.0, 13), [0.0, 0.3]
    loss = hm.TestLoss(X[:5], Y[:5])
    found = {
        "homotopy, exact": hm.homotopy(linear, THETA0, times, weights, **workers).theta,
        "homotopy": hm.homotopy(classes, THETA0, times, weights, **workers).theta,
        "predict": hm.predict(linear, hm.Influence(), points=range(21), **workers).delta,
        "in time": hm.influence_in_time(
            linear, THETA0, lambda theta: theta, times, points=[3, 1, 20], **workers
        ).influence,
        "optimise": [
            one.cost
            for one in hm.optimise(
                hm.deletions(linear, THETA0, 0.1, 1.0), hm.BangBangs(2), **workers
            )
        ],
        "data values": hm.data_values(linear, loss, hm.Permutations(128), **workers).values,
    }
    return {name: np.asarray(value).tolist() for name, value in found.items()}


if __name__ == "__main__":
    assert len(jax.devices()) == COUNT
    print(json.dumps({"serial": verbs(), "shared": verbs(devices=COUNT)}))
