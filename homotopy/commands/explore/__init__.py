"""`homotopy explore`."""
