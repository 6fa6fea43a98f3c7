"""Golden values of KMeans: `python3 kmeans.py` writes kmeans.json."""

import json
import pathlib

import numpy as np
from sklearn.cluster import KMeans

import data

ROWS = 3
# Data, clusters, the rows that the centres start at, other parameters.
GIVEN = [
    ("iris", 3, [0, 60, 120], {"tol": 0}),
    ("iris", 3, [0, 1, 2], {}),
    ("iris", 8, range(0, 150, 20), {"tol": 0, "algorithm": "elkan"}),
    ("wine", 3, [0, 1, 2], {"tol": 0}),
    ("wine", 5, [0, 40, 80, 120, 160], {"max_iter": 2}),
    ("digits", 10, range(10), {"tol": 0}),
    ("digits", 10, range(10), {}),
    ("blobs", 5, range(5), {"tol": 0}),
    ("blobs", 7, range(7), {"tol": 0.01}),
    ("blobs", 1, [0], {}),
]
OWN = [("iris", 3), ("iris", 8), ("wine", 3), ("digits", 10), ("blobs", 5), ("blobs", 20), ("moons", 12)]


def main():
    cases = []
    for name, clusters, rows, parameters in GIVEN:
        x, _ = data.load(name)
        init = x[list(rows)]
        model = KMeans(clusters, init=init, n_init=1, **parameters).fit(x)
        cases.append({
            "data": name, "parameters": parameters | {"n_clusters": clusters, "init": init.tolist()},
            "cluster_centers": model.cluster_centers_.tolist(), "inertia": model.inertia_,
            "n_iter": model.n_iter_, "labels": "".join(map(str, model.labels_)),
            "distances": model.transform(x)[:ROWS].tolist(),
        })
    for name, clusters in OWN:
        x, _ = data.load(name)
        model = KMeans(clusters, n_init=10, random_state=0).fit(x)
        # Starts at random rows are worse, and differ.
        random = [
            KMeans(clusters, init="random", n_init=10, random_state=seed).fit(x).inertia_
            for seed in range(20)
        ]
        cases.append({
            "data": name, "parameters": {"n_clusters": clusters}, "best": model.inertia_,
            "worst_random": max(random),
        })
    # Two centres without rows: the farthest rows become theirs.
    x = np.array([[-1.0], [1.0], [1.5], [7.0], [30.0]])
    init = [[0.5], [100.0], [101.0]]
    model = KMeans(3, init=init, n_init=1, tol=0).fit(x)
    cases.append({
        "rows": x.ravel().tolist(), "parameters": {"n_clusters": 3, "init": init, "tol": 0},
        "cluster_centers": model.cluster_centers_.tolist(), "inertia": model.inertia_,
        "n_iter": model.n_iter_, "labels": "".join(map(str, model.labels_)),
    })
    text = json.dumps(cases, separators=(",", ":")).replace('{"data"', '\n{"data"').replace('{"rows"', '\n{"rows"')
    pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
