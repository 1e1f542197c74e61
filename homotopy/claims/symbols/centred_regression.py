"""Least squares in symbols with θ measured from θ*₋, so that y = r: nothing is lost by it."""

from __future__ import annotations

from functools import cached_property

import sympy

from homotopy.claims.symbols.regression import SymbolicRegression
from homotopy.claims.symbols.smooth_risk import inverse


class CentredRegression(SymbolicRegression):
    """`SymbolicRegression` with θ*₋ = 0; s is the part of the point that is taken away."""

    def __init__(self):
        super().__init__()
        self.deleted_fit = sympy.zeros(2, 1)

    def fit(self, s):
        """θ(1 − s), from (M + (1 − s)xxᵀ)θ = (1 − s)xr."""
        return inverse(self.hessian(1 - s)) * self.x * (1 - s) * self.r

    def retained(self, theta):
        """R₋, but a constant."""
        return (theta.T * self.M * theta)[0] / 2

    def own(self, theta):
        """ℓ."""
        return (self.r - self.x.dot(theta)) ** 2 / 2

    def full(self, theta):
        """R = R₋ + ℓ."""
        return self.retained(theta) + self.own(theta)

    @cached_property
    def slope(self):
        """∇ℓ at θ*."""
        return self.gradient(self.fit(0))

    @cached_property
    def influence(self):
        """H⁻¹∇ℓ at θ*."""
        return inverse(self.H) * self.slope

    @cached_property
    def leverage(self):
        """P = xᵀH⁻¹x."""
        return self.x.dot(inverse(self.H) * self.x)
