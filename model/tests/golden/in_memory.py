"""Golden values of isotonic regression, PLS and FastICA: `python3 in_memory.py` writes in_memory.json."""

import json
import pathlib

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import FastICA
from sklearn.isotonic import IsotonicRegression

import data

ISOTONIC = [
    ("diabetes", 2, {}, False),
    ("diabetes", 2, {"y_min": 100, "y_max": 200, "out_of_bounds": "clip"}, True),
    ("diabetes", 6, {"increasing": False}, False),
    ("diabetes", 6, {"increasing": "auto", "out_of_bounds": "clip"}, True),
    ("iris", 0, {"increasing": "auto"}, True),
]
PLS = [
    ("diabetes", {}),
    ("diabetes_raw", {"n_components": 5}),
    ("diabetes_raw", {"n_components": 3, "scale": False}),
    ("offset_1e3", {"n_components": 4}),
    ("wine", {"n_components": 13}),
]
ICA = [("logcosh", 3), ("exp", 3), ("cube", 2)]


def main():
    cases = []
    for name, feature, ours, weighted in ISOTONIC:
        x, y = data.load(name)
        x = x[:, feature]
        # Weights that depend on the row alone.
        weight = np.arange(len(y)) % 4 if weighted else None
        model = IsotonicRegression(**ours).fit(x, y, sample_weight=weight)
        at = np.linspace(x.min() - 0.01, x.max() + 0.01, 50)
        cases.append(dict(kind="isotonic", data=name, feature=feature, parameters=ours, weighted=weighted,
                          x=model.X_thresholds_.tolist(), y=model.y_thresholds_.tolist(),
                          at=at.tolist(), predictions=[None if np.isnan(v) else v for v in model.predict(at)]))
    for name, ours in PLS:
        x, y = data.load(name)
        model = PLSRegression(**ours).fit(x, y)
        cases.append(dict(kind="pls", data=name, parameters=ours, coef=model.coef_.ravel().tolist(),
                          x_weights=model.x_weights_.ravel().tolist(), x_loadings=model.x_loadings_.ravel().tolist(),
                          x_rotations=model.x_rotations_.ravel().tolist(), y_loadings=model.y_loadings_.ravel().tolist(),
                          predictions=model.predict(x).ravel()[:60].tolist(), scores=model.transform(x)[:20].tolist()))
    # Three sources that are not normal, mixed; rounded, so that the text is short.
    t = np.linspace(0, 8, 300)
    rng = np.random.default_rng(6)
    sources = np.c_[np.sin(2 * t), np.sign(np.sin(3 * t)), rng.uniform(-1, 1, 300)]
    mixed = np.round(sources @ np.array([[1, 1, 1], [0.5, 2, 1.0], [1.5, 1.0, 2.0]]).T + 5, 6)
    cases.append(dict(kind="mixed", rows=mixed.tolist()))
    for fun, count in ICA:
        model = FastICA(count, fun=fun, tol=1e-15, max_iter=5000, random_state=0, whiten_solver="svd").fit(mixed)
        cases.append(dict(kind="ica", parameters=dict(fun=fun, n_components=count), sources=model.transform(mixed)[:40].tolist()))
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(cases, separators=(",", ":")).replace('{"kind"', '\n{"kind"') + "\n")


if __name__ == "__main__":
    main()
