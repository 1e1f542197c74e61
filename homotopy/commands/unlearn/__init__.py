"""`homotopy unlearn`."""
