"""The protocol byte by byte: what no driver sends. The server must answer, or close, and go on serving."""

import asyncio
import os
import random
import resource
import socket
import struct

import psycopg2
from transcript import attempt, host, port, step

SSL, CANCEL, GSS, V30, V32 = 80877103, 80877102, 80877104, 196608, 196610


def message(kind, body=b""):
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def text(s):
    return s.encode() + b"\0"


def parse(sql, name="", oids=()):
    return message("P", text(name) + text(sql) + struct.pack("!h", len(oids)) + b"".join(struct.pack("!I", o & 0xFFFFFFFF) for o in oids))


def bind(values=(), formats=(), results=(), portal="", name="", counts=None):
    body = text(portal) + text(name)
    body += struct.pack("!h", len(formats) if counts is None else counts[0]) + b"".join(struct.pack("!h", f) for f in formats)
    body += struct.pack("!h", len(values) if counts is None else counts[1])
    body += b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    body += struct.pack("!h", len(results) if counts is None else counts[2]) + b"".join(struct.pack("!h", f) for f in results)
    return message("B", body)


def describe(kind="P", name=""):
    return message("D", kind.encode() + text(name))


def execute(rows=0, portal=""):
    return message("E", text(portal) + struct.pack("!i", rows))


def close(kind="P", name=""):
    return message("C", kind.encode() + text(name))


def query(sql):
    return message("Q", text(sql))


SYNC, FLUSH, END = message("S"), message("H"), message("X")


class Wire:
    """A connection that shows what comes: kinds of messages, SQLSTATEs, tags, the state in ReadyForQuery."""

    def __init__(self, login=True, version=V30, parameters=None):
        self.socket = socket.create_connection((host(), port()), timeout=15)
        self.buffer = b""
        if login:
            pairs = parameters or {"user": os.environ["PGUSER"], "database": os.environ["PGDATABASE"]}
            body = struct.pack("!i", version) + b"".join(text(k) + text(v) for k, v in pairs.items()) + b"\0"
            self.send(struct.pack("!i", len(body) + 4) + body)
            self.login = self.until("Z")

    def send(self, data):
        self.socket.sendall(data)

    def byte(self):
        return self.socket.recv(1)

    def exactly(self, n):
        while len(self.buffer) < n:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def one(self):
        kind, length = struct.unpack("!ci", self.exactly(5))
        return kind.decode(), self.exactly(length - 4)

    def until(self, *ends, limit=5000):
        seen = []
        try:
            for _ in range(limit):
                kind, body = self.one()
                seen.append(shown(kind, body))
                if kind in ends:
                    break
        except (EOFError, ConnectionError):
            seen.append("closed")
        except TimeoutError:
            seen.append("silence")
        return squeezed(seen)

    def ask(self, *messages, ends=("Z",)):
        self.send(b"".join(messages))
        return self.until(*ends)

    def close(self):
        self.socket.close()


def shown(kind, body):
    if kind in "EN":
        fields = {f[:1].decode(): f[1:].decode(errors="replace") for f in body.split(b"\0") if f}
        return f"{kind} {fields.get('S')} {fields.get('C')}"
    if kind == "C":
        return f"C {body[:-1].decode()}"
    if kind == "Z":
        return f"Z {body.decode()}"
    if kind == "T":
        return f"T {struct.unpack('!h', body[:2])[0]}"
    if kind == "t":
        return f"t {list(struct.unpack(f'!h{struct.unpack(chr(33) + chr(104), body[:2])[0]}I', body))}"
    return kind


def squeezed(seen):
    """Runs of the same message as one with its count; what only servers have of their own left out."""
    out = []
    for item in (i for i in seen if i != "S"):
        if out and out[-1][0] == item:
            out[-1][1] += 1
        else:
            out.append([item, 1])
    return [item if n == 1 else f"{item} × {n}" for item, n in out]


def exchange(name, *messages, then=True):
    """A step of one connection; afterwards it either answers a plain query, or was closed."""
    def work():
        wire = Wire()
        found = wire.ask(*messages) if messages else []
        if then and "closed" not in found:
            found.append("then")
            found += wire.ask(query("SELECT 1"))
        wire.close()
        return found
    attempt(name, work)


