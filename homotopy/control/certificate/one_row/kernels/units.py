"""Constants of `rounding` that compiled loops read: they must stand in the folder of these."""

UNIT = 2.0**-53
OUTWARD = 1.01  # for the rounding of the error bounds themselves
