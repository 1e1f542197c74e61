"""What JAX traces and compiles, for tests of what it is to do once."""

import contextlib

import jax


@contextlib.contextmanager
def programs():
    """A list that grows by a name for each tracing and each compilation meanwhile."""
    found = []

    def note(name, *_, **__):
        if "backend_compile" in name or "jaxpr_trace" in name:
            found.append(name)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
