"""SQLAlchemy 2 over psycopg2 and psycopg: the inspector, reflection, statements, objects."""

import datetime as dt
import decimal

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from transcript import attempt, url


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "mapped"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str | None]
    amount: Mapped[decimal.Decimal | None] = mapped_column(sa.Numeric(10, 2))
    day: Mapped[dt.date | None]


def kinds(columns):
    return [(c["name"], str(c["type"]), c["nullable"], c.get("default"), c.get("comment")) for c in columns]


def inspected(name, engine):
    i = sa.inspect(engine)
    attempt(f"{name} dialect", lambda: (engine.dialect.default_schema_name, engine.dialect.server_version_info[:0]))
    attempt(f"{name} schemas", lambda: sorted(i.get_schema_names()))
    attempt(f"{name} tables", lambda: sorted(i.get_table_names()))
    attempt(f"{name} tables of a schema", lambda: i.get_table_names("side"))
    attempt(f"{name} views", lambda: i.get_view_names())
    attempt(f"{name} columns", lambda: kinds(i.get_columns("fields")))
    attempt(f"{name} columns of a view", lambda: kinds(i.get_columns("totals")))
    attempt(f"{name} columns of a schema", lambda: kinds(i.get_columns("notes", "side")))
    attempt(f"{name} no table", lambda: i.get_columns("nowhere"))
    for what in ("get_pk_constraint", "get_indexes", "get_foreign_keys", "get_unique_constraints", "get_check_constraints", "get_table_comment", "get_table_options"):
        attempt(f"{name} {what}", lambda: getattr(i, what)("fields"))
    attempt(f"{name} multi columns", lambda: sorted((k[1], len(v)) for k, v in i.get_multi_columns().items()))
    attempt(f"{name} multi keys", lambda: [len(i.get_multi_pk_constraint()), len(i.get_multi_indexes()), len(i.get_multi_foreign_keys()), len(i.get_multi_check_constraints())])
    attempt(f"{name} materialized views", lambda: i.get_materialized_view_names())
    attempt(f"{name} temporary tables", lambda: (i.get_temp_table_names(), i.get_temp_view_names()))
    attempt(f"{name} sequences", lambda: (i.get_sequence_names(), i.has_sequence("s")))
    attempt(f"{name} has", lambda: (i.has_table("fields"), i.has_table("nowhere"), i.has_table("notes", "side"), i.has_table("totals"), i.has_schema("side"), i.has_schema("nowhere")))
    attempt(f"{name} enums and domains", lambda: (i.get_enums(), i.get_domains()))
    attempt(f"{name} definition of a view", lambda: len(i.get_view_definition("totals") or "") > 20)

    def reflected():
        meta = sa.MetaData()
        meta.reflect(engine, views=True)
        return {t.name: [(c.name, str(c.type), c.nullable) for c in t.columns] for t in meta.sorted_tables}

    attempt(f"{name} reflect", reflected)


def used(name, engine):
    fields = sa.table("fields", *(sa.column(c) for c in ("id", "name", "price", "day", "flag", "tags", "numbers")))
    with engine.connect() as connection:
        ask = lambda statement, values=None: (lambda r: [list(r.keys()), [tuple(row) for row in r]])(connection.execute(statement, values or {}))
        attempt(f"{name} select", lambda: ask(sa.select(fields).order_by(fields.c.id)))
        attempt(f"{name} where", lambda: ask(sa.select(fields.c.id).where(fields.c.id == 1, fields.c.name.like("pl%"))))
        attempt(f"{name} in", lambda: ask(sa.select(fields.c.id).where(fields.c.id.in_([1, 3])).order_by(fields.c.id)))
        attempt(f"{name} limit", lambda: ask(sa.select(fields.c.id).order_by(fields.c.id).limit(2).offset(1)))
        attempt(f"{name} text", lambda: ask(sa.text("SELECT :a || 'x' AS v, CAST(:b AS int) AS n"), {"a": "q", "b": 3}))
        attempt(f"{name} aggregate", lambda: ask(sa.select(sa.func.count(), sa.func.max(fields.c.price)).select_from(fields)))
        attempt(f"{name} error", lambda: ask(sa.text("SELECT nothing")))
        connection.rollback()
        attempt(f"{name} stream", lambda: sum(row[0] for row in connection.execution_options(stream_results=True).execute(sa.text("SELECT k FROM points"))))
        connection.rollback()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        attempt(f"{name} autocommit", lambda: connection.scalar(sa.text("SELECT 1")))
        attempt(f"{name} isolation", lambda: connection.get_isolation_level())
    # Quern has no keys, so the table is made without one.
    with engine.begin() as connection:
        attempt(f"{name} create", lambda: connection.execute(sa.text("CREATE TABLE mapped (id int, text varchar, amount numeric(10,2), day date)")) and None)

    def stored():
        with Session(engine) as session:
            session.add_all([Note(id=n, text=f"t{n}", amount=decimal.Decimal(n) / 4, day=dt.date(2024, 1, n)) for n in range(1, 6)])
            session.commit()

    def changed():
        with Session(engine) as session:
            session.execute(sa.update(Note).where(Note.id == 2).values(text="changed"))
            session.execute(sa.delete(Note).where(Note.id == 3))
            session.commit()
            return [(o.id, o.text, o.amount, o.day) for o in session.scalars(sa.select(Note).order_by(Note.id))]

    attempt(f"{name} orm insert", stored)
    attempt(f"{name} orm", changed)

    def one_changed():
        with Session(engine) as session:
            session.get(Note, 1).text = "one"
            session.commit()
            return session.get(Note, 1).text

    attempt(f"{name} orm change of an object", one_changed)
    attempt(f"{name} drop", lambda: Base.metadata.drop_all(engine))
    attempt(f"{name} create_all without keys", lambda: sa.Table("plain_made", sa.MetaData(), sa.Column("a", sa.Integer), sa.Column("b", sa.Text), sa.Column("c", sa.DateTime(timezone=True)), sa.Column("d", sa.LargeBinary), sa.Column("e", sa.Float), sa.Column("f", sa.Boolean)).create(engine))
    attempt(f"{name} made", lambda: kinds(sa.inspect(engine).get_columns("plain_made")))
    attempt(f"{name} drop made", lambda: sa.Table("plain_made", sa.MetaData()).drop(engine))


for name in ("psycopg2", "psycopg"):
    engine = sa.create_engine(url(f"postgresql+{name}"))
    inspected(name, engine)
    used(name, engine)
    engine.dispose()
