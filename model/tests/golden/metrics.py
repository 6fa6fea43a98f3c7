"""Golden values of metrics, with the rows they are of: `python3 metrics.py` writes metrics.json."""

import json
import pathlib
import warnings

import numpy as np
from sklearn import metrics

VALUES = [
    "r2_score", "explained_variance_score", "mean_squared_error", "root_mean_squared_error",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_log_error", "max_error",
]
RATIOS = ["precision_score", "recall_score", "f1_score"]
LABELS = ["accuracy_score", "balanced_accuracy_score", "matthews_corrcoef", "cohen_kappa_score"]
SCORES = ["roc_auc_score", "average_precision_score", "log_loss", "brier_score_loss"]


def number(value):
    return None if np.isnan(value) else float(value)


def call(name, y, p, w):
    weight = {} if w is None or name == "max_error" else {"sample_weight": w}
    stem, _, average = name.rpartition("_")
    if average in ("macro", "micro", "weighted"):
        return number(getattr(metrics, stem + "_score")(y, p, average=average, **weight))
    if name == "log_loss":
        weight["labels"] = [0, 1]
    return number(getattr(metrics, name)(y, p, **weight))


def averages():
    return [f"{r.removesuffix('_score')}_{a}" for r in RATIOS for a in ("macro", "micro", "weighted")]


def case(names, y, p, w=None):
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    return {
        "truth": y.tolist(), "found": p.tolist(), "weight": None if w is None else w.tolist(),
        "metrics": {name: call(name, y, p, w) for name in names},
    }


def cases():
    rng = np.random.default_rng(11)
    y = rng.gamma(2.0, 3.0, 150)
    p = np.abs(y + rng.normal(0.3, 1.5, 150))
    w = rng.uniform(0.1, 3.0, 150)
    # Numbers of few digits, so that the file is small.
    y, p, w = y.round(3), p.round(3), w.round(2)
    yield case(VALUES, y, p)
    yield case(VALUES, y, p, w)
    yield case(VALUES[:5], y + 1e8, p + 1e8)
    # Constant targets, and one row.
    yield case(VALUES, [3, 3, 3], [3, 3, 3])
    yield case(VALUES, [3, 3, 3], [3, 4, 3])
    yield case(VALUES, [2], [2.5])
    yield case(VALUES, [0, 1], [0, 1])
    y = rng.integers(8, 12, 150)
    p = np.where(rng.uniform(size=150) < 0.6, y, rng.integers(7, 12, 150))
    yield case(LABELS + averages(), y, p)
    yield case(LABELS + averages(), y, p, w)
    yield case(LABELS + averages(), y, np.full(150, 9))
    y, p = y % 2, p % 2
    yield case(LABELS + RATIOS + averages(), y, p)
    yield case(LABELS + RATIOS + averages(), y, p, w)
    yield case(LABELS + RATIOS, [0, 0, 1], [0, 0, 0])
    yield case(LABELS + RATIOS, [0, 0], [0, 0])
    yield case(LABELS + RATIOS, [1, 1], [1, 1])
    yield case(LABELS + RATIOS, [1, 1], [0, 0])
    s = np.clip(0.3 * y + rng.normal(0.35, 0.25, 150), 0.0, 1.0).round(2)
    yield case(SCORES, y, s)
    yield case(SCORES, y, s, w)
    yield case(SCORES, y, np.full(150, 0.5))
    yield case(SCORES[:2], y, rng.normal(size=150).round(4) * 10.0 ** rng.integers(-9, 9, 150))
    yield case(SCORES[:2], [0, 0], [0.1, 0.2])
    yield case(SCORES[:2], [1, 1], [0.1, 0.2])


def main():
    warnings.simplefilter("ignore")
    path = pathlib.Path(__file__).with_suffix(".json")
    text = json.dumps(list(cases()), separators=(",", ":")).replace('{"truth"', '\n{"truth"')
    path.write_text(text.replace(".0,", ",") + "\n")


if __name__ == "__main__":
    main()
