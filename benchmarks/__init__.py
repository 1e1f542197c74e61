"""Side-by-side comparisons with what a user would otherwise pick; `python -m benchmarks`."""
