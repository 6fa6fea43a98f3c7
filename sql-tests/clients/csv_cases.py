"""Hostile CSV and JSON files, each with the options that Quern and DuckDB need to read it.

`CASES` is a list of `Case`; nothing here depends on time or chance, so every run writes the same bytes.
`csv_duckdb.py` reads them with both and compares.
"""

import bz2
import dataclasses
import gzip
import json
import lzma
import shutil
import subprocess

# DuckDB guesses the dialect and Quern does not, so DuckDB is told what Quern takes for granted.
DIALECT = {"header": True, "delim": ",", "quote": '"', "escape": '"', "allow_quoted_nulls": False}


@dataclasses.dataclass
class Case:
    name: str
    files: dict
    quern: dict
    duckdb: dict
    reader: str
    # What DuckDB reads instead, where it cannot decompress.
    plain: bytes | None = None


CASES = []


def csv(name, data, quern=None, duckdb=None, ext="csv", plain=None):
    data = data.encode() if isinstance(data, str) else data
    files = data if isinstance(data, dict) else {f"{name}.{ext}": data}
    CASES.append(Case(name, files, quern or {}, DIALECT | (duckdb or {}), "csv", plain))


def js(name, data, quern=None, duckdb=None, ext="json", plain=None):
    data = data.encode() if isinstance(data, str) else data
    files = data if isinstance(data, dict) else {f"{name}.{ext}": data}
    CASES.append(Case(name, files, quern or {}, duckdb or {}, "json", plain))


def zstd(data):
    """By the program, because Python 3.11 has no zstd; None without it."""
    if not shutil.which("zstd"):
        return None
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


def rows(n, line):
    return "".join(line(i) for i in range(n))


def quotes():
    csv("quoted-delimiter", 'a,b\n"x,y",1\n"z",2\n')
    csv("quoted-doubled", 'a,b\n"say ""hi""",1\n"""",2\n"""""",3\n')
    csv("quoted-escape", 'a,b\n"say \\"hi\\"",1\n"back\\\\slash",2\n', {"escape": "\\"}, {"escape": "\\"})
    csv("quoted-lf", 'a,b\n"one\ntwo",1\n"\n",2\n')
    csv("quoted-crlf", 'a,b\r\n"one\r\ntwo",1\r\n"\r\n",2\r\n')
    csv("quoted-cr", 'a,b\n"one\rtwo",1\n')
    csv("quoted-blank-lines", 'a,b\n"one\n\n\ntwo",1\nx,2\n')
    csv("quoted-numbers", 'a,b\n"1","2.5"\n"2","3.5"\n')
    csv("quoted-header-newline", '"a\nb","c"\n1,2\n')
    csv("quoted-header-comma", '"a,b","c""d"\n1,2\n')
    csv("quote-inside-unquoted", 'a,b\nx"y,1\n5" nail,2\n')
    csv("quote-unclosed", 'a,b\nx,1\n"y,2\nz,3\n')
    csv("quote-text-behind", 'a,b\n"x"y,1\n')
    csv("quote-space-before", 'a,b\n "x",1\n')
    csv("quote-space-behind", 'a,b\n"x" ,1\n')
    csv("quote-single", "a,b\n'x,y',1\n'it''s',2\n", {"quote": "'"}, {"quote": "'", "escape": "'"})
    csv("quote-none", 'a,b\n"x,1\ny",2\n', {"quote": None}, {"quote": "", "escape": ""})
    csv("quote-then-end", 'a,b\nx,"1"', )


def lines():
    csv("lines-crlf", "a,b\r\n1,x\r\n2,y\r\n")
    csv("lines-cr", "a,b\r1,x\r2,y\r")
    csv("lines-lf-and-crlf", "a,b\n1,x\r\n2,y\n3,z\r\n")
    csv("lines-cr-in-lf", "a,b\n1,x\r2,y\n")
    csv("lines-no-last", "a,b\n1,x\n2,y")
    csv("lines-no-last-crlf", "a,b\r\n1,x\r\n2,")
    csv("lines-cr-at-end", "a,b\n1,x\r")
    csv("lines-blank-between", "a,b\n1,x\n\n\n2,y\n")
    csv("lines-blank-at-end", "a,b\n1,x\n\n\n")
    csv("lines-blank-before-header", "\n\na,b\n1,x\n")
    csv("lines-spaces-only", "a,b\n1,x\n   \n2,y\n")
    csv("lines-only-delimiters", "a,b,c\n,,\n1,2,3\n")
    csv("one-column", "a\n1\n2\n")
    csv("one-column-blank", "a\n1\n\n3\n")
    csv("one-column-blank-last", "a\nx\n\n")
    csv("one-column-quoted-empty", 'a\nx\n""\ny\n')
    csv("file-empty", "")
    csv("file-newline", "\n")
    csv("file-header", "a,b\n")
    csv("file-header-no-newline", "a,b")


