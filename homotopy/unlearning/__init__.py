"""Forgetting as a problem of control: the deletion problem, its cost and its costate."""

from homotopy.unlearning.baselines import best_step, time_to_reach
from homotopy.unlearning.costate import Costate, SwitchingFunction
from homotopy.unlearning.deletion import Deletion

__all__ = ["Costate", "Deletion", "SwitchingFunction", "best_step", "time_to_reach"]
