"""Checks of the parts of diffrax that methods are made with."""

import diffrax

from homotopy._checks import instance


def a_solver(name: str, value) -> diffrax.AbstractSolver:
    """A solver of diffrax; a `TypeError` otherwise."""
    return instance(
        name, value, diffrax.AbstractSolver, "a solver of diffrax, such as diffrax.Kvaerno5()"
    )


def an_adjoint(name: str, value) -> diffrax.AbstractAdjoint:
    """An adjoint of diffrax; a `TypeError` otherwise."""
    return instance(
        name,
        value,
        diffrax.AbstractAdjoint,
        "an adjoint of diffrax, such as diffrax.RecursiveCheckpointAdjoint()",
    )
