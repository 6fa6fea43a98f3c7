"""psycopg 3: the extended protocol in text and binary, prepared statements, pipelines, cursors, COPY."""

import datetime as dt
import decimal
import threading

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from transcript import COLUMNS, attempt, named

D = decimal.Decimal


def described(cursor):
    return [(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description or []]


def all_of(cursor):
    return {"rows": cursor.fetchall() if cursor.description else None, "columns": described(cursor), "tag": cursor.statusmessage, "count": cursor.rowcount}


def ask(text, values=None, **more):
    binary = more.pop("binary", False)
    with c.cursor(binary=binary) as cursor:
        return all_of(cursor.execute(text, values, **more))


c = psycopg.connect("", autocommit=True)
attempt("server", lambda: {k: c.info.parameter_status(k) for k in ("server_encoding", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes", "standard_conforming_strings", "is_superuser", "IntervalStyle")})
for binary in (False, True):
    way = "binary" if binary else "text"
    for column in COLUMNS:
        attempt(f"{way} {column}", lambda: ask(named(column), (), binary=binary, prepare=True))
    for expression in ("time '12:34:56.5'", "interval '1 day 02:03:04.5'", "interval '-1 year -2 months'", "1.5::numeric(6,3)", "12345678901234567890.5", "ARRAY[1.5, NULL]::numeric[]", "ARRAY[[1,2],[3,4]]", "NULL", "'x'", "ARRAY['a']", "ARRAY[true]", "ARRAY[date '2024-01-01']",
                       "ARRAY[timestamp '2024-01-01 01:02:03']", "'\\x01'::bytea", "1::smallint", "1::real", "true", "count(*)", "sum(1::bigint)", "avg(1::int)", "max('x'::text)", "'x'::varchar(5)", "current_date - current_date", "'\\xff'::bytea || '\\x00'::bytea"):
        attempt(f"{way} {expression}", lambda: ask(f"SELECT {expression} AS v", (), binary=binary, prepare=True))

for name, text, values in [
    ("int", "SELECT %s::int", (1,)), ("untyped text", "SELECT %s", ("x",)), ("untyped null", "SELECT %s", (None,)), ("two kinds", "SELECT %s::int, %s, %s, %s", (1, "x", None, 1.5)),
    ("compared", "SELECT name FROM fields WHERE id = %s", (1,)), ("compared text", "SELECT id FROM fields WHERE name = %s", ("plain",)), ("compared date", "SELECT id FROM fields WHERE day = %s", (dt.date(2024, 2, 29),)),
    ("date as text", "SELECT id FROM fields WHERE day = %s", ("2024-02-29",)), ("compared numeric", "SELECT id FROM fields WHERE price = %s", (D("12.5"),)), ("float with numeric", "SELECT id FROM fields WHERE price > %s ORDER BY id", (0.5,)),
    ("timestamp", "SELECT id FROM fields WHERE at < %s ORDER BY id", (dt.datetime(2024, 1, 1),)), ("timestamptz", "SELECT id FROM fields WHERE zoned < %s ORDER BY id", (dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc),)),
    ("bytes", "SELECT id FROM fields WHERE raw = %s", (b"\x00\xff",)), ("bool", "SELECT id FROM fields WHERE flag = %s", (True,)), ("any list", "SELECT id FROM fields WHERE id = ANY(%s) ORDER BY id", ([1, 3],)),
    ("any texts", "SELECT id FROM fields WHERE name = ANY(%s) ORDER BY id", (["plain", ""],)), ("limit", "SELECT k FROM points ORDER BY k LIMIT %s OFFSET %s", (2, 3)), ("between", "SELECT count(*) FROM points WHERE k BETWEEN %s AND %s", (10, 20)),
    ("like", "SELECT count(*) FROM points WHERE v LIKE %s", ("v1%",)), ("in arithmetic", "SELECT id + %s, price * %s FROM orders, (SELECT 2 AS price) p ORDER BY id LIMIT 1", (1, 2)), ("concat", "SELECT name || %s FROM fields WHERE id = 1", ("!",)),
    ("coalesce", "SELECT coalesce(name, %s) FROM fields ORDER BY id", ("none",)), ("case", "SELECT CASE WHEN id > %s THEN %s ELSE %s END FROM fields ORDER BY id", (2, "big", "small")), ("twice", "SELECT %(a)s::int + %(a)s::int", {"a": 2}),
    ("interval", "SELECT timestamp '2024-01-01' + %s", (dt.timedelta(hours=1),)), ("uuid", "SELECT %s::text", ("6ba7b810-9dad-11d1-80b4-00c04fd430c8",)), ("huge int", "SELECT %s", (2**40,)), ("bigger int", "SELECT %s", (2**70,)), ("json", "SELECT %s::text", (Jsonb({"a": 1}),)),
    ("too few", "SELECT %s", ()), ("wrong type", "SELECT id FROM fields WHERE id = %s", ("x",)), ("in values", "INSERT INTO scratch VALUES (%s, %s)", (1, "x")), ("null in values", "INSERT INTO scratch VALUES (%s, %s)", (None, None)),
    ("update", "UPDATE scratch SET b = %s WHERE a = %s", ("z", 1)), ("delete", "DELETE FROM scratch WHERE a = %s OR a IS NULL", (1,)), ("correlated", "SELECT id, (SELECT max(o.amount) FROM orders o WHERE o.customer = orders.customer AND o.id > %s) FROM orders ORDER BY id", (1,)),
]:
    attempt(f"parameter {name}", lambda: ask(text, values))
    attempt(f"parameter {name}, binary", lambda: ask(text, values, binary=True))


def nine_times():
    return [ask("SELECT %s::int, v FROM points WHERE k = %s", (n, n))["rows"] for n in range(9)]


attempt("prepared by use", nine_times)
attempt("prepared statements", lambda: ask("SELECT count(*) > 0 FROM pg_prepared_statements")["rows"])
attempt("prepared DDL", lambda: [ask(text, prepare=True)["tag"] for text in ("CREATE TABLE made (a int)", "INSERT INTO made VALUES (1)", "DROP TABLE made", "BEGIN", "COMMIT")])


def changed_table():
    ask("CREATE TABLE changing (a int)")
    ask("INSERT INTO changing VALUES (1)")
    first = [ask("SELECT * FROM changing", prepare=True)["rows"] for _ in range(2)]
    ask("ALTER TABLE changing ADD COLUMN b text")
    return first, ask("SELECT * FROM changing", prepare=True)["rows"]


attempt("prepared, then the table changes", changed_table)
attempt("after that", lambda: ask("SELECT * FROM changing"))
attempt("executemany", lambda: (lambda cu: (cu.executemany("INSERT INTO scratch VALUES (%s, %s)", [(n, str(n)) for n in range(100)]), cu.rowcount)[1])(c.cursor()))
attempt("executemany inserted", lambda: ask("SELECT count(*), sum(a) FROM scratch"))


def returning():
    cursor = c.cursor()
    cursor.executemany("SELECT %s::int * 2", [(1,), (2,), (3,)], returning=True)
    rows = [cursor.fetchone()]
    while cursor.nextset():
        rows.append(cursor.fetchone())
    return rows


attempt("executemany with rows", returning)


def pipeline():
    with c.pipeline():
        cursors = [c.execute("SELECT %s::int", (n,)) for n in range(20)]
    return [cursor.fetchone() for cursor in cursors]


attempt("pipeline", pipeline)


def broken_pipeline():
    states = []
    try:
        with c.pipeline() as p:
            c.execute("SELECT 1::int")
            try:
                c.execute("SELECT nothing")
                p.sync()
            except psycopg.Error as error:
                states.append(error.sqlstate)
            after = c.execute("SELECT 2::int").fetchone()
            states.append(after)
    except psycopg.Error as error:
        states.append(error.sqlstate)
    return states


attempt("pipeline with an error", broken_pipeline)


def transaction_pipeline():
    with c.pipeline(), c.transaction():
        a = c.execute("SELECT 1::int")
        b = c.execute("SELECT 2::int")
    return a.fetchone(), b.fetchone(), c.info.transaction_status.name


attempt("pipeline in a transaction", transaction_pipeline)
attempt("stream", lambda: sum(row[0] for row in c.cursor().stream("SELECT k FROM points")))


def stream_stopped():
    cursor = c.cursor()
    for row in cursor.stream("SELECT k FROM points ORDER BY k"):
        if row[0] == 3:
            break
    del row
    cursor.close()
    return ask("SELECT 1::int")["rows"]


attempt("stream that stops early", stream_stopped)


def server_cursor(**more):
    with c.transaction(), c.cursor(name="srv", **more) as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT k, v FROM points WHERE k > %s ORDER BY k", (990,))
        return cursor.fetchone(), cursor.fetchmany(2), [row[0] for row in cursor], described(cursor)


attempt("server cursor", server_cursor)
attempt("server cursor, binary", lambda: server_cursor(binary=True))
attempt("server cursor, scrollable", lambda: server_cursor(scrollable=True))


def held():
    with c.cursor(name="held", withhold=True) as cursor:
        cursor.execute("SELECT 1::int")
        return cursor.fetchall()


attempt("server cursor, held", held)


def in_transaction(text):
    with c.transaction():
        ask("SELECT 1::int")
        return ask(text)["rows"]


attempt("transaction", lambda: in_transaction("SELECT 2::int"))
attempt("transaction that fails", lambda: in_transaction("SELECT nothing"))
attempt("state behind it", lambda: (c.info.transaction_status.name, ask("SELECT 1::int")["rows"]))


def nested():
    with c.transaction():
        try:
            with c.transaction():
                ask("SELECT nothing")
        except psycopg.Error:
            pass
        return ask("SELECT 1::int")["rows"]


attempt("savepoint", nested)


def isolation():
    other = psycopg.connect("")
    other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    other.read_only = True
    with other:
        return other.execute("SELECT 1::int").fetchall(), other.execute("SHOW transaction_isolation").fetchall(), other.execute("SHOW transaction_read_only").fetchall()


attempt("isolation", isolation)


def written_in_read_only():
    with psycopg.connect("") as other:
        other.read_only = True
        other.execute("INSERT INTO scratch VALUES (1, 'x')")


attempt("write in a read only transaction", written_in_read_only)


def copy_out(text, types=None):
    with c.cursor() as cursor, cursor.copy(text) as copy:
        if types:
            copy.set_types(types)
            return list(copy.rows())
        return b"".join(bytes(b) for b in copy)


def copy_in(text, rows=(), types=None, data=None):
    with c.cursor() as cursor:
        with cursor.copy(text) as copy:
            if types:
                copy.set_types(types)
            for row in rows:
                copy.write_row(row)
            if data:
                copy.write(data)
        return cursor.rowcount, cursor.statusmessage


attempt("copy out text", lambda: copy_out("COPY (SELECT * FROM fields ORDER BY id) TO STDOUT"))
attempt("copy out binary", lambda: copy_out("COPY (SELECT * FROM fields ORDER BY id) TO STDOUT (FORMAT binary)"))
attempt("copy out binary rows", lambda: copy_out("COPY (SELECT id, name, price FROM fields ORDER BY id) TO STDOUT (FORMAT binary)", ["int4", "text", "numeric"]))
attempt("copy in text", lambda: copy_in("COPY scratch FROM STDIN", [(1000, "tab\there\\"), (1001, None)]))
attempt("copy in binary", lambda: copy_in("COPY scratch (a, b) FROM STDIN (FORMAT binary)", [(1002, "ü"), (1003, None)], ["int4", "text"]))
attempt("copy in csv", lambda: copy_in("COPY scratch FROM STDIN (FORMAT csv)", data='1004,"a\nb"\n'))
attempt("copy in every type, binary", lambda: (ask("CREATE TABLE more AS SELECT * FROM fields WHERE false"), copy_in("COPY more FROM STDIN (FORMAT binary)", data=copy_out("COPY fields TO STDOUT (FORMAT binary)"))))
attempt("copied, every type", lambda: ask("SELECT * FROM more ORDER BY id"))
attempt("copy in bad", lambda: copy_in("COPY scratch FROM STDIN", data="x\ty\n"))
attempt("after a bad copy", lambda: ask("SELECT a, b FROM scratch WHERE a >= 1000 ORDER BY a"))


def broken_off():
    with c.cursor() as cursor, cursor.copy("COPY scratch FROM STDIN") as copy:
        copy.write("1\tx\n")
        raise ValueError("given up")


attempt("copy given up", broken_off)
attempt("after a copy given up", lambda: ask("SELECT count(*) FROM scratch"))
attempt("composed", lambda: all_of(c.execute(sql.SQL("SELECT {} FROM {} LIMIT 1").format(sql.Identifier("note"), sql.Identifier("side", "notes")))))
attempt("several statements", lambda: (lambda cu: [cu.execute("SELECT 1::int; SELECT 2::int").fetchall(), cu.nextset(), cu.fetchall(), cu.nextset()])(c.cursor()))
attempt("several statements with parameters", lambda: ask("SELECT %s; SELECT 2", (1,)))
attempt("error", lambda: ask("SELECT nothing, %s FROM fields", (1,)))
attempt("error in rows", lambda: ask("SELECT 1 / (k - 500) FROM points ORDER BY k", ()))
attempt("error position behind unicode", lambda: ask("SELECT 'ü漢🌾', nothing, %s FROM fields", (1,)))
attempt("type by name", lambda: (lambda t: t and (t.name, t.oid, t.array_oid))(psycopg.types.TypeInfo.fetch(c, "int4")))
attempt("type that is not there", lambda: psycopg.types.TypeInfo.fetch(c, "hstore"))
attempt("deallocate", lambda: ask("DEALLOCATE ALL"))
attempt("discard", lambda: ask("DISCARD ALL"))


def cancelled():
    timer = threading.Timer(1.0, c.cancel)
    timer.start()
    try:
        return ask("SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = %s", (17,))
    finally:
        timer.cancel()


attempt("cancel", cancelled)
attempt("after a cancel", lambda: ask("SELECT 1::int"))
attempt("notices", lambda: (lambda seen: (c.add_notice_handler(lambda d: seen.append((d.severity_nonlocalized, d.sqlstate))), ask("DROP TABLE IF EXISTS nowhere"), seen)[2])([]))
attempt("wide rows", lambda: len(ask("SELECT " + ", ".join(f"k + {n} AS c{n}" for n in range(1000)) + " FROM points LIMIT 1")["rows"][0]))
attempt("long text", lambda: len(ask("SELECT repeat('x', 3000000)", ())["rows"][0][0]))
attempt("long parameter", lambda: ask("SELECT length(%s::text)", ("ü" * 1_000_000,)))
attempt("many parameters", lambda: ask("SELECT " + " + ".join(["%s::int"] * 1500), tuple(range(1500))))
c.close()
