"""psql: what it prints for statements, errors, its backslash commands and \\copy."""

import os
import pathlib
import subprocess
import tempfile

from transcript import attempt, named, step


def psql(*arguments, text=None, environment=None):
    done = subprocess.run(["psql", "-X", *arguments], input=text, capture_output=True, text=True, timeout=60,
                          env=os.environ | (environment or {}))
    return {"out": done.stdout, "code": done.returncode, "states": states(done.stderr), "_err": done.stderr[-1500:],
            "notices": done.stderr.count("NOTICE:"), "warnings": done.stderr.count("WARNING:")}


def states(err):
    """The SQLSTATEs that `VERBOSITY verbose` shows; messages differ in their words."""
    found = []
    for line in err.splitlines():
        for level in ("ERROR:  ", "FATAL:  "):
            if level in line:
                found.append(line.split(level)[1].split(":")[0][:5])
        if line.startswith("LINE "):
            found.append(line)
    return found


def sql(name, text, *more):
    attempt(name, lambda: psql("-v", "VERBOSITY=verbose", *more, "-c", text))


def script(name, text, *more):
    attempt(name, lambda: psql("-v", "VERBOSITY=verbose", *more, text=text))


def statements():
    sql("select", "SELECT 1 AS one, 'x' AS text, NULL AS nothing")
    sql("no name", "SELECT 1, 'x', 1.5, now() IS NULL, count(*) FROM points")
    sql("every type", named("*"))
    sql("every type expanded", named("*"), "-x")
    sql("every type unaligned", named("*"), "-A", "-t", "-P", "null=~")
    sql("csv", named("id, name, tags"), "--csv")
    sql("html", named("id, name"), "-H")
    sql("no rows", "SELECT id, name FROM fields WHERE false")
    sql("same names", "SELECT 1 AS a, 2 AS a")
    sql("expressions", "SELECT 1 + 1, 7 / 2, 7.0 / 2, 2 ^ 3, 'a' || 'b', 1 = 1, 5 % 3, -5 / 2, 1::real / 3, 1::float8 / 3")
    sql("floats", "SELECT 1::float8, 1e21::float8, 1e15::float8, 1e-5::float8, 123456789012345678::float8, 'NaN'::float8, '-Infinity'::float4, '-0'::float8")
    sql("times", "SELECT timestamp '2024-02-29 12:34:56', timestamptz '2024-02-29 12:34:56+05:30', date '2024-02-29', time '12:34:56.5', interval '1 day 02:03:04', interval '1 year 2 months'")
    sql("arrays", "SELECT ARRAY[1,2,3], ARRAY['a b', 'c\"d', NULL, ''], ARRAY[ARRAY[1,2],ARRAY[3,4]], ARRAY[]::int[], ARRAY[true,false]")
    sql("bytes", "SELECT '\\x00ff'::bytea, ''::bytea")
    sql("numerics", "SELECT 1.50::numeric(10,2), 1e20::numeric, 0.000001::numeric, -1.0::numeric, 12345678901234567890.123456789::numeric")
    sql("correlated subquery", "SELECT customer, (SELECT max(o.amount) FROM orders o WHERE o.customer = orders.customer) FROM orders ORDER BY id")
    sql("view", "SELECT * FROM totals ORDER BY customer")
    sql("other schema", "SELECT * FROM side.notes")
    sql("search_path", "SET search_path = side, public; SELECT note FROM notes; SHOW search_path")
    sql("explain", "EXPLAIN SELECT 1", "-o", "/dev/null")
    sql("values", "VALUES (1, 'a'), (2, 'b')")
    sql("comments only", "-- nothing\n/* at all */")
    sql("semicolons only", ";;;")
    sql("unicode", "SELECT '漢字' AS \"Ünï\", U&'\\0061', E'tab\\there'")
    sql("dollar quotes", "SELECT $$it's$$, $a$b$a$")


