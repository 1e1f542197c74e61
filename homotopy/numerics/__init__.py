"""Numerical kernels: extended precision, spectra of rank-one updates, exponential quadrature.

They know nothing of data, losses or schedules.
"""
