"""Regression data: the notes' synthetic example, real data, files, and their preparation.

Data are NumPy arrays in float64, whatever JAX's settings are. Rows count from 0.
"""

from homotopy.datasets.collinearity import CollinearColumn, collinear_columns
from homotopy.datasets.dataset import Dataset
from homotopy.datasets.files import from_table
from homotopy.datasets.real import breast_cancer, concrete, diabetes, digits
from homotopy.datasets.standardisation import Standardisation, standardise
from homotopy.datasets.synthetic import notes_example

__all__ = [
    "CollinearColumn",
    "Dataset",
    "Standardisation",
    "breast_cancer",
    "collinear_columns",
    "concrete",
    "diabetes",
    "digits",
    "from_table",
    "notes_example",
    "standardise",
]
