"""Linear regression in symbols: two parameters, any data, one deleted point."""

from __future__ import annotations

from functools import cached_property

import sympy
from sympy import Matrix, symbols


class SymbolicRegression:
    """M = H₋ (2 × 2), x, θ*₋ and the deleted residual r as symbols: any regression with d = 2.

    The retained data enter by M and Mθ*₋ alone, and a rotation of θ makes M diagonal: nothing is
    lost by this choice.
    """

    def __init__(self):
        self.M = sympy.diag(*symbols("m1 m2", positive=True))
        self.x = Matrix(symbols("x1 x2"))
        self.deleted_fit = Matrix(symbols("t1 t2"))
        self.r = symbols("r")

    @cached_property
    def y(self):
        """The deleted target."""
        return (self.x.T * self.deleted_fit)[0] + self.r

    @cached_property
    def H(self):
        """M + xxᵀ."""
        return self.M + self.x * self.x.T

    @cached_property
    def full_fit(self):
        """θ*."""
        return self.H.inv() * (self.M * self.deleted_fit + self.x * self.y)

    @cached_property
    def h(self):
        """xᵀM⁻¹x."""
        return (self.x.T * self.M.inv() * self.x)[0]

    @cached_property
    def leverage(self):
        """P = xᵀH⁻¹x."""
        return (self.x.T * self.H.inv() * self.x)[0]

    @cached_property
    def residual(self):
        """ê = y − xᵀθ*."""
        return self.y - (self.x.T * self.full_fit)[0]

    def gradient(self, theta):
        """∇ℓ_j = −x(y − xᵀθ), by differentiation of ½(y − xᵀθ)²."""
        u = Matrix(symbols("u1 u2"))
        loss = (self.y - (self.x.T * u)[0]) ** 2 / 2
        slope = Matrix([sympy.diff(loss, entry) for entry in u])
        return slope.subs(list(zip(u, theta, strict=True)))

    def response(self, epsilon):
        """θ(ε), by solving ∇R_ε = 0."""
        H = self.M + epsilon * self.x * self.x.T
        return H.inv() * (self.M * self.deleted_fit + epsilon * self.x * self.y)
