"""Training and scoring beside scikit-learn, on the same Parquet file in the same run.

    python3 bench/models.py path/to/quern [--rows 1000000] [--large 100000000] [--search 20000000]
        [--walkthrough 2592000] [--dask-sql path/to/python]

Needs a Python with scikit-learn and pyarrow. scikit-learn's times are of fitting alone, on arrays that
are in memory; Quern's are of the whole statement, which reads the file. The walk-through is that of
dask-sql's documentation, in Quern and, where a Python with dask-sql is named, there; it runs as well over
all rows, in processes that run already.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import pyarrow
import pyarrow.parquet
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression


def columns(rows, width, start=0):
    """Features around eight centres, a target that is linear in them, and a label."""
    centres = numpy.random.default_rng(8).random((8, width)) * 10
    rng = numpy.random.default_rng(start)
    features = centres[rng.integers(0, 8, rows)] + rng.normal(size=(rows, width))
    target = features @ numpy.linspace(-1, 1, width) + rng.normal(size=rows) * 5
    return features, target, target > 0


def write(path, rows, width, chunk=1_000_000):
    writer = None
    for start in range(0, rows, chunk):
        features, target, label = columns(min(chunk, rows - start), width, start)
        data = {f"x{i}": features[:, i] for i in range(width)} | {"y": target, "label": label}
        table = pyarrow.table(data)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema, compression="none", use_dictionary=False)
        writer.write_table(table)
    writer.close()


class Quern:
    def __init__(self, binary, folder):
        self.command = [binary, "sql", "--data-dir", str(folder)]

    def run(self, sql, *options):
        """The seconds that a statement takes, and the most memory of its process in MiB."""
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as shown:
            process = subprocess.Popen([*self.command, *options, "-c", sql], stdout=shown, stderr=shown)
            _, status, usage = os.wait4(process.pid, 0)
            took = time.monotonic() - began
            if status:
                shown.seek(0)
                sys.exit(shown.read())
        return took, usage.ru_maxrss / 1024


def fit(estimator, *data):
    began = time.monotonic()
    estimator.fit(*data)
    return time.monotonic() - began


def model(name, model_class, query, **options):
    given = "".join(f", {key} = {value}" for key, value in options.items())
    return f"CREATE OR REPLACE MODEL {name} WITH (model_class = '{model_class}'{given}) AS ({query})"


def beside(quern, folder, rows):
    path = folder / "rows.parquet"
    write(path, rows, 20)
    features, target, label = columns(min(rows, 1_000_000), 20)
    names = ", ".join(f"x{i}" for i in range(20))
    cases = [
        ("LinearRegression", "y", {}, lambda: fit(LinearRegression(), features, target)),
        ("LogisticRegression", "label", {}, lambda: fit(LogisticRegression(), features, label)),
        ("KMeans", None, {"n_clusters": 8, "random_state": 1},
         lambda: fit(KMeans(8, n_init=1, random_state=1), features)),
    ]
    print(f"{rows} rows × 20{'':20} {'Quern':>8} {'sklearn':>8} {'ratio':>6}")
    for name, column, options, theirs in cases:
        chosen = f"SELECT {names}{', ' + column if column else ''} FROM '{path}'"
        if column:
            options = options | {"target_column": f"'{column}'"}
        ours = min(quern.run(model("m", name, chosen, **options))[0] for _ in range(3))
        theirs = min(theirs() for _ in range(3))
        print(f"{name:36} {ours:8.2f} {theirs:8.2f} {ours / theirs:6.2f}")


def large(quern, folder, rows):
    path = folder / "large.parquet"
    write(path, rows, 10)
    names = ", ".join(f"x{i}" for i in range(10))
    took, peak = quern.run(model("large", "LinearRegression", f"SELECT {names}, y FROM '{path}'", target_column="'y'"),
                            "--memory-limit", "256MiB")
    print(f"LinearRegression, {rows} rows × 10, 256 MiB: {took:.1f} s, {rows / took / 1e6:.2f} M rows/s, {peak:.0f} MiB")
    path.unlink()


def search(quern, folder, rows):
    path = folder / "search.parquet"
    write(path, rows, 5)
    query = f"SELECT x0, x1, x2, x3, x4, y FROM '{path}'"
    for name in ["Ridge", "Lasso", "ElasticNet"]:
        sql = f"""CREATE OR REPLACE EXPERIMENT e WITH (model_class = '{name}', experiment_class = 'GridSearchCV',
            tune_parameters = (alpha = ARRAY[0.001, 0.01, 0.1, 1.0, 10.0]), experiment_kwargs = (cv = 5),
            target_column = 'y') AS ({query})"""
        took, _ = quern.run(sql)
        print(f"search, {name}, 5 alphas × 5 folds, {rows} rows × 5: {took:.1f} s, {rows / took / 1e6:.2f} M rows/s")
    path.unlink()


def predict(quern, folder, rows):
    path = folder / "predict.parquet"
    write(path, rows, 30)
    names = ", ".join(f"x{i}" for i in range(30))
    quern.run(model("wide", "LinearRegression", f"SELECT {names}, y FROM '{path}' LIMIT 100000", target_column="'y'"))
    read = min(quern.run(f"SELECT sum({'+'.join(f'x{i}' for i in range(30))}) FROM '{path}'")[0] for _ in range(3))
    scored = min(quern.run(f"SELECT sum(target) FROM PREDICT(MODEL wide, SELECT {names} FROM '{path}')")[0] for _ in range(3))
    print(f"PREDICT, 30 features, {rows} rows: {scored:.2f} s, {rows / scored / 1e6:.1f} M rows/s; a sum of the columns {read:.2f} s")
    # Of rows in memory: what five statements more take.
    keep = f"PERSIST (SELECT {names} FROM '{path}') AS kept"
    for what, statement in [("PREDICT", "SELECT sum(target) FROM PREDICT(MODEL wide, TABLE kept)"),
                            ("a sum of the columns", f"SELECT sum({'+'.join(f'x{i}' for i in range(30))}) FROM kept")]:
        times = [min(quern.run("; ".join([keep] + [statement] * n))[0] for _ in range(3)) for n in [1, 6]]
        took = (times[1] - times[0]) / 5
        print(f"  over rows in memory, {what}: {took:.3f} s, {rows / took / 1e6:.1f} M rows/s")


WALKTHROUGH = """CREATE OR REPLACE MODEL my_model WITH (
    model_class = 'sklearn.linear_model.LogisticRegression', wrap_predict = True, target_column = 'target'
) AS (SELECT x, y, x + y > 0 AS target FROM timeseries{limit});
SELECT count(*) AS scored, sum(CASE WHEN target THEN 1 ELSE 0 END) AS positive
FROM PREDICT(MODEL my_model, SELECT x, y FROM timeseries{limit})"""

# What a Python with dask-sql runs: the seconds of the statements, after a first time that nothing counts.
IN_DASK_SQL = """
import sys, time
import dask.dataframe
from dask_sql import Context
context = Context()
context.create_table("timeseries", dask.dataframe.read_parquet(sys.argv[1]))
train, predict = sys.argv[2].split(";")
def run():
    began = time.monotonic()
    context.sql(train)
    context.sql(predict).compute()
    return time.monotonic() - began
