"""Data sets as CSV files, for the tests: `python3 data.py`. Needs scikit-learn 1.9.1.

Bundled ones are scikit-learn's; the others are made with fixed seeds. The last column is the target.
"""

import pathlib

import numpy as np
from sklearn import datasets

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data"


def sets():
    """Name, features, target."""
    for name in ["diabetes", "iris", "wine", "breast_cancer", "digits"]:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield name, x, y
    x, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    yield "diabetes_raw", x, y
    x, y = datasets.make_regression(500, 12, n_informative=7, noise=3.0, random_state=1)
    for exponent in [0, 3, 6, 8]:
        # Offsets are what loses digits in sums that are not centred.
        yield f"offset_1e{exponent}", x + (10.0 ** exponent if exponent else 0.0), y
    t = np.linspace(0.0, 1.0, 300)
    for degree in [5, 8, 11]:
        x = np.vander(t, degree + 1)[:, :-1]
        yield f"powers_{degree}", x, np.sin(5 * t)
    x, y = datasets.make_classification(3000, 12, n_informative=6, n_redundant=2, random_state=2)
    yield "two_classes", x, y
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2000, 6))
    yield "counts", x, rng.poisson(np.exp(0.5 + x @ np.array([0.3, -0.2, 0.1, 0.0, 0.4, -0.1])))
    x, y = datasets.make_blobs(1500, 4, centers=5, cluster_std=1.3, random_state=4)
    yield "blobs", x, y
    x, y = datasets.make_moons(600, noise=0.06, random_state=5)
    yield "moons", x, y


def load(name):
    """Features and target of a set that was written."""
    table = np.loadtxt(FOLDER / f"{name}.csv", delimiter=",", skiprows=1)
    return table[:, :-1], table[:, -1]


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, x, y in sets():
        header = ",".join([f"x{at}" for at in range(x.shape[1])] + ["y"])
        with open(FOLDER / f"{name}.csv", "w") as file:
            print(header, file=file)
            for row, target in zip(x, y):
                print(",".join(repr(float(v)).removesuffix(".0") for v in [*row, target]), file=file)


if __name__ == "__main__":
    main()
