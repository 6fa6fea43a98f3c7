"""psycopg2: the simple protocol, cursors by name, COPY by streams."""

import datetime as dt
import decimal
import io
import threading

import psycopg2
import psycopg2.extras
from transcript import COLUMNS, attempt, named


def described(cursor):
    return [(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description or []]


def ask(cursor, sql, values=None):
    cursor.execute(sql, values)
    return {"rows": cursor.fetchall() if cursor.description else None, "columns": described(cursor), "tag": cursor.statusmessage, "count": cursor.rowcount}


def fresh(**more):
    connection = psycopg2.connect("", **more)
    connection.autocommit = True
    return connection


c = fresh()
cu = c.cursor()
attempt("server", lambda: {k: c.get_parameter_status(k) for k in ("server_encoding", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes", "standard_conforming_strings", "is_superuser", "application_name", "IntervalStyle")})
for column in COLUMNS:
    attempt(f"type {column}", lambda: ask(cu, named(column)))
attempt("parameters", lambda: ask(cu, "SELECT %s::int, %s, %s, %s", (1, "it's \\ ü", None, 1.5)))
attempt("more parameters", lambda: ask(cu, "SELECT %s, %s, %s, %s, %s", (decimal.Decimal("1.50"), dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3), [1, 2], b"\x00\xff")))
attempt("in", lambda: ask(cu, "SELECT id FROM fields WHERE id IN %s ORDER BY id", ((1, 3),)))
attempt("any", lambda: ask(cu, "SELECT id FROM fields WHERE id = ANY(%s) ORDER BY id", ([1, 3],)))
attempt("like", lambda: ask(cu, "SELECT id FROM fields WHERE name LIKE %s", ("pl%",)))
attempt("mogrified", lambda: ask(cu, "SELECT %(a)s, %(b)s", {"a": "x", "b": "y"}))
attempt("insert", lambda: ask(cu, "INSERT INTO scratch VALUES (%s, %s)", (1, "x")))
attempt("executemany", lambda: (cu.executemany("INSERT INTO scratch VALUES (%s, %s)", [(2, "y"), (3, None)]), cu.rowcount)[1])
attempt("execute_values", lambda: psycopg2.extras.execute_values(cu, "INSERT INTO scratch VALUES %s", [(n, str(n)) for n in range(10, 250)]))
attempt("execute_batch", lambda: psycopg2.extras.execute_batch(cu, "INSERT INTO scratch VALUES (%s, %s)", [(n, "b") for n in range(300, 450)]))
attempt("inserted", lambda: ask(cu, "SELECT count(*), sum(a) FROM scratch"))
attempt("two statements", lambda: ask(cu, "SELECT 1::int; SELECT 2::int"))
attempt("notices", lambda: (ask(cu, "DROP TABLE IF EXISTS nowhere"), len(c.notices))[1])
attempt("error", lambda: ask(cu, "SELECT nothing FROM fields"))
attempt("error with a primary message", lambda: ask(cu, "SELECT 1/0"))
attempt("after an error", lambda: ask(cu, "SELECT 1::int"))

t = psycopg2.connect("")
attempt("in a transaction", lambda: (ask(t.cursor(), "SELECT 1::int"), t.info.transaction_status))
attempt("failed transaction", lambda: ask(t.cursor(), "SELECT nothing"))
attempt("behind a failure", lambda: (ask(t.cursor(), "SELECT 1::int"), t.info.transaction_status))
attempt("rolled back", lambda: (t.rollback(), t.info.transaction_status, ask(t.cursor(), "SELECT 1::int")))
t.rollback()


def by_name():
    with t.cursor("a name") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT k FROM points ORDER BY k")
        first = cursor.fetchmany(3)
        more = sum(row[0] for row in cursor)
        return first, more, described(cursor)


attempt("cursor by name", by_name)
t.rollback()


def scrolls():
    with t.cursor("scrolls", scrollable=True) as cursor:
        cursor.execute("SELECT k FROM points ORDER BY k")
        cursor.scroll(10)
        return cursor.fetchone()


attempt("cursor that scrolls", scrolls)
t.rollback()
attempt("transaction of nothing", lambda: t.commit())
attempt("read only", lambda: (t.set_session(readonly=True, isolation_level="READ COMMITTED"), ask(t.cursor(), "SELECT 1::int"))[1])
t.rollback()
t.close()


def out(sql):
    buffer = io.StringIO()
    cu.copy_expert(sql, buffer)
    return buffer.getvalue()


def into(sql, text):
    cu.copy_expert(sql, io.StringIO(text))
    return cu.rowcount, cu.statusmessage


attempt("copy out", lambda: out("COPY (SELECT * FROM fields ORDER BY id) TO STDOUT"))
attempt("copy out csv", lambda: out("COPY (SELECT * FROM fields ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER true, DELIMITER ';')"))
attempt("copy in csv", lambda: into("COPY scratch (a, b) FROM STDIN WITH CSV", '1000,"q""q"\n1001,\n'))
attempt("copy in text", lambda: into("COPY scratch FROM STDIN", "1002\ta\\nb\n1003\t\\N\n"))
attempt("copy in bad", lambda: into("COPY scratch FROM STDIN", "x\ta\n"))
attempt("copy in too many", lambda: into("COPY scratch FROM STDIN", "1\ta\tb\n"))
attempt("copy_from", lambda: (cu.copy_from(io.StringIO("1004|z\n"), "scratch", sep="|", columns=("a", "b")), cu.rowcount)[1])
attempt("copied", lambda: ask(cu, "SELECT a, b FROM scratch WHERE a >= 1000 ORDER BY a"))
attempt("dictionaries", lambda: [dict(r) for r in (lambda x: (x.execute("SELECT 1 AS a, 2 AS b"), x.fetchall())[1])(c.cursor(cursor_factory=psycopg2.extras.RealDictCursor))])


def cancelled():
    timer = threading.Timer(1.0, c.cancel)
    timer.start()
    try:
        return ask(cu, "SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = 17")
    finally:
        timer.cancel()


attempt("literals", lambda: ask(cu, "SELECT 1, 2147483648, 1.5, 'x', NULL, true"))
attempt("cancel", cancelled)
attempt("after a cancel", lambda: ask(cu, "SELECT 1::int"))
attempt("statement_timeout", lambda: (ask(cu, "SET statement_timeout = '300ms'"), ask(cu, "SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = 17")))
attempt("reset", lambda: (ask(cu, "RESET statement_timeout"), ask(cu, "SHOW statement_timeout")))
attempt("many connections", lambda: [x.cursor().execute("SELECT 1::int") for x in [fresh() for _ in range(50)]])
attempt("options", lambda: ask(fresh(options="-c search_path=side -c TimeZone=Asia/Tokyo").cursor(), "SELECT current_setting('search_path'), current_setting('TimeZone')"))
c.close()
