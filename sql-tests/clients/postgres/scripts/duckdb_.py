"""DuckDB with its postgres extension: ATTACH, scans by binary COPY, filters pushed down, writing."""

import glob
import gzip
import os
import shutil
import sysconfig
import tempfile

import duckdb
from transcript import COLUMNS, attempt

packed = glob.glob(sysconfig.get_paths()["purelib"] + "/**/*postgres_scanner*.duckdb_extension*", recursive=True)[0]
folder = tempfile.TemporaryDirectory()
extension = packed
if packed.endswith(".gz"):
    extension = os.path.join(folder.name, "postgres_scanner.duckdb_extension")
    with gzip.open(packed) as source, open(extension, "wb") as target:
        shutil.copyfileobj(source, target)
c = duckdb.connect(config={"allow_unsigned_extensions": "true"})
c.execute("SET TimeZone = 'UTC'")
c.execute(f"LOAD '{extension}'")
ask = lambda sql: (lambda r: [[(d[0], str(d[1])) for d in r.description or []], r.fetchall()])(c.execute(sql))
attempt("attach", lambda: ask(f"ATTACH 'host={os.environ['PGHOST']} port={os.environ['PGPORT']} user={os.environ['PGUSER']} dbname={os.environ['PGDATABASE']} password=''{os.environ['PGPASSWORD']}''' AS pg (TYPE postgres)") and None)
attempt("tables", lambda: sorted(r[:3] for r in c.execute("SELECT schema, name, column_names FROM (SHOW ALL TABLES) WHERE database = 'pg' AND schema IN ('public', 'side')").fetchall()))
for column in COLUMNS:
    attempt(f"type {column}", lambda: ask(f'SELECT "{column}" FROM pg.public.fields ORDER BY id'))
attempt("all", lambda: ask("SELECT * FROM pg.public.orders ORDER BY id"))
attempt("filter", lambda: ask("SELECT id FROM pg.public.orders WHERE customer = 'ada' AND id > 1"))
attempt("join", lambda: ask("SELECT count(*) FROM pg.public.points p JOIN pg.public.orders o ON o.id = p.k"))
attempt("view", lambda: ask("SELECT * FROM pg.public.totals ORDER BY customer"))
attempt("other schema", lambda: ask("SELECT * FROM pg.side.notes"))
attempt("query", lambda: ask("SELECT * FROM postgres_query('pg', 'SELECT id, customer FROM orders ORDER BY id')"))
attempt("execute", lambda: ask("CALL postgres_execute('pg', 'INSERT INTO scratch VALUES (7, ''z'')')") and None)
attempt("insert", lambda: ask("INSERT INTO pg.public.scratch VALUES (8, 'y'), (9, NULL)"))
attempt("inserted", lambda: ask("SELECT * FROM pg.public.scratch ORDER BY a"))
attempt("create table as", lambda: ask("CREATE TABLE pg.public.made AS SELECT range AS a, range::text AS b, range::double AS c, DATE '2024-01-01' AS d FROM range(5000)"))
attempt("created", lambda: ask("SELECT count(*), sum(a), min(b), max(d) FROM pg.public.made"))
attempt("update", lambda: ask("UPDATE pg.public.scratch SET b = 'w' WHERE a = 8"))
attempt("delete", lambda: ask("DELETE FROM pg.public.scratch WHERE a = 9"))
attempt("drop", lambda: ask("DROP TABLE pg.public.made"))
attempt("transaction", lambda: [ask(s) for s in ("BEGIN", "SELECT count(*) FROM pg.public.orders", "ROLLBACK")][1])
attempt("describe", lambda: ask("DESCRIBE pg.public.fields"))
attempt("error", lambda: ask("SELECT * FROM pg.public.nowhere"))
attempt("limit", lambda: ask("SELECT k FROM pg.public.points ORDER BY k LIMIT 3"))