def tags():
    for text in ("CREATE TABLE tagged (a int, b text)", "INSERT INTO tagged VALUES (1, 'x'), (2, 'y'), (3, 'z')", "UPDATE tagged SET b = 'w' WHERE a > 1",
                 "DELETE FROM tagged WHERE a = 1", "INSERT INTO tagged SELECT a + 10, b FROM tagged", "DELETE FROM tagged WHERE false",
                 "CREATE TABLE tagged2 AS SELECT * FROM tagged", "CREATE VIEW tagged_view AS SELECT a FROM tagged", "CREATE SCHEMA tagged_schema",
                 "ALTER TABLE tagged ADD COLUMN c int", "ALTER TABLE tagged RENAME COLUMN c TO d", "ALTER TABLE tagged DROP COLUMN d", "ALTER TABLE tagged2 RENAME TO tagged3",
                 "TRUNCATE tagged3", "SET statement_timeout = '10s'", "RESET statement_timeout", "BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION", "DISCARD ALL",
                 "PREPARE p AS SELECT 1", "DROP VIEW tagged_view", "DROP TABLE tagged, tagged3", "DROP TABLE IF EXISTS tagged", "DROP SCHEMA tagged_schema",
                 "SELECT 1 WHERE false", "SHOW server_encoding", "CREATE TABLE IF NOT EXISTS fields (a int)", "ANALYZE points", "VACUUM points"):
        sql(f"tag of {text}", text)


def several():
    sql("several statements", "SELECT 1; SELECT 2; SELECT 3")
    sql("several with an error", "SELECT 1; SELECT nothing; SELECT 3")
    sql("several with a syntax error", "SELECT 1; SELEC 2")
    script("script", "SELECT 1;\nSELECT bogus;\nSELECT 2;\n")
    script("script that stops", "SELECT 1;\nSELECT bogus;\nSELECT 2;\n", "-v", "ON_ERROR_STOP=1")
    script("transaction in a script", "BEGIN;\nSELECT 1;\nSELECT bogus;\nSELECT 2;\nROLLBACK;\nSELECT 3;\n")
    script("commit of a failed transaction", "BEGIN;\nSELECT bogus;\nCOMMIT;\nSELECT 3;\n")
    script("savepoint", "BEGIN;\nSAVEPOINT a;\nSELECT bogus;\nROLLBACK TO a;\nSELECT 1;\nRELEASE a;\nCOMMIT;\n")
    script("single transaction", "SELECT 1;\nSELECT 2;\n", "-1")
    script("variables of psql", "\\echo :ENCODING :USER :DBNAME\n")
    script("prepared", "PREPARE q (int) AS SELECT $1 + 1;\nEXECUTE q(1);\nEXECUTE q(2);\nDEALLOCATE q;\nEXECUTE q(3);\n")
    script("cursor", "BEGIN;\nDECLARE c CURSOR FOR SELECT k FROM points ORDER BY k;\nFETCH 2 FROM c;\nFETCH FORWARD 2 FROM c;\nMOVE 3 FROM c;\nFETCH NEXT FROM c;\nCLOSE c;\nFETCH 1 FROM c;\nROLLBACK;\n")
    script("variables", "\\set n 2\nSELECT k FROM points WHERE k = :n;\nSELECT :'n' AS text;\n")
    script("gset", "SELECT 41 + 1 AS answer \\gset\n\\echo :answer\n")
    script("gdesc", "SELECT id, name, price, ratio, half, small, big, flag, day, at, zoned, raw, numbers, tags FROM fields \\gdesc\n")
    script("gdesc of expressions", "SELECT 1, 1.5, 'x', NULL, count(*), sum(amount), avg(amount), max(placed) FROM orders \\gdesc\n")
    script("gdesc of no rows", "INSERT INTO scratch VALUES (1) \\gdesc\n")
    script("gexec", "SELECT 'SELECT ' || k FROM points WHERE k < 3 ORDER BY k \\gexec\n")
    script("gx", "SELECT 1 AS a, 2 AS b \\gx\n")
    script("crosstabview", "SELECT customer, id, amount FROM orders ORDER BY id \\crosstabview\n")
    script("fetch count", "\\set FETCH_COUNT 100\nSELECT sum(n) FROM (SELECT k AS n FROM points) s;\nSELECT k FROM points ORDER BY k;\n")
    script("errverbose", "SELECT 1/0;\n\\errverbose\n")
    script("timing off", "\\timing off\nSELECT 1;\n")
    script("if", "\\if true\nSELECT 1;\n\\else\nSELECT 2;\n\\endif\n")


