"""Pictures, one a file: they draw arrays on axes, and know no type of this package.

What a result shows is sampled where the result is; `result.plot()` draws it. Every picture takes
`ax=None` and draws into a new figure then. They look as intended inside `with house_style():`.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