def order():
    select = parse("SELECT k, v FROM points ORDER BY k")
    exchange("simple", query("SELECT 1"))
    exchange("empty", query(""))
    exchange("several", query("SELECT 1; SELECT 2 WHERE false; SET TimeZone = 'UTC'"))
    exchange("extended", parse("SELECT 1"), bind(), describe(), execute(), SYNC)
    exchange("describe a statement", parse("SELECT $1::int + 1, $2::text"), describe("S"), SYNC)
    exchange("describe without rows", parse("INSERT INTO scratch VALUES ($1, $2)"), describe("S"), SYNC)
    exchange("empty extended", parse(""), bind(), describe(), execute(), SYNC)
    exchange("flush", parse("SELECT 1"), FLUSH, bind(), execute(), SYNC)
    exchange("two syncs", SYNC, SYNC)
    exchange("portal in parts", query("BEGIN"), select, bind(portal="p"), execute(400, "p"), SYNC)
    for rows in (1, 999, 1000, 1001, 0, -1, -(2**31), 2**31 - 1):
        exchange(f"max_rows {rows}", select, bind(), execute(rows), SYNC)
    exchange("portal to its end", select, bind(), execute(600), execute(600), execute(600), SYNC)
    exchange("portal after sync", select, bind(), execute(10), SYNC, execute(10), SYNC)
    exchange("portal across sync in a transaction", query("BEGIN"), select, bind(portal="p"), execute(10, "p"), SYNC, execute(10, "p"), close("P", "p"), execute(10, "p"), SYNC)
    exchange("execute twice", parse("SELECT 1"), bind(), execute(), execute(), SYNC)
    exchange("insert twice", parse("INSERT INTO scratch VALUES (1)"), bind(), execute(), execute(), SYNC)
    exchange("bind without parse", bind(), SYNC)
    exchange("bind of no statement", bind(name="nothing"), SYNC)
    exchange("execute without bind", execute(), SYNC)
    exchange("describe of nothing", describe("S", "nothing"), SYNC)
    exchange("describe of no portal", describe("P", "nothing"), SYNC)
    exchange("describe of a wrong kind", message("D", b"x\0"), SYNC)
    exchange("close of nothing", close("S", "nothing"), close("P", "nothing"), SYNC)
    exchange("close of a wrong kind", message("C", b"x\0"), SYNC)
    exchange("name twice", parse("SELECT 1", "s"), parse("SELECT 2", "s"), SYNC)
    exchange("portal twice", query("BEGIN"), parse("SELECT 1", "s"), bind(portal="p", name="s"), bind(portal="p", name="s"), SYNC)
    exchange("two statements in parse", parse("SELECT 1; SELECT 2"), SYNC)
    exchange("error skips to sync", parse("SELECT nothing"), bind(), execute(), parse("SELECT 1"), bind(), execute(), SYNC)
    exchange("simple behind an error", parse("SELECT nothing"), bind(), execute(), query("SELECT 1"), SYNC)
    exchange("error in the rows", parse("SELECT 1 / (k - 500) FROM points ORDER BY k"), bind(), execute(), SYNC)
    exchange("transaction states", query("BEGIN"), SYNC, query("SELECT 1"), query("SELECT nothing"), query("SELECT 1"), query("ROLLBACK"))
    exchange("implicit transaction", query("SELECT 1; SELECT nothing; SELECT 2"))
    exchange("copy data outside", message("d", b"x"), message("c"), message("f", text("no")), query("SELECT 1"))
    exchange("copy in", query("COPY scratch FROM STDIN"), message("d", b"1\tx\n2"), message("d", b"\ty\n"), message("c"))
    exchange("copy in fails", query("COPY scratch FROM STDIN"), message("d", b"1\tx\n"), message("f", text("given up")))
    exchange("query in copy in", query("COPY scratch FROM STDIN"), query("SELECT 1"))
    exchange("sync in copy in", query("COPY scratch FROM STDIN"), SYNC, FLUSH, message("c"))
    exchange("copy in by execute", parse("COPY scratch FROM STDIN"), bind(), execute(), SYNC, message("d", b"5\tx\n"), message("c"), SYNC)
    exchange("copy out by execute", parse("COPY (SELECT 1) TO STDOUT"), bind(), describe(), execute(), SYNC)
    exchange("prepared begin", parse("BEGIN"), bind(), execute(), SYNC)
    exchange("terminate", END)
    exchange("unknown message", message("y", b"what"))
    exchange("password now", message("p", text("x")))
    exchange("function call", message("F", struct.pack("!Ihhh", 1, 0, 0, 0)))


