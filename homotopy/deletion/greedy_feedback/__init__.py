"""Greedy deletion: at each time the ε that brings θ closer to the target the fastest."""

from homotopy.deletion.greedy_feedback.feedback import GreedyFeedback, greedy

__all__ = ["GreedyFeedback", "greedy"]
