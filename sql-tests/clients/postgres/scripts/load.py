"""pgbench with statements of both servers, and sqlsmith's random queries: all answered, nothing broken.

Speeds are told and not compared. sqlsmith ends each transaction with ROLLBACK; since Quern commits each
statement, what it writes stays there. So one run may only read, and the rows are counted behind it; the
other one may write, and a table that is made behind it must be whole.
"""

import os
import pathlib
import re
import subprocess
import tempfile

import psycopg2
from transcript import attempt, host, port
import transcript

# A debug build on a busy machine takes minutes for what PostgreSQL does in one second.
transcript.STEP_SECONDS = 320
SECONDS = os.environ.get("LOAD_SECONDS", "4")
BIN = os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin")


def pgbench(sql, *arguments):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(sql)
        script.flush()
        done = subprocess.run([f"{BIN}/pgbench", "-n", "-T", SECONDS, "-f", script.name, *arguments], capture_output=True, text=True, timeout=100)
    speed = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+ \w+)", done.stdout)
    failed = re.search(r"failed transactions: (\d+)", done.stdout)
    return {"code": done.returncode, "failed": failed and failed[1], "_tps": speed and float(speed[1]), "_latency": latency and latency[1], "_err": done.stderr[-600:] if done.returncode else ""}


def sqlsmith(seed, options=""):
    """sqlsmith reads the catalog and sends queries made from it; what it finds are crashes and broken connections."""
    target = f"host={host()} port={port()} user={os.environ['PGUSER']} dbname={os.environ['PGDATABASE']} password='{os.environ['PGPASSWORD']}'"
    done = subprocess.run(["sqlsmith", f"--target={target}", f"--seed={seed}", "--max-queries=150", "--exclude-catalog"], capture_output=True, text=True, timeout=300, env=os.environ | {"PGOPTIONS": options})
    return {"code": done.returncode, "_err": done.stderr[-600:], "_out": done.stdout[-200:]}


def alive(table):
    c = psycopg2.connect("")
    c.autocommit = True
    with c.cursor() as cursor:
        if table == "whole":
            cursor.execute("CREATE TABLE whole AS SELECT generate_series(1, 1000) AS k")
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()


ROW = "\\set k random(1, 1000)\nSELECT v FROM points WHERE k = :k;\n"
for mode in ("simple", "extended", "prepared"):
    attempt(f"select 1, {mode}", lambda: pgbench("SELECT 1;\n", "-M", mode, "-c", "8", "-j", "2"))
    attempt(f"one row, {mode}", lambda: pgbench(ROW, "-M", mode, "-c", "8", "-j", "2"))
attempt("connects", lambda: pgbench("SELECT 1;\n", "-C", "-c", "4"))
attempt("transactions", lambda: pgbench("BEGIN;\nSELECT 1;\nCOMMIT;\n", "-M", "prepared", "-c", "4"))
attempt("32 clients", lambda: pgbench(ROW, "-M", "prepared", "-c", "32", "-j", "2"))
attempt("pipelines", lambda: pgbench("\\startpipeline\nSELECT 1;\nSELECT 2;\nSELECT 3;\n\\endpipeline\n", "-M", "extended", "-c", "4"))
attempt("alive", lambda: alive("points"))
attempt("sqlsmith that reads", lambda: sqlsmith(1, "-c default_transaction_read_only=on"))
attempt("alive behind it", lambda: alive("points"))
attempt("sqlsmith that writes", lambda: sqlsmith(2))
attempt("alive at the end", lambda: alive("whole"))
