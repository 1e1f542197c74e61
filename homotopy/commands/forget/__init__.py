"""`homotopy forget`."""
