"""Writes the fixtures of this folder: the same fourteen deliveries to a mill in every format that is
read, a folder of partitions, and CSV files with the cases that need care. Needs pyarrow.

    python3 sql-tests/data/generate.py
"""

import bz2
import csv
import datetime as dt
import decimal
import gzip
import io
import json
import lzma
import pathlib
import struct

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
D = decimal.Decimal

# id, farm, crop, tonnes, price, day, organic
DELIVERIES = [
    (1, "Oakfield", "wheat", 12.5, D("210.00"), dt.date(2024, 7, 1), True),
    (2, "Oakfield", "rye", 7.25, D("185.50"), dt.date(2024, 7, 3), False),
    (3, "Hillside", "wheat", 20.0, D("205.25"), dt.date(2024, 7, 3), False),
    (4, "Hillside", "barley", None, D("170.00"), dt.date(2024, 7, 8), True),
    (5, "Rivermead", "wheat", 3.75, None, dt.date(2024, 7, 8), True),
    (6, "Rivermead", "oats", 15.0, D("160.75"), dt.date(2024, 7, 15), None),
    (7, None, "wheat", 9.0, D("199.99"), dt.date(2024, 7, 15), False),
    (8, "Oakfield", "wheat", 11.0, D("212.50"), dt.date(2024, 8, 1), True),
    (9, "Hillside", "rye", 6.5, D("188.00"), dt.date(2024, 8, 1), False),
    (10, "Rivermead", None, 1.0, D("150.00"), dt.date(2024, 8, 12), False),
    (11, "Stonebridge", "barley", 18.25, D("168.40"), None, False),
    (12, "Stonebridge", "oats", 0.0, D("158.00"), dt.date(2024, 8, 31), True),
    (13, "Oakfield", "rye", 7.25, D("185.50"), dt.date(2024, 9, 1), False),
    (14, "Hillside", "wheat", 22.5, D("207.75"), dt.date(2024, 12, 31), True),
]
NAMES = ["id", "farm", "crop", "tonnes", "price", "day", "organic"]
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("farm", pa.string()),
        ("crop", pa.string()),
        ("tonnes", pa.float64()),
        ("price", pa.decimal128(10, 2)),
        ("day", pa.date32()),
        ("organic", pa.bool_()),
    ]
)


def table():
    columns = list(zip(*DELIVERIES))
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA)], schema=SCHEMA)


def text(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def delimited(delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(NAMES)
    writer.writerows([[text(v) for v in row] for row in DELIVERIES])
    return out.getvalue()


def objects():
    def plain(value):
        if isinstance(value, D):
            return float(value)
        return value.isoformat() if isinstance(value, dt.date) else value

    return [{n: plain(v) for n, v in zip(NAMES, row)} for row in DELIVERIES]


def avro_long(n):
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while True:
        byte, n = n & 0x7F, n >> 7
        out.append(byte | (0x80 if n else 0))
        if not n:
            return bytes(out)


def avro_bytes(data):
    return avro_long(len(data)) + data


def avro():
    """An object container file without compression, written out by hand."""
    optional = lambda t: ["null", t]
    schema = {
        "type": "record",
        "name": "delivery",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "farm", "type": optional("string")},
            {"name": "crop", "type": optional("string")},
            {"name": "tonnes", "type": optional("double")},
            {"name": "price", "type": optional("double")},
            {"name": "day", "type": optional({"type": "int", "logicalType": "date"})},
            {"name": "organic", "type": optional("boolean")},
        ],
    }

    def value(v):
        if v is None:
            return avro_long(0)
        one = avro_long(1)
        if isinstance(v, bool):
            return one + bytes([v])
        if isinstance(v, str):
            return one + avro_bytes(v.encode())
        if isinstance(v, dt.date):
            return one + avro_long((v - dt.date(1970, 1, 1)).days)
        return one + struct.pack("<d", float(v))

    rows = b"".join(avro_long(row[0]) + b"".join(value(v) for v in row[1:]) for row in DELIVERIES)
    meta = {b"avro.schema": json.dumps(schema).encode(), b"avro.codec": b"null"}
    header = avro_long(len(meta)) + b"".join(avro_bytes(k) + avro_bytes(v) for k, v in meta.items())
    sync = bytes(range(16))
    block = avro_long(len(DELIVERIES)) + avro_bytes(rows) + sync
    return b"Obj\x01" + header + avro_long(0) + sync + block


