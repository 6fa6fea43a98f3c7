"""TPC-H on a cluster of this machine beside one process: answers, times, and the bytes that tasks send each other.

    python3 bench/cluster.py path/to/quern DATA [--rounds 2] [--memory-limit 8GiB]

DATA holds a folder of Parquet files for each table (`tpchgen-cli parquet -s 1 --parts 8 --output-dir DATA`).
Three servers follow each other: without executors, with one that has all cores, and with one for each core.
Answers must be those of the first one. Behind the 22 queries come a broadcast, a hash and a partitioned join
of the same tables. Needs the Python of sql-tests/clients/setup.sh.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import psycopg

TPCH = pathlib.Path(__file__).parent / "queries" / "tpch"
JOIN = "SELECT count(*), sum(l_quantity), max(o_totalprice) FROM lineitem JOIN orders ON {}"
# Computed keys are no columns whose values files keep apart.
JOINS = {
    "broadcast join": ("1TiB", JOIN.format("l_orderkey = o_orderkey")),
    "hash join": ("1", JOIN.format("l_orderkey + 0 = o_orderkey + 0")),
    "partitioned join": ("1", JOIN.format("l_orderkey = o_orderkey")),
}


class Server:
    """A server whose queries run as `place` says."""

    def __init__(self, options, executors):
        self.folder = tempfile.TemporaryDirectory(prefix="quern-bench-")
        cluster = [] if executors == 0 else ["--cluster", "--local-executors", str(executors), "--cluster-port", "0"]
        command = [options.quern, "serve", "--auth", "trust", "--postgres-port", "0",
                   "--data-dir", self.folder.name, "--memory-limit", options.memory_limit, *cluster]
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        self.connection = psycopg.connect(f"host=127.0.0.1 port={self.port()} user=quern dbname=quern", autocommit=True)
        for table in sorted(path for path in options.data.iterdir() if path.is_dir()):
            self.rows(f"CREATE TABLE {table.name} WITH (location = '{table.resolve()}/')")
        self.rows(f"SET quern.execution = {'cluster' if executors else 'local'}")
        while executors and self.rows("SELECT count(*) FROM system.executors")[0][0] < executors:
            time.sleep(0.05)

    def port(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            self.log.seek(0)
            found = re.search(r"serves PostgreSQL on 127\.0\.0\.1:(\d+)", self.log.read())
            if found:
                return found[1]
            time.sleep(0.05)
        sys.exit(self.log.read())

    def rows(self, sql):
        cursor = self.connection.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def timed(self, sql, rounds):
        """The best time, the bytes that tasks wrote for others, and the answer."""
        best = float("inf")
        for _ in range(rounds):
            began = time.perf_counter()
            rows = self.rows(sql)
            best = min(best, time.perf_counter() - began)
        last = self.rows("SELECT shuffled_bytes FROM system.queries WHERE query NOT LIKE '%system.queries%' "
                         "ORDER BY started DESC LIMIT 1")
        return best, last[0][0], rows

    def stop(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait(60)


def measured(options, executors):
    server = Server(options, executors)
    figures = {}
    try:
        for query in sorted(TPCH.glob("*.sql")):
            figures[query.stem] = server.timed(query.read_text(), options.rounds)
        for name, (limit, sql) in JOINS.items():
            server.rows(f"SET quern.broadcast_limit = '{limit}'")
            figures[name] = server.timed(sql, options.rounds)
    finally:
        server.stop()
    return figures


def same(mine, other):
    if isinstance(other, float):
        return abs(mine - other) <= 1e-9 * max(abs(other), 1e-300)
    return mine == other


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("quern")
    options.add_argument("data", type=pathlib.Path)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--memory-limit", default="8GiB")
    options = options.parse_args()
    cores = os.cpu_count()
    columns = {"one process": 0, f"1 executor x {cores}": 1, f"{cores} executors x 1": cores}
    figures = {name: measured(options, executors) for name, executors in columns.items()}
    local = figures["one process"]
    print(f"{'seconds':18}" + "".join(f"{name:>18}{'ratio':>8}{'MiB sent':>10}" for name in columns))
    totals = dict.fromkeys(columns, 0.0)
    for what in local:
        line = f"{what:18}"
        for name in columns:
            seconds, sent_bytes, rows = figures[name][what]
            if len(rows) != len(local[what][2]) or not all(
                    same(a, b) for mine, theirs in zip(rows, local[what][2]) for a, b in zip(mine, theirs)):
                sys.exit(f"{what}: {name} gives other rows than one process")
            totals[name] += seconds if what not in JOINS else 0
            line += f"{seconds:18.2f}{seconds / local[what][0]:8.2f}{sent_bytes / 2**20:10.1f}"
        print(line)
    print(f"{'the 22 queries':18}" + "".join(f"{total:18.2f}{total / totals['one process']:8.2f}{'':10}" for total in totals.values()))


if __name__ == "__main__":
    main()
