"""The two servers: a PostgreSQL of its own and `quern serve`, each in a temporary folder, stopped by pid."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import psycopg2

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin"))
USER, PASSWORD, DATABASE = "quern", "correct horse battery", "quern"
PATIENCE = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def as_nobody(command):
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *map(str, command)]


def until(what, ready, process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with {process.returncode}")
        found = ready()
        if found:
            return found
        time.sleep(0.05)
    raise RuntimeError(f"{what} does not answer")


class Server:
    """A running server: where it listens, and what clients find in their environment."""

    name = None

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"quern-clients-{self.name}-"))
        self.log = self.folder / "log"
        self.process = None

    def connects(self):
        try:
            psycopg2.connect(self.dsn(), connect_timeout=5).close()
            return True
        except psycopg2.OperationalError as error:
            return "password" in str(error)

    def dsn(self):
        return f"host=127.0.0.1 port={self.port} user={USER} dbname={DATABASE} password='{PASSWORD}'"

    def environment(self):
        return {
            "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": USER, "PGPASSWORD": PASSWORD,
            "PGDATABASE": DATABASE, "PGCONNECT_TIMEOUT": "20", "SERVER": self.name,
        }

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.process and self.alive():
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    name = "postgres"

    def __init__(self, authentication):
        super().__init__()
        self.port = free_port()
        shutil.chown(self.folder, *("postgres", "postgres") if os.geteuid() == 0 else (None, os.getgid()))
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o644)
        data = self.folder / "data"
        subprocess.run(
            as_nobody([BIN / "initdb", "-D", data, "-U", USER, "-A", authentication, "-E", "UTF8", "--locale=C.UTF-8",
                       "--no-sync", f"--pwfile={self.folder / 'password'}"]),
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder)
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder, "fsync": "off",
                   "timezone": "UTC", "max_connections": 400, "jit": "off"}
        command = [BIN / "postgres", "-D", data, "-p", str(self.port)]
        for key, value in options.items():
            command += ["-c", f"{key}={value}"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(as_nobody(command), stdout=log, stderr=log, cwd=self.folder)
        until("PostgreSQL", self.listens, self.process)
        subprocess.run([BIN / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, DATABASE],
                       check=True, env=os.environ | {"PGPASSWORD": PASSWORD})

    def listens(self):
        ready = [BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-d", "postgres", "-U", USER]
        return subprocess.run(ready).returncode == 0

    def load(self, script):
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(), "-f", script], check=True)


class Quern(Server):
    name = "quern"

    def __init__(self, binary, authentication, script):
        super().__init__()
        data = self.folder / "data"
        # The folder is filled without a server, so that one that cannot take the schema is told apart.
        subprocess.run([binary, "sql", "--data-dir", data, "-f", script], check=True, stdout=subprocess.DEVNULL)
        command = [binary, "serve", "--data-dir", data, "--postgres-port", "0", *self.authentication(authentication)]
        environment = os.environ | {"QUERN_ADMIN_PASSWORD": PASSWORD}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.port = until("quern serve", self.announced, self.process)
        until("quern serve", self.connects, self.process)

    @staticmethod
    def authentication(kind):
        return ["--auth", {"trust": "trust", "scram-sha-256": "scram"}[kind]]

    def announced(self):
        found = re.search(r"(?:127\.0\.0\.1|0\.0\.0\.0|localhost|\[::1?\]):(\d+)", self.log.read_text(errors="replace"))
        return found and int(found[1])


def started(work):
    """Runs the constructor; a server that does not come up tells why."""
    try:
        return work()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(f"FAIL {error}")
