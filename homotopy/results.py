"""What the verbs return, and how they end: for annotations, and to compare a status.

Each is imported when it is asked for: all rooms together take seconds.
"""

import lazy_loader as lazy

# The stub beside this file says from where, as seen from the package.
__getattr__, __dir__, __all__ = lazy.attach_stub("homotopy", __file__)