def shapes():
    one = parse("SELECT $1::int")
    exchange("too few values", one, bind(), execute(), SYNC)
    exchange("too many values", one, bind([b"1", b"2"]), execute(), SYNC)
    exchange("formats of two for one", one, bind([b"1"], [0, 0]), execute(), SYNC)
    exchange("format 7", one, bind([b"1"], [7]), execute(), SYNC)
    exchange("result formats of three for one", one, bind([b"1"], results=[0, 0, 0]), execute(), SYNC)
    exchange("result format 7", one, bind([b"1"], results=[7]), execute(), SYNC)
    exchange("binary int of three bytes", parse("SELECT $1", oids=[23]), bind([b"abc"], [1]), execute(), SYNC)
    exchange("binary numeric of nothing", parse("SELECT $1", oids=[1700]), bind([b""], [1]), execute(), SYNC)
    exchange("binary numeric that lies", parse("SELECT $1", oids=[1700]), bind([struct.pack("!hhhh", 30000, 0, 0, 0)], [1]), execute(), SYNC)
    exchange("binary array that lies", parse("SELECT $1", oids=[1007]), bind([struct.pack("!iiIii", 1, 0, 23, 2**31 - 1, 1)], [1]), execute(), SYNC)
    exchange("binary array of many dimensions", parse("SELECT $1", oids=[1007]), bind([struct.pack("!iiI", 2**31 - 1, 0, 23)], [1]), execute(), SYNC)
    exchange("text that is not UTF-8", parse("SELECT $1::text"), bind([b"\xff\xfe"]), execute(), SYNC)
    exchange("text with a zero byte", parse("SELECT $1::text"), bind([b"a\0b"]), execute(), SYNC)
    exchange("query that is not UTF-8", message("Q", b"SELECT '\xff'\0"))
    exchange("query without its end", message("Q", b"SELECT 1"))
    exchange("query with a zero byte", message("Q", b"SELECT 1\0SELECT 2\0"))
    exchange("parse cut off", message("P", b"name"), SYNC)
    exchange("parse that promises types", message("P", text("") + text("SELECT 1") + struct.pack("!h", 9)), SYNC)
    exchange("parse with a negative count", message("P", text("") + text("SELECT 1") + struct.pack("!h", -1)), SYNC)
    exchange("bind cut off", one, message("B", b"\0\0"), SYNC)
    exchange("bind with negative counts", one, bind(counts=(-1, -1, -1)), SYNC)
    exchange("bind with a length beyond", one, message("B", b"\0\0" + struct.pack("!hhi", 0, 1, 2**31 - 1)), SYNC)
    exchange("bind with a length of -2", one, message("B", b"\0\0" + struct.pack("!hhih", 0, 1, -2, 0)), SYNC)
    exchange("execute cut off", parse("SELECT 1"), bind(), message("E", b"\0\0"), SYNC)
    exchange("unknown type", parse("SELECT $1", oids=[4_000_000_000]), SYNC)
    exchange("text for int", one, bind([b"x"]), execute(), SYNC)


def hostile():
    """Messages whose length lies. PostgreSQL closes; what is said before may differ."""
    def closes(name, data, login=True):
        def work():
            wire = Wire(login)
            wire.send(data)
            try:
                wire.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            found = wire.until("never")
            return "closed" if found[-1] == "closed" else found
        attempt(f"hostile {name}", work)

    for length in (0, 3, -1, -(2**31)):
        closes(f"length {length}", b"Q" + struct.pack("!i", length))
    closes("length of 2 GiB", b"Q" + struct.pack("!i", 2**31 - 1) + b"SELECT")
    closes("length of 1 GiB for sync", b"S" + struct.pack("!i", 2**30) + b"x")
    closes("nothing", b"")
    closes("half a header", b"Q\0\0")
    for name, data in {
        "startup of length 0": struct.pack("!i", 0), "startup of length 4": struct.pack("!i", 4), "startup of length -1": struct.pack("!i", -1), "huge startup": struct.pack("!ii", 2**30, V30), "large startup": struct.pack("!ii", 9999, V30) + b"x" * 9991,
        "version 2": struct.pack("!ii", 9, 131072) + b"\0", "version 9": struct.pack("!ii", 9, 9 << 16) + b"\0", "odd parameters": struct.pack("!ii", 13, V30) + b"user\0", "no user": struct.pack("!ii", 9, V30) + b"\0", "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "cancel of nobody": struct.pack("!iiii", 16, CANCEL, 1, 1), "short cancel": struct.pack("!iii", 12, CANCEL, 1), "TLS hello without asking": bytes.fromhex("16030100"),
    }.items():
        closes(name, data, login=False)
    attempt("GSS is refused", lambda: (lambda w: (w.send(struct.pack("!ii", 8, GSS)), w.byte())[1])(Wire(False)))
    attempt("TLS is refused or taken", lambda: (lambda w: (w.send(struct.pack("!ii", 8, SSL)), w.byte() in (b"N", b"S"))[1])(Wire(False)))
    attempt("asks for TLS twice", lambda: (lambda w: (w.send(struct.pack("!ii", 8, SSL)), w.byte(), w.close())[:0])(Wire(False)))
    attempt("minor version is negotiated", lambda: "E" not in "".join(i[0] for i in Wire(version=V30 + 9).login))
    attempt("unknown _pq_ parameter", lambda: "E" not in "".join(i[0] for i in Wire(parameters={"user": os.environ["PGUSER"], "database": os.environ["PGDATABASE"], "_pq_.nothing": "1"}).login))
    attempt("unknown startup parameter", lambda: Wire(parameters={"user": os.environ["PGUSER"], "database": os.environ["PGDATABASE"], "nothing": "1"}).login)
    attempt("wrong startup value", lambda: Wire(parameters={"user": os.environ["PGUSER"], "database": os.environ["PGDATABASE"], "TimeZone": "Nowhere/At_All"}).login)
    attempt("no such user", lambda: Wire(parameters={"user": "nobody_at_all", "database": os.environ["PGDATABASE"]}).login)


