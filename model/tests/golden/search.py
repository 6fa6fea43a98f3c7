"""Golden values of searches: `python3 search.py` writes search.json.

Folds are row numbers modulo their count, weights 0.5 + row number modulo 3.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, ParameterGrid, PredefinedSplit
from sklearn.naive_bayes import GaussianNB

import data

EXACT = {"tol": 1e-12, "max_iter": 1000000}
# scikit-learn cuts small singular values off; it does not matter for these data.
OLS = {"tol": 0}
ALPHAS = [100, 0.01, 1, 10, 0.1]
PENALTIES = {"alpha": [0.02, 0.1, 0.5, 2], "l1_ratio": [0.2, 0.7]}

SEARCHES = [
    # Class, scikit-learn's own setting, data, fixed parameters, searched ones, options, scans.
    case for name in ["diabetes", "wine", "offset_1e0", "diabetes_raw"] for case in [
        (LinearRegression, OLS, name, {}, {"fit_intercept": [True, False]}, {"cv": 4}, 1),
        (Ridge, {"solver": "cholesky"}, name, {}, {"fit_intercept": [True, False], "alpha": ALPHAS}, {"cv": 5}, 1),
        (Lasso, {}, name, EXACT, {"alpha": [0.02, 0.1, 0.5, 2]}, {"cv": 5, "scoring": "neg_mean_squared_error"}, 1),
        (ElasticNet, {}, name, EXACT, PENALTIES, {"cv": 5}, 1),
    ]
] + [
    (Ridge, {"solver": "cholesky"}, "diabetes", {}, {"alpha": ALPHAS}, {"cv": 3, "scoring": scoring}, scans)
    for scoring, scans in [("neg_root_mean_squared_error", 1), ("explained_variance", 1),
                           ("neg_mean_absolute_error", 3)]
] + [
    # Scores that are equal share a rank.
    (Lasso, {}, "diabetes", EXACT, {"alpha": [500, 1000, 1]}, {"cv": 5}, 1),
] + [
    (GaussianNB, {}, name, {}, {"var_smoothing": [1e-9, 1e-3, 0.1, 1]}, {"cv": 5, "scoring": scoring}, 3)
    for name, scorings in [
        ("wine", [None, "balanced_accuracy", "neg_log_loss", "f1_macro", "f1_weighted"]),
        ("two_classes", ["accuracy", "f1", "precision", "recall"]),
    ]
    for scoring in scorings
] + [
    # Candidates take different numbers of scans.
    (LogisticRegression, {"solver": "newton-cholesky"}, "iris", {"tol": 1e-12}, {"C": [0.01, 1, 100]},
     {"cv": 5, "scoring": scoring}, None)
    for scoring in [None, "neg_log_loss"]
]


def search(cls, theirs, name, fixed, tuned, options, scans):
    x, y = data.load(name)
    split = PredefinedSplit(np.arange(len(y)) % options["cv"])
    found = GridSearchCV(cls(**fixed | theirs), tuned, **options | {"cv": split}).fit(x, y)
    results = {k: np.asarray(v).tolist() for k, v in found.cv_results_.items()
               if "time" not in k and k != "params"}
    model = found.best_estimator_
    return {
        "class": cls.__name__, "data": name, "parameters": fixed, "tuned": tuned,
        "options": {k: v for k, v in options.items() if v is not None}, "scans": scans,
        "results": results, "best": int(found.best_index_), "best_score": found.best_score_,
        "best_parameters": found.best_params_,
        "coef": model.coef_.tolist() if hasattr(model, "coef_") else None,
    }


def weighted(name):
    """What a search gives whose models and scores both know of weights."""
    x, y = data.load(name)
    rows = np.arange(len(y))
    weights, scores = 0.5 + rows % 3, []
    for alpha in ALPHAS:
        for fold in range(5):
            out = rows % 5 == fold
            model = Ridge(alpha=alpha, solver="cholesky").fit(x[~out], y[~out], weights[~out])
            scores.append(r2_score(y[out], model.predict(x[out]), sample_weight=weights[out]))
    return {"data": name, "alphas": ALPHAS, "scores": scores}


def halving(name, candidates, options):
    x, y = data.load(name)
    tuned = {"alpha": np.geomspace(1e-3, 1e3, candidates).tolist()}
    split = PredefinedSplit(np.arange(len(y)) % 5)
    found = HalvingGridSearchCV(Ridge(), tuned, cv=split, random_state=0, **options).fit(x, y)
    return {
        "data": name, "tuned": tuned, "options": options,
        "iter": found.cv_results_["iter"].tolist(),
        "n_resources": found.cv_results_["n_resources"].tolist(),
    }


HALVINGS = [
    ("diabetes", 9, {}), ("diabetes", 10, {}), ("wine", 27, {"min_resources": "smallest"}),
    ("wine", 7, {"min_resources": 20, "factor": 2}),
    ("diabetes", 20, {"min_resources": "smallest", "max_resources": 40}),
    ("diabetes", 20, {"min_resources": "smallest", "max_resources": 40, "aggressive_elimination": True}),
]


def main():
    warnings.simplefilter("ignore")
    golden = {
        "searches": [search(*case) for case in SEARCHES],
        "weighted": [weighted(name) for name in ["diabetes", "wine"]],
        "halvings": [halving(*case) for case in HALVINGS],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"class"', '\n{"class"') + "\n")


if __name__ == "__main__":
    main()