def encodings():
    text = "a,b\nÜnï,1\n漢字 🌾,2\n"
    csv("utf8-bom", b"\xef\xbb\xbf" + text.encode())
    csv("utf8-bom-quoted-header", b'\xef\xbb\xbf"a",b\n1,2\n')
    csv("utf16-le-bom", b"\xff\xfe" + text.encode("utf-16-le"), {}, {"encoding": "utf-16"})
    csv("utf16-le", text.encode("utf-16-le"), {"encoding": "utf-16le"}, {"encoding": "utf-16"})
    csv("latin-1", "a,b\nÜnï,1\n°\xa0,2\n".encode("latin-1"), {"encoding": "latin-1"}, {"encoding": "latin-1"})
    csv("utf8-damaged", b"a,b\nx\xff\xfey,1\n")
    csv("utf8-cut-off", "a,b\n1,x\n2,é".encode()[:-1])
    csv("utf8-overlong", b"a,b\n\xc0\xaf,1\n")
    csv("utf8-surrogate", b"a,b\n\xed\xa0\x80,1\n")
    csv("nul-in-text", b"a,b\nx\x00y,1\nz,2\n")
    csv("control-characters", "a,b\n\x01\x02\x7f,1\n\x0b\x0c,2\n")
    csv("unicode-line-separator", "a,b\nx\u2028y\u2029z\x85w,1\n")
    csv("unicode-spaces", "a,b\n\u00a0x\u3000,1\n\u200b,2\n")
    csv("delimiter-tab", "a\tb\n1\tx y\n2\t\n", {}, {"delim": "\t"}, ext="tsv")
    csv("delimiter-semicolon", "a;b\n1,5;x\n2,5;y\n", {"delimiter": ";"}, {"delim": ";"})
    csv("delimiter-pipe", "a|b\n1|x,y\n", {}, {"delim": "|"}, ext="psv")
    csv("delimiter-unicode", "a§b\n1§x\n2§y\n", {"delimiter": "§"}, {"delim": "§"})
    csv("delimiter-control", "a\x01b\n1\x01x\n", {"delimiter": "\x01"}, {"delim": "\x01"})


def shapes():
    csv("short-rows", "a,b,c\n1,2,3\n4,5\n")
    csv("short-rows-padded", "a,b,c\n1,2,3\n4,5\n6\n", {"null_padding": True}, {"null_padding": True})
    csv("long-rows", "a,b\n1,2\n3,4,5\n")
    csv("trailing-delimiter", "a,b,\n1,x,\n2,y,\n")
    csv("trailing-delimiter-rows-only", "a,b\n1,x,\n2,y,\n")
    csv("bad-rows-skipped", "a,b\n1,x\n2\n3,y,z\n4,w\n", {"bad_rows": "skip"}, {"ignore_errors": True})
    csv("bad-value-skipped", "a,b\n1,x\nq,y\n4,w\n", {"bad_rows": "skip", "dtype": {"a": "BIGINT"}},
        {"ignore_errors": True, "types": {"a": "BIGINT"}})
    csv("comment-first", "# c\n# d\na,b\n1,x\n", {"comment": "#"}, {"comment": "#"})
    csv("comment-between", "a,b\n1,x\n# c, with \"quote\n2,y\n", {"comment": "#"}, {"comment": "#"})
    csv("comment-behind-value", "a,b\n1,x # c\n2,y\n", {"comment": "#"}, {"comment": "#"})
    csv("comment-in-quotes", 'a,b\n1,"x\n# no comment"\n2,y\n', {"comment": "#"}, {"comment": "#"})
    csv("header-twice", "a,a,a,b\n1,2,3,4\n")
    csv("header-twice-other-case", "a,A\n1,2\n")
    csv("header-clash-with-number", "a,a_1,a\n1,2,3\n")
    csv("header-empty-name", "a,,c\n1,2,3\n")
    csv("header-spaces", " a , b c ,d\n1,2,3\n")
    csv("header-numbers", "1,2\n3,4\n")
    csv("header-keywords", "select,from,Order\n1,2,3\n")
    csv("header-none", "1,x\n2,y\n", {"header": False}, {"header": False, "names": ["column1", "column2"]})
    csv("header-none-types-named", "1,2024-01-01\n2,\n", {"header": False}, {"header": False, "names": ["column1", "column2"]})
    csv("wide", ",".join(f"c{i}" for i in range(3000)) + "\n" + (",".join(map(str, range(3000))) + "\n") * 3)
    csv("huge-field", "a,b\n" + "x" * 1_500_000 + ",1\ny,2\n", {}, {"max_line_size": 4_000_000})
    csv("huge-field-of-lines", 'a,b\n"' + "line, \"\"q\"\"\n" * 60_000 + '",1\ny,2\n', {}, {"max_line_size": 4_000_000})
    csv("many-rows-quoted-lines", "a,b,c\n" + rows(30_000, lambda i: f'{i},"l{i}\n{i},""{i}""",{i * 0.5}\n'), {"blocksize": "64KiB"})
    csv("many-rows-crlf", "a,b\r\n" + rows(30_000, lambda i: f"{i},{'x' * (i % 50)}\r\n"), {"blocksize": "16KiB"})
    csv("two-files-by-name", {"1.csv": b"a,b\n1,x\n", "2.csv": b"b,c\ny,2.5\n"}, {}, {"union_by_name": True})
    csv("two-files-wider-type", {"1.csv": b"a\n1\n", "2.csv": b"a\n2.5\n"}, {}, {"union_by_name": True})
    csv("two-files-other-order", {"1.csv": b"a,b\n1,x\n", "2.csv": b"b,a\ny,2\n"}, {}, {"union_by_name": True})


