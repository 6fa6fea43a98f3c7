"""PgBouncer in front of the server, by session and by transaction, with passwords on both sides."""

import asyncio
import contextlib
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

import asyncpg
import psycopg
import psycopg2
from transcript import attempt, host, port

USER, PASSWORD, DATABASE = (os.environ[f"PG{name}"] for name in ("USER", "PASSWORD", "DATABASE"))


@contextlib.contextmanager
def bouncer(mode):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        place = s.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
        (folder / "ini").write_text(f"""[databases]
{DATABASE} = host={host()} port={port()} dbname={DATABASE}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {place}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = 3
max_client_conn = 100
admin_users = {USER}
ignore_startup_parameters = extra_float_digits
server_check_delay = 0
""")
        command = ["pgbouncer", "-q", folder / "ini"]
        # It refuses to be root, as PostgreSQL does.
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", place)) == 0:
                        break
                time.sleep(0.05)
            yield place
        finally:
            process.terminate()
            process.wait()


def dsn(place, **more):
    more = {"dbname": DATABASE, "password": PASSWORD} | more
    return " ".join([f"host=127.0.0.1 port={place} user={USER}", *(f"{k}='{v}'" for k, v in more.items())])


def connect(place):
    c = psycopg.connect(dsn(place), autocommit=True)
    # A prepared statement belongs to one connection of the server.
    c.prepare_threshold = None
    return c


def asked(c, sql, values=None):
    cursor = c.execute(sql, values)
    return cursor.fetchall() if cursor.description else cursor.statusmessage


def wrong_password(place):
    try:
        psycopg2.connect(dsn(place, password="wrong")).close()
    except psycopg2.OperationalError:
        return "refused"


def transaction(c):
    with c.transaction():
        return asked(c, "SELECT count(*) FROM points"), asked(c, "SHOW transaction_isolation")


def failure(c):
    states = []
    for sql in ("BEGIN", "SELECT nothing", "SELECT 1", "ROLLBACK", "SELECT 1::int"):
        try:
            states.append(asked(c, sql))
        except psycopg.Error as error:
            states.append(error.sqlstate)
    return states


def more_than_the_pool(place, count=10):
    """Clients in turns, of which there are more than connections of the server."""
    clients = [connect(place) for _ in range(count)]
    found = [asked(c, "SELECT %s::int", [n])[0][0] for _ in range(3) for n, c in enumerate(clients)]
    for c in clients:
        c.close()
    return found


def settings_are_left_behind(place):
    """What one client sets, a later one on the same connection of the server does not see."""
    for _ in range(3):
        with connect(place) as c:
            asked(c, "SET statement_timeout = 12345")
    with connect(place) as c:
        return asked(c, "SHOW statement_timeout")


def zones(place):
    with connect(place) as c, c.transaction():
        asked(c, "SET LOCAL TimeZone = 'Asia/Tokyo'")
        return asked(c, "SELECT (timestamptz '2024-01-01 00:00:00+00')::text")


def prepared(place):
    with psycopg.connect(dsn(place), autocommit=True, prepare_threshold=0) as c:
        return [asked(c, "SELECT v FROM points WHERE k = %s", [k])[0][0] for k in range(1, 9)]


def copied(c):
    with c.cursor() as cursor:
        with cursor.copy("COPY scratch FROM STDIN") as copy:
            for n in range(100):
                copy.write_row((n, f"b{n}"))
        return asked(c, "SELECT count(*), sum(a) FROM scratch")


def cancelled(place):
    with connect(place) as c:
        threading.Timer(1, c.cancel).start()
        try:
            return asked(c, "SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = 17")
        except psycopg.Error as error:
            return error.sqlstate


async def by_asyncpg(place):
    c = await asyncpg.connect(host="127.0.0.1", port=place, user=USER, password=PASSWORD, database=DATABASE, statement_cache_size=0)
    try:
        return [tuple(row) for row in await c.fetch("SELECT id, name, price FROM fields WHERE id <= $1 ORDER BY id", 2)]
    finally:
        await c.close()


for mode in ("session", "transaction"):
    with bouncer(mode) as place:
        attempt(f"{mode}: wrong password", lambda: wrong_password(place))
        c = connect(place)
        attempt(f"{mode}: rows", lambda: asked(c, "SELECT id, name, price, at FROM fields ORDER BY id"))
        attempt(f"{mode}: parameters", lambda: asked(c, "SELECT id FROM fields WHERE name = %s", ["plain"]))
        attempt(f"{mode}: transaction", lambda: transaction(c))
        attempt(f"{mode}: failure", lambda: failure(c))
        attempt(f"{mode}: copy", lambda: copied(c))
        attempt(f"{mode}: empty the table", lambda: asked(c, "DELETE FROM scratch"))
        c.close()
        attempt(f"{mode}: cancel", lambda: cancelled(place))
        attempt(f"{mode}: asyncpg", lambda: asyncio.run(by_asyncpg(place)))
        attempt(f"{mode}: zone", lambda: zones(place))
        if mode == "session":
            attempt("session: prepared", lambda: prepared(place))
            attempt("session: settings", lambda: settings_are_left_behind(place))
        else:
            attempt("transaction: many clients", lambda: more_than_the_pool(place))
        attempt(f"{mode}: pools", lambda: sorted(row[0] for row in asked(psycopg.connect(dsn(place, dbname="pgbouncer"), autocommit=True, cursor_factory=psycopg.ClientCursor), "SHOW POOLS")))
