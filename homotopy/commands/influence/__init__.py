"""`homotopy influence`."""