def nulls():
    csv("null-empty-and-quoted", 'a,b\n,1\n"",2\nx,\n')
    csv("null-quoted-empty-number", 'a,b\n1,x\n"",y\n3,z\n')
    csv("null-spellings-default", "a,b\nNULL,1\nnull,2\nNA,3\n\\N,4\nNone,5\n")
    csv("null-spelling-na", "a,b\nNA,1\n2,NA\n3,x\n", {"null_values": "NA"}, {"nullstr": "NA"})
    csv("null-spellings-three", "a,b\nNA,1\n-,2\n,3\n4,-\n", {"null_values": ["NA", "-", ""]}, {"nullstr": ["NA", "-", ""]})
    csv("null-spelling-quoted", 'a,b\n"NA",1\nNA,2\n', {"null_values": "NA"}, {"nullstr": "NA"})
    csv("null-only-column", "a,b\n1,\n2,\n")
    csv("null-late-value", "a,b\n" + rows(25_000, lambda i: f"{i},\n") + "1,x\n")


def numbers():
    csv("int-limits", f"a\n{2**63 - 1}\n{-2**63}\n")
    csv("int-too-large", f"a\n1\n{2**63}\n")
    csv("int-38-digits", "a\n" + "9" * 38 + "\n-" + "9" * 38 + "\n")
    csv("int-60-digits", "a\n" + "9" * 60 + "\n1\n")
    csv("int-leading-zeros", "a,b\n007,1\n042,2\n")
    csv("int-leading-zeros-zip", "a\n01234\n98765\n")
    csv("int-plus", "a\n+1\n+2\n")
    csv("int-spaces", "a,b\n 1, x\n2 ,y \n")
    csv("int-thousands", 'a,b\n"1,000",1\n"2,500",2\n')
    csv("int-underscores", "a\n1_000\n2_000\n")
    csv("int-minus-zero", "a\n-0\n0\n")
    csv("int-hex", "a\n0x10\n0xff\n")
    csv("float-exponents", "a\n1e5\n2E-3\n-1.5e+10\n")
    csv("float-points", "a\n.5\n5.\n-.5\n")
    csv("float-inf-nan", "a\ninf\n-inf\nnan\n1.5\n")
    csv("float-infinity", "a\nInfinity\n-Infinity\nNaN\n1.5\n")
    csv("float-too-large", "a\n1e400\n1.5\n")
    csv("float-too-small", "a\n1e-400\n5e-324\n1.5\n")
    csv("float-many-digits", "a\n0.1234567890123456789\n123456789012345678.9\n")
    csv("float-comma", 'a,b\n"1,5",1\n"2,5",2\n')
    csv("int-then-float", "a\n1\n2\n2.5\n")
    csv("int-then-text", "a\n1\n2\nx\n")
    csv("int-late-text", "a\n" + rows(30_000, lambda i: f"{i}\n") + "x\n")
    csv("int-late-float", "a\n" + rows(30_000, lambda i: f"{i}\n") + "1.5\n")
    csv("int-late-text-all-sampled", "a\n" + rows(30_000, lambda i: f"{i}\n") + "x\n", {"schema_sample_rows": "all"}, {"sample_size": -1})
    csv("money", "a\n$1.50\n$2.00\n")
    csv("percent", "a\n10%\n20%\n")
    csv("decimal-named", "a\n1.005\n2.5\n-0.001\n", {"dtype": {"a": "DECIMAL(10,3)"}}, {"types": {"a": "DECIMAL(10,3)"}})
    csv("decimal-named-rounds", "a\n1.0055\n", {"dtype": {"a": "DECIMAL(10,3)"}}, {"types": {"a": "DECIMAL(10,3)"}})
    csv("smallint-named-overflow", "a\n1\n40000\n", {"dtype": {"a": "SMALLINT"}}, {"types": {"a": "SMALLINT"}})


