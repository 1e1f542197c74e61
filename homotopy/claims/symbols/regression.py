"""Linear regression in symbols: two parameters, any data, one deleted point."""

from __future__ import annotations

from functools import cached_property

import sympy
from sympy import Matrix, symbols

# d = 1 for the symbols of `SymbolicRegression`: the second parameter is idle.
ONE_PARAMETER = {"m1": 1, "m2": 1, "x1": 1, "x2": 0, "t1": 0, "t2": 0, "r": 1}


class SymbolicRegression:
    """M = H₋ (2 × 2), x, θ*₋ and the deleted residual r as symbols: any regression with d = 2.

    The retained data enter by M and Mθ*₋ alone, and a rotation of θ makes M diagonal: nothing is
    lost by this choice.
    """

    def __init__(self):
        self.M = sympy.diag(*symbols("m1 m2", positive=True))
        self.x = Matrix(symbols("x1 x2", real=True))
        self.deleted_fit = Matrix(symbols("t1 t2", real=True))
        self.r = symbols("r", real=True)

    @cached_property
    def y(self):
        """The deleted target."""
        return self.x.dot(self.deleted_fit) + self.r

    @cached_property
    def H(self):
        """M + xxᵀ."""
        return self.hessian(1)

    @cached_property
    def full_fit(self):
        """θ*."""
        return self.response(1)

    @cached_property
    def change(self):
        """Δ = θ* − θ*₋, by solving both normal equations."""
        return self.full_fit - self.deleted_fit

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
        return self.y - self.x.dot(self.full_fit)

    def hessian(self, epsilon):
        """H_ε = M + εxxᵀ."""
        return self.M + epsilon * self.x * self.x.T

    def decay(self, duration):
        """e^(−Mt): what is left of θ − θ*₋ without the point."""
        return sympy.diag(*(sympy.exp(-rate * duration) for rate in self.M.diagonal()))

    def gradient(self, theta):
        """∇ℓ_j at θ, by differentiation of ½(y − xᵀθ)²."""
        u = Matrix(symbols("u1 u2", real=True))
        loss = (self.y - self.x.dot(u)) ** 2 / 2
        slope = Matrix([sympy.diff(loss, entry) for entry in u])
        return slope.subs(list(zip(u, theta, strict=True)), simultaneous=True)

    def response(self, epsilon):
        """θ(ε), by solving ∇R_ε = 0."""
        moment = self.M * self.deleted_fit + epsilon * self.x * self.y
        return self.hessian(epsilon).inv() * moment
