"""Golden values of the linear regressions: `python3 linear.py` writes linear.json."""

import json
import pathlib

from sklearn.linear_model import LinearRegression

import data

CASES = [
    # Class, scikit-learn's own setting where it is not exact by default, data, ours, tolerances.
    (LinearRegression, {"tol": 0}, name, {}, coefficients, predictions)
    for name, coefficients, predictions in [
        ("diabetes", 1e-10, 1e-12), ("diabetes_raw", 1e-10, 1e-12), ("wine", 1e-10, 1e-10),
        ("breast_cancer", 1e-9, 1e-10), ("offset_1e0", 1e-12, 1e-12), ("offset_1e3", 1e-10, 1e-10),
        ("offset_1e6", 1e-8, 1e-8), ("offset_1e8", 1e-6, 1e-6),
    ]
] + [
    (LinearRegression, {"tol": 0}, "powers_5", {"tol": 0}, 1e-8, 1e-10),
    (LinearRegression, {"tol": 0}, "powers_8", {"tol": 0}, 1e-8, 1e-10),
    (LinearRegression, {"tol": 0}, "diabetes", {"fit_intercept": False}, 1e-10, 1e-12),
]


def main():
    cases = []
    for cls, theirs, name, ours, tolerance, prediction_tolerance in CASES:
        x, y = data.load(name)
        model = cls(**(ours | theirs)).fit(x, y)
        cases.append({
            "class": cls.__name__, "data": name, "parameters": ours, "tolerance": tolerance,
            "prediction_tolerance": prediction_tolerance, "coef": model.coef_.tolist(),
            "intercept": float(model.intercept_), "predictions": model.predict(x)[:20].tolist(),
            "r2": model.score(x, y),
        })
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(cases, indent=None, separators=(",", ":")).replace('{"class"', '\n{"class"') + "\n")


if __name__ == "__main__":
    main()
