"""The deletion problem in the forms that `homotopy.control` solves."""
