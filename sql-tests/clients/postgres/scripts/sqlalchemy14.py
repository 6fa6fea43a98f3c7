# runs in sqlalchemy14
"""SQLAlchemy 1.4 over psycopg2, as Superset uses it: the inspector, reflection, a few statements."""

import sqlalchemy as sa
from transcript import attempt, url

engine = sa.create_engine(url("postgresql+psycopg2"))
i = sa.inspect(engine)


def kinds(columns):
    return [(c["name"], str(c["type"]), c["nullable"], c.get("default"), c.get("comment")) for c in columns]


attempt("schemas", lambda: sorted(i.get_schema_names()))
attempt("tables", lambda: sorted(i.get_table_names()))
attempt("tables of a schema", lambda: i.get_table_names("side"))
attempt("views", lambda: i.get_view_names())
attempt("columns", lambda: kinds(i.get_columns("fields")))
attempt("columns of a view", lambda: kinds(i.get_columns("totals")))
for what in ("get_pk_constraint", "get_indexes", "get_foreign_keys", "get_unique_constraints", "get_check_constraints", "get_table_comment"):
    attempt(what, lambda: getattr(i, what)("fields"))
attempt("sequences", lambda: i.get_sequence_names())
attempt("has", lambda: (i.has_table("fields"), i.has_table("nowhere")))
attempt("definition of a view", lambda: len(i.get_view_definition("totals") or "") > 20)


def reflected():
    meta = sa.MetaData()
    meta.reflect(engine, views=True)
    return {t.name: [(c.name, str(c.type)) for c in t.columns] for t in meta.sorted_tables}


attempt("reflect", reflected)
attempt("select", lambda: [tuple(row) for row in engine.execute("SELECT * FROM fields ORDER BY id")])
attempt("cursor of Superset", lambda: (lambda cu: (cu.execute("SELECT * FROM fields WHERE false"), [(d[0], d[1]) for d in cu.description])[1])(engine.raw_connection().cursor()))
attempt("databases", lambda: len(engine.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").fetchall()) > 0)
attempt("process", lambda: engine.execute("SELECT pg_backend_pid() > 0").scalar())
attempt("explain", lambda: len(engine.execute("EXPLAIN SELECT * FROM fields").fetchall()) > 0)
