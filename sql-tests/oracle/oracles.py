"""The oracles: a private PostgreSQL and DuckDB, behind one way of asking.

`run` gives (letters, rows): the column letters of the .slt files, and rows of texts in the form of
the files, NULL as None.
"""

import datetime as dt
import decimal
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import tempfile

import duckdb
import psycopg2
import psycopg2.extensions as extensions

BINARIES = [os.environ.get("PG_BIN", ""), "/usr/lib/postgresql/15/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin"]
EXTERNAL = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:EXTERNAL\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\S+)\s*(\(.*?\))?\s*"
    r"WITH\s*\(.*?location\s*=\s*'([^']*)'",
    re.I | re.S,
)


class Failed(Exception):
    def __init__(self, sqlstate, message):
        super().__init__(message.strip().split("\n")[0])
        self.sqlstate = sqlstate


class Postgres:
    """A server of its own, for as long as the `with` block lasts."""

    def __enter__(self):
        self.bin = next(p for p in BINARIES if p and pathlib.Path(p, "initdb").exists())
        self.folder = tempfile.mkdtemp(prefix="oracle-")
        self.user = None
        if os.geteuid() == 0:  # the server refuses to run as root
            names = [u.pw_name for u in pwd.getpwall()]
            self.user = next(n for n in ("postgres", "nobody") if n in names)
            shutil.chown(self.folder, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.do("initdb", "-D", f"{self.folder}/data", "-U", "oracle", "-A", "trust", "--lc-collate=C", "--lc-ctype=C.UTF-8", "-E", "UTF8")
        settings = f"-p {self.port} -h 127.0.0.1 -k '' -c fsync=off -c TimeZone=UTC -c client_min_messages=error"
        self.do("pg_ctl", "-D", f"{self.folder}/data", "-w", "-o", settings, "-l", f"{self.folder}/log", "start")
        self.databases = 0
        return self

    def __exit__(self, *_):
        self.do("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def do(self, program, *arguments):
        command = [f"{self.bin}/{program}", *arguments]
        subprocess.run(command, check=True, user=self.user, cwd=self.folder, stdout=subprocess.DEVNULL)

    def connect(self, database):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="oracle", dbname=database)
        connection.autocommit = True
        return connection

    def database(self):
        """A connection to a new database."""
        self.databases += 1
        name = f"file_{self.databases}"
        connection = self.connect("postgres")
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        return self.connect(name)


LETTERS = {
    "I": [20, 21, 23, 26],
    "R": [700, 701, 1700],
    "B": [16],
    "T": [25, 1042, 1043, 18, 19, 705, 2950],
    "D": [1082, 1083, 1114, 1184, 1186, 1266],
    "X": [17],
}
OIDS = {oid: letter for letter, oids in LETTERS.items() for oid in oids}
FLOATS = {700, 701}


class PostgresSession:
    name = "postgres"

    def __init__(self, server):
        self.connection = server.database()
        self.cursor = self.connection.cursor()
        raw = extensions.new_type(tuple(range(1, 20000)), "RAW", lambda value, _: value)
        extensions.register_type(raw, self.connection)

    def run(self, sql):
        try:
            # psycopg2 reads % as its own only when there are parameters.
            self.cursor.execute(sql)
        except psycopg2.Error as error:
            raise Failed(error.pgcode, str(error)) from None
        if self.cursor.description is None:
            return "", []
        oids = [column.type_code for column in self.cursor.description]
        rows = [[text(oid, value) for oid, value in zip(oids, row)] for row in self.cursor.fetchall()]
        return "".join(OIDS.get(oid, "A") for oid in oids), rows

    def load(self, table, columns, rows):
        self.run(f"CREATE TABLE {table} ({', '.join(columns)})")
        marks = ", ".join(["%s"] * len(columns))
        self.cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def close(self):
        self.connection.close()


def text(oid, value):
    if value is None:
        return None
    if oid == 16:
        return {"t": "true", "f": "false"}[value]
    if oid in FLOATS:
        return repr(float(value)).replace("inf", "Infinity").replace("nan", "NaN")
    return value


class DuckSession:
    name = "duckdb"

    def __init__(self, folder):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'; SET default_null_order = 'nulls_last_on_asc_first_on_desc'")

    def run(self, sql):
        try:
            cursor = self.connection.execute(sql)
            names = [str(column[1]) for column in cursor.description or []]
            rows = cursor.fetchall()
        except duckdb.Error as error:
            raise Failed("", str(error)) from None
        return "".join(map(duck_letter, names)), [[duck_text(v) for v in row] for row in rows]

    def load(self, table, columns, rows):
        self.run(f"CREATE TABLE {table} ({', '.join(columns)})")
        marks = ", ".join(["?"] * len(columns))
        self.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def close(self):
        self.connection.close()


def duck_letter(name):
    if name.endswith("]") or name.startswith(("STRUCT", "MAP", "LIST")):
        return "A"
    for letter, words in {
        "I": ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER"),
        "R": ("DOUBLE", "FLOAT", "DECIMAL", "NUMBER"),
        "B": ("BOOL",),
        "T": ("VARCHAR", "STRING"),
        "D": ("DATE", "TIME", "INTERVAL"),
        "X": ("BLOB", "BINARY"),
    }.items():
        if name.startswith(words):
            return letter
    return "A"


def duck_text(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).replace("inf", "Infinity").replace("nan", "NaN")
    if isinstance(value, (dt.datetime, dt.time)):
        shown = value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
        return re.sub(r"(\.\d*?)0+(?=$|[+-])", r"\1", shown)
    if isinstance(value, (list, tuple)):
        return "{" + ",".join("NULL" if v is None else duck_text(v) for v in value) + "}"
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return str(value)


class Session:
    """The oracles that one file needs, with its variables and its external tables."""

    def __init__(self, needed, postgres, data, temp):
        self.variables = {"$DATA": str(data), "$TEMP": str(temp)}
        self.sessions = {}
        if "postgres" in needed:
            self.sessions["postgres"] = PostgresSession(postgres)
        if "duckdb" in needed:
            self.sessions["duckdb"] = DuckSession(temp)

    def oracle(self, name):
        return Bound(self.sessions[name], self.variables)

    def close(self):
        for session in self.sessions.values():
            session.close()


class Bound:
    """An oracle that knows the variables of the file and what an external table is."""

    def __init__(self, session, variables):
        self.session = session
        self.name = session.name
        self.variables = variables

    def run(self, sql):
        for name, value in self.variables.items():
            sql = sql.replace(name, value)
        external = EXTERNAL.match(sql)
        if not external:
            return self.session.run(sql)
        table, declared, location = external.groups()
        try:
            found = read(location)
            columns = split(declared) if declared else [f'"{n}" {t}' for n, t in zip(found.columns, found.types)]
            columns = [c.replace("DOUBLE PRECISION", "DOUBLE").replace("DOUBLE", "DOUBLE PRECISION") for c in columns]
            self.session.load(table, columns, found.fetchall())
        except duckdb.Error as error:
            raise Failed("", str(error)) from None
        return "", []


def read(location):
    """The files of a location, as DuckDB reads them."""
    path = pathlib.Path(location)
    if path.is_dir():
        return duckdb.sql(f"SELECT * FROM read_parquet('{location}/**/*.parquet', hive_partitioning = true)")
    if path.suffix == ".arrow":
        import pyarrow.feather

        rows = pyarrow.feather.read_table(location)
        return duckdb.sql("SELECT * FROM rows")
    return duckdb.sql(f"SELECT * FROM '{location}'")


def split(declared):
    """The column definitions between parentheses, cut at the commas outside of inner ones."""
    parts, depth = [""], 0
    for letter in declared.strip()[1:-1]:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [p.strip() for p in parts]
