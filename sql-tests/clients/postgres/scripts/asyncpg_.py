"""asyncpg: binary by default, its type look-ups, cursors, COPY, and the reset of a pool."""

import asyncio
import datetime as dt
import decimal
import io

import asyncpg
from transcript import COLUMNS, attempt_async, named, step


async def main():
    c = await asyncpg.connect()
    step("server", version=list(c.get_server_version())[:0], settings={k: getattr(c.get_settings(), k, None) for k in ("server_encoding", "TimeZone", "DateStyle")}, pid=c.get_server_pid() > 0)

    async def prepared(sql, *values):
        statement = await c.prepare(sql)
        rows = await statement.fetch(*values)
        return {"rows": [tuple(r.values()) for r in rows], "columns": [(a.name, a.type.oid, a.type.name) for a in statement.get_attributes()],
                "parameters": [(p.oid, p.name) for p in statement.get_parameters()], "tag": statement.get_statusmsg()}

    for column in COLUMNS:
        await attempt_async(f"type {column}", prepared(named(column)))
    for sql, *values in [
        ("SELECT $1::int AS a, $2::text AS b, array[1,2] AS arr", 1, "x"), ("SELECT * FROM fields WHERE id = $1", 1), ("SELECT id FROM fields WHERE name = $1 AND price > $2", "plain", decimal.Decimal(1)),
        ("SELECT id FROM fields WHERE day = $1", dt.date(2024, 2, 29)), ("SELECT id FROM fields WHERE at = $1", dt.datetime(2024, 2, 29, 12, 34, 56, 789000)), ("SELECT id FROM fields WHERE zoned = $1", dt.datetime(2024, 2, 29, 12, 34, 56, tzinfo=dt.timezone.utc)),
        ("SELECT id FROM fields WHERE flag = $1", True), ("SELECT id FROM fields WHERE raw = $1", b"\x00\xff"), ("SELECT id FROM fields WHERE big = $1", 0), ("SELECT id FROM fields WHERE ratio < $1", 0.5), ("SELECT id FROM fields WHERE id = ANY($1)", [1, 3]),
        ("SELECT id FROM fields WHERE name = ANY($1::text[])", ["plain", ""]), ("SELECT $1::numeric", decimal.Decimal("-123456789.000100")), ("SELECT $1::numeric", decimal.Decimal("NaN")), ("SELECT $1::interval", dt.timedelta(days=3, seconds=5)), ("SELECT $1::time", dt.time(1, 2, 3)),
        ("SELECT $1::float8, $2::real, $3::smallint, $4::bigint", 1.5, 2.5, -3, 2**62), ("SELECT $1::text[]", ["a", None, '"']), ("SELECT $1::int[]", [[1, 2], [3, 4]]), ("SELECT $1::date[]", [dt.date(2024, 1, 1), None]), ("SELECT $1", "x"), ("SELECT $1 + 1", 1),
        ("SELECT k FROM points ORDER BY k LIMIT $1", 2), ("INSERT INTO scratch VALUES ($1, $2)", 1, "x"), ("UPDATE scratch SET b = $1 WHERE a = $2", "y", 1), ("SELECT count(*) FROM points WHERE k = $1 OR k = $1", 3), ("SELECT NULL AS n, 'text' AS t",), ("SELECT $1::uuid::text", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("SELECT row(1, 'x')",), ("SELECT interval '1 month 2 days 3 hours'",), ("SELECT nothing",), ("SELECT $1::int", "x"), ("SELECT $2::int", 1), ("",), ("SELECT 1::int; SELECT 2::int",),
    ]:
        await attempt_async(f"{sql} {values}", prepared(sql, *values))

    async def cursor():
        async with c.transaction():
            return [r[0] async for r in c.cursor("SELECT k FROM points ORDER BY k", prefetch=50)][-3:]

    async def steps():
        async with c.transaction():
            cur = await c.cursor("SELECT k FROM points ORDER BY k")
            return [r[0] for r in await cur.fetch(3)], await cur.forward(5), (await cur.fetchrow())[0]

    await attempt_async("cursor", cursor())
    await attempt_async("cursor by steps", steps())
    await attempt_async("execute", c.execute("INSERT INTO scratch VALUES (2, 'b'); UPDATE scratch SET b = 'c'"))
    await attempt_async("executemany", c.executemany("INSERT INTO scratch VALUES ($1, $2)", [(n, str(n)) for n in range(10, 200)]))
    await attempt_async("fetchval", c.fetchval("SELECT count(*) FROM scratch"))
    await attempt_async("copy_records_to_table", c.copy_records_to_table("scratch", records=[(1000, "q"), (1001, None)], columns=["a", "b"]))
    await attempt_async("copy_records_to_table of every column", c.copy_records_to_table("scratch", records=[(1002, "q")]))
    await attempt_async("copy_to_table", c.copy_to_table("scratch", source=io.BytesIO(b"1003,z\n"), format="csv"))

    async def copied(work):
        out = io.BytesIO()
        return await work(out), out.getvalue()

    await attempt_async("copy_from_query", copied(lambda out: c.copy_from_query("SELECT * FROM fields ORDER BY id", output=out)))
    await attempt_async("copy_from_query with a value", copied(lambda out: c.copy_from_query("SELECT k FROM points WHERE k < $1 ORDER BY k", 4, output=out, format="csv", header=True)))
    await attempt_async("copy_from_query, binary", copied(lambda out: c.copy_from_query("SELECT id, name, price, at FROM fields ORDER BY id", output=out, format="binary")))
    async def sorted_lines():
        tag, lines = await copied(lambda out: c.copy_from_table("scratch", columns=["a"], output=out, format="csv"))
        return tag, sorted(lines.split())
    await attempt_async("copy_from_table", sorted_lines())

    async def failed():
        async with c.transaction():
            await c.fetch("SELECT 1::int")
            await c.fetch("SELECT nothing")

    async def nested():
        async with c.transaction():
            try:
                async with c.transaction():
                    await c.fetch("SELECT 1/0")
            except asyncpg.PostgresError as error:
                state = error.sqlstate
            return state, await c.fetchval("SELECT 1::int")

    await attempt_async("transaction that fails", failed())
    await attempt_async("state behind it", c.fetchval("SELECT 1::int"))
    await attempt_async("savepoint", nested())
    await attempt_async("timeout", c.fetch("SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = 17", timeout=1))
    await attempt_async("after a timeout", c.fetchval("SELECT 1::int"))
    await attempt_async("table changes", changes(c))
    await attempt_async("type by name", c.fetchval("SELECT $1::regtype::oid", "int4"))
    await attempt_async("introspection", introspect(c))
    await attempt_async("reset", c.reset())
    await c.close()

    async def pooled():
        async with asyncpg.create_pool(min_size=1, max_size=2) as pool:
            async def one(n):
                async with pool.acquire() as connection:
                    await connection.execute("SET TimeZone = 'Asia/Tokyo'")
                    return await connection.fetchval("SELECT $1::int", n)
            found = await asyncio.gather(*(one(n) for n in range(20)))
            return found, await pool.fetchval("SHOW TimeZone")

    await attempt_async("pool", pooled())


async def changes(c):
    await c.execute("CREATE TABLE changing (a int)")
    await c.execute("INSERT INTO changing VALUES (1)")
    first = [tuple(r) for r in await c.fetch("SELECT * FROM changing")]
    await c.execute("ALTER TABLE changing ADD COLUMN b text")
    return first, [tuple(r) for r in await c.fetch("SELECT * FROM changing")]


async def introspect(c):
    """A record of unknown columns makes asyncpg ask for the types recursively."""
    return [tuple(r) for r in await c.fetch("SELECT t.oid, t.typname, t.typtype::text FROM pg_catalog.pg_type t WHERE t.typname = ANY($1::text[]) ORDER BY t.oid", ["int4", "text", "_int4", "numeric"])]


asyncio.run(main())
