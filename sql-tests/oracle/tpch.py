"""Writes the answers of TPC-H that the tests expect, from DuckDB over the tests' own data.

    TPCH_KEEP=/some/folder cargo test --workspace --test it tpch
    python3 sql-tests/oracle/tpch.py /some/folder
"""

import pathlib
import sys

import duckdb

from oracles import duck_text

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    connection = duckdb.connect()
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.parquet")):
        connection.execute(f"CREATE VIEW {file.stem} AS SELECT * FROM '{file}'")
    (ROOT / "tpch").mkdir(exist_ok=True)
    for query in sorted((ROOT.parent / "bench/queries/tpch").glob("q*.sql")):
        rows = connection.execute(query.read_text()).fetchall()
        lines = ["\t".join("NULL" if v is None else duck_text(v) for v in row) for row in rows]
        (ROOT / f"tpch/{query.stem}.tsv").write_text("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    main()
