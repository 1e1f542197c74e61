"""Predictions of what deleting data does to a trained model, and the retraining truth."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