def partitions():
    for year in (2022, 2023):
        for region in ("north", "south"):
            folder = HERE / "yields" / f"year={year}" / f"region={region}"
            folder.mkdir(parents=True, exist_ok=True)
            base = year - 2020 + (10 if region == "south" else 0)
            rows = pa.table({"field": pa.array([base, base + 1], pa.int64()), "tonnes": [base * 1.5, base * 2.0]})
            pq.write_table(rows, folder / "part-0.parquet")


CARE = {
    # An unquoted empty field is NULL, a quoted one is the empty text.
    "empties.csv": 'id,note\n1,\n2,""\n3,NULL\n4,"NULL"\n5,x\n',
    # Delimiters, quotes and line ends inside quotes; the last line has no line end.
    "quotes.csv": 'id,note\n1,"a,b"\n2,"say ""hi"""\n3,"two\nlines"\n4,plain',
    # The third record is not a number.
    "bad.csv": "id,amount\n1,10\n2,20\n3,ten\n4,40\n",
    # A record with a field too many.
    "ragged.csv": "id,amount\n1,10\n2,20,30\n",
    "semicolon.csv": "# weights in kilograms\nid;weight\n1;1.5\n2;-\n",
    "no_header.csv": "1,one\n2,two\n",
    # Integers until the last record.
    "late.csv": "id,code\n" + "".join(f"{i},{i}\n" for i in range(1, 1500)) + "1500,A7\n",
}


LONG = "".join(f"{i},word {i}\n" for i in range(1, 3001))