run()
print(min(run() for _ in range(3)))
"""


def walkthrough(quern, folder, rows, dask_sql):
    """The columns of dask.datasets.timeseries that models learn from."""
    path = folder / "timeseries.parquet"
    rng = numpy.random.default_rng(1)
    data = {name: rng.uniform(-1, 1, rows) for name in ["x", "y"]}
    pyarrow.parquet.write_table(pyarrow.table(data), path, row_group_size=100_000)
    view = f"CREATE VIEW timeseries AS SELECT * FROM '{path}'; "
    for limit, shown in [(" LIMIT 100", "100 rows, as documented"), ("", f"{rows} rows")]:
        sql = WALKTHROUGH.format(limit=limit)
        # What a process takes to start is in both.
        times = [min(quern.run(view + ";".join([sql] * n) + "; DROP VIEW timeseries")[0] for _ in range(3)) for n in [1, 4]]
        ours = (times[1] - times[0]) / 3
        print(f"walk-through, {shown}: {ours:.3f} s; a process of its own {times[0]:.2f} s")
        features = numpy.column_stack(list(data.values()))[: 100 if limit else rows]
        label = features.sum(axis=1) > 0
        sklearn = LogisticRegression()
        took = min(fit(sklearn, features, label) for _ in range(3))
        print(f"  scikit-learn, to fit arrays in memory: {took:.3f} s")
        if dask_sql:
            command = [dask_sql, "-W", "ignore", "-c", IN_DASK_SQL, str(path), sql]
            began = time.monotonic()
            theirs = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
            print(f"  dask-sql: {theirs:.3f} s, {theirs / ours:.1f} times as long; the process {time.monotonic() - began:.1f} s")
    path.unlink()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("quern")
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--large", type=int, default=100_000_000)
    options.add_argument("--search", type=int, default=20_000_000)
    options.add_argument("--predict", type=int, default=10_000_000)
    options.add_argument("--walkthrough", type=int, default=2_592_000)
    options.add_argument("--dask-sql", help="a Python that has dask-sql")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        quern = Quern(given.quern, folder / "data")
        for measure, rows in [(beside, given.rows), (predict, given.predict), (search, given.search), (large, given.large)]:
            if rows:
                measure(quern, folder, rows)
        if given.walkthrough:
            walkthrough(quern, folder, given.walkthrough, given.dask_sql)


if __name__ == "__main__":
    main()
