"""Runs the clients of PostgreSQL against PostgreSQL 15 and `quern serve`, and compares what they saw.

    python3 sql-tests/clients/postgres/run.py path/to/quern [--auth scram-sha-256] [--keep folder] [script …]
    python3 sql-tests/clients/postgres/run.py --postgres-only [script …]

Each script of scripts/ drives one client and prints a line of JSON for every step: rows, column names,
types with their modifiers, command tags, SQLSTATEs, error positions. Each file of statements/ has what a
tool that cannot be run here asks; a player, named in its first line, asks it in the tool's stead. Steps with
the same name must be the same in both servers; what is not must be in differences.toml, with the reason, and what is there
and does not differ is a failure, too. Each script starts with both servers as schema.sql leaves them.

../setup.sh installs the clients.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import time
import tomllib

from servers import Postgres, Quern, started

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE / "scripts"
STATEMENTS = HERE / "statements"
# What scripts share or are played by.
PARTS = ("transcript", "player", "Player")
PROGRAMS = {".js": ["node"], ".java": ["java", "-cp", "/usr/share/java/postgresql.jar"], ".pl": ["perl"], ".rb": ["ruby"],
            ".php": ["php"], ".go": ["go", "run"]}
# Scripts whose servers ask for passwords, whatever the option says.
WITH_PASSWORDS = ("pgbouncer",)
SCHEMA = HERE / "schema.sql"
SCRIPT_SECONDS = 900


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("QUERN_CLIENTS") or pathlib.Path(home) / "quern/clients")


def command(script):
    """How a script is run; the second line of a script may name its environment: `# runs in dbt`."""
    if script.suffix == ".sql":
        player = script.read_text().split("\n", 1)[0].removeprefix("-- played by ")
        return [*command(SCRIPTS / player), script]
    if script.suffix in PROGRAMS:
        return [*PROGRAMS[script.suffix], script]
    first = script.read_text().split("\n", 1)[0]
    place = first.removeprefix("# runs in ") if first.startswith("# runs in ") else "main"
    return [cache() / place / "bin/python", script]


def transcript(script, server):
    """The steps of a script with one server, and the last words of one that did not end well."""
    environment = os.environ | server.environment() | {
        "NODE_PATH": str(cache() / "node/node_modules"), "PYTHONPATH": str(SCRIPTS), "QUERN_CLIENTS": str(cache()),
        "PYTHONDONTWRITEBYTECODE": "1", "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "SERVER_PID": str(server.process.pid)}
    began = time.monotonic()
    try:
        done = subprocess.run(list(map(str, command(script))), capture_output=True, env=environment, timeout=SCRIPT_SECONDS,
                              cwd=server.folder)
        out, err, code = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        out, err, code = late.stdout or b"", late.stderr or b"", "takes too long"
    steps = collections.OrderedDict()
    for line in out.decode(errors="replace").splitlines():
        try:
            entry = json.loads(line)
            steps[entry.pop("step")] = entry
        except (ValueError, KeyError, AttributeError):
            steps.setdefault("output", {"_lines": []}).setdefault("_lines", []).append(line)
    steps["the script's end"] = {"code": code, "_last words": err.decode(errors="replace")[-1500:] if code else ""}
    steps["the server's state"] = {"alive": server.alive()}
    return steps, time.monotonic() - began


def compared(entry):
    if isinstance(entry, dict):
        return {k: compared(v) for k, v in entry.items() if not k.startswith("_")}
    return [compared(v) for v in entry] if isinstance(entry, list) else entry


class Differences:
    """What may differ: patterns of scripts and steps, each with a reason."""

    def __init__(self):
        listed = tomllib.loads((HERE / "differences.toml").read_text())
        self.listed = listed.get("difference", [])
        self.seen = set()

    def why(self, script, step):
        for n, entry in enumerate(self.listed):
            if fnmatch.fnmatchcase(script, entry["script"]):
                for pattern in entry["steps"]:
                    if fnmatch.fnmatchcase(step, pattern):
                        self.seen.add((n, pattern))
                        return entry["why"]
        return None

    def stale(self, scripts):
        """Patterns of scripts that ran, of which nothing was seen."""
        for n, entry in enumerate(self.listed):
            if any(fnmatch.fnmatchcase(s, entry["script"]) for s in scripts):
                yield from ((entry["script"], pattern) for pattern in entry["steps"] if (n, pattern) not in self.seen)


def short(entry):
    text = json.dumps(entry, ensure_ascii=False)
    return text if len(text) < 900 else text[:900] + " …"


def report(script, expected, found, differences):
    failed = 0
    # Two that fail alike would be equal.
    end = expected["the script's end"]
    if end["code"] != 0:
        failed += 1
        print(f"FAIL {script}: it does not end well with PostgreSQL: {short(end)}")
    for step in [*expected, *(s for s in found if s not in expected)]:
        one, other = compared(expected.get(step)), compared(found.get(step))
        if one == other or differences.why(script, step):
            continue
        failed += 1
        print(f"DIFFERS {script}: {step}\n  postgres: {short(expected.get(step))}\n  quern:    {short(found.get(step))}")
    return failed


def alone(script, steps):
    """Without Quern: a script must work with PostgreSQL."""
    bad = steps["the script's end"]["code"] != 0
    print(f"{'FAIL' if bad else 'ok  '} {script}: {len(steps)} steps")
    for name, entry in steps.items():
        if bad or entry.get("error") or os.environ.get("VERBOSE"):
            print(f"  {name}: {short(entry)}")
    return int(bad)


def scripts(names):
    every = sorted(p for p in SCRIPTS.iterdir() if (p.suffix == ".py" or p.suffix in PROGRAMS) and p.stem not in PARTS)
    every += sorted(STATEMENTS.glob("*.sql"))
    unknown = set(names) - {p.stem for p in every}
    if unknown:
        sys.exit(f"no such script: {', '.join(sorted(unknown))}; there are {', '.join(p.stem for p in every)}")
    return [p for p in every if not names or p.stem in names]


def one(script, options, pool, differences):
    """Runs one script against fresh servers, both at the same time."""
    auth = "scram-sha-256" if script.stem in WITH_PASSWORDS else options.auth
    servers = [started(lambda: Postgres(auth))]
    try:
        servers[0].load(SCHEMA)
        if not options.postgres_only:
            servers.append(started(lambda: Quern(options.quern, auth, SCHEMA)))
        found = list(pool.map(lambda server: transcript(script, server), servers))
        if options.keep:
            for server, (steps, _) in zip(servers, found):
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{script.stem}.{server.name}.json").write_text(json.dumps(steps, indent=1, ensure_ascii=False))
                (options.keep / f"{script.stem}.{server.name}.log").write_bytes(server.log.read_bytes())
        if options.postgres_only:
            return alone(script.stem, found[0][0])
        failed = report(script.stem, found[0][0], found[1][0], differences)
        print(f"{'FAIL' if failed else 'ok  '} {script.stem}: {len(found[0][0])} steps, {failed} differ; "
              f"{found[0][1]:.1f} s and {found[1][1]:.1f} s", flush=True)
        return failed
    finally:
        for server in servers:
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("quern", nargs="?", type=lambda p: pathlib.Path(p).absolute())
    parser.add_argument("scripts", nargs="*")
    parser.add_argument("--postgres-only", action="store_true")
    parser.add_argument("--auth", default="trust", choices=["trust", "scram-sha-256"])
    parser.add_argument("--keep", type=lambda p: pathlib.Path(p).absolute())
    options = parser.parse_intermixed_args()
    if options.postgres_only and options.quern:
        options.scripts.insert(0, options.quern.name)
    elif not options.postgres_only and not options.quern:
        parser.error("which quern?")
    wanted, differences = scripts(options.scripts), Differences()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        failed = sum(one(script, options, pool, differences) for script in wanted)
    if not options.postgres_only:
        for script, pattern in differences.stale({p.stem for p in wanted}):
            failed += 1
            print(f"FAIL differences.toml: nothing of {script}, {pattern!r} differs")
    print(f"{len(wanted)} scripts, {failed} failures")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
