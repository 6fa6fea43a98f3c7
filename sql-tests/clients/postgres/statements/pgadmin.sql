-- played by player.py
-- The relations, functions and forms that pgAdmin uses to connect, and for its tree and its properties of a table; the statements are ours.
-- protocol: simple

-- step: start
SET DateStyle=ISO

-- step: messages
SET client_min_messages=notice

-- step: bytes
-- compare: nothing
SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'

-- step: the database
-- compare: datname, encoding, may_create, datistemplate, datallowconn
SELECT datistemplate, pg_encoding_to_char(d.encoding) AS encoding, has_database_privilege(d.oid, 'CREATE') AS may_create,
    d.datallowconn, d.datname, d.oid AS number
FROM pg_catalog.pg_database d WHERE current_database() = d.datname

-- step: who
-- compare: title, makes_databases, makes_roles, is_root
SELECT CASE WHEN me.rolsuper THEN true ELSE me.rolcreatedb END AS makes_databases,
    CASE WHEN me.rolsuper THEN true ELSE me.rolcreaterole END AS makes_roles, me.rolsuper AS is_root, me.rolname AS title, me.oid AS number
FROM pg_catalog.pg_roles AS me WHERE current_user = rolname

-- step: is it recovering
SELECT CASE WHEN NOT usesuper THEN FALSE ELSE pg_is_in_recovery() END AS recovers,
    CASE WHEN pg_is_in_recovery() AND usesuper THEN pg_is_wal_replay_paused() ELSE FALSE END AS waits
FROM pg_user WHERE current_user = usename

-- step: databases
-- compare: nothing
SELECT d.datname AS title, place.spcname AS place, datdba AS belongs_to, pg_catalog.has_database_privilege(d.oid, 'CREATE') AS may_create,
    note.description, d.datistemplate AS is_model, d.oid AS number
FROM pg_catalog.pg_database d
LEFT OUTER JOIN pg_catalog.pg_shdescription note ON (note.classoid = 'pg_database'::regclass AND note.objoid = d.oid)
LEFT OUTER JOIN pg_catalog.pg_tablespace place ON place.oid = d.dattablespace
WHERE d.datname IN ('quern', 'postgres') OR d.oid > 0::OID ORDER BY datname

-- step: schemas
-- compare: title, may_use, may_create
SELECT s.nspname AS title, pg_catalog.has_schema_privilege(s.oid, 'USAGE') AS may_use,
    pg_catalog.has_schema_privilege(s.oid, 'CREATE') AS may_create, s.oid AS number
FROM pg_catalog.pg_namespace s
WHERE NOT ((EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = s.oid AND relname = 'pg_class' LIMIT 1)
        AND s.nspname = 'pg_catalog'))
    AND nspname NOT IN ('system', 'information_schema') AND nspname NOT LIKE E'pg\\_t%' ORDER BY nspname

-- step: tables
-- compare: title, fires, fires_now, in_parts, note
SELECT r.relname AS title, note.description AS note, (CASE WHEN r.relkind <> 'p' THEN false ELSE true END) AS in_parts,
    (SELECT count(*) FROM pg_catalog.pg_trigger g WHERE g.tgisinternal = FALSE AND g.tgrelid = r.oid) AS fires,
    (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgenabled = 'O' AND tgrelid = r.oid) AS fires_now, r.oid AS number
FROM pg_catalog.pg_namespace s
INNER JOIN pg_catalog.pg_class r ON s.oid = r.relnamespace
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.classoid = 'pg_class'::regclass AND note.objsubid = 0 AND note.objoid = r.oid)
WHERE NOT r.relispartition AND r.relnamespace = 2200::oid AND r.relkind IN ('p', 't', 's', 'r') ORDER BY r.relname

-- step: columns
-- compare: title, place, kind, full_kind, not_null, otherwise
SELECT DISTINCT f.attnum AS place, f.attname AS title, pg_catalog.format_type(k.oid, f.atttypmod) AS full_kind, format_type(k.oid, NULL) AS kind,
    CASE WHEN f.attgenerated IN ('s') THEN 'computed' WHEN f.attidentity IN ('d', 'a') THEN 'counted' ELSE 'given' END AS comes_from,
    f.attnotnull AS not_null, pg_catalog.pg_get_expr(e.adbin, e.adrelid) AS otherwise, item.typname AS of_what, note.description
FROM pg_catalog.pg_type k
JOIN pg_catalog.pg_attribute f ON atttypid = k.oid
LEFT OUTER JOIN pg_catalog.pg_attrdef e ON adnum = f.attnum AND adrelid = f.attrelid
LEFT OUTER JOIN pg_catalog.pg_type item ON k.typelem = item.oid
LEFT OUTER JOIN pg_catalog.pg_description note
    ON (note.classoid = 'pg_class'::regclass AND note.objsubid = f.attnum AND note.objoid = f.attrelid)
WHERE f.attisdropped IS FALSE AND f.attnum > 0 AND f.attrelid = ${fields}::oid ORDER BY f.attnum

-- step: columns as types
SELECT s.nspname, k.typstorage AS kept, f.attname AS title, f.atttypid, c.collname
FROM pg_catalog.pg_type k
JOIN pg_catalog.pg_attribute f ON k.oid = f.atttypid
LEFT OUTER JOIN pg_catalog.pg_collation c ON c.oid = f.attcollation
JOIN pg_catalog.pg_namespace s ON k.typnamespace = s.oid
WHERE f.attnum > 0 AND f.attrelid = ${orders}::oid ORDER BY f.attnum

-- step: views
-- compare: title
SELECT description AS note, v.relname AS title, v.oid FROM pg_catalog.pg_class v
LEFT OUTER JOIN pg_catalog.pg_description w ON (w.classoid = 'pg_class'::regclass AND w.objsubid = 0 AND w.objoid = v.oid)
WHERE v.relnamespace = 2200::oid AND v.relkind = 'v' ORDER BY v.relname

-- step: constraints
SELECT pg_catalog.pg_get_constraintdef(oid, true) AS written, contype, conname FROM pg_catalog.pg_constraint WHERE conrelid = ${fields}::oid

-- step: sessions work
-- compare: nothing
SELECT query, state, usename, datname, client_addr, array_to_string(pg_catalog.pg_blocking_pids(pid), ', ') AS waits_for,
    wait_event || ' of ' || wait_event_type AS waits, application_name, backend_type,
    pg_catalog.to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS since, pid
FROM pg_catalog.pg_stat_activity WHERE pg_backend_pid() = pid

-- step: dashboard works
-- compare: nothing
SELECT pg_catalog.row_to_json(counts) AS points, 'sessions' AS chart FROM (
    SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state <> 'active') AS "At rest",
        (SELECT count(*) FROM pg_catalog.pg_stat_activity) AS "All") counts
UNION ALL SELECT pg_catalog.row_to_json(counts) AS points, 'blocks' AS chart FROM (
    SELECT (SELECT sum(blks_hit) FROM pg_catalog.pg_stat_database) AS "Hits") counts

-- step: transactions work
-- compare: nothing
SELECT sum(blks_read) AS "Read", sum(xact_rollback + xact_commit) AS "Ended" FROM pg_catalog.pg_stat_database
WHERE current_database() = datname

-- step: rows
SELECT * FROM public.fields ORDER BY id ASC

-- step: hundred rows
SELECT * FROM public.points ORDER BY k LIMIT 3
