"""ADBC's driver for PostgreSQL: everything by binary COPY, ingestion, catalogs as Arrow."""

import datetime as dt
import decimal

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
from transcript import COLUMNS, attempt, named, url


def table(t):
    return {"types": [(f.name, str(f.type)) for f in t.schema], "rows": [[str(v) for v in row.values()] for row in t.to_pylist()][:5], "count": t.num_rows}


c = adbc.connect(url(), autocommit=True)
cu = c.cursor()
ask = lambda sql, values=None: (cu.execute(sql, values), table(cu.fetch_arrow_table()))[1]
attempt("vendor", lambda: c.adbc_get_info()["vendor_name"])
for column in COLUMNS:
    attempt(f"type {column}", lambda: ask(named(column)))
for value in (1, 1.5, "x", None, True, b"\x00", dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3), decimal.Decimal("1.50")):
    attempt(f"parameter {value!r}", lambda: ask("SELECT $1", (value,)))
attempt("parameter with a type", lambda: ask("SELECT $1::int + 1", (1,)))
attempt("parameter compared", lambda: ask("SELECT id FROM fields WHERE id = $1", (1,)))
attempt("no rows", lambda: ask("SELECT id, name FROM fields WHERE false"))
attempt("schema", lambda: str(cu.adbc_execute_schema("SELECT id, name, price FROM fields")))
attempt("insert", lambda: (cu.execute("INSERT INTO scratch VALUES (1, 'x')"), cu.rowcount)[1])
attempt("insert with values", lambda: (cu.executemany("INSERT INTO scratch VALUES ($1, $2)", [(2, "y"), (3, None)]), cu.rowcount)[1])
attempt("inserted", lambda: ask("SELECT * FROM scratch ORDER BY a"))
attempt("ddl", lambda: (cu.execute("CREATE TABLE made (a int)"), cu.execute("DROP TABLE made"))[:0])
attempt("error", lambda: ask("SELECT nothing"))
attempt("after an error", lambda: ask("SELECT 1::int"))
data = pa.table({"i": pa.array([1, None], pa.int32()), "b": pa.array([2**40, None]), "t": ["x", None], "f": [1.5, None], "o": [True, None], "d": pa.array([dt.date(2024, 2, 29), None]), "s": pa.array([dt.datetime(2024, 2, 29, 1, 2, 3), None], pa.timestamp("us")), "z": pa.array([dt.datetime(2024, 2, 29, 1, 2, 3), None], pa.timestamp("us", "UTC")), "x": pa.array([b"\x00", None])})
for mode in ("create", "append", "replace", "create_append"):
    attempt(f"ingest {mode}", lambda: cu.adbc_ingest("ingested", data, mode=mode))
    attempt(f"ingested {mode}", lambda: ask("SELECT * FROM ingested ORDER BY i"))
attempt("ingest again", lambda: cu.adbc_ingest("ingested", data, mode="create"))
attempt("ingest lists", lambda: cu.adbc_ingest("lists", pa.table({"a": [[1, 2], None]}), mode="create"))
attempt("ingest many", lambda: cu.adbc_ingest("many", pa.table({"a": range(100_000)}), mode="create"))
attempt("ingested many", lambda: ask("SELECT count(*), sum(a) FROM many"))
attempt("schema of a table", lambda: str(c.adbc_get_table_schema("orders")))
attempt("schema of no table", lambda: str(c.adbc_get_table_schema("nowhere")))
attempt("table types", lambda: sorted(c.adbc_get_table_types()))


def objects(**more):
    """The tables of our schemas with their columns."""
    found = []
    for catalog in c.adbc_get_objects(**more).read_all().to_pylist():
        for schema in catalog["catalog_db_schemas"] or []:
            if schema["db_schema_name"] in ("public", "side"):
                for t in schema["db_schema_tables"] or []:
                    found.append((schema["db_schema_name"], t["table_name"], t["table_type"], sorted((k["ordinal_position"], k["column_name"]) for k in t["table_columns"] or [])))
    return sorted(found)


attempt("objects", lambda: objects(depth="all"))
attempt("tables", lambda: objects(depth="tables", table_name_filter="o%"))
attempt("catalog and schema", lambda: (c.adbc_current_db_schema,))
c.close()
t = adbc.connect(url())
tc = t.cursor()
attempt("transaction", lambda: (tc.execute("SELECT 1::int"), tc.fetchall(), t.commit())[1])
attempt("failed transaction", lambda: tc.execute("SELECT nothing"))
attempt("rolled back", lambda: (t.rollback(), tc.execute("SELECT 1::int"), tc.fetchall())[2])
t.close()
