"""Golden values of generalised linear models: `python3 glm.py` writes glm.json.

newton-cholesky with tol=1e-12: the default lbfgs has two or three digits only.
"""

import json
import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.metrics import log_loss

import data

TIGHT = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}

# The Hessians of ten classes take a while.
ROWS = 800

# Data, whether features are scaled, parameters.
LOGISTIC = [
    ("breast_cancer", False, {}),
    ("breast_cancer", True, {}),
    ("breast_cancer", True, {"C": 0.01}),
    ("breast_cancer", True, {"fit_intercept": False}),
    ("two_classes", False, {}),
    ("two_classes", False, {"class_weight": "balanced", "C": 0.1}),
    ("two_classes", False, {"class_weight": {"0": 3.0, "1": 0.5}}),
    ("moons", False, {"C": "inf"}),
    ("iris", False, {}),
    ("iris", True, {"C": 10.0}),
    ("iris", True, {"fit_intercept": False}),
    ("wine", True, {}),
    ("wine", False, {"C": 0.01}),
    ("wine", True, {"class_weight": "balanced"}),
    ("digits", False, {"C": 0.01}),
]
POISSON = [
    ("counts", {}),
    ("counts", {"alpha": 0.0}),
    ("counts", {"alpha": 0.1, "fit_intercept": False}),
]


def scaled(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def logistic(name, scale, ours):
    x, y = data.load(name)
    x, y = x[:ROWS], y[:ROWS]
    x = scaled(x) if scale else x
    theirs = dict(ours)
    if theirs.get("C") == "inf":
        theirs["C"] = np.inf
    if isinstance(theirs.get("class_weight"), dict):
        theirs["class_weight"] = {float(k): v for k, v in theirs["class_weight"].items()}
    model = LogisticRegression(**theirs, **TIGHT).fit(x, y)
    coef, intercept = model.coef_, model.intercept_
    if len(coef) > 1:
        coef, intercept = coef - coef.mean(axis=0), intercept - intercept.mean()
    probabilities = model.predict_proba(x)
    case = {
        "data": name, "scaled": scale, "parameters": ours, "intercept": intercept.tolist(),
        "log_loss": log_loss(y, probabilities), "accuracy": model.score(x, y),
        "probabilities": probabilities[:: max(1, len(x) // 25)].tolist(),
    }
    # Of digits, a class is enough.
    case["coef"] = (coef if len(coef) < 10 else coef[:1]).ravel().tolist()
    return case


def poisson(name, ours):
    x, y = data.load(name)
    model = PoissonRegressor(**ours, **TIGHT).fit(x, y)
    return {
        "data": name, "parameters": ours, "coef": model.coef_.tolist(),
        "intercept": float(model.intercept_), "d2": model.score(x, y),
        "predictions": model.predict(x)[:40].tolist(),
    }


def main():
    golden = {
        "logistic": [logistic(*case) for case in LOGISTIC],
        "poisson": [poisson(*case) for case in POISSON],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"data"', '\n{"data"') + "\n")


if __name__ == "__main__":
    main()
