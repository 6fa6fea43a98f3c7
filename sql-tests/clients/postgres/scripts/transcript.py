"""What every client script shares: steps as JSON lines, with values spelled so that they can be compared.

A field whose name starts with `_` is for people and is not compared.
"""

import base64
import datetime as dt
import decimal
import json
import math
import os
import signal
import sys

# No step of a client takes longer: a server that does not answer is a failure, not a wait.
STEP_SECONDS = 60


def plain(value):
    """A value as JSON, with its type where JSON has none of its own."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return {"float": "NaN" if math.isnan(value) else repr(value)}
    if isinstance(value, decimal.Decimal):
        return {"decimal": str(value)}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": base64.b16encode(bytes(value)).decode().lower()}
    if isinstance(value, dt.datetime) and value.tzinfo:
        return {"datetime": value.astimezone(dt.timezone.utc).isoformat()}
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return {type(value).__name__: value.isoformat()}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(v) for v in value]
    return {type(value).__name__: str(value)}


def step(name, **fields):
    print(json.dumps({"step": name} | {k: plain(v) for k, v in fields.items()}, ensure_ascii=True), flush=True)


def state(error):
    """The SQLSTATE, wherever the driver keeps it, or the error's type."""
    for name in ("sqlstate", "pgcode"):
        if getattr(error, name, None):
            return getattr(error, name)
    if getattr(error, "orig", None) is not None:
        return state(error.orig)
    if error.args and isinstance(error.args[0], dict) and "C" in error.args[0]:
        return error.args[0]["C"]
    return type(error).__name__


def position(error):
    diagnostic = getattr(error, "diag", None) or getattr(getattr(error, "orig", None), "diag", None)
    return getattr(diagnostic, "statement_position", None) or getattr(error, "position", None)


class TooLong(Exception):
    pass


def late(*_):
    raise TooLong(f"no answer within {STEP_SECONDS} s")


def attempt(name, work):
    """A step that is the result of some work, or its error."""
    signal.signal(signal.SIGALRM, late)
    signal.alarm(STEP_SECONDS)
    try:
        step(name, result=work())
    except Exception as error:
        step(name, error=state(error), position=position(error), _message=str(error)[:500])
    finally:
        signal.alarm(0)


async def attempt_async(name, work):
    import asyncio
    try:
        step(name, result=await asyncio.wait_for(work, STEP_SECONDS))
    except Exception as error:
        step(name, error=state(error), position=position(error), _message=str(error)[:500])


def host():
    return os.environ["PGHOST"]


def port():
    return int(os.environ["PGPORT"])


def url(scheme="postgresql"):
    e = os.environ
    return f"{scheme}://{e['PGUSER']}:{e['PGPASSWORD'].replace(' ', '%20')}@{e['PGHOST']}:{e['PGPORT']}/{e['PGDATABASE']}"


def named(kind):
    """`fields` ordered, as most scripts read it."""
    return f"SELECT {kind} FROM fields ORDER BY id"


COLUMNS = ("id", "name", "price", "ratio", "half", "small", "big", "flag", "day", "at", "zoned", "raw", "numbers", "tags")

sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
