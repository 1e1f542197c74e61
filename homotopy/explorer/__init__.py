"""See it move: θ₀ dragged, a schedule drawn, points clicked away; in a notebook or in a browser.

A pure model (`state`, `regression`, `network`) turns what a reader chose into numbers; `view` draws
them with Panel and Bokeh, which are imported when an explorer is asked for; `server` puts a page
behind an address of this machine.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