def errors():
    for name, text in {
        "syntax": "SELEC 1", "syntax in the middle": "SELECT 1 FROM FROM t", "end of input": "SELECT (1", "table": "SELECT * FROM nowhere",
        "column": "SELECT nothing FROM fields", "column behind unicode": "SELECT 'ü漢', nothing FROM fields", "column in line 3": "SELECT id,\n name,\n nothing\nFROM fields",
        "function": "SELECT no_such_function(1)", "type": "SELECT 1::no_such_type", "schema": "SELECT * FROM nowhere.t", "division": "SELECT 1/0", "text": "SELECT 'x'::int",
        "date": "SELECT '2024-13-01'::date", "range": "SELECT 2147483647::int + 1::int", "bigint range": "SELECT 9223372036854775807 + 1",
        "duplicate table": "CREATE TABLE fields (a int)", "duplicate schema": "CREATE SCHEMA side", "drop nothing": "DROP TABLE nowhere", "insert columns": "INSERT INTO scratch (a, nope) VALUES (1, 2)",
        "insert too many": "INSERT INTO scratch VALUES (1, 'x', 3)", "not null": "INSERT INTO orders (id) VALUES (1)", "ambiguous": "SELECT id FROM fields, orders",
        "group by": "SELECT id, count(*) FROM fields", "aggregate in where": "SELECT 1 FROM fields WHERE count(*) > 1", "scalar subquery": "SELECT (SELECT id FROM fields)",
        "two columns": "SELECT (SELECT 1, 2)", "setting": "SHOW no_such_setting", "set unknown": "SET no_such_setting = 1", "setting value": "SET statement_timeout = 'soon'", "prepared": "EXECUTE nothing", "cursor": "FETCH 1 FROM nothing",
        "union": "SELECT 1 UNION SELECT 1, 2", "limit": "SELECT 1 LIMIT -1", "in view": "INSERT INTO totals VALUES ('x', 1, 1)", "regex": "SELECT 'x' ~ '('", "parameter": "SELECT $1", "savepoint outside": "SAVEPOINT a",
        "null byte": "SELECT E'\\x00'",
    }.items():
        sql(f"error {name}", text)


def describing():
    for command in ("\\d", "\\dt", "\\dv", "\\d fields", "\\d+ fields", "\\d totals", "\\d+ totals", "\\d side.notes", "\\dt *.notes", "\\dt side.*", "\\d nowhere", "\\dn", "\\dn+", "\\di", "\\ds", "\\dm", "\\df", "\\df nothing*",
                    "\\dx", "\\dT", "\\dp fields", "\\z", "\\dd", "\\db", "\\des", "\\dRp", "\\dy", "\\dE", "\\dC nothing*", "\\dO nothing*", "\\do nothing*", "\\da nothing*", "\\dD", "\\dFp nothing*", "\\dL nothing*", "\\dX", "\\dP", "\\drds", "\\ddp", "\\sv totals",
                    "\\encoding"):
        attempt(f"describe {command}", lambda: psql("-c", command))
    for command in ("\\l", "\\du", "\\dT+ int4", "\\dg", "\\dt pg_catalog.pg_class", "\\dv information_schema.tables", "\\dconfig search_path", "\\conninfo"):
        # What servers have of their own differs; that the command works must not.
        attempt(f"works {command}", lambda: {"code": psql("-c", command)["code"]})


