from ._adult import adult
from .collinearity import CollinearColumn, collinear_columns
from .dataset import Dataset
from .files import from_table
from .real import breast_cancer, concrete, diabetes, digits
from .standardisation import Standardisation, standardise
from .synthetic import notes_example

__all__ = [
    "CollinearColumn",
    "Dataset",
    "Standardisation",
    "adult",
    "breast_cancer",
    "collinear_columns",
    "concrete",
    "diabetes",
    "digits",
    "from_table",
    "notes_example",
    "standardise",
]
