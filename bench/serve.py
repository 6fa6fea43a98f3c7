"""The PostgreSQL server beside PostgreSQL 15: statements per second, and rows per second to a client.

    python3 bench/serve.py path/to/quern [--seconds 10] [--rows 10000000]

Both serve on loopback, on the same machine in the same run. pgbench sends `select 1` and a look-up of
one row by its key as prepared statements; psql throws away what it is sent. Needs the Python of
sql-tests/clients/setup.sh.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "sql-tests/clients/postgres"))
from servers import BIN, Postgres, Quern  # noqa: E402

LOOKED_UP_ROWS = 1000
COLUMNS = """x::int AS a, x AS b, (x % 1000)::smallint AS c, x * 0.5::double precision AS d,
    (x * 1.25)::numeric(18,2) AS e, 'row ' || x AS f, x % 2 = 0 AS g,
    timestamp '2024-01-01 00:00:00' + interval '1 second' * (x % 86400)::double precision AS h"""


def pgbench(server, sql, clients, seconds):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(sql)
        script.flush()
        done = subprocess.run([BIN / "pgbench", "-n", "-M", "prepared", "-f", script.name, "-c", str(clients), "-j", "1",
                               "-T", str(seconds)], env=os.environ | server.environment(), capture_output=True, text=True)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if not found:
        raise RuntimeError(done.stderr)
    return float(found[1])


def export(server, how):
    began = time.monotonic()
    subprocess.run(["psql", "-q", "-d", server.dsn(), "-c", how], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def main():
    options = argparse.ArgumentParser()
    options.add_argument("quern")
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--rows", type=int, default=10_000_000)
    options = options.parse_args()
    tables = "".join(
        f"CREATE TABLE {name} AS SELECT {COLUMNS} FROM generate_series(1::bigint, {rows}) AS s(x);\n"
        for name, rows in (("looked_up", LOOKED_UP_ROWS), ("exported", options.rows)))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quern-bench-"))
    folder.chmod(0o755)
    (folder / "quern.sql").write_text(tables)
    (folder / "postgres.sql").write_text(tables + "CREATE INDEX ON looked_up (a);\nVACUUM ANALYZE;\n")
    servers = [Postgres("trust")]
    try:
        servers[0].load(folder / "postgres.sql")
        servers.append(Quern(options.quern, "trust", folder / "quern.sql"))
        figures = {}
        for server in servers:
            look_up = f"\\set k random(1, {LOOKED_UP_ROWS})\nSELECT f FROM looked_up WHERE a = :k;\n"
            for clients in (1, 8):
                figures[server.name, f"select 1, {clients} clients, tps"] = pgbench(
                    server, "SELECT 1;\n", clients, options.seconds)
                figures[server.name, f"one row, {clients} clients, tps"] = pgbench(server, look_up, clients, options.seconds)
            for form in ("text", "csv", "binary"):
                seconds = export(server, f"COPY exported TO STDOUT (FORMAT {form})")
                figures[server.name, f"COPY {form}, million rows/s"] = options.rows / seconds / 1e6
        print(f"{'':34}{'Quern':>12}{'PostgreSQL':>12}{'ratio':>8}")
        for (name, what), ours in figures.items():
            if name == "quern":
                theirs = figures["postgres", what]
                print(f"{what:34}{ours:12.2f}{theirs:12.2f}{ours / theirs:8.3f}")
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder)


main()
