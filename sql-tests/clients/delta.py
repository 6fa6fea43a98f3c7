"""Checks that other programs read the tables that Quern writes, and Quern those that others write.

    python3 sql-tests/clients/delta.py path/to/quern [folder]

Quern writes a table of every type, one with partitions and one that was changed; Python's deltalake
and DuckDB read them, and every value must be the same. Then deltalake adds, overwrites and merges, and
Quern must see that, deletion vectors and column mapping among it. Tables with features that Quern does not read must be
refused, not read wrongly.

It needs deltalake, pyarrow and duckdb; DuckDB's own delta extension is used if it can be loaded. It is
no part of `cargo test`.
"""

import datetime as dt
import decimal
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import deltalake
import duckdb
import pyarrow as pa

UTC = dt.timezone.utc
TYPES = {
    "b": "boolean", "i8": "tinyint", "i16": "smallint", "i32": "int", "i64": "bigint", "n": "numeric(38, 9)",
    "f32": "real", "f64": "double precision", "t": "text", "x": "bytea", "d": "date", "ts": "timestamp",
    "tz": "timestamptz", "xs": "int[]", "ws": "text[]",
}
D = decimal.Decimal
ROWS = [
    (True, -128, -32768, -(2**31), -(2**63), D("-99999999999999999999999999999.999999999"), -1.5, 0.1,
     "Ünï 漢字 🌾 \"'\\", b"\x00\xff", dt.date(1, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
     dt.datetime(1970, 1, 1, tzinfo=UTC), [1, None, 3], ["", "a,b"]),
    (False, 127, 32767, 2**31 - 1, 2**63 - 1, D("0.000000001"), float("inf"), float("-inf"), "", b"",
     dt.date(9999, 12, 31), dt.datetime(2024, 2, 29, 12, 34, 56, 789000), dt.datetime(2024, 6, 30, 10, 0, tzinfo=UTC),
     [], []),
    (None, 0, None, None, None, None, None, None, None, None, None, None, None, None, None),
]


class Quern:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def run(self, sql, fails=False):
        command = [self.binary, "sql", "--data-dir", str(self.folder), "--format", "csv", "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if fails:
            assert done.returncode != 0, f"no error: {sql}\n{done.stdout}"
            return done.stderr
        assert done.returncode == 0, f"{sql}\n{done.stderr}"
        return done.stdout.strip()

    def place(self, table):
        lines = self.run(f"SELECT location FROM system.tables WHERE table_name = '{table}'")
        return lines.split("\n")[-1]


def literal(value, kind):
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"ARRAY[{', '.join(literal(v, kind[:-2]) for v in value)}]::{kind}"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    text = format(value, "f") if isinstance(value, decimal.Decimal) else str(value)
    text = text.replace("inf", "Infinity").replace("'", "''")
    return f"'{text}'"


def same(what, found, expected):
    ok = found == expected
    print("ok  " if ok else "FAIL", what)
    if not ok:
        print("  found:   ", found, "\n  expected:", expected)
    Checks.failed += not ok


class Checks:
    failed = 0


def rows(table, by):
    """The rows of an Arrow table as tuples, in order, with zones as UTC."""
    found = [tuple(row.values()) for row in table.to_pylist()]
    return sorted(found, key=lambda row: (row[by] is None, row[by]))


def delta(place, **at):
    return pa.table(deltalake.DeltaTable(place, **at).to_pyarrow_table())


def extension():
    """A DuckDB with its delta extension, or None."""
    connection = duckdb.connect()
    try:
        connection.execute("INSTALL delta; LOAD delta")
        return connection
    except duckdb.Error:
        print("note  DuckDB's delta extension cannot be loaded here; it reads the active files as Parquet")
        return None


def active(place):
    return deltalake.DeltaTable(place).file_uris()


def asked(duck, relation):
    duck.execute("SET TimeZone = 'UTC'")
    return rows(duck.sql(f"SELECT * FROM {relation}").to_arrow_table(), 1)


def written_by_quern(quern, duck):
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    values = ", ".join(f"({', '.join(map(literal, row, TYPES.values()))})" for row in ROWS)
    quern.run(f"CREATE TABLE types ({columns}); INSERT INTO types VALUES {values}")
    place = quern.place("types")
    expected = sorted(ROWS, key=lambda row: row[1])
    same("deltalake reads every type", rows(delta(place), 1), expected)
    read = duckdb.connect()
    same("duckdb reads every type (active files)", asked(read, f"read_parquet({active(place)!r})"), expected)
    if duck:
        same("duckdb's delta_scan reads every type", asked(duck, f"delta_scan('{place}')"), expected)
    quern.run("""CREATE TABLE parts (id int, p text, q date) PARTITIONED BY (p, q);
        INSERT INTO parts VALUES (1, 'a b/c=d %', '2024-02-29'), (2, 'ü', NULL), (3, NULL, '0001-01-01');
        INSERT INTO parts VALUES (4, 'a b/c=d %', '2024-02-29')""")
    place = quern.place("parts")
    expected = [(1, "a b/c=d %", dt.date(2024, 2, 29)), (2, "ü", None), (3, None, dt.date(1, 1, 1)), (4, "a b/c=d %", dt.date(2024, 2, 29))]
    same("deltalake reads partitions", rows(delta(place), 0), expected)
    quern.run("""CREATE TABLE changed CLUSTERED BY (k) INTO 3 CHUNKS AS SELECT value AS k, 'v' || value AS v FROM generate_series(1, 90) AS s(value);
        UPDATE changed SET v = 'new' WHERE k % 10 = 0; DELETE FROM changed WHERE k > 50;
        ALTER TABLE changed ADD COLUMN extra int; INSERT INTO changed VALUES (1000, 'last', 7);
        MERGE INTO changed USING (VALUES (1), (2000)) AS s (k) ON changed.k = s.k WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.k, 'merged', NULL);
        OPTIMIZE changed""")
    place = quern.place("changed")
    expected = [(k, "new" if k % 10 == 0 else f"v{k}", None) for k in range(2, 51)] + [(1000, "last", 7), (2000, "merged", None)]
    same("deltalake reads a table that was changed", rows(delta(place), 0), expected)
    same("deltalake reads its first version", delta(place, version=0).num_rows, 90)


def written_by_deltalake(quern):
    quern.run("""CREATE TABLE shared (id bigint, v text, p text) PARTITIONED BY (p);
        INSERT INTO shared VALUES (1, 'quern', 'a')""")
    place = quern.place("shared")
    more = pa.table({"id": pa.array([2, 3], pa.int64()), "v": ["python", None], "p": ["b", None]})
    deltalake.write_deltalake(place, more, mode="append")
    found = quern.run("SELECT id, v, p FROM shared ORDER BY id")
    same("Quern reads what deltalake appended", found, "id,v,p\n1,quern,a\n2,python,b\n3,,")
    quern.run("UPDATE shared SET v = v || '!' WHERE id < 3; INSERT INTO shared VALUES (4, 'again', 'b')")
    same("deltalake reads what Quern changed then", rows(delta(place), 0), [(1, "quern!", "a"), (2, "python!", "b"), (3, None, None), (4, "again", "b")])
    deltalake.DeltaTable(place).delete("id = 1")
    deltalake.DeltaTable(place).update(updates={"v": "'up'"}, predicate="id = 2")
    deltalake.DeltaTable(place).optimize.compact()
    found = quern.run("SELECT id, v, p FROM shared ORDER BY id")
    same("Quern reads after DELETE, UPDATE and compaction by deltalake", found, "id,v,p\n2,up,b\n3,,\n4,again,b")
    wider = pa.table({"id": pa.array([5], pa.int64()), "v": ["w"], "p": ["c"], "extra": pa.array([5], pa.int32())})
    deltalake.write_deltalake(place, wider, mode="append", schema_mode="merge")
    found = quern.run("SELECT id, extra FROM shared ORDER BY id")
    same("Quern sees a column that deltalake added", found, "id,extra\n2,\n3,\n4,\n5,5")
    deltalake.DeltaTable(place).create_checkpoint()
    deltalake.DeltaTable(place).cleanup_metadata()
    same("Quern reads after a checkpoint", quern.run("SELECT count(*) FROM shared"), "count\n4")
    narrow = pa.table({"id": pa.array([9], pa.int64()), "v": ["only"], "p": ["z"]})
    deltalake.write_deltalake(place, narrow, mode="overwrite", schema_mode="overwrite")
    same("Quern reads after an overwrite", quern.run("SELECT * FROM shared"), "id,v,p\n9,only,z")


def table_with_log(quern, name, rows=2):
    quern.run(f"CREATE TABLE {name} (id int, v text); INSERT INTO {name} SELECT i, chr(96 + i) FROM generate_series(1, {rows}) s(i)")
    return pathlib.Path(quern.place(name)) / "_delta_log"


def add(log, version, *actions):
    (log / f"{version:020}.json").write_text("\n".join(map(json.dumps, actions)) + "\n")


def first(log, version, key):
    lines = (log / f"{version:020}.json").read_text().splitlines()
    return next(json.loads(line)[key] for line in lines if key in json.loads(line))


def refused(quern, what, sql, code=""):
    """An error, never wrong rows."""
    error = quern.run(sql, fails=True)
    same(f"{what}: refused", f"SQLSTATE: {code}" in error, True)
    print("     ", error.splitlines()[0])


def external_tables(quern, folder):
    """Tables that deltalake writes, read where they are."""
    place = str(folder / "theirs")
    first = pa.table({"id": pa.array(range(1000), pa.int64()), "p": [f"p{i % 3}" for i in range(1000)], "x": [i / 4 for i in range(1000)]})
    deltalake.write_deltalake(place, first, partition_by=["p"])
    deltalake.DeltaTable(place).delete("id >= 900")
    deltalake.DeltaTable(place).optimize.compact()
    sums = "count(*), sum(id), count(DISTINCT p), max(x)"
    expected = "900,404550,3,224.75"
    same("Quern reads deltalake's folder", quern.run(f"SELECT {sums} FROM '{place}'").split("\n")[-1], expected)
    same("Quern reads one partition of it", quern.run(f"SELECT count(*) FROM read_delta('{place}') WHERE p = 'p1'"), "count\n300")
    quern.run(f"CREATE TABLE theirs WITH (location = '{place}', format = 'delta')")
    same("Quern reads its first version", quern.run("SELECT count(*) FROM theirs VERSION AS OF 0"), "count\n1000")
    deltalake.write_deltalake(place, first.slice(0, 5), mode="append")
    same("Quern sees what was appended", quern.run("SELECT count(*) FROM theirs"), "count\n905")


def deletion_vectors(quern):
    log = table_with_log(quern, "vectors", 30)
    entry = first(log, 1, "add")
    remove = {"path": entry["path"], "deletionTimestamp": 1700000000000, "dataChange": True}
    # A vector as the specification has it.
    vector = {"storageType": "i", "pathOrInlineDv": "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", "sizeInBytes": 40, "cardinality": 6}
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    add(log, 2, {"protocol": protocol}, {"remove": remove}, {"add": {**entry, "deletionVector": vector}})
    taken_out = {4, 5, 8, 12, 19, 30}
    expected = "\n".join(["id"] + [str(i) for i in range(1, 31) if i not in taken_out])
    same("deletion vectors: read", quern.run("SELECT id FROM vectors ORDER BY id"), expected)
    same("deletion vectors: counted", quern.run("SELECT count(*) FROM vectors"), "count\n24")
    refused(quern, "deletion vectors: changing", "DELETE FROM vectors WHERE id = 1", "0A000")


def column_mapping(quern):
    log = table_with_log(quern, "mapped")
    meta = first(log, 0, "metaData")
    schema = json.loads(meta["schemaString"])
    for number, field in enumerate(schema["fields"], 1):
        field["metadata"] = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": field["name"]}
    schema["fields"][0]["name"], schema["fields"][1]["name"] = "v", "id"
    properties = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "2"}
    mapped = {**meta, "schemaString": json.dumps(schema), "configuration": properties}
    add(log, 2, {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, {"metaData": mapped})
    same("column mapping: read", quern.run("SELECT v, id FROM mapped ORDER BY v"), "v,id\n1,a\n2,b")
    refused(quern, "column mapping: writing", "INSERT INTO mapped VALUES (3, 'c')", "0A000")


def feature_of_tomorrow(quern):
    log = table_with_log(quern, "later")
    features = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["featureOfTomorrow"], "writerFeatures": ["featureOfTomorrow"]}
    add(log, 2, {"protocol": features})
    refused(quern, "an unknown feature of readers", "SELECT * FROM later")


def writer_feature_of_tomorrow(quern):
    log = table_with_log(quern, "written")
    add(log, 2, {"protocol": {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["featureOfTomorrow"]}})
    same("an unknown feature of writers: read", quern.run("SELECT id FROM written ORDER BY id"), "id\n1\n2")
    refused(quern, "an unknown feature of writers", "INSERT INTO written VALUES (3, 'c')")


def constraint(quern):
    log = table_with_log(quern, "checked")
    checked = {**first(log, 0, "metaData"), "configuration": {"delta.constraints.small": "id < 10"}}
    add(log, 2, {"protocol": {"minReaderVersion": 1, "minWriterVersion": 3}}, {"metaData": checked})
    refused(quern, "a row against another writer's CHECK", "INSERT INTO checked VALUES (11, 'too large')")


def append_only(quern):
    log = table_with_log(quern, "only_added")
    only = {**first(log, 0, "metaData"), "configuration": {"delta.appendOnly": "true"}}
    add(log, 2, {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": only})
    quern.run("INSERT INTO only_added VALUES (3, 'c')")
    refused(quern, "DELETE where delta.appendOnly", "DELETE FROM only_added WHERE id = 1")


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    given = len(sys.argv) > 2
    folder = pathlib.Path(sys.argv[2]) if given else pathlib.Path(tempfile.mkdtemp(prefix="delta-"))
    quern = Quern(str(binary), folder / "data")
    duck = extension()
    parts = [written_by_deltalake, lambda quern: external_tables(quern, folder), deletion_vectors, column_mapping, feature_of_tomorrow, writer_feature_of_tomorrow, constraint, append_only]
    for part in [lambda quern: written_by_quern(quern, duck), *parts]:
        try:
            part(quern)
        except (AssertionError, deltalake.exceptions.DeltaError) as problem:
            print("FAIL", problem)
            Checks.failed += 1
    if not given:
        shutil.rmtree(folder)
    print(f"{Checks.failed} failed")
    sys.exit(1 if Checks.failed else 0)


if __name__ == "__main__":
    main()
