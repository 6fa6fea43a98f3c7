"""The classic chunking question, by the shell and by DuckDB: grams by year, state and county.

Usage: bench/shipments.py DATA [--bin target/release/quern] [--memory-limit 2GiB] [--rounds 3]
DATA is the folder of `quern demo --dir DATA --keep`. Needs `pip install duckdb`.
Times are of whole processes, from start to the last row, for both.
"""
import argparse, csv, io, pathlib, subprocess, sys, time

SQL = """SELECT year, state, county, count(*) AS shipments, sum(grams) AS grams
FROM {source} GROUP BY year, state, county ORDER BY year, state, county"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--bin", default="target/release/quern")
    parser.add_argument("--memory-limit", default="2GiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def timed(command):
    """Best of the rounds; output and peak memory of the last."""
    best = float("inf")
    for _ in range(ARGS.rounds):
        started = time.perf_counter()
        done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], capture_output=True, text=True)
        best = min(best, time.perf_counter() - started)
        if done.returncode != 0:
            sys.exit(done.stderr)
    return best, done.stdout, int(done.stderr.split()[-1]) >> 10


def rows(text):
    return sorted((*row[:3], int(row[3]), round(float(row[4]), 6)) for row in list(csv.reader(io.StringIO(text)))[1:])


def measure(name, glob, reader):
    files = sorted(ARGS.data.glob(glob))
    size = sum(f.stat().st_size for f in files) / 1e6
    pattern = f"{ARGS.data}/{glob}"
    ours = [ARGS.bin, "sql", "--memory-limit", ARGS.memory_limit, "--threads", str(ARGS.threads),
            "--format", "csv", "-c", SQL.format(source=f"'{pattern}'")]
    script = (f"import duckdb, sys; c = duckdb.connect(); c.execute('SET threads={ARGS.threads}'); c.execute('SET enable_progress_bar=false'); "
              f"c.execute(\"SET memory_limit='{ARGS.memory_limit}'\"); "
              f"import csv; r = c.execute(sys.argv[1]); w = csv.writer(sys.stdout); "
              f"w.writerow([d[0] for d in r.description]); w.writerows(r.fetchall())")
    theirs = [sys.executable, "-c", script, SQL.format(source=f"{reader}('{pattern}')")]
    mine, my_text, my_peak = timed(ours)
    other, other_text, other_peak = timed(theirs)
    equal = rows(my_text) == rows(other_text)
    print(f"{name:8} {size:8.1f} MB in {len(files)} files  quern {mine:6.2f} s {size / mine:7.1f} MB/s {my_peak:5} MiB  "
          f"duckdb {other:6.2f} s {other_peak:5} MiB  ratio {mine / other:5.2f}  {'equal' if equal else 'DIFFERENT'}")
    return equal


ARGS = arguments()
good = [measure("tsv.gz", "**/*.tsv.gz", "read_csv"), measure("parquet", "shipments*/**/*.parquet", "read_parquet")]
sys.exit(not all(good))