def booleans_and_times():
    csv("bool", "a\ntrue\nfalse\n")
    csv("bool-cases", "a\nTRUE\nFalse\ntrue\n")
    csv("bool-letters", "a\nt\nf\n")
    csv("bool-yes", "a\nyes\nno\n")
    csv("bool-digits", "a\n0\n1\n")
    csv("bool-and-int", "a\ntrue\n1\n")
    csv("date", "a\n2024-02-29\n1969-12-31\n")
    csv("date-limits", "a\n0001-01-01\n9999-12-31\n")
    csv("date-slashes", "a\n2024/02/29\n2024/03/01\n")
    csv("date-german", "a\n29.02.2024\n01.03.2024\n")
    csv("date-american", "a\n02/29/2024\n03/01/2024\n")
    csv("date-format", "a\n29.02.2024\n01.03.2024\n", {"date_format": "%d.%m.%Y"}, {"dateformat": "%d.%m.%Y"})
    csv("date-wrong-day", "a\n2024-02-30\n2024-01-01\n")
    csv("date-one-digit", "a\n2024-2-9\n2024-10-1\n")
    csv("date-compact", "a\n20240229\n20240301\n")
    csv("date-and-timestamp", "a\n2024-02-29\n2024-03-01 10:00:00\n")
    csv("date-and-text", "a\n2024-02-29\nsoon\n")
    csv("timestamp", "a\n2024-02-29 12:34:56\n1969-12-31 23:59:59.999999\n")
    csv("timestamp-t", "a\n2024-02-29T12:34:56\n2024-02-29T12:34:56.5\n")
    csv("timestamp-minutes", "a\n2024-02-29 12:34\n2024-02-29 12:35\n")
    csv("timestamp-z", "a\n2024-02-29T12:34:56Z\n2024-06-30T12:00:00Z\n")
    csv("timestamp-offset", "a\n2024-02-29 12:34:56+05:30\n2024-02-29 12:34:56-08\n")
    csv("timestamp-zone-mixed", "a\n2024-02-29 12:34:56\n2024-02-29 12:34:56+01\n")
    csv("timestamp-nanoseconds", "a\n2024-02-29 12:34:56.123456789\n")
    csv("timestamp-format", "a\n29.02.2024 12:34\n01.03.2024 00:00\n", {"timestamp_format": "%d.%m.%Y %H:%M"}, {"timestampformat": "%d.%m.%Y %H:%M"})
    csv("timestamp-leap-second", "a\n2016-12-31 23:59:60\n2024-01-01 00:00:00\n")
    csv("timestamp-24h", "a\n2024-01-01 24:00:00\n2024-01-01 00:00:00\n")
    csv("time", "a\n12:34:56\n00:00:00.5\n")
    csv("time-minutes", "a\n12:34\n00:01\n")
    csv("time-pm", "a\n12:34 PM\n01:00 AM\n")
    csv("interval", "a\n1 day\n2 hours\n")
    csv("uuid", "a\n6ba7b810-9dad-11d1-80b4-00c04fd430c8\n")
    csv("json-in-csv", 'a,b\n"{""k"": [1, 2]}",1\n')


