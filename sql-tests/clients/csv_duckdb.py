"""Checks that Quern reads hostile CSV and JSON files as DuckDB does.

    python3 sql-tests/clients/csv_duckdb.py path/to/quern [case …]

`csv_cases.py` has the files. Each is read by both; names, types and rows must be the same, or both must
refuse it. What differs must be listed, with its reason, in a table of ../DIFFERENCES.md whose first
column is the case's name; what is listed there and does not differ is a failure, too. With names of
cases only those are run, and both answers are printed.

It needs duckdb and pyarrow.
"""

import concurrent.futures
import datetime as dt
import decimal
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import duckdb
import pyarrow as pa

from csv_cases import CASES

LISTED = pathlib.Path(__file__).resolve().parent.parent / "DIFFERENCES.md"
SECTION = "## CSV and JSON files"


def listed():
    text = LISTED.read_text().partition(SECTION)[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.M))


def literal(value, lists, struct):
    """A value as an option of a reader function; lists and structs are spelled differently in the two."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return lists.format(", ".join(literal(v, lists, struct) for v in value))
    if isinstance(value, dict):
        return struct[0].format(", ".join(struct[1].format(k, v) for k, v in value.items()))
    return "'" + value.replace("'", "''") + "'"


def call(reader, files, options, by, lists, struct):
    paths = [str(path) for path in files]
    arguments = [literal(paths if len(paths) > 1 else paths[0], lists, struct)]
    arguments += [f"{name} {by} {literal(value, lists, struct)}" for name, value in options.items()]
    return f"SELECT * FROM {reader}({', '.join(arguments)})"


def kind(t):
    """A type by what it means: widths and encodings are nobody's business here."""
    if pa.types.is_dictionary(t):
        return kind(t.value_type)
    if isinstance(t, pa.BaseExtensionType):
        return "text"
    if pa.types.is_struct(t):
        return "{" + ", ".join(f"{field.name} {kind(field.type)}" for field in t) + "}"
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        return kind(t.value_type) + "[]"
    if pa.types.is_map(t):
        return f"map({kind(t.key_type)}, {kind(t.item_type)})"
    tests = {
        "boolean": pa.types.is_boolean, "integer": pa.types.is_integer, "float": pa.types.is_floating,
        "decimal": pa.types.is_decimal, "date": pa.types.is_date, "time": pa.types.is_time, "null": pa.types.is_null,
        "bytes": lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t), "interval": pa.types.is_interval,
        "text": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t),
    }
    if pa.types.is_timestamp(t):
        return "timestamptz" if t.tz else "timestamp"
    return next((name for name, is_it in tests.items() if is_it(t)), str(t))


def value(v):
    if isinstance(v, float):
        return "NaN" if math.isnan(v) else repr(v)
    if isinstance(v, decimal.Decimal):
        return int(v) if v == v.to_integral_value() else v.normalize()
    if isinstance(v, dt.datetime) and v.tzinfo:
        return v.astimezone(dt.timezone.utc).isoformat()
    if isinstance(v, (dt.datetime, dt.date, dt.time)):
        return v.isoformat()
    if isinstance(v, dict):
        return tuple((k, value(item)) for k, item in v.items())
    if isinstance(v, (list, tuple)):
        return tuple(map(value, v))
    return v if v is None or isinstance(v, (bool, int, str)) else str(v)


def plain(t):
    """A type that Python can read: a view is no string to old versions, a nanosecond no datetime."""
    if pa.types.is_timestamp(t):
        return pa.timestamp("us", t.tz)
    if pa.types.is_time(t):
        return pa.time64("us")
    return pa.string() if pa.types.is_string_view(t) or isinstance(t, pa.BaseExtensionType) else t


def answer(table):
    columns = [(field.name, kind(field.type)) for field in table.schema]
    read = []
    for column in table.columns:
        wanted = plain(column.type)
        column = column if column.type == wanted else column.cast(wanted, safe=False)
        read.append([value(v) for v in column.to_pylist()])
    # Files are read side by side; the order of rows is nobody's promise.
    return columns, sorted(zip(*read), key=repr)


def by_quern(binary, case, paths):
    sql = call(f"read_{case.reader}", paths, case.quern, "=>", "ARRAY[{}]", ("({})", "{} = '{}'"))
    done = subprocess.run([binary, "sql", "--format", "arrow", "-c", sql], capture_output=True, timeout=300)
    if done.returncode == 1:
        return "error", done.stderr.decode().strip()
    if done.returncode != 0:
        return "BROKEN", f"code {done.returncode}: {done.stderr.decode()}"
    return answer(pa.ipc.open_stream(done.stdout).read_all())


def by_duckdb(case, paths):
    sql = call(f"read_{case.reader}", paths, case.duckdb, "=", "[{}]", ("{{{}}}", "'{}': '{}'"))
    connection = duckdb.connect(config={"threads": 1})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        return answer(connection.execute(sql).to_arrow_table())
    except duckdb.Error as error:
        return "error", str(error)


def files(folder, case):
    place = folder / case.name
    place.mkdir()
    for name, data in case.files.items():
        (place / name).write_bytes(data)
    quern = duck = [place / name for name in case.files]
    if case.plain is not None:
        duck = [place / "plain.csv"]
        duck[0].write_bytes(case.plain)
    return quern, duck


def shown(found):
    if found[0] in ("error", "BROKEN"):
        return f"{found[0]}: {found[1]}"[:400]
    columns, rows = found
    return f"{columns} {rows[:4]}{f' … {len(rows)} rows' if len(rows) > 4 else ''}"[:700]


def run(binary, folder, case):
    quern, duck = files(folder, case)
    return case, by_quern(binary, case, quern), by_duckdb(case, duck)


def main(binary, *names):
    known, failed, differ = listed(), 0, 0
    cases = [case for case in CASES if not names or case.name in names]
    unknown = set(names) | known if not names else set(names)
    for name in sorted(unknown - {case.name for case in CASES}):
        failed += 1
        print(f"FAIL {name}: there is no such case")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(run, binary, pathlib.Path(folder), case) for case in cases]
        for job in jobs:
            case, quern, duck = job.result()
            same = quern[0] == duck[0] == "error" or quern == duck
            differ += not same
            ok = quern[0] != "BROKEN" and same != (case.name in known)
            failed += not ok
            if names or not ok:
                why = "" if ok else "is listed, but the same" if same else "differs, and is not listed"
                print(f"{'ok  ' if ok else 'FAIL'} {case.name} {why}\n  quern:  {shown(quern)}\n  duckdb: {shown(duck)}")
    print(f"{len(cases)} cases, {differ} differ, {failed} failures; DuckDB {duckdb.__version__}")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
