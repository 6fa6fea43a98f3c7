"""Asks what a file of statements has, in the stead of a tool, by psycopg 3: prepared, with binary results.

A file is steps. Each begins with lines of comments, the first of which names it:

    -- step: columns of a table
    -- values: "fields", 2200      what its parameters are, as JSON; in the statement they are ?
    -- compare: column, type       of the rows; all columns unless it says so, and none with `nothing`

In values and statements ${name} is the OID of a relation. `-- protocol: simple`, in the head of a file,
sends the statements as texts.
"""

import json
import pathlib
import re
import sys

import psycopg
from transcript import attempt


def steps(text):
    for part in re.split(r"^-- step: ", text, flags=re.MULTILINE)[1:]:
        name, _, rest = part.partition("\n")
        options = dict(re.findall(r"^-- (values|compare): (.*)$", rest, flags=re.MULTILINE))
        yield name, options, re.sub(r"^-- (values|compare): .*\n", "", rest, flags=re.MULTILINE).strip().removesuffix(";")


def oid(name):
    return str(connection.execute("SELECT %s::regclass::oid", [name]).fetchone()[0])


def numbered(text):
    return re.sub(r"\$\{([\w.]+)\}", lambda found: oid(found[1]), text)


def play(statement, values, compare):
    statement = numbered(statement)
    with connection.cursor(binary=not simple) as cursor:
        if simple:
            cursor.execute(statement)
        else:
            cursor.execute(statement.replace("%", "%%").replace("?", "%s"), json.loads(f"[{numbered(values)}]"), prepare=True)
        found = {"tag": cursor.statusmessage.split()[0]}
        if cursor.description:
            names = [column.name for column in cursor.description]
            wanted = names if compare is None else [] if compare == "nothing" else compare.split(", ")
            places = [names.index(name) for name in wanted] if compare else range(len(names))
            rows = [[row[n] for n in places] for row in cursor.fetchall()]
            # The types of tables have numbers of their own.
            found |= {"columns": [(c.name, min(c.type_code, 16384)) for c in cursor.description], "rows": rows if wanted else None}
        return found


source = pathlib.Path(sys.argv[1]).read_text()
simple = "\n-- protocol: simple\n" in source
connection = psycopg.connect("", autocommit=True)
for name, options, statement in steps(source):
    attempt(name, lambda: play(statement, options.get("values", ""), options.get("compare")))
