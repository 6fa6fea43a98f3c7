"""pg8000: a driver in plain Python; both of its interfaces."""

import datetime as dt
import decimal
import os

import pg8000.dbapi
import pg8000.native
from transcript import COLUMNS, attempt, host, named, port

place = {"user": os.environ["PGUSER"], "host": host(), "port": port(), "database": os.environ["PGDATABASE"], "password": os.environ["PGPASSWORD"]}
n = pg8000.native.Connection(**place)


def ask(sql, **values):
    rows = n.run(sql, **values)
    return {"rows": rows, "columns": [(c["name"], c["type_oid"], c["type_size"], c["type_modifier"], c["format"]) for c in n.columns or []], "count": n.row_count}


for column in COLUMNS:
    attempt(f"type {column}", lambda: ask(named(column)))
attempt("parameters", lambda: ask("SELECT CAST(:a AS int), :b, :c", a=1, b="x", c=None))
attempt("kinds", lambda: ask("SELECT :a, :b, :c, :d, :e", a=1.5, b=decimal.Decimal("1.50"), c=dt.date(2024, 2, 29), d=True, e=[1, 2]))
attempt("compared", lambda: ask("SELECT id FROM fields WHERE id = :a AND name = :b", a=1, b="plain"))
attempt("insert", lambda: ask("INSERT INTO scratch VALUES (:a, :b)", a=1, b="x"))
attempt("error", lambda: ask("SELECT nothing"))
attempt("after an error", lambda: ask("SELECT 1::int"))
p = n.prepare("SELECT v FROM points WHERE k = :k")
attempt("prepared", lambda: [p.run(k=k) for k in range(1, 8)])
attempt("prepared is closed", lambda: p.close())
attempt("copy", lambda: n.run("COPY scratch FROM STDIN", stream=["5\tx\n", "6\t\\N\n"]))
n.close()
c = pg8000.dbapi.connect(**place, application_name="pg8000")
cu = c.cursor()
attempt("dbapi", lambda: (cu.execute("SELECT * FROM fields WHERE id = %s", (1,)), cu.fetchall(), [d[:2] for d in cu.description])[1:])
attempt("dbapi commit", lambda: c.commit())
attempt("dbapi failure", lambda: cu.execute("SELECT nothing"))
attempt("dbapi behind it", lambda: cu.execute("SELECT 1::int"))
attempt("dbapi rollback", lambda: (c.rollback(), cu.execute("SELECT 1::int"), cu.fetchall())[2])
c.close()
