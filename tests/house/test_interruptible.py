"""Ctrl-C comes through compiled code, and searches answer it with what they have."""

import os
import signal
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from homotopy.numerics.threads import interruptible


@jax.jit
def slow(x, count):
    """Minutes of work that no signal reaches."""
    return jax.lax.fori_loop(0, count, lambda i, x: jnp.sin(x) + 1e-3, x)


def seconds(function, *arguments):
    begin = time.perf_counter()
    function(*arguments).block_until_ready()
    return time.perf_counter() - begin


def test_an_interruption_does_not_wait_for_compiled_code():
    x = jnp.zeros(1000)
    slow(x, 1).block_until_ready()
    count = int(1000 * 6.0 / min(seconds(slow, x, 1000) for _ in range(5)))  # 6 s of work
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    # A shell starts what runs in its background with the signal ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            interruptible(slow, x, count)
    finally:
        timer.cancel()  # nobody else is to be interrupted
        signal.signal(signal.SIGINT, handler)
    assert time.perf_counter() - sent[0] < 2.0


def test_what_is_called_returns_raises_and_keeps_its_settings():
    assert interruptible(lambda a, b: a + b, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 / 0)
    with jax.enable_x64(False):
        assert interruptible(lambda: jnp.asarray(np.pi)).dtype == np.float32
    assert interruptible(lambda: jnp.asarray(np.pi)).dtype == np.float64
