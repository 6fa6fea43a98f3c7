"""psqlODBC through unixODBC: types, the catalog functions of ODBC, parameters, and every way to fetch."""

import datetime as dt
import decimal
import os

import pyodbc
from transcript import COLUMNS, attempt, host, named, port

DRIVER = "/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so"


def connect(**more):
    place = {"DRIVER": DRIVER, "SERVER": host(), "PORT": port(), "DATABASE": os.environ["PGDATABASE"], "UID": os.environ["PGUSER"],
             "PWD": os.environ["PGPASSWORD"]} | more
    return pyodbc.connect(";".join(f"{k}={v}" for k, v in place.items()), autocommit=True)


def state(work):
    """ODBC has SQLSTATEs of its own; the server's is in the message."""
    try:
        return work()
    except pyodbc.Error as error:
        return error.args[0]


def ask(sql, *values, on=None):
    cursor = (on or c).execute(sql, *values)
    rows = [list(row) for row in cursor.fetchall()] if cursor.description else None
    return {"rows": rows, "columns": [(d[0], d[1].__name__, *d[3:]) for d in cursor.description or []], "count": cursor.rowcount if rows is None else None}


def listed(cursor, *names):
    places = [[d[0] for d in cursor.description].index(name) for name in names]
    return [[row[n] for n in places] for row in cursor.fetchall()]


c = connect()
for column in COLUMNS:
    # The driver's own types have no year behind 9999 and no instants of a zone.
    attempt(f"type {column}", lambda: ask(f"SELECT {column} FROM fields WHERE id <> 3 ORDER BY id"))
attempt("tables", lambda: listed(c.cursor().tables(schema="public"), "table_schem", "table_name", "table_type"))
attempt("table by name", lambda: listed(c.cursor().tables(table="fi%", tableType="TABLE"), "table_name"))
attempt("columns", lambda: listed(c.cursor().columns(table="fields", schema="public"), "column_name", "type_name", "nullable", "ordinal_position"))
attempt("primary keys", lambda: listed(c.cursor().primaryKeys("fields"), "column_name"))
attempt("foreign keys", lambda: listed(c.cursor().foreignKeys(table="fields"), "fkcolumn_name"))
attempt("statistics", lambda: [row[:1] for row in listed(c.cursor().statistics("fields"), "index_name") if row[0]])
attempt("row identifier", lambda: listed(c.cursor().rowIdColumns("fields"), "column_name"))
attempt("types", lambda: len(c.cursor().getTypeInfo().fetchall()) > 10)
attempt("procedures work", lambda: len(c.cursor().procedures(schema="public").fetchall()))
attempt("driver knows the server", lambda: c.getinfo(pyodbc.SQL_DBMS_NAME))
for name, values in {"int": 1, "text": "x", "null": None, "double": 1.5, "bool": True, "day": dt.date(2024, 2, 29), "bytes": b"\x00\xff",
                     "moment": dt.datetime(2024, 2, 29, 12, 34, 56, 789000), "unicode": "漢字"}.items():
    attempt(f"parameter {name}", lambda: ask("INSERT INTO scratch (b) VALUES (CAST(? AS text))", values) and ask("SELECT b FROM scratch"))
    attempt(f"forget {name}", lambda: ask("DELETE FROM scratch"))
attempt("compared int", lambda: ask("SELECT id FROM fields WHERE id = ?", 1))
attempt("compared text", lambda: ask("SELECT id FROM fields WHERE name = ?", "plain"))
attempt("compared numeric", lambda: ask("SELECT id FROM fields WHERE price = ?", decimal.Decimal("12.50")))
attempt("compared day", lambda: ask("SELECT id FROM fields WHERE day = ?", dt.date(2024, 2, 29)))
attempt("compared bool", lambda: ask("SELECT id FROM fields WHERE flag = ?", True))
attempt("again and again", lambda: [ask("SELECT v FROM points WHERE k = ?", k)["rows"] for k in range(1, 9)])
attempt("executemany", lambda: c.cursor().executemany("INSERT INTO scratch VALUES (?, ?)", [(k, f"b{k}") for k in range(20)]))
attempt("executemany inserted", lambda: ask("SELECT count(*), sum(a) FROM scratch"))
attempt("update", lambda: ask("UPDATE scratch SET b = 'z' WHERE a < ?", 5))
attempt("many rows", lambda: sum(row[0] for row in c.execute("SELECT k FROM points")))
attempt("error", lambda: state(lambda: ask("SELECT nothing FROM fields")))
attempt("syntax", lambda: state(lambda: ask("SELEC 1")))
attempt("value", lambda: state(lambda: ask("SELECT CAST('x' AS int)")))
attempt("after errors", lambda: ask("SELECT CAST(1 AS int) AS one"))
t = connect()
t.autocommit = False
attempt("transaction", lambda: ask("SELECT CAST(1 AS int) AS one", on=t))
attempt("failure", lambda: state(lambda: ask("SELECT nothing", on=t)))
attempt("rollback", lambda: t.rollback())
attempt("behind it", lambda: ask("SELECT CAST(1 AS int) AS one", on=t))
attempt("commit", lambda: t.commit())
t.close()
f = connect(UseDeclareFetch=1, Fetch=100)
f.autocommit = False
attempt("by cursors", lambda: sum(row[0] for row in f.execute("SELECT k FROM points")))
attempt("by cursors, left early", lambda: [f.execute("SELECT k FROM points ORDER BY k").fetchone()[0], f.execute("SELECT count(*) FROM points").fetchone()[0]])
f.close()
s = connect(UseServerSidePrepare=0)
attempt("prepared by the driver", lambda: [ask("SELECT id, name FROM fields WHERE id = ? AND name = ?", 1, "plain", on=s)["rows"]])
s.close()
c.close()
