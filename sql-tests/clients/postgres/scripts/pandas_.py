"""pandas over SQLAlchemy and ADBC, polars, connectorx: whole tables as data frames."""

import connectorx
import pandas as pd
import polars as pl
import sqlalchemy as sa
from transcript import attempt, url

engine = sa.create_engine(url("postgresql+psycopg2"))


def shown(value):
    """A value as text; a memoryview's text would be its address."""
    return str(bytes(value) if isinstance(value, memoryview) else value)


def frame(df):
    return {"columns": [(c, str(t)) for c, t in df.dtypes.items()], "rows": [[None if v is None or v is pd.NaT else shown(v) for v in row] for row in df.itertuples(index=False)][:5], "count": len(df)}


attempt("read_sql", lambda: frame(pd.read_sql("SELECT * FROM fields ORDER BY id", engine)))
attempt("read_sql_table", lambda: frame(pd.read_sql_table("orders", engine).sort_values("id")))
attempt("read_sql_table of a schema", lambda: frame(pd.read_sql_table("notes", engine, schema="side")))
attempt("read_sql with values", lambda: frame(pd.read_sql(sa.text("SELECT * FROM orders WHERE id > :n ORDER BY id"), engine, params={"n": 1})))
attempt("read_sql by dates", lambda: frame(pd.read_sql("SELECT * FROM orders ORDER BY id", engine, parse_dates=["placed"])))
attempt("read_sql in parts", lambda: sum(len(part) for part in pd.read_sql("SELECT * FROM points", engine, chunksize=300)))
made = pd.DataFrame({"i": [1, 2, None], "t": ["a", None, "ü"], "f": [1.5, None, 2.5], "b": [True, False, True], "d": pd.to_datetime(["2024-02-29 00:00:00", None, "2024-01-01 01:02:03"])})
for method in (None, "multi"):
    attempt(f"to_sql {method}", lambda: made.to_sql("made", engine, if_exists="replace", index=False, method=method))
    attempt(f"to_sql {method} read", lambda: frame(pd.read_sql("SELECT * FROM made ORDER BY i", engine)))
attempt("to_sql append", lambda: made.to_sql("made", engine, if_exists="append", index=False))
attempt("to_sql fail", lambda: made.to_sql("made", engine, if_exists="fail", index=False))
attempt("to_sql many", lambda: pd.DataFrame({"a": range(5000), "b": [str(n) for n in range(5000)]}).to_sql("many", engine, if_exists="replace", index=False, chunksize=1000, method="multi"))
attempt("to_sql many read", lambda: frame(pd.read_sql("SELECT count(*), sum(a) FROM many", engine)))


def polars_frame(df):
    return {"columns": [(c, str(t)) for c, t in df.schema.items()], "rows": [[str(v) for v in row] for row in df.rows()][:5], "count": df.height}


ORDERS = "SELECT id, customer, amount, placed FROM orders ORDER BY id"
attempt("polars adbc", lambda: polars_frame(pl.read_database_uri(ORDERS, url(), engine="adbc")))
attempt("polars connectorx", lambda: polars_frame(pl.read_database_uri("SELECT id, customer, placed FROM orders ORDER BY id", url(), engine="connectorx")))
attempt("polars connection", lambda: polars_frame(pl.read_database(ORDERS, engine.connect())))
attempt("polars write", lambda: pl.DataFrame({"x": [1, 2], "y": ["a", None]}).write_database("polars_made", url(), engine="adbc", if_table_exists="replace"))
attempt("polars written", lambda: polars_frame(pl.read_database_uri("SELECT * FROM polars_made ORDER BY x", url(), engine="adbc")))
for column in ("id", "name", "price", "ratio", "half", "small", "big", "flag", "day", "at", "zoned", "raw", "numbers", "tags"):
    attempt(f"connectorx {column}", lambda: (lambda t: ([str(f.type) for f in t.schema], [str(v) for v in t.column(0).to_pylist()]))(connectorx.read_sql(url(), f"SELECT {column} FROM fields WHERE id = 1", return_type="arrow")))
attempt("connectorx in partitions", lambda: connectorx.read_sql(url(), "SELECT k, v FROM points", partition_on="k", partition_num=4, return_type="arrow").num_rows)
attempt("connectorx error", lambda: connectorx.read_sql(url(), "SELECT nothing", return_type="arrow"))
