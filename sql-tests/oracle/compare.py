"""When an expected result and an oracle's are the same.

Floats may differ by 1e-9 of their size. Decimals must be equal as numbers, whatever their scale,
unless the oracle has more than ten digits after the point: then ours must agree with it to 1e-9 or to
our own last digit. Everything else is compared as text. Column letters must be equal. Rows are
compared in their order where the query says ORDER BY at its end, else as a bag.
"""

import decimal
import re


def difference(record, result):
    """None, or what is different."""
    letters, rows = result
    if len(letters) != len(record.types):
        return f"{len(letters)} columns there, {len(record.types)} here"
    if not all(map(same_type, letters, record.types)):
        return f"types {letters} there, {record.types} here"
    here = [cells(line, len(letters)) for line in record.expected]
    there = [[shown(v) for v in row] for row in rows]
    if record.sort or not ordered(record.sql):
        here, there = sorted(here, key=key), sorted(there, key=key)
    same = len(here) == len(there) and all(same_row(a, b, letters) for a, b in zip(here, there))
    if same:
        return None
    return f"there: {table(there)}\n  here:  {table(here)}"


def same_type(there, here):
    """An integer column may be numeric on the other side: `numeric` without a fraction is what a sum
    of bigint gives, and literals are bigint here and integer there. An untyped NULL is text there."""
    return there == here or {there, here} == {"I", "R"} or (there, here) == ("T", "?")


def key(row):
    """Numbers sort by their value, so that 1e-9 more or less does not change the order."""
    def of(cell):
        number = as_number(cell)
        return (0, round(float(number), 6), "") if number is not None and number.is_finite() else (1, 0.0, cell)

    return [of(cell) for cell in row]


def ordered(sql):
    depth, tail = 0, ""
    for letter in re.sub(r"'[^']*'", "''", sql):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        tail += letter if depth == 0 else " "
    return re.search(r"\border\s+by\b", tail, re.I) is not None


def table(rows):
    shown_rows = [" | ".join(r) for r in rows[:12]]
    return "; ".join(shown_rows) + (f"; … {len(rows)} rows" if len(rows) > 12 else "") or "no rows"


def cells(line, columns):
    if "\t" in line or columns == 1:
        return line.split("\t")
    parts = line.split(" ")
    return parts if len(parts) == columns else [line]


def shown(value):
    if value is None:
        return "NULL"
    if value == "":
        return "(empty)"
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def as_number(text):
    try:
        return decimal.Decimal(text)
    except decimal.InvalidOperation:
        return None


def same_row(here, there, letters):
    return len(here) == len(there) and all(map(same_cell, here, there, letters))


def same_cell(here, there, letter):
    if here == there:
        return True
    if letter in "RI":
        return same_number(here, there)
    if letter == "D":
        return moment(here) == moment(there)
    if letter in "A":
        return nested(here) == nested(there)
    return False


def same_number(here, there):
    a, b = as_number(here), as_number(there)
    if a is None or b is None:
        return False
    if not (a.is_finite() and b.is_finite()):
        return str(a) == str(b)
    if a == b:
        return True
    exact = all("e" not in t.lower() and len(t.partition(".")[2].rstrip("0")) <= 10 for t in (here, there))
    if exact and decimals(here) and decimals(there):
        return False
    if abs(a - b) <= abs(b) * decimal.Decimal("1e-9"):
        return True
    scale = len(here.partition(".")[2])
    return scale > 0 and a == b.quantize(decimal.Decimal(1).scaleb(-scale), decimal.ROUND_HALF_UP)


def decimals(text):
    return len(text.replace("-", "").replace(".", "").strip("0")) <= 15


def moment(text):
    """A timestamp with its zone in hours and without zeros at the end of the fraction."""
    text = text.replace("T", " ")
    text = re.sub(r"Z$", "+00", text)
    text = re.sub(r"([+-]\d\d):?00$", r"\1", text)
    return re.sub(r"(\.\d*?)0+(?=$|[+-])", r"\1", text).replace(".+", "+").rstrip(".")


def nested(text):
    """Brackets, blanks and quotes of the different notations taken out."""
    text = text.replace("{", "[").replace("}", "]").replace('"', "").replace("'", "")
    return re.sub(r",\s+", ",", text).replace("t,", "true,").lower()