def compressed():
    """Text files as they come compressed, whole and damaged."""
    one, two = b"id,note\n1,one\n", b"2,two\n3,three\n"
    packers = {
        "gz": lambda data: gzip.compress(data, mtime=0),
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
    }
    files = {}
    for name, pack in packers.items():
        files[f"parts.csv.{name}"] = pack(one) + pack(two)
        whole = pack(b"id,note\n" + LONG.encode())
        files[f"cut.csv.{name}"] = whole[: len(whole) * 2 // 3]
    files["nothing.csv.gz"] = packers["gz"](b"")
    files["garbage.csv.gz"] = packers["gz"](one) + b"no gzip data"
    files["lies.csv.gz"] = one
    files["hidden.csv"] = packers["gz"](one)
    files["hidden.ndjson"] = packers["zst"](b'{"a": 1}\n')
    files["late.csv.gz"] = packers["gz"](CARE["late.csv"].encode())
    return files


def odd():
    """CSV and JSON as they come."""
    umlauts = 'id,name\n1,Müller\n2,"Čapek\n& Söhne"\n3,€ 5\n'
    western = "id,name\n1,Müller\n2,Søren\n3,Zoë\n"
    wide = ",".join(f"c{i}" for i in range(3000))
    return {
        "utf16le.csv": b"\xff\xfe" + umlauts.encode("utf-16le"),
        "utf16be.csv": b"\xfe\xff" + umlauts.encode("utf-16be"),
        "utf16_unmarked.csv": umlauts.encode("utf-16le"),
        "utf8_marked.csv": b"\xef\xbb\xbf" + umlauts.encode(),
        "latin1.csv": western.encode("latin-1"),
        "windows1252.csv": western.replace("Zoë", "€ 5").encode("windows-1252"),
        "utf16.ndjson": b"\xff\xfe" + '{"name": "Müller"}\n{"name": "Čapek"}\n'.encode("utf-16le"),
        "latin1.ndjson": '{"name": "Müller"}\n'.encode("latin-1"),
        "returns.csv": b'id,note\r1,one\r2,"two\rlines"\r3,three',
        "mixed_ends.csv": b"id,note\r\n1,one\n2,two\r\n\n3,three",
        "lone_return.csv": b'id,note\n1,"a\rb"\n2,c\rd\n3,e\n',
        "blank_lines.csv": b"\n\nid,note\n1,one\n\n\n2,two\n\n",
        "blank_single.csv": b"id\n1\n\n2\n",
        "header_only.csv": b"id,note\n",
        "empty.csv": b"",
        "duplicates.csv": b"a,a,,a,A\n1,2,3,4,5\n",
        "zero_bytes.csv": b"id,note\n1,a\0b\n",
        "middle_quotes.csv": b'id,note\n1,say "hi" now\n2,5" nails\n',
        "open_quote.csv": b'id,note\n1,one\n2,"two\n3,three\n',
        "after_quote.csv": b'id,note\n1,one\n2,"two"!\n3,three\n',
        "short.csv": b"id,note,price\n1,one,1.5\n2,two\n3\n",
        "long.csv": b"id,note\n1,one\n2,two,2,2\n3,three\n",
        "dirty.csv": b'id,price,day\n1,1.5,2024-01-01\nx,2.5,2024-01-02\n3,cheap,soon\n4,4.5\n5,"5"5,2024-01-05\n6,6.5,2024-01-06,6\n7,7.5,\xff\n8,8.5,2024-01-08\n',
        "dates.csv": b"day,at\n31.12.2024,31.12.2024 23:59\n01.02.2024,01.02.2024 00:30\n",
        "offsets.csv": b"at\n20240131T120000+0200\n20240701T000000-0500\n",
        "wide.csv": (wide + "\n" + ",".join(str(i) for i in range(3000)) + "\n").encode(),
        "quoted_lines.csv": b'id,note\n1,"a\nb\nc"\n2,"d\n"\nx3,e\n',
        "long_line.csv": b"id,note\n1,one\n2," + b"x" * 5000 + b"\n3,three\n",
        "dirty.ndjson": b'{"id": 1, "n": 1.5}\n{"id": "x", "n": 2}\n{"id": 3, "n": {}}\n{"id": 4,\n\n{"id": 5, "n": 5.5}\n',
        "dirty.json": b'[{"id": 1},\n {"id": 2},\n {"id": "three"},\n {"id": 4}]\n',
        "cut.json": b'[{"id": 1},\n {"id": 2}',
        "broken.ndjson": b'{"id": 1}\n{"id": 2}\n{"id": 3]\n',
        "late.ndjson": b"".join(b'{"id": %d}\n' % i for i in range(1, 1500)) + b'{"id": "A7"}\n',
    }


def damaged():
    """A Parquet file with a damaged page, an Avro file with a damaged block."""
    out = io.BytesIO()
    words = pa.table({"id": range(1000), "word": [f"word {i}" for i in range(1000)]})
    pq.write_table(words, out, compression="zstd", use_dictionary=False)
    data = bytearray(out.getvalue())
    page = pq.ParquetFile(out).metadata.row_group(0).column(1).data_page_offset
    for at in range(page + 200, page + 260):
        data[at] ^= 0x5A
    return {"damaged.parquet": bytes(data), "cut.avro": avro()[:-40]}


def main():
    (HERE / "deliveries.csv").write_text(delimited(","))
    with gzip.GzipFile(HERE / "deliveries.tsv.gz", "wb", mtime=0) as file:
        file.write(delimited("\t").encode())
    (HERE / "deliveries.json").write_text(json.dumps(objects(), indent=1) + "\n")
    (HERE / "deliveries.ndjson").write_text("".join(json.dumps(o) + "\n" for o in objects()))
    pq.write_table(table(), HERE / "deliveries.parquet", row_group_size=5)
    pa.feather.write_feather(table(), HERE / "deliveries.arrow", compression="uncompressed")
    (HERE / "deliveries.avro").write_bytes(avro())
    partitions()
    for name, content in CARE.items():
        (HERE / name).write_text(content)
    (HERE / "text").mkdir(exist_ok=True)
    for name, content in {**compressed(), **odd(), **damaged()}.items():
        (HERE / "text" / name).write_bytes(content)


if __name__ == "__main__":
    main()
