"""pgcli at a terminal: what it asks at its start, \\d, a query, completion."""

import os
import pathlib
import pty
import re
import select
import tempfile
import time

from transcript import attempt

home = tempfile.mkdtemp()
pgcli = pathlib.Path(os.environ["QUERN_CLIENTS"]) / "main/bin/pgcli"


class Terminal:
    def __init__(self):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", HOME=home, XDG_CONFIG_HOME=home, COLUMNS="200", LINES="50", PAGER="cat", PROMPT_TOOLKIT_NO_CPR="1")
            os.execv(pgcli, [str(pgcli), "--less-chatty", "--warn", "off", "-h", os.environ["PGHOST"], "-p", os.environ["PGPORT"], "-U", os.environ["PGUSER"], "-d", os.environ["PGDATABASE"]])
        self.seen = ""

    def until(self, text, seconds=15):
        end, start = time.monotonic() + seconds, len(self.seen)
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
            if re.search(text, self.seen[start:]):
                return True
        return False

    def say(self, line):
        os.write(self.fd, line.encode() + b"\r")


t = Terminal()
attempt("prompt", lambda: t.until(r"quern>"))
for name, line, answer in (("tables", "\\dt", r"scratch"), ("table", "\\d fields", r"zoned"), ("schemas", "\\dn", r"side"), ("query", "SELECT 40 + 2 AS sum_of;", r"\| 42 "), ("error", "SELECT nothing;", r'column "nothing" does not exist'), ("behind it", "SELECT 6 * 7 AS product;", r"\| 42 "), ("views", "\\dv", r"totals"), ("describe view", "\\d totals", r"customer")):
    attempt(name, lambda: (t.say(line), t.until(answer))[1])
t.say("\\q")
attempt("errors at the start", lambda: {"tracebacks": t.seen.count("Traceback"), "_seen": t.seen[-1500:]})
