-- played by player.py
-- What pgAdmin asks to connect, and for its tree and its properties of a table.
-- protocol: simple

-- step: start
SET DateStyle=ISO

-- step: messages
SET client_min_messages=notice

-- step: bytes
-- compare: nothing
SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'

-- step: the database
-- compare: datname, datallowconn, serverencoding, cancreate, datistemplate
SELECT db.oid AS did, db.datname, db.datallowconn, pg_encoding_to_char(db.encoding) AS serverencoding,
    has_database_privilege(db.oid, 'CREATE') AS cancreate, datistemplate
FROM pg_catalog.pg_database db WHERE db.datname = current_database()

-- step: who
-- compare: name, is_superuser, can_create_role, can_create_db
SELECT roles.oid AS id, roles.rolname AS name, roles.rolsuper AS is_superuser,
    CASE WHEN roles.rolsuper THEN true ELSE roles.rolcreaterole END AS can_create_role,
    CASE WHEN roles.rolsuper THEN true ELSE roles.rolcreatedb END AS can_create_db
FROM pg_catalog.pg_roles AS roles WHERE rolname = current_user

-- step: is it recovering
SELECT CASE WHEN usesuper THEN pg_is_in_recovery() ELSE FALSE END AS inrecovery,
    CASE WHEN usesuper AND pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE FALSE END AS isreplaypaused
FROM pg_user WHERE usename = current_user

-- step: databases
-- compare: nothing
SELECT db.oid AS did, db.datname AS name, ta.spcname AS spcname, db.datallowconn, db.datistemplate AS is_template,
    pg_catalog.has_database_privilege(db.oid, 'CREATE') AS cancreate, datdba AS owner, descr.description
FROM pg_catalog.pg_database db
LEFT OUTER JOIN pg_catalog.pg_tablespace ta ON db.dattablespace = ta.oid
LEFT OUTER JOIN pg_catalog.pg_shdescription descr ON (db.oid = descr.objoid AND descr.classoid = 'pg_database'::regclass)
WHERE db.oid > 0::OID OR db.datname IN ('postgres', 'edb') ORDER BY datname

-- step: schemas
-- compare: name, can_create, has_usage
SELECT nsp.oid, nsp.nspname AS name, pg_catalog.has_schema_privilege(nsp.oid, 'CREATE') AS can_create,
    pg_catalog.has_schema_privilege(nsp.oid, 'USAGE') AS has_usage
FROM pg_catalog.pg_namespace nsp
WHERE nspname NOT LIKE E'pg\\_%' AND nspname NOT IN ('information_schema', 'system') AND NOT (
    (nsp.nspname = 'pg_catalog' AND EXISTS (
        SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'pg_class' AND relnamespace = nsp.oid LIMIT 1)))
ORDER BY nspname

-- step: tables
-- compare: name, triggercount, has_enable_triggers, is_partitioned, description
SELECT rel.oid, rel.relname AS name,
    (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = rel.oid AND tgisinternal = FALSE) AS triggercount,
    (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = rel.oid AND tgisinternal = FALSE AND tgenabled = 'O') AS has_enable_triggers,
    (CASE WHEN rel.relkind = 'p' THEN true ELSE false END) AS is_partitioned,
    nsp.nspname AS schema, rel.relkind, des.description
FROM pg_catalog.pg_class rel
INNER JOIN pg_catalog.pg_namespace nsp ON rel.relnamespace = nsp.oid
LEFT OUTER JOIN pg_catalog.pg_description des
    ON (des.objoid = rel.oid AND des.objsubid = 0 AND des.classoid = 'pg_class'::regclass)
WHERE rel.relkind IN ('r', 's', 't', 'p') AND rel.relnamespace = 2200::oid AND NOT rel.relispartition ORDER BY rel.relname

-- step: columns
-- compare: name, attnum, not_null, datatype, displaytypname, defval
SELECT DISTINCT att.attname AS name, att.attnum, att.attnotnull AS not_null, format_type(ty.oid, NULL) AS datatype,
    pg_catalog.format_type(ty.oid, att.atttypmod) AS displaytypname, pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS defval,
    CASE WHEN att.attidentity IN ('a', 'd') THEN 'i' WHEN att.attgenerated IN ('s') THEN 'g' ELSE 'n' END AS colconstype,
    et.typname AS elemtypename, des.description
FROM pg_catalog.pg_attribute att
JOIN pg_catalog.pg_type ty ON ty.oid = atttypid
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = ty.typelem
LEFT OUTER JOIN pg_catalog.pg_attrdef def ON adrelid = att.attrelid AND adnum = att.attnum
LEFT OUTER JOIN pg_catalog.pg_description des
    ON (des.objoid = att.attrelid AND des.objsubid = att.attnum AND des.classoid = 'pg_class'::regclass)
WHERE att.attrelid = ${fields}::oid AND att.attnum > 0 AND att.attisdropped IS FALSE ORDER BY att.attnum

-- step: columns as types
SELECT att.attname AS name, att.atttypid, tn.nspname AS typnspname, ty.typstorage AS defaultstorage, col.collname
FROM pg_catalog.pg_attribute att
JOIN pg_catalog.pg_type ty ON ty.oid = att.atttypid
JOIN pg_catalog.pg_namespace tn ON tn.oid = ty.typnamespace
LEFT OUTER JOIN pg_catalog.pg_collation col ON att.attcollation = col.oid
WHERE att.attrelid = ${orders}::oid AND att.attnum > 0 ORDER BY att.attnum

-- step: views
-- compare: name
SELECT c.oid, c.relname AS name, description AS comment FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid = c.oid AND des.objsubid = 0 AND des.classoid = 'pg_class'::regclass)
WHERE c.relkind = 'v' AND c.relnamespace = 2200::oid ORDER BY c.relname

-- step: constraints
SELECT conname, contype, pg_catalog.pg_get_constraintdef(oid, true) AS def FROM pg_catalog.pg_constraint WHERE conrelid = ${fields}::oid

-- step: sessions work
-- compare: nothing
SELECT pid, datname, usename, application_name, client_addr, pg_catalog.to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS backend_start,
    state, wait_event_type || ': ' || wait_event AS wait_event,
    array_to_string(pg_catalog.pg_blocking_pids(pid), ', ') AS blocking_pids, query, backend_type
FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()

-- step: dashboard works
-- compare: nothing
SELECT 'session_stats' AS chart_name, pg_catalog.row_to_json(t) AS chart_data FROM (
    SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity) AS "Total",
        (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'active') AS "Active") t

-- step: transactions work
-- compare: nothing
SELECT sum(xact_commit + xact_rollback) AS "Transactions", sum(blks_read) AS "Reads" FROM pg_catalog.pg_stat_database
WHERE datname = current_database()

-- step: rows
SELECT * FROM public.fields ORDER BY id ASC

-- step: hundred rows
SELECT * FROM public.points ORDER BY k LIMIT 3
