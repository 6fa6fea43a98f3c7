"""Golden values of OneHotEncoder: `python3 one_hot.py` writes one_hot.json."""

import json
import pathlib

import numpy as np
from sklearn.preprocessing import OneHotEncoder

ROWS = 60
UNKNOWN = ["violet", True, 99, 0.25]
CASES = [
    {}, {"drop": "first"}, {"drop": "if_binary"}, {"min_frequency": 8}, {"min_frequency": 0.2},
    {"max_categories": 1}, {"max_categories": 2}, {"max_categories": 3},
    {"max_categories": 3, "drop": "first"}, {"min_frequency": 13, "drop": "if_binary"},
    {"min_frequency": 100, "drop": "first"}, {"min_frequency": 9, "max_categories": 4},
]


def columns():
    """Text, booleans, whole numbers that sort otherwise as text, and numbers."""
    rows = range(ROWS)
    colours = ["red", "green", "Blue", "red", "yellow", "green", "red"]
    return {
        "colour": [colours[row % 7] if row % 11 else "rare" for row in rows],
        "flag": [row % 3 == 0 for row in rows],
        "size": [[2, 10, 100, 2, 2][row * row % 5] - row % 2 for row in rows],
        "half": [[0.5, -1.0, 3.0][row % 3] if row % 30 else (-0.0 if row else 0.0) for row in rows],
    }


def table(given):
    """Booleans as SQL writes them."""
    given = dict(given)
    given["flag"] = [str(flag).lower() for flag in given["flag"]]
    return np.array(list(given.values()), dtype=object).T


def main():
    given = columns()
    unknown = {name: [value] for name, value in zip(given, UNKNOWN)}
    cases = []
    for ours in CASES:
        model = OneHotEncoder(sparse_output=False, handle_unknown="ignore", **ours).fit(table(given))
        cases.append({
            "parameters": ours,
            "names": model.get_feature_names_out(list(given)).tolist(),
            "outputs": model.transform(table(given)).tolist(),
            "unknown": model.transform(table(unknown)).tolist(),
        })
    text = json.dumps({"columns": given, "unknown": unknown, "cases": cases}, separators=(",", ":"))
    text = text.replace('{"parameters"', '\n{"parameters"').replace(".0,", ",").replace(".0]", "]")
    pathlib.Path(__file__).with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
