"""TPC-H against DuckDB: equal answers, and the ratio of the times, in one run.

Usage: bench/tpch.py DATA [--bin target/release/quern-bench] [--memory-limit 256MiB] [--rounds 3]
                          [--queries bench/queries/memory]
DATA holds one Parquet file for each table (`tpchgen-cli parquet -s 1`). Needs `pip install duckdb`.
Floats must agree to 1e-9 relative, all else exactly.
"""
import argparse, csv, decimal, pathlib, subprocess, sys, tempfile, time
import duckdb

TPCH = pathlib.Path(__file__).parent / "queries" / "tpch"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--bin", default="target/release/quern-bench")
    parser.add_argument("--memory-limit")
    parser.add_argument("--queries", type=pathlib.Path, default=TPCH, help="folder of other queries over the same data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def ours(args, answers):
    limit = ["--memory-limit", args.memory_limit] if args.memory_limit else []
    command = [args.bin, "--data", args.data, "--threads", str(args.threads), *limit,
               "queries", args.queries, "--rounds", str(args.rounds), "--answers", answers]
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {line[0]: line[1:] for line in lines}, int(done.stderr.split()[-1]) * 1024


def theirs(args, name, connection):
    sql, best = (args.queries / f"{name}.sql").read_text(), float("inf")
    for _ in range(args.rounds):
        started = time.perf_counter()
        rows = connection.execute(sql).fetchall()
        best = min(best, time.perf_counter() - started)
    return best, rows


def same(mine, other):
    if other is None:
        return mine == ""
    if isinstance(other, float):
        return abs(float(mine) - other) <= 1e-9 * max(abs(other), 1e-300)
    if isinstance(other, decimal.Decimal):
        return decimal.Decimal(mine) == other
    return mine == str(other)


def main():
    args = arguments()
    connection = duckdb.connect()
    connection.execute(f"SET threads = {args.threads}")
    if args.memory_limit:
        connection.execute(f"SET memory_limit = '{args.memory_limit}'")
    for file in sorted(args.data.iterdir()):
        connection.execute(f"CREATE VIEW {file.name.split('.')[0]} AS FROM '{file}'")
    with tempfile.TemporaryDirectory() as answers:
        figures, peak = ours(args, answers)
        good, mine_total, their_total = 0, 0.0, 0.0
        names = sorted(file.stem for file in args.queries.glob("*.sql"))
        for name in names:
            best, rows = theirs(args, name, connection)
            with open(f"{answers}/{name}.csv", newline="") as file:
                mine = list(csv.reader(file))[1:]
            equal = len(mine) == len(rows) and all(
                len(a) == len(b) and all(map(same, a, b)) for a, b in zip(mine, rows))
            good += equal
            seconds = float(figures[name][0])
            mine_total, their_total = mine_total + seconds, their_total + best
            print(f"{name}  quern {seconds:7.3f} s  duckdb {best:7.3f} s  ratio {seconds / best:5.2f}  "
                  f"memory {int(figures[name][2]) >> 20:5} MiB  spilled {int(figures[name][3]) >> 20:5} MiB  "
                  f"{'equal' if equal else 'DIFFERENT'}")
            if not equal:
                print("   mine  ", mine[:3], "\n   theirs", rows[:3])
    print(f"{good}/{len(names)} equal; total {mine_total:.3f} s, duckdb {duckdb.__version__} {their_total:.3f} s, "
          f"ratio {mine_total / their_total:.2f}; peak RSS {peak >> 20} MiB")
    sys.exit(good != len(names))


main()
