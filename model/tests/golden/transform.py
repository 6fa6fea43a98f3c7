"""Golden values of the transformations: `python3 transform.py` writes transform.json."""

import json
import pathlib

import numpy as np
from sklearn import decomposition, impute, preprocessing

import data

ROWS = 6
FULL = {"svd_solver": "full"}
# Class, scikit-learn's own setting, data, ours, tolerance.
CASES = [
    (cls, {}, name, parameters, 1e-12)
    for name in ["iris", "wine", "breast_cancer", "digits", "blobs"]
    for cls, parameters in [
        ("StandardScaler", {}), ("MinMaxScaler", {}), ("MaxAbsScaler", {}), ("Normalizer", {}),
        ("RobustScaler", {}),
    ]
] + [
    ("StandardScaler", {}, "wine", {"with_mean": False}, 1e-12),
    ("StandardScaler", {}, "wine", {"with_std": False}, 1e-12),
    ("StandardScaler", {}, "offset_1e6", {}, 1e-9),
    ("MinMaxScaler", {}, "wine", {"feature_range": [-1, 2], "clip": True}, 1e-12),
    ("MaxAbsScaler", {}, "wine", {"clip": True}, 1e-12),
    ("Normalizer", {}, "wine", {"norm": "l1"}, 1e-12),
    ("Normalizer", {}, "wine", {"norm": "max"}, 1e-12),
    ("RobustScaler", {}, "wine", {"with_centering": False, "quantile_range": [10, 80]}, 1e-12),
    ("RobustScaler", {}, "wine", {"with_scaling": False}, 1e-12),
    ("RobustScaler", {}, "blobs", {"unit_variance": True}, 1e-12),
    ("PCA", FULL, "iris", {}, 1e-9),
    ("PCA", FULL, "wine", {}, 1e-9),
    ("PCA", FULL, "blobs", {"whiten": True}, 1e-9),
    ("PCA", FULL, "breast_cancer", {"n_components": 5}, 1e-9),
    ("PCA", FULL, "digits", {"n_components": 6}, 1e-9),
    ("PCA", FULL, "digits", {"n_components": 0.5, "whiten": True}, 1e-9),
    ("PCA", FULL, "offset_1e6", {"n_components": 3}, 1e-7),
] + [
    ("SimpleImputer", {}, name, parameters, 1e-12)
    for name in ["iris", "wine", "digits", "blobs"]
    for parameters in [
        {}, {"strategy": "median"}, {"strategy": "most_frequent"},
        {"strategy": "constant", "fill_value": -1.5},
    ]
]
# These know of gaps: what is missing does not count, and stays missing.
SCALED_GAPS = [
    (cls, {}, name, parameters, 1e-12)
    for name in ["iris", "wine"]
    for cls, parameters in [
        ("StandardScaler", {}), ("MinMaxScaler", {}), ("MaxAbsScaler", {}), ("RobustScaler", {}),
        ("MinMaxScaler", {"feature_range": [-1, 2], "clip": True}), ("MaxAbsScaler", {"clip": True}),
        ("RobustScaler", {"unit_variance": True}),
    ]
]
ATTRIBUTES = [
    "mean_", "var_", "scale_", "min_", "data_min_", "data_max_", "max_abs_", "center_", "components_",
    "explained_variance_", "explained_variance_ratio_", "singular_values_", "noise_variance_",
    "statistics_",
]


def gaps(x):
    """Without some values: every seventh of the table, and a whole row."""
    x = x.copy()
    x.reshape(-1)[::7] = np.nan
    x[3] = np.nan
    return x


def main():
    cases = []
    for at, (name, theirs, dataset, ours, tolerance) in enumerate(CASES + SCALED_GAPS):
        x, _ = data.load(dataset)
        has_gaps = name == "SimpleImputer" or at >= len(CASES)
        if has_gaps:
            x = gaps(x)
        cls = next(getattr(m, name) for m in [preprocessing, decomposition, impute] if hasattr(m, name))
        given = ours | theirs
        for pair in ["feature_range", "quantile_range"]:
            if pair in given:
                given[pair] = tuple(given[pair])
        model = cls(**given).fit(x)
        arrays = {
            attribute.removesuffix("_"): np.asarray(getattr(model, attribute), dtype=float).tolist()
            for attribute in ATTRIBUTES
            if getattr(model, attribute, None) is not None
        }
        cases.append({
            "class": name, "data": dataset, "parameters": ours, "tolerance": tolerance,
            "gaps": has_gaps, "arrays": arrays, "outputs": [[None if np.isnan(v) else v for v in row] for row in model.transform(x)[:ROWS].tolist()],
        })
    text = json.dumps(cases, separators=(",", ":")).replace('{"class"', '\n{"class"')
    pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
