"""One process of a job of `jax.distributed`: a surface over the devices of all of them."""

import json
import sys

import jax
import numpy as np

import homotopy as hm
from homotopy._xla_flags import QUICK_COMPILATION, ask_for

if __name__ == "__main__":
    port, place = sys.argv[1], int(sys.argv[2])
    ask_for("xla_force_host_platform_device_count=1", *QUICK_COMPILATION)
    jax.distributed.initialize(f"localhost:{port}", num_processes=2, process_id=place)
    hm.enable_x64()
    X, y = np.array([[1.0, 0.5], [1.0, -1.0], [1.0, 2.0]]), np.array([0.3, -1.0, 1.5])
    problem = hm.Problem(hm.linear_model(2), hm.SquaredError(), X, y, deleted=2)
    weights = np.linspace(0.0, 1.0, 7)
    assert jax.device_count() == 2 and len(jax.local_devices()) == 1
    found = hm.homotopy(problem, np.ones(2), [0.1, 0.5], weights, devices=jax.devices())
    print(json.dumps(np.asarray(found.theta).tolist()))