def copies():
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        for name, options in {"text": "", "csv": "(FORMAT csv)", "csv header": "(FORMAT csv, HEADER)", "delimiter": "(DELIMITER '|')", "null": "(NULL 'nil')", "csv force quote": "(FORMAT csv, FORCE_QUOTE *)", "binary": "(FORMAT binary)"}.items():
            path = place / "out"
            attempt(f"copy out {name}", lambda: psql("-c", f"\\copy (SELECT * FROM fields ORDER BY id) TO '{path}' {options}"))
            step(f"copied {name}", data=path.read_bytes() if path.exists() else None)
            path.unlink(missing_ok=True)
        (place / "in.csv").write_text('a,b\n1,"x, y"\n2,\n3,""\n')
        (place / "in.txt").write_text("4\ttab\\there\n5\t\\N\n6\t\n")
        (place / "bad.csv").write_text("1,x\nq,y\n")
        (place / "short.csv").write_text("1,x\n2\n")
        copy = lambda name, text: attempt(f"copy in {name}", lambda: psql("-v", "VERBOSITY=verbose", "-c", text))
        copy("csv", f"\\copy scratch FROM '{place}/in.csv' (FORMAT csv, HEADER)")
        copy("text", f"\\copy scratch (a, b) FROM '{place}/in.txt'")
        copy("bad value", f"\\copy scratch FROM '{place}/bad.csv' (FORMAT csv)")
        copy("short row", f"\\copy scratch FROM '{place}/short.csv' (FORMAT csv)")
        copy("no table", f"\\copy nowhere FROM '{place}/in.txt'")
        copy("one column", f"\\copy scratch (b) FROM '{place}/bad.csv' (DELIMITER '|')")
    sql("copied in", "SELECT a, b, b IS NULL AS nothing FROM scratch ORDER BY a, b")
    script("copy from stdin", "COPY scratch FROM STDIN;\n100\tone\n101\t\\N\n\\.\nSELECT count(*) FROM scratch;\n")
    sql("copy to stdout", "COPY points TO STDOUT")
    sql("copy query to stdout", "COPY (SELECT 1, 'a') TO STDOUT WITH CSV HEADER")
    sql("copy then select", "COPY (SELECT 1) TO STDOUT; SELECT 2")


def settings():
    for name in ("server_version_num", "server_encoding", "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "integer_datetimes", "IntervalStyle", "search_path", "statement_timeout",
                 "transaction_isolation", "default_transaction_isolation", "application_name", "extra_float_digits", "bytea_output", "max_identifier_length", "is_superuser", "session_authorization"):
        sql(f"show {name}", f"SHOW {name}")
    sql("current_setting", "SELECT current_setting('TimeZone'), current_setting('nothing.at_all', true), set_config('application_name', 'me', false), current_setting('application_name')")
    sql("time zone", "SET TimeZone = 'Asia/Kolkata'; SELECT timestamptz '2024-01-01 00:00:00+00', timestamptz '2024-07-01 12:00:00'")
    sql("time zone of America", "SET TIME ZONE 'America/New_York'; SELECT timestamptz '2024-07-01 12:00:00+00', timestamptz '2024-01-01 12:00:00+00'")
    sql("date style", "SET DateStyle = 'SQL, DMY'; SELECT date '2024-02-29'")
    sql("interval style", "SET IntervalStyle = 'iso_8601'; SELECT interval '1 day 2 hours'")
    sql("session functions", "SELECT current_user, current_database(), current_schema(), session_user, current_catalog, pg_backend_pid() > 0")
    attempt("PGOPTIONS", lambda: psql("-c", "SHOW search_path", environment={"PGOPTIONS": "-c search_path=side"}))
    attempt("PGTZ", lambda: psql("-c", "SHOW TimeZone", environment={"PGTZ": "Europe/Berlin"}))
    attempt("PGAPPNAME", lambda: psql("-c", "SHOW application_name", environment={"PGAPPNAME": "a name"}))
    attempt("PGCLIENTENCODING", lambda: psql("-c", "SELECT 'ü'", environment={"PGCLIENTENCODING": "LATIN1"}))
    attempt("wrong database", lambda: psql("-d", "nowhere", "-c", "SELECT 1")["code"])


for section in (statements, tags, several, errors, describing, copies, settings):
    section()
