from .feedback import GreedyFeedback, greedy

__all__ = ["GreedyFeedback", "greedy"]
