"""Compares the expected results of the .slt files with PostgreSQL 15 and DuckDB.

    python3 sql-tests/oracle/check.py [--changed] [--quiet] [part of a path ...]

Needs psycopg2, duckdb and PostgreSQL's binaries (PG_BIN, or the usual places). A private PostgreSQL
is started on a free port of the loopback interface, with its data in a temporary folder, and stopped
at the end. Which oracle a record is held against is said by a comment, `# oracle: NAME`, in the
first comment of a file for all of it, or right before a record for that one:

    postgres    the default
    duckdb      where PostgreSQL does not have the feature
    both
    none (why)  no oracle has it; the reason is not optional

Statements run on the oracles too, because queries need their views. `CREATE TABLE ... WITH (location
...)` is made a real table there, with the rows that DuckDB reads from the files. An error that is
expected must be an error of the same SQLSTATE in PostgreSQL. README.md says how results compare.
"""

import argparse
import collections
import decimal
import pathlib
import re
import subprocess
import sys
import tempfile

import compare
import oracles

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIRECTIVE = re.compile(r"#\s*oracle:\s*(postgres|duckdb|both|none)\b\s*(.*)")

Record = collections.namedtuple("Record", "line kind types sort sql expected error oracle")


def directive(comments):
    for comment in comments:
        if match := DIRECTIVE.match(comment):
            name, reason = match.groups()
            if name == "none" and not reason.startswith("("):
                raise SystemExit(f"`{comment}` gives no reason")
            return {"both": ("postgres", "duckdb"), "none": ()}.get(name, (name,))
    return None


def parse(path):
    """The statements and queries of a file, each with the oracles that it is held against."""
    lines = path.read_text().split("\n")
    records, comments, default, at = [], [], None, 0
    while at < len(lines):
        line, start = lines[at], at + 1
        at += 1
        if line.startswith("#"):
            comments.append(line)
            continue
        words = line.split()
        if not words:
            if default is None and comments and not records:
                default = held_against(comments, None)
            comments = []
            continue
        if words[0] not in ("statement", "query"):
            continue
        body = []
        while at < len(lines) and lines[at] and lines[at] != "----":
            body.append(lines[at])
            at += 1
        expected = []
        if at < len(lines) and lines[at] == "----":
            at += 1
            while at < len(lines) and lines[at]:
                expected.append(lines[at])
                at += 1
        failing = len(words) > 1 and words[1] == "error"
        records.append(
            Record(
                line=start,
                kind=words[0],
                types="" if failing or words[0] == "statement" else "".join(words[1:2]),
                sort="rowsort" in words,
                sql="\n".join(body),
                expected=expected,
                error=" ".join(words[2:]) if failing else None,
                oracle=held_against(comments, default),
            )
        )
        comments = []
    return records


def held_against(comments, default):
    own = directive(comments)
    return own if own is not None else ("postgres",) if default is None else default


class Tally:
    def __init__(self, quiet):
        self.quiet = quiet
        self.queries = collections.Counter()
        self.unchecked = 0
        self.differences = []

    def differ(self, path, record, oracle, what):
        place = f"{path.relative_to(ROOT)}:{record.line}"
        self.differences.append(place)
        print(f"{place} {oracle}\n  {record.sql.strip()}\n  {what}\n")


def check_error(path, record, oracle, tally):
    try:
        oracle.run(record.sql)
    except oracles.Failed as failed:
        wanted = re.match(r"[0-9A-Z]{5}", record.error)
        if oracle.name == "postgres" and wanted and wanted.group() != failed.sqlstate:
            tally.differ(path, record, oracle.name, f"SQLSTATE {failed.sqlstate}, not {wanted.group()}: {failed}")
            return
        tally.queries[oracle.name] += 1
        return
    tally.differ(path, record, oracle.name, "is no error there")


def check(path, record, oracle, tally):
    if record.error is not None:
        return check_error(path, record, oracle, tally)
    try:
        result = oracle.run(record.sql)
    except oracles.Failed as failed:
        return tally.differ(path, record, oracle.name, f"fails there: {failed}")
    if record.kind == "query":
        if difference := compare.difference(record, result):
            return tally.differ(path, record, oracle.name, difference)
        tally.queries[oracle.name] += 1


def check_file(path, postgres, tally):
    records = parse(path)
    needed = {name for r in records for name in r.oracle if r.kind == "query" or r.error is not None}
    with tempfile.TemporaryDirectory() as temp:
        session = oracles.Session(needed, postgres, data=ROOT / "data", temp=temp)
        for record in records:
            if not record.oracle:
                tally.unchecked += record.kind == "query" or record.error is not None
            # What prepares the queries runs on every oracle of the file.
            setup = record.kind == "statement" and record.error is None and record.oracle
            for name in needed if setup else record.oracle:
                check(path, record, session.oracle(name), tally)
        session.close()


def changed():
    """The files that git knows to be changed or new."""
    command = ["git", "status", "--porcelain", "--untracked-files=all", "--", "slt"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {pathlib.Path(line[3:]).name for line in lines}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("paths", nargs="*", help="only files whose path contains one of these")
    arguments.add_argument("--changed", action="store_true", help="only files that git says are changed")
    arguments.add_argument("--quiet", action="store_true", help="no line for each file")
    options = arguments.parse_args()
    files = sorted((ROOT / "slt").rglob("*.slt"))
    files = [f for f in files if not options.paths or any(p in str(f) for p in options.paths)]
    if options.changed:
        names = changed()
        files = [f for f in files if f.name in names]
    tally = Tally(options.quiet)
    with oracles.Postgres() as postgres:
        for file in files:
            check_file(file, postgres, tally)
    counts = ", ".join(f"{n} by {name}" for name, n in sorted(tally.queries.items()))
    print(f"{len(files)} files; confirmed: {counts or 'nothing'}; without an oracle: {tally.unchecked}; "
          f"different: {len(tally.differences)}")
    sys.exit(1 if tally.differences else 0)


if __name__ == "__main__":
    decimal.getcontext().prec = 100
    main()
