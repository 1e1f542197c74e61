"""Fifty-digit reference computations, written from the theory alone.

Nothing here imports ``homotopy``: the tests compare the package with these functions. Data come
in as float64 arrays and are taken as exact numbers; a result is rounded to float64 once, at the
end. A function whose name ends in ``_digits`` returns the unrounded mpmath numbers.

- ``problems``: seeded regression data (well- and ill-conditioned, repeated spectra, singular, ...)
- ``flow``: θ(t) under piecewise-constant weights
- ``ramp``: θ(t) under a polynomial ramp
- ``response``: θ(ε) with its first two derivatives, full and deleted fit
- ``control``: cost, costate, switching function and gradients of the deletion problem
- ``sensitivity``: ∂θ(t)/∂w_j
- ``arithmetic``: what they share
"""