def compressed():
    text = b"a,b\n" + b"".join(b"%d,v%d\n" % (i, i) for i in range(5000))
    csv("gzip", gzip.compress(text, mtime=0), ext="csv.gz")
    parts = [text[i:i + 9_001] for i in range(0, len(text), 9_001)]
    csv("gzip-members", b"".join(gzip.compress(p, mtime=0) for p in parts), ext="csv.gz")
    csv("gzip-member-empty", gzip.compress(text, mtime=0) + gzip.compress(b"", mtime=0), ext="csv.gz")
    csv("gzip-cut-off", gzip.compress(text, mtime=0)[:-3000], ext="csv.gz")
    csv("gzip-bad-checksum", gzip.compress(text, mtime=0)[:-8] + b"\0" * 8, ext="csv.gz")
    csv("gzip-garbage-behind", gzip.compress(text, mtime=0) + b"garbage", ext="csv.gz")
    csv("gzip-zeros-behind", gzip.compress(text, mtime=0) + b"\0" * 512, ext="csv.gz")
    csv("gzip-by-name-only", text, ext="csv.gz")
    csv("gzip-of-nothing", gzip.compress(b"", mtime=0), ext="csv.gz")
    csv("bzip2", bz2.compress(text), ext="csv.bz2", plain=text)
    csv("bzip2-members", b"".join(map(bz2.compress, parts)), ext="csv.bz2", plain=text)
    csv("xz", lzma.compress(text), ext="csv.xz", plain=text)
    if zstd(b"") is not None:
        csv("zstd", zstd(text), ext="csv.zst")
        csv("zstd-frames", b"".join(map(zstd, parts)), ext="csv.zst")


def json_shapes():
    js("ndjson", '{"a":1,"b":"x"}\n{"a":2,"b":null}\n')
    js("ndjson-crlf", '{"a":1}\r\n{"a":2}\r\n')
    js("ndjson-no-last-newline", '{"a":1}\n{"a":2}')
    js("ndjson-blank-lines", '\n{"a":1}\n\n   \n{"a":2}\n\n')
    js("ndjson-bom", b'\xef\xbb\xbf{"a":1}\n')
    js("json-array", '[{"a":1},{"a":2}]')
    js("json-array-pretty", json.dumps([{"a": 1, "b": {"c": [1, 2]}}, {"a": 2, "b": None}], indent=2))
    js("json-array-empty", "[]")
    js("json-array-of-numbers", "[1, 2, 3]")
    js("json-array-of-arrays", "[[1, 2], [3]]")
    js("json-array-per-line", '[{"a":1}]\n[{"a":2}]\n')
    js("json-object-pretty", json.dumps({"a": 1, "b": [1, 2]}, indent=4))
    js("json-objects-on-a-line", '{"a":1}{"a":2} {"a":3}')
    js("json-numbers", "1\n2\n")
    js("json-empty", "")
    js("json-empty-object", "{}\n{}\n")
    js("json-missing-keys", '{"a":1}\n{"b":"x"}\n{"a":2,"b":"y","c":true}\n')
    js("json-late-key", rows(25_000, lambda i: f'{{"a":{i}}}\n') + '{"a":1,"b":2}\n')
    js("json-late-type", rows(25_000, lambda i: f'{{"a":{i}}}\n') + '{"a":"x"}\n')
    js("json-same-key-twice", '{"a":1,"a":2}\n')
    js("json-keys-by-case", '{"a":1,"A":2}\n')
    js("json-empty-key", '{"":1,"b":2}\n')
    js("json-escaped-key", '{"\\u0061\\n":1}\n')
    js("json-other-order", '{"a":1,"b":2}\n{"b":3,"a":4}\n')
    js("json-nested", '{"a":{"b":{"c":1}}}\n{"a":{"b":{"d":"x"}}}\n{"a":null}\n')
    js("json-lists", '{"a":[1,2]}\n{"a":[]}\n{"a":null}\n{"a":[null,3]}\n')
    js("json-lists-of-objects", '{"a":[{"b":1},{"c":"x"}]}\n{"a":[{"b":2}]}\n')
    js("json-lists-of-lists", '{"a":[[1],[2,3]]}\n{"a":[[]]}\n')
    js("json-list-mixed", '{"a":[1,"x",null]}\n')
    js("json-list-int-and-float", '{"a":[1,2.5]}\n')
    js("json-list-empty-only", '{"a":[]}\n')
    js("json-null-only", '{"a":null,"b":1}\n')
    js("json-deep", '{"a":' * 60 + "1" + "}" * 60 + "\n")
    js("json-wide", json.dumps({f"k{i}": i for i in range(1000)}) + "\n" + json.dumps({f"k{i}": str(i) for i in range(0, 1000, 2)}) + "\n")


