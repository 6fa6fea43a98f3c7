"""Sends sqlsmith's random queries to `quern serve` under a memory limit: none may break it.

    python3 sql-tests/clients/sqlsmith.py path/to/quern [--queries 10000] [--seed 1] [--memory 512MiB] [--keep folder]

sqlsmith reads the catalog and makes queries of the tables, functions and operators that it finds there.
Whatever they are, the server must answer: rows, or an error with a SQLSTATE that is not XX000. What is
a failure, and is written to a file of the folder: an internal error, a connection that breaks, an answer
that comes long after the time limit of statements. Which errors came how often is told at the end.

It needs sqlsmith, psycopg2, and a time that depends on the build: a debug build takes about half an hour.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import psycopg2

HERE = pathlib.Path(__file__).resolve().parent
STATEMENT_MS = 2000
# Long after the time limit of a statement.
LATE_SECONDS = 30


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("quern")
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--keep", type=pathlib.Path)
    return parser.parse_args()


def serve(quern, data, memory):
    """A server with some tables; says where it listens."""
    subprocess.run([quern, "sql", "--data-dir", data, "-f", HERE / "postgres/schema.sql"], check=True,
                   stdout=subprocess.DEVNULL)
    command = [quern, "serve", "--data-dir", data, "--postgres-port", "0", "--auth", "trust", "--memory-limit", memory]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, f"host=127.0.0.1 port={process.stdout.readline().rsplit(':', 1)[1].strip()} user=quern dbname=quern"


def generated(target, seed, count):
    command = ["sqlsmith", f"--target={target}", f"--seed={seed}", f"--max-queries={count}", "--exclude-catalog", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [query.strip() for query in done.stdout.split(";\n") if query.strip()][:count]


def connect(target):
    connection = psycopg2.connect(target, connect_timeout=20)
    connection.autocommit = True
    connection.cursor().execute(f"SET statement_timeout = {STATEMENT_MS}")
    return connection


class Findings:
    def __init__(self, folder):
        self.folder = folder
        self.codes = collections.Counter()
        self.messages = collections.Counter()
        self.failures = 0

    def failure(self, what, query):
        self.failures += 1
        path = self.folder / f"failure-{self.failures}.sql"
        path.write_text(f"-- {what}\n{query};\n")
        print(f"FAIL {path}: {what}", flush=True)

    def error(self, error, query):
        first = str(error).split("\n", 1)[0]
        self.codes[error.pgcode] += 1
        self.messages[error.pgcode, re.sub(r"\d+|\"[^\"]*\"|'[^']*'", "…", first)[:100]] += 1
        if error.pgcode in (None, "XX000"):
            self.failure(f"{error.pgcode}: {first}", query)


def run(target, queries, findings):
    connection = connect(target)
    for query in queries:
        began = time.monotonic()
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                findings.codes["ok"] += 1
        except psycopg2.Error as error:
            findings.error(error, query)
            if connection.closed:
                connection = connect(target)
        took = time.monotonic() - began
        if took > LATE_SECONDS:
            findings.failure(f"answered after {took:.0f} s", query)


def main():
    options = arguments()
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="quern-sqlsmith-"))
    folder.mkdir(parents=True, exist_ok=True)
    findings = Findings(folder)
    process, target = serve(options.quern, folder / "data", options.memory)
    try:
        # Each seed begins with simple queries, and the tables change as they are written to.
        for n, start in enumerate(range(0, options.queries, 500)):
            count = min(500, options.queries - start)
            run(target, generated(target, options.seed + n, count), findings)
            print(f"{start + count} queries: {dict(findings.codes)}", flush=True)
    except psycopg2.OperationalError as error:
        findings.failure(f"the server cannot be reached: {error}", "")
    finally:
        ended = process.poll()
        process.terminate()
        process.wait()
    if ended is not None:
        findings.failure(f"the server ended with {ended}", "")
    for (code, message), count in findings.messages.most_common(40):
        print(f"{count:6} {code} {message}")
    sys.exit(1 if findings.failures else 0)


main()
