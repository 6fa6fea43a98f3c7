"""Golden values of support vector machines: `python3 svm.py` writes svm.json.

LIBSVM keeps kernels in 32 bits, so its weights have six or seven digits, and with its tol of 1e-3 fewer. So it
trains with a small tol, and `exact` then solves the equations of its support vectors in 64 bits: those between
their bounds have the margin of their problem. The script fails where the two differ by more than 32 bits explain.
Cases of which the kernels are singular have no `dual_coef`, as that is not the only one.
"""

import itertools
import json
import pathlib
import warnings

import numpy as np
from sklearn.metrics.pairwise import linear_kernel, polynomial_kernel, rbf_kernel, sigmoid_kernel
from sklearn.svm import SVC, SVR, OneClassSVM

import data

TIGHT = {"tol": 1e-7, "cache_size": 1000}

# Data, whether features are scaled, whether rows have weights, parameters.
SVCS = [
    ("iris", False, False, {}),
    ("iris", True, True, {"C": 10.0, "kernel": "linear"}),
    ("iris", True, False, {"kernel": "sigmoid", "gamma": 0.1, "C": 0.5}),
    ("iris", True, False, {"break_ties": True, "C": 0.05}),
    ("wine", True, False, {}),
    ("wine", True, True, {"kernel": "poly", "degree": 2, "coef0": 1.0, "C": 0.1, "class_weight": "balanced"}),
    ("wine", False, False, {"C": 100.0}),
    ("breast_cancer", True, False, {}),
    ("breast_cancer", True, True, {"C": 5.0, "gamma": "auto"}),
    ("breast_cancer", True, False, {"kernel": "linear", "C": 0.1}),
    ("breast_cancer", True, False, {"class_weight": {"0": 3.0, "1": 0.5}, "gamma": 0.05}),
    ("moons", False, False, {}),
    ("moons", False, True, {"kernel": "poly", "coef0": 1.0, "C": 20.0}),
    ("moons", False, False, {"kernel": "sigmoid", "class_weight": "balanced"}),
    ("digits", False, False, {"C": 2.0}),
]
SVRS = [
    ("diabetes", False, False, {}),
    ("diabetes", False, False, {"C": 100.0, "epsilon": 20.0}),
    ("diabetes", True, True, {"kernel": "linear", "C": 2.0, "epsilon": 5.0}),
    ("diabetes", True, False, {"kernel": "poly", "degree": 2, "coef0": 0.5, "epsilon": 10.0}),
    ("diabetes", True, False, {"kernel": "sigmoid", "gamma": 0.02, "epsilon": 0.0}),
    ("iris", False, True, {"gamma": "auto", "epsilon": 0.05}),
    ("moons", False, False, {"epsilon": 1.0}),
]
ONES = [
    ("iris", False, False, {}),
    ("wine", True, False, {"nu": 0.1}),
    ("wine", True, True, {"nu": 0.3, "gamma": 0.03}),
    ("moons", False, False, {"nu": 0.05, "gamma": 2.0}),
    ("breast_cancer", True, False, {"nu": 0.2, "kernel": "poly", "degree": 2, "coef0": 1.0}),
    ("iris", False, True, {"nu": 0.3, "kernel": "linear"}),
]
# Digits are many.
ROWS = 700


def load(name, scale, weighted):
    """Features, target and weights, in the order of the features."""
    x, y = data.load(name)
    x, y = x[:ROWS], y[:ROWS]
    x = (x - x.mean(axis=0)) / x.std(axis=0) if scale else x
    # Weights that depend on the row alone; those of 0 leave rows out.
    weight = (np.arange(len(y)) % 4) * 0.5 if weighted else np.ones(len(y))
    order = np.lexsort([weight, y, *x.T[::-1]])
    return x[order], y[order], weight[order]


def support(model, x, weight):
    """The rows of the support vectors: scikit-learn 1.9.1 does not count rows of weight 0."""
    rows = np.flatnonzero(weight > 0)[model.support_]
    assert (x[rows] == model.support_vectors_).all()
    return rows


def kernel(model, x, y):
    gamma, coef0 = model._gamma, model.coef0
    return {
        "linear": lambda: linear_kernel(x, y),
        "poly": lambda: polynomial_kernel(x, y, model.degree, gamma, coef0),
        "rbf": lambda: rbf_kernel(x, y, gamma),
        "sigmoid": lambda: sigmoid_kernel(x, y, gamma, coef0),
    }[model.kernel]()


def exact(k, linear, bound, weights, intercept, what, sides=None):
    """Weights and intercept of the support vectors; also whether there are no others."""
    size = np.abs(weights)
    free = (size > 1e-6 * bound) & (size < bound * (1 - 1e-6))
    held = np.where(free, 0.0, weights)
    count = free.sum()
    if count == 0 and sides is not None:
        # The middle of what weights at their bounds allow.
        slopes, rises = linear - k @ weights, (size > 0) != (sides > 0)
        middle = (slopes[rises].max() + slopes[~rises].min()) / 2
        assert abs(middle - intercept) < 1e-5, what
        return weights, middle, True
    if count == 0:
        return weights, intercept, True
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = k[np.ix_(free, free)]
    system[count, count] = 0.0
    right = np.append((linear - k @ held)[free], weights.sum() - held.sum())
    found = np.linalg.lstsq(system, right, rcond=1e-13)[0]
    exactly = held.copy()
    exactly[free] = found[:count]
    off = np.abs(k @ (exactly - weights) + found[count] - intercept).max()
    scale = np.abs(k @ exactly).max() + abs(found[count])
    assert off < 2e-5 * scale, (what, off, scale)
    return exactly, found[count], np.linalg.cond(system) < 1e9


