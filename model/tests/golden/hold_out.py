"""Golden scores of rows that are held out: `python3 hold_out.py` writes hold_out.json.

The rows are chosen here as `statistic/strata.rs` does; scikit-learn trains on the others and scores both.
"""

import json
import pathlib
import struct

import numpy as np
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

import data

EXACT = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}
# Class, data, share, scikit-learn's own parameters, tolerance.
CASES = [
    (LinearRegression, "diabetes", 0.2, {}, 1e-10),
    (LinearRegression, "offset_1e6", 0.35, {}, 1e-8),
    (PoissonRegressor, "counts", 0.25, EXACT, 1e-7),
    (LogisticRegression, "two_classes", 0.2, EXACT, 1e-7),
    (GaussianNB, "iris", 0.2, {}, 1e-9),
    (GaussianNB, "wine", 0.5, {}, 1e-9),
    (GaussianNB, "breast_cancer", 0.1, {}, 1e-9),
    (KNeighborsClassifier, "breast_cancer", 0.2, {}, 1e-10),
    (KNeighborsRegressor, "counts", 0.2, {}, 1e-10),
]
WEIGHTED = {"offset_1e6", "two_classes"}
BINS = 1024
MASK = 2**64 - 1


def mix(value):
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def place(row):
    """The bin of a row."""
    draw = mix(0)
    for value in row:
        draw = mix(draw ^ struct.unpack("<Q", struct.pack("<d", value + 0.0))[0])
    return mix(draw ^ 0x5F617274_6974696F) >> 54


def held_out(x, y, weight, labels, share):
    """Whether each row is held out."""
    bins = np.array([place([*row, target]) for row, target in zip(x, y)])
    strata = y if labels else np.zeros(len(y))
    out = np.zeros(len(y), dtype=bool)
    for label in np.unique(strata):
        own = strata == label
        weights = np.bincount(bins[own], weights=weight[own], minlength=BINS)
        below = np.concatenate([[0.0], np.cumsum(weights)])
        below = below[:np.flatnonzero(weights)[-1] + 1]
        first = np.argmin(np.abs(below - share * weights.sum()))
        out |= own & (bins < first)
    return out


def scores(model, x, y, weight, labels):
    found = model.predict(x)
    of = {"sample_weight": weight}
    if not labels:
        names = ["r2_score", "mean_squared_error", "root_mean_squared_error", "mean_absolute_error"]
        return {name: getattr(metrics, name)(y, found, **of) for name in names}
    probabilities = model.predict_proba(x)
    result = {
        "accuracy_score": metrics.accuracy_score(y, found, **of),
        "balanced_accuracy_score": metrics.balanced_accuracy_score(y, found, **of),
        "f1_macro": metrics.f1_score(y, found, average="macro", **of),
        "log_loss": metrics.log_loss(y, probabilities, labels=model.classes_, **of),
    }
    if len(model.classes_) == 2:
        result["roc_auc_score"] = metrics.roc_auc_score(y, probabilities[:, 1], **of)
    return result


def main():
    cases = []
    for cls, name, share, theirs, tolerance in CASES:
        x, y = data.load(name)
        labels = hasattr(cls, "predict_proba")
        weight = np.array([0.5 + row % 3 if name in WEIGHTED else 1.0 for row in range(len(y))])
        out = held_out(x, y, weight, labels, share)
        given = {} if cls in (KNeighborsClassifier, KNeighborsRegressor) else {"sample_weight": weight[~out]}
        model = cls(**theirs).fit(x[~out], y[~out], **given)
        cases.append({
            "class": cls.__name__, "data": name, "share": share, "tolerance": tolerance,
            "weighted": name in WEIGHTED, "rows": int(out.sum()),
            "held_out": scores(model, x[out], y[out], weight[out], labels),
            "in_sample": scores(model, x[~out], y[~out], weight[~out], labels),
        })
    text = json.dumps(cases, separators=(",", ":")).replace('{"class"', '\n{"class"')
    pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