def alive():
    c = psycopg2.connect("")
    try:
        with c.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM points")
            return cursor.fetchone()[0]
    finally:
        c.close()


def memory():
    with open(f"/proc/{os.environ['SERVER_PID']}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def bad_statements():
    """A thousand statements that fail on one connection, then one that does not."""
    random.seed(1)
    words = "SELECT FROM WHERE ( ) , 'x' 1 * = fields id nothing $1 \" ' /* -- ; GROUP BY NULL :: int [ ] E'\\ $$".split()
    c = psycopg2.connect("")
    c.autocommit = True
    cursor, states = c.cursor(), set()
    for _ in range(1000):
        try:
            cursor.execute(" ".join(random.choices(words, k=random.randint(1, 12))))
        except psycopg2.Error as error:
            states.add(error.pgcode)
    cursor.execute("SELECT 1")
    return {"rows": cursor.fetchall(), "internal": sorted(s for s in states if s is None or s.startswith(("XX", "58", "53"))), "_states": sorted(map(str, states))}


def noise():
    """Random bytes behind a login, and messages with random bytes changed."""
    random.seed(2)
    good = parse("SELECT k FROM points WHERE k = $1") + bind([b"7"]) + describe() + execute(3) + SYNC + query("SELECT 1")
    for n in range(300):
        wire = Wire()
        data = bytearray(good)
        for _ in range(random.randint(1, 6)):
            data[random.randrange(len(data))] = random.randrange(256)
        wire.socket.settimeout(0.02)
        try:
            wire.send(bytes(data) if n % 3 else random.randbytes(200))
            wire.until("never", limit=50)
        except OSError:
            pass
        wire.close()
    return alive()


async def idle(n):
    """Many connections that do nothing, and one that works beside them."""
    async def opened():
        reader, writer = await asyncio.open_connection(host(), port())
        body = struct.pack("!i", V30) + text("user") + text(os.environ["PGUSER"]) + text("database") + text(os.environ["PGDATABASE"]) + b"\0"
        writer.write(struct.pack("!i", len(body) + 4) + body)
        await writer.drain()
        while True:
            kind, length = struct.unpack("!ci", await asyncio.wait_for(reader.readexactly(5), 60))
            await reader.readexactly(length - 4)
            if kind in b"ZE":
                return kind, writer
    found = []
    for start in range(0, n, 50):
        found += await asyncio.gather(*(opened() for _ in range(min(50, n - start))))
    works = alive()
    for _, writer in found:
        writer.close()
    return sum(kind == b"Z" for kind, _ in found), works


def slow_reader():
    """A client that asks for much and reads nothing: the server must not keep the rows for it."""
    before = memory()
    wire = Wire()
    wire.send(query("SELECT a.k, repeat('x', 100) FROM points a, points b, points c"))
    wire.one()
    import time
    time.sleep(3)
    grown = memory() - before
    wire.close()
    return grown < 300_000, alive()


order()
shapes()
hostile()
attempt("alive", alive)
attempt("bad statements", bad_statements)
attempt("noise", noise)
attempt("alive after noise", alive)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
connections = 300 if os.environ["SERVER"] == "postgres" else int(os.environ.get("IDLE_CONNECTIONS", "300"))
attempt("idle connections", lambda: (lambda found: (found[0] == connections, found[1]))(asyncio.run(idle(connections))))
attempt("slow reader", slow_reader)
step("memory", _kilobytes=memory())
attempt("alive at the end", alive)
