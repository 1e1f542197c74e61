"""Classical influence diagnostics: what the fit on all data says about leaving a point out.

Host computations on concrete data, by LAPACK: results are NumPy arrays in float64, and nothing
here can be traced by JAX. The deleted set of a problem plays no part: all n points count alike.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
