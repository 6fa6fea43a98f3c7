"""Golden values of nearest neighbours and DBSCAN: `python3 neighbors.py` writes neighbors.json.

Neighbours are trained on two of three rows and score all rows.
"""

import json
import pathlib

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

import data

CLASSIFIERS = [
    ("iris", {}),
    ("iris", {"n_neighbors": 1}),
    ("iris", {"n_neighbors": 7, "weights": "distance"}),
    ("wine", {}),
    ("wine", {"n_neighbors": 9, "weights": "distance"}),
    ("wine", {"metric": "manhattan"}),
    ("wine", {"metric": "chebyshev", "n_neighbors": 3}),
    ("wine", {"p": 3, "n_neighbors": 4, "weights": "distance"}),
    ("moons", {}),
    ("moons", {"n_neighbors": 30}),
    ("blobs", {"n_neighbors": 12}),
]
REGRESSORS = [
    ("diabetes", {}),
    ("diabetes", {"n_neighbors": 10, "weights": "distance"}),
    ("diabetes", {"p": 1, "n_neighbors": 3}),
    ("diabetes", {"p": 1.5, "weights": "distance"}),
]
CLUSTERS = [
    ("moons", {"eps": 0.2}),
    ("moons", {"eps": 0.12, "min_samples": 12}),
    ("blobs", {"eps": 1.1, "min_samples": 8}),
    ("blobs", {"eps": 2.5, "metric": "manhattan", "min_samples": 10}),
    ("iris", {"eps": 0.5}),
    ("wine", {"eps": 2.2, "min_samples": 4}),
    ("wine", {"eps": 0.001}),
]


def load(name):
    """Features, wine's standardised, and the target."""
    x, y = data.load(name)
    return (x - x.mean(axis=0)) / x.std(axis=0) if name == "wine" else x, y


def digits(labels):
    return ",".join(str(int(label)) for label in labels)


def main():
    cases = []
    for name, ours in CLASSIFIERS:
        x, y = load(name)
        train = np.arange(len(y)) % 3 != 0
        model = KNeighborsClassifier(algorithm="kd_tree", **ours).fit(x[train], y[train].astype(int))
        found = model.predict_proba(x[:40])
        cases.append(dict(data=name, parameters=ours, labels=digits(model.predict(x)), probabilities=found.tolist()))
    for name, ours in REGRESSORS:
        x, y = load(name)
        train = np.arange(len(y)) % 3 != 0
        model = KNeighborsRegressor(algorithm="kd_tree", **ours).fit(x[train], y[train])
        cases.append(dict(data=name, parameters=ours, predictions=model.predict(x[:120]).tolist()))
    for name, ours in CLUSTERS:
        x, y = load(name)
        model = DBSCAN(**ours).fit(x)
        core = np.zeros(len(y), int)
        core[model.core_sample_indices_] = 1
        cases.append(dict(data=name, parameters=ours, clusters=digits(model.labels_), core=digits(core)))
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(cases, separators=(",", ":")).replace('{"data"', '\n{"data"') + "\n")


if __name__ == "__main__":
    main()
