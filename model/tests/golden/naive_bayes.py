"""Golden values of naive Bayes: `python3 naive_bayes.py` writes naive_bayes.json."""

import json
import pathlib

from sklearn.naive_bayes import GaussianNB

import data

CASES = [
    ("iris", {}),
    ("wine", {}),
    ("breast_cancer", {}),
    ("digits", {}),
    ("iris", {"priors": [0.2, 0.3, 0.5]}),
    ("wine", {"var_smoothing": 1e-4}),
]


def main():
    cases = []
    for name, ours in CASES:
        x, y = data.load(name)
        model = GaussianNB(**ours).fit(x, y)
        few = name != "digits"
        case = {
            "data": name, "parameters": ours, "class_prior": model.class_prior_.tolist(),
            "epsilon": float(model.epsilon_),
            "labels": [int(label) for label in model.predict(x)],
            "probabilities": model.predict_proba(x)[:20].tolist(),
        }
        if few:
            case |= {"theta": model.theta_.tolist(), "var": model.var_.tolist()}
        cases.append(case)
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(cases, separators=(",", ":")).replace('{"data"', '\n{"data"') + "\n")


if __name__ == "__main__":
    main()
