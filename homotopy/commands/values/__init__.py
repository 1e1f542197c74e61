"""`homotopy values`: what each row of a table is worth to a linear regression."""
