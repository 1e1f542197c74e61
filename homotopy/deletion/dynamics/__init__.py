"""θ and its costate in the coordinates in which each is accurate: modes, or parameters."""
