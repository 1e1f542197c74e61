"""The symbols that proofs are about: regressions, smooth risks, and what is done with them."""
