"""dbt: a project of a seed, four models (view, table, incremental, ephemeral), tests and its documentation."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import psycopg2
from transcript import attempt, host, port

PROJECT = {
    "dbt_project.yml": "name: farm\nversion: '1.0'\nprofile: farm\nmodels: {farm: {+materialized: view}}\n",
    "seeds/crops.csv": "id,name,weight,picked\n1,rye,2.5,2024-02-29\n2,oat,,2024-03-01\n3,\"corn, sweet\",1.25,\n",
    "models/heavy.sql": "select id, name, weight from {{ ref('crops') }} where weight > 1",
    "models/totals.sql": "{{ config(materialized='table') }}\nselect count(*) as n, sum(weight) as weight from {{ ref('heavy') }}",
    "models/growing.sql": "{{ config(materialized='incremental', unique_key='id') }}\nselect id, name from {{ ref('crops') }}{% if is_incremental() %} where id >= 2{% endif %}",
    "models/passing.sql": "{{ config(materialized='ephemeral') }}\nselect id from {{ ref('crops') }}",
    "models/last.sql": "{{ config(materialized='table') }}\nselect count(*) as n from {{ ref('passing') }} join {{ ref('growing') }} using (id)",
    "models/schema.yml": "version: 2\nmodels:\n  - name: heavy\n    description: What weighs\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n"
                         "  - name: totals\n    columns:\n      - name: n\n        data_tests: [not_null]\n",
    "tests/none_negative.sql": "select * from {{ ref('heavy') }} where weight < 0",
}
dbt = pathlib.Path(os.environ["QUERN_CLIENTS"]) / "dbt/bin/dbt"
folder = pathlib.Path(tempfile.mkdtemp())


def written():
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    e = os.environ
    (folder / "profiles.yml").write_text(json.dumps({"farm": {"target": "dev", "outputs": {"dev": {
        "type": "postgres", "host": host(), "port": port(), "user": e["PGUSER"], "password": e["PGPASSWORD"], "dbname": e["PGDATABASE"], "schema": "farm", "threads": 2}}}}))


def run(*arguments):
    done = subprocess.run([dbt, *arguments, "--project-dir", folder, "--profiles-dir", folder], capture_output=True, text=True, timeout=150,
                          env=os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "NO_COLOR": "1", "DBT_USE_COLORS": "false"})
    results = folder / "target/run_results.json"
    outcome = sorted((r["unique_id"], r["status"]) for r in json.loads(results.read_text())["results"]) if results.exists() else None
    results.unlink(missing_ok=True)
    return {"code": done.returncode, "results": outcome, "_out": done.stdout[-2500:] if done.returncode else ""}


def rows(sql):
    c = psycopg2.connect("")
    try:
        with c.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
    finally:
        c.close()


def catalog():
    found = json.loads((folder / "target/catalog.json").read_text())
    return {name: [(c["name"], c["type"]) for c in node["columns"].values()] for name, node in sorted(found["nodes"].items())}


import transcript

transcript.STEP_SECONDS = 200
written()
for arguments in (["debug"], ["seed"], ["run"], ["test"], ["run"], ["run", "--full-refresh"], ["build"]):
    attempt(" ".join(arguments), lambda: run(*arguments)) if arguments != ["run"] else attempt(f"run {'again' if (folder / 'ran').exists() else 'first'}", lambda: ((folder / "ran").touch(), run("run"))[1])
for sql in ("SELECT * FROM farm.heavy ORDER BY id", "SELECT * FROM farm.totals", "SELECT * FROM farm.growing ORDER BY id", "SELECT * FROM farm.last"):
    attempt(sql, lambda: rows(sql))
attempt("docs", lambda: run("docs", "generate"))
attempt("catalog", catalog)
shutil.rmtree(folder, ignore_errors=True)