def json_values():
    js("json-int-and-float", '{"a":1}\n{"a":2.5}\n')
    js("json-int-and-text", '{"a":1}\n{"a":"x"}\n')
    js("json-int-and-bool", '{"a":1}\n{"a":true}\n')
    js("json-int-and-object", '{"a":1}\n{"a":{"b":2}}\n')
    js("json-int-and-list", '{"a":1}\n{"a":[2]}\n')
    js("json-object-and-list", '{"a":{"b":1}}\n{"a":[2]}\n')
    js("json-big-ints", f'{{"a":{2**63 - 1}}}\n{{"a":{-2**63}}}\n')
    js("json-bigger-ints", f'{{"a":{2**63}}}\n{{"a":{2**64 - 1}}}\n')
    js("json-huge-ints", f'{{"a":{10**30}}}\n{{"a":1}}\n')
    js("json-float-forms", '{"a":1e5}\n{"a":-0.0}\n{"a":1E-3}\n')
    js("json-float-too-large", '{"a":1e400}\n{"a":1.5}\n')
    js("json-float-digits", '{"a":0.1}\n{"a":1.7976931348623157e308}\n{"a":5e-324}\n')
    js("json-number-leading-zero", '{"a":01}\n')
    js("json-number-plus", '{"a":+1}\n')
    js("json-number-point", '{"a":.5}\n')
    js("json-nan", '{"a":NaN}\n')
    js("json-numbers-in-text", '{"a":"1"}\n{"a":"2"}\n')
    js("json-bools-in-text", '{"a":"true"}\n{"a":"false"}\n')
    js("json-unicode-escapes", '{"a":"\\u00fc \\u6f22 \\ud83c\\udf3e \\/ \\b\\f\\n\\r\\t \\" \\\\"}\n')
    js("json-surrogate-alone", '{"a":"\\ud800"}\n')
    js("json-surrogates-swapped", '{"a":"\\udf3e\\ud83c"}\n')
    js("json-nul-escape", '{"a":"x\\u0000y"}\n')
    js("json-bad-escape", '{"a":"\\q"}\n')
    js("json-raw-newline-in-text", '{"a":"x\ny"}\n')
    js("json-raw-tab-in-text", '{"a":"x\ty"}\n')
    js("json-damaged-utf8", b'{"a":"x\xff"}\n')
    js("json-dates", '{"a":"2024-02-29"}\n{"a":"1969-12-31"}\n')
    js("json-timestamps", '{"a":"2024-02-29 12:34:56"}\n{"a":"2024-02-29T12:34:56.5"}\n')
    js("json-timestamps-z", '{"a":"2024-02-29T12:34:56Z"}\n{"a":"2024-02-29T12:34:56+01:00"}\n')
    js("json-times", '{"a":"12:34:56"}\n')
    js("json-dates-and-text", '{"a":"2024-02-29"}\n{"a":"soon"}\n')
    js("json-uuid", '{"a":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}\n')
    js("json-empty-text", '{"a":""}\n{"a":"x"}\n')
    js("json-trailing-comma", '{"a":1,}\n')
    js("json-array-trailing-comma", '[{"a":1},]')
    js("json-single-quotes", "{'a':1}\n")
    js("json-comment", '// c\n{"a":1}\n')
    js("json-cut-off", '{"a":1}\n{"a":')
    js("json-array-cut-off", '[{"a":1},{"a":2}')
    js("json-text-behind", '{"a":1} x\n{"a":2}\n')
    js("json-text-behind-array", '[{"a":1}] x')
    js("json-bad-line-skipped", '{"a":1}\nnonsense\n{"a":2}\n', {"bad_rows": "skip"}, {"ignore_errors": True, "format": "newline_delimited"})
    js("json-type-named", '{"a":"1"}\n{"a":2}\n', {"dtype": {"a": "TEXT"}}, {"columns": {"a": "VARCHAR"}})
    js("json-huge-text", '{"a":"' + "x" * 3_000_000 + '"}\n')
    js("json-gzip", gzip.compress(b'{"a":1}\n{"a":2}\n', mtime=0), ext="json.gz")
    js("json-gzip-members", gzip.compress(b'{"a":1}\n{"a', mtime=0) + gzip.compress(b'":2}\n', mtime=0), ext="json.gz")
    js("json-two-files", {"1.json": b'{"a":1}\n', "2.json": b'{"a":2.5,"b":"x"}\n'}, {}, {"union_by_name": True})


for section in (quotes, lines, encodings, shapes, nulls, numbers, booleans_and_times, compressed, json_shapes, json_values):
    section()