def pair(model, x, y, bound, labels, rows, weights, intercept, what):
    """A problem of SVC: the weights of all rows, 0 where a row is of neither label."""
    inside = np.isin(y, labels) & (bound > 0)
    full = np.zeros(len(y))
    full[rows] = weights
    sides = np.where(y == labels[0], 1.0, -1.0)[inside]
    k = kernel(model, x[inside], x[inside])
    exactly, intercept, only = exact(k, sides, bound[inside], full[inside], intercept, what, sides)
    full[inside] = exactly
    return full, intercept, only


def svc(name, scale, weighted, ours):
    x, y, weight = load(name, scale, weighted)
    theirs = dict(ours)
    if isinstance(ours.get("class_weight"), dict):
        theirs["class_weight"] = {float(k): v for k, v in ours["class_weight"].items()}
    shown = SVC(**theirs).fit(x, y, weight)
    model = SVC(**theirs, **TIGHT).fit(x, y, weight)
    bound = model.C * weight * model.class_weight_[y.astype(int)]
    labels = model.classes_
    ends = np.append(0, np.cumsum(model._n_support))
    rows = [support(model, x, weight)[ends[at]:ends[at + 1]] for at in range(len(labels))]
    dual = np.zeros((len(labels) - 1, len(y)))
    functions, intercepts, only = [], [], True
    for at, (i, j) in enumerate(itertools.combinations(range(len(labels)), 2)):
        weights = np.append(model._dual_coef_[j - 1, ends[i]:ends[i + 1]], model._dual_coef_[i, ends[j]:ends[j + 1]])
        both = np.append(rows[i], rows[j])
        full, intercept, sole = pair(model, x, y, bound, labels[[i, j]], both, weights, model._intercept_[at], (name, ours))
        only &= sole
        intercepts.append(intercept)
        of_i, of_j = y == labels[i], y == labels[j]
        dual[j - 1, of_i], dual[i, of_j] = full[of_i], full[of_j]
        functions.append(kernel(model, x, x) @ full + intercept)
    sign = -1.0 if len(labels) == 2 else 1.0
    used = np.concatenate([np.flatnonzero((y == label) & (dual != 0).any(axis=0)) for label in labels])
    case = {
        "class": "SVC", "intercept": (sign * np.array(intercepts)).tolist(), "n_support": [int(n) for n in model._n_support],
        "values": (sign * np.array(functions).T)[:: len(y) // 20].tolist(),
        "answers": "".join(str(int(v)) for v in model.predict(x)),
        # What a loose tol comes to may be another label near the margin.
        "loosely": float((shown.predict(x) == y).mean()),
    }
    if only and len(labels) < 10:
        case["dual_coef"] = (sign * dual[:, used]).tolist()
    return case, model._gamma


def single(make, name, scale, weighted, ours):
    x, y, weight = load(name, scale, weighted)
    model = make(**ours, **TIGHT).fit(x, y, weight) if make is SVR else make(**ours, **TIGHT).fit(x, sample_weight=weight)
    full = np.zeros(len(y))
    full[support(model, x, weight)] = model.dual_coef_[0]
    bound = weight * (model.C if make is SVR else 1.0)
    linear = y - np.sign(full) * model.epsilon if make is SVR else np.zeros(len(y))
    k = kernel(model, x, x)
    full, intercept, only = exact(k, linear, np.maximum(bound, 1e-300), full, model.intercept_[0], (name, ours))
    values = k @ full + intercept
    case = {
        "class": make.__name__, "intercept": [intercept], "n_support": [int((full != 0).sum())],
        "values": values[:: len(y) // 40].tolist(),
    }
    if make is OneClassSVM:
        case["answers"] = "".join("+" if v > 0 else "-" for v in model.predict(x))
        # Rows between their bounds are on the border: their sign is that of the last digit.
        case["border"] = np.flatnonzero(np.abs(values) < 1e-6 * np.abs(intercept)).tolist()
    if only:
        case["dual_coef"] = [full[full != 0].tolist()]
    return case, model._gamma


def main():
    warnings.simplefilter("error")
    cases = []
    tables = [(svc, SVCS), (lambda *case: single(SVR, *case), SVRS), (lambda *case: single(OneClassSVM, *case), ONES)]
    for make, table in tables:
        for name, scale, weighted, ours in table:
            case, gamma = make(name, scale, weighted, ours)
            cases.append(dict(data=name, scaled=scale, weighted=weighted, parameters=ours, gamma=gamma, **case))
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(cases, separators=(",", ":")).replace('{"data"', '\n{"data"') + "\n")


if __name__ == "__main__":
    main()
