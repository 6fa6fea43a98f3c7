"""Golden values of penalized linear regressions: `python3 penalized.py` writes penalized.json.

Folds are row numbers modulo their count, weights 0.5 + row number modulo 3.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (ElasticNet, ElasticNetCV, Lasso, LassoCV, Ridge, RidgeCV)
from sklearn.model_selection import PredefinedSplit

import data

EXACT = {"tol": 1e-12, "max_iter": 1000000}
SETS = ["diabetes", "diabetes_raw", "wine", "offset_1e0"]

CASES = [
    # Class, scikit-learn's own setting where it is not exact by default, data, ours, weights.
    (Ridge, {"solver": "cholesky"}, name, {"alpha": alpha}, weights)
    for name in SETS for alpha, weights in [(0.1, False), (10, True)]
] + [
    (Ridge, {"solver": "cholesky"}, "diabetes", {"alpha": 1, "fit_intercept": False}, False),
    (Ridge, {"solver": "cholesky"}, "offset_1e6", {"alpha": 2}, False),
] + [
    (cls, {}, name, EXACT | {"alpha": alpha} | more, weights)
    for name, alphas in [("diabetes", [0.02, 0.3]), ("diabetes_raw", [0.5, 5]), ("wine", [0.01, 0.1]),
                         ("offset_1e0", [0.1, 20])]
    for alpha, weights in zip(alphas, [False, True])
    for cls, more in [(Lasso, {}), (ElasticNet, {"l1_ratio": 0.3})]
] + [
    # Loose: as far from the optimum as scikit-learn.
    (Lasso, {}, "diabetes", {"alpha": 0.1}, False),
    (Lasso, {}, "diabetes_raw", {"alpha": 0.1}, False),
    (ElasticNet, {}, "wine", {"alpha": 0.01}, False),
    (Lasso, {}, "diabetes_raw", {"alpha": 0.01, "max_iter": 5}, False),
    (Lasso, {}, "diabetes", EXACT | {"alpha": 0.1, "fit_intercept": False}, False),
    (Lasso, {}, "diabetes", EXACT | {"alpha": 0.1, "positive": True}, False),
    (Lasso, {}, "diabetes", EXACT | {"alpha": 1000}, False),
    (ElasticNet, {}, "diabetes", EXACT | {"alpha": 0.1, "l1_ratio": 0}, False),
] + [
    (RidgeCV, {}, name, {"alphas": [0.01, 0.1, 1, 10, 100]} | more, weights)
    for name in SETS for more, weights in [({}, False), ({}, True), ({"cv": 5}, False)]
] + [
    (RidgeCV, {}, "diabetes", {"fit_intercept": False, "alphas": [0.1, 1]}, True),
    (RidgeCV, {}, "diabetes", {"scoring": "r2"}, False),
    (RidgeCV, {}, "diabetes", {"cv": 4, "scoring": "neg_mean_squared_error"}, False),
] + [
    (cls, {}, name, {"cv": 5} | more, weights)
    for name in SETS for cls, more, weights in [
        (LassoCV, {"alphas": 20}, False), (LassoCV, EXACT | {"alphas": [0.01, 1, 0.1, 5]}, True),
        (ElasticNetCV, {"alphas": 15, "l1_ratio": [0.2, 0.9], "eps": 0.01}, False),
    ]
] + [
    (ElasticNetCV, {}, "diabetes", {"cv": 3, "alphas": [1, 0.1], "l1_ratio": [0.5, 0.9]}, False),
    (LassoCV, {}, "diabetes", {"cv": 3, "alphas": 10, "positive": True}, True),
]


def main():
    cases = []
    for cls, theirs, name, ours, weighted in CASES:
        x, y = data.load(name)
        rows = np.arange(len(y))
        split = {"cv": PredefinedSplit(rows % ours["cv"])} if "cv" in ours else {}
        weights = 0.5 + rows % 3 if weighted else None
        model = cls(**(ours | theirs | split))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(x, y, sample_weight=weights)
        case = {
            "class": cls.__name__, "data": name, "parameters": ours, "weighted": weighted,
            "coef": model.coef_.tolist(), "intercept": float(model.intercept_),
            "r2": model.score(x, y, sample_weight=weights),
            "warned": any(issubclass(w.category, ConvergenceWarning) for w in caught),
        }
        # How many rounds it takes to a tiny tolerance is up to the last digits.
        facts = ["best_score_"] if "tol" in ours else ["best_score_", "n_iter_"]
        for fact in facts:
            if getattr(model, fact, None) is not None:
                case.setdefault("facts", {})[fact[:-1]] = float(getattr(model, fact))
        for array in ["alpha_", "alphas_", "mse_path_", "l1_ratio_"]:
            if hasattr(model, array):
                case.setdefault("arrays", {})[array[:-1]] = np.asarray(getattr(model, array)).tolist()
        cases.append(case)
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(cases, separators=(",", ":")).replace('{"class"', '\n{"class"') + "\n")


if __name__ == "__main__":
    main()
