-- played by Player.java
-- The relations, functions and forms that DBeaver uses for connections, its tree, a table's tabs and rows; the statements are ours.

-- step: connect
SELECT current_schema(), session_user

-- step: digits of floats
SET extra_float_digits = 3

-- step: application name
SET application_name = 'DBeaver 25.1.5 - Main <quern>'

-- step: search path works
-- compare: nothing
SHOW search_path

-- step: version works
-- compare: nothing
SELECT version()

-- step: the database
-- compare: datname, encoding, datallowconn, datistemplate
SELECT here.oid, here.* FROM pg_catalog.pg_database here WHERE current_database() = datname

-- step: databases
-- compare: nothing
SELECT b.oid, b.* FROM pg_catalog.pg_database b WHERE datallowconn AND NOT datistemplate ORDER BY b.datname DESC

-- step: schemas
-- compare: nothing
SELECT s.oid, s.*, note.description FROM pg_catalog.pg_namespace s
LEFT OUTER JOIN pg_catalog.pg_description note
    ON note.classoid = 'pg_namespace'::regclass AND note.objsubid = 0 AND s.oid = note.objoid
ORDER BY nspname

-- step: keywords
-- compare: nothing
SELECT string_agg(word, ',') FROM pg_catalog.pg_get_keywords() WHERE word <> ALL ('{where,select,from,any}'::text[])

-- step: a setting
SELECT setting FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings'

-- step: are there enums
SELECT * FROM pg_catalog.pg_enum WHERE 1 <> 1 LIMIT 1

-- step: have classes types
SELECT reltype FROM pg_catalog.pg_class WHERE 1 <> 1 LIMIT 1

-- step: types
-- compare: nothing
SELECT k.oid, k.*, format_type(nullif(k.typbasetype, 0), k.typtypmod) AS rests_on, note.description, shape.relkind
FROM pg_catalog.pg_type k
LEFT OUTER JOIN pg_catalog.pg_description note ON note.objoid = k.oid
LEFT OUTER JOIN pg_catalog.pg_class shape ON k.typrelid = shape.oid
LEFT OUTER JOIN pg_catalog.pg_type item ON k.typelem = item.oid
WHERE (item.typcategory <> 'C' OR item.typcategory IS NULL) AND (shape.relkind = 'c' OR shape.relkind IS NULL) AND k.typname IS NOT NULL

-- step: one type
-- compare: rests_on, typcategory, typtype, typlen, typname
-- values: 1700
SELECT k.oid, k.*, format_type(nullif(k.typbasetype, 0), k.typtypmod) AS rests_on, shape.relkind
FROM pg_catalog.pg_type k LEFT OUTER JOIN pg_class shape ON k.typrelid = shape.oid WHERE k.oid = ?

-- step: tables of a schema
-- compare: relname, cut_by, cut_at, note, relkind, relpersistence, relispartition, relhassubclass
-- values: 2200
SELECT r.oid, r.*, pg_catalog.pg_get_partkeydef(r.oid) AS cut_by, pg_catalog.pg_get_expr(r.relpartbound, r.oid) AS cut_at,
    note.description AS note
FROM pg_catalog.pg_class r
LEFT OUTER JOIN pg_catalog.pg_description note
    ON note.classoid = 'pg_class'::regclass AND note.objsubid = 0 AND r.oid = note.objoid
WHERE r.relkind NOT IN ('c', 'I', 'i') AND r.relnamespace = ? ORDER BY r.relname DESC

-- step: columns of a table
-- compare: attnum, attname, atttypid, attnotnull, attisdropped, otherwise, note, counted_by, relname
-- values: ${fields}
SELECT f.*, r.relname, pg_catalog.pg_get_expr(e.adbin, e.adrelid, true) AS otherwise, link.objid AS counted_by, note.description AS note
FROM pg_catalog.pg_class r
INNER JOIN pg_catalog.pg_attribute f ON (r.oid = f.attrelid)
LEFT OUTER JOIN pg_depend link ON link.classid = link.refclassid AND link.deptype = 'i' AND f.attnum = link.refobjsubid
    AND f.attrelid = link.refobjid
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.objsubid = f.attnum AND note.objoid = r.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef e ON (e.adnum = f.attnum AND e.adrelid = f.attrelid)
WHERE r.oid = ? AND f.attnum > 0 AND NOT f.attisdropped ORDER BY f.attnum

-- step: columns of a schema
-- compare: attname, attnum, relname, otherwise
-- values: 2200
SELECT f.*, r.relname, pg_catalog.pg_get_expr(e.adbin, e.adrelid, true) AS otherwise, note.description
FROM pg_catalog.pg_class r
INNER JOIN pg_catalog.pg_attribute f ON (r.oid = f.attrelid)
LEFT OUTER JOIN pg_catalog.pg_description note ON (note.objsubid = f.attnum AND note.objoid = r.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef e ON (e.adnum = f.attnum AND e.adrelid = f.attrelid)
WHERE r.relkind NOT IN ('c', 'I', 'i') AND r.relnamespace = ? AND f.attnum > 0 AND NOT f.attisdropped
ORDER BY r.relname DESC, f.attnum

-- step: constraints of a table
-- values: ${fields}
SELECT k.oid, k.*, CASE WHEN k.contype <> 'c' THEN NULL ELSE "substring"(pg_get_constraintdef(k.oid), 7) END checked,
    note.description, far.relnamespace AS far_schema, near.relname AS near_table
FROM pg_catalog.pg_class near
INNER JOIN pg_catalog.pg_constraint k ON k.conrelid = near.oid
LEFT OUTER JOIN pg_catalog.pg_description note
    ON note.classoid = 'pg_constraint'::regclass AND note.objsubid = 0 AND k.oid = note.objoid
LEFT OUTER JOIN pg_catalog.pg_class far ON k.confrelid = far.oid
WHERE near.oid = ? ORDER BY k.oid

-- step: references to a table
-- values: ${fields}
SELECT k.oid, k.*, near.relnamespace AS near_schema FROM pg_catalog.pg_class near, pg_catalog.pg_constraint k
WHERE k.confrelid = ? AND k.contype = 'f' AND near.oid = k.conrelid ORDER BY k.oid

-- step: indexes of a table
-- values: ${fields}
SELECT x.*, x.indkey AS places, r.relname AS of_table, own.relname, own.relam, own.relnamespace, note.description,
    pg_catalog.pg_stat_get_numscans(x.indexrelid) AS reads, pg_catalog.pg_relation_size(x.indexrelid) AS bytes,
    pg_catalog.pg_get_expr(x.indexprs, x.indrelid, true) AS computed, pg_catalog.pg_get_expr(x.indpred, x.indrelid) AS only_where
FROM pg_catalog.pg_class r
INNER JOIN pg_catalog.pg_index x ON r.oid = x.indrelid
INNER JOIN pg_catalog.pg_class own ON own.oid = x.indexrelid
LEFT OUTER JOIN pg_catalog.pg_description note ON note.objoid = x.indexrelid
WHERE r.oid = ? ORDER BY of_table, own.relname

-- step: triggers of a table
-- values: ${fields}
SELECT g.oid, g.*, note.description, f.pronamespace AS calls_in FROM pg_catalog.pg_trigger g
LEFT OUTER JOIN pg_catalog.pg_description note ON note.objsubid = 0 AND g.oid = note.objoid
LEFT OUTER JOIN pg_catalog.pg_proc f ON g.tgfoid = f.oid
WHERE g.tgrelid = ? AND NOT g.tgisinternal

-- step: rules of a table
-- values: ${fields}
SELECT w.oid, w.*, pg_catalog.pg_get_ruledef(w.oid) AS written FROM pg_catalog.pg_rewrite w WHERE w.ev_class = ?

-- step: policies of a table
-- values: "fields", "public"
SELECT * FROM pg_catalog.pg_policies WHERE tablename = ? AND schemaname = ?

-- step: parents of a table
-- values: ${fields}
SELECT h.*, above.relnamespace FROM pg_catalog.pg_class above, pg_catalog.pg_inherits h
WHERE above.oid = h.inhparent AND h.inhrelid = ? ORDER BY h.inhseqno

-- step: partitions of a table
-- values: ${fields}
SELECT part.oid, part.*, pg_catalog.pg_get_expr(part.relpartbound, part.oid) AS cut_at, note.description
FROM pg_catalog.pg_inherits h, pg_catalog.pg_class part
LEFT OUTER JOIN pg_catalog.pg_description note ON note.objsubid = 0 AND part.oid = note.objoid
WHERE part.oid = h.inhrelid AND h.inhparent = ? ORDER BY part.relname

-- step: sizes of a schema
-- compare: relname
-- values: 2200
SELECT r.relname, pg_catalog.pg_relation_size(r.oid) AS own_bytes, pg_catalog.pg_total_relation_size(r.oid) AS all_bytes, r.oid
FROM pg_class r WHERE r.relkind = 'r' AND r.relnamespace = ? ORDER BY r.relname

-- step: size of the database
-- compare: nothing
SELECT pg_catalog.pg_database_size(current_database())

-- step: statistics of a table
-- compare: relname
SELECT stat.*, pg_catalog.pg_stat_get_live_tuples(r.oid) AS alive, r.relname, r.oid FROM pg_catalog.pg_class r
LEFT JOIN pg_catalog.pg_stat_all_tables stat ON r.oid = stat.relid WHERE r.oid = ${fields}

-- step: sequences
-- values: "public"
SELECT * FROM pg_catalog.pg_sequences WHERE schemaname = ?

-- step: functions of a schema
-- values: 2200
SELECT f.oid AS number, f.*, note.description, pg_catalog.pg_get_expr(f.proargdefaults, 0) AS otherwise
FROM pg_catalog.pg_proc f
LEFT OUTER JOIN pg_catalog.pg_description note ON f.oid = note.objoid
WHERE f.pronamespace = ? ORDER BY f.proname

-- step: aggregates of a schema
-- values: 2200
SELECT g.*, f.proname, f.oid FROM pg_catalog.pg_proc f LEFT OUTER JOIN pg_catalog.pg_aggregate g ON g.aggfnoid = f.oid
WHERE f.prokind = 'a' AND f.pronamespace = ? ORDER BY f.proname

-- step: definition of a view
-- compare: nothing
-- values: ${totals}
SELECT pg_catalog.pg_get_viewdef(?, true)

-- step: roles
-- compare: nothing
SELECT who.oid, who.*, note.description FROM pg_catalog.pg_roles who
LEFT JOIN pg_catalog.pg_shdescription note ON note.objoid = who.oid ORDER BY who.rolname DESC

-- step: members of a role
-- values: 10
SELECT m.*, team.rolname FROM pg_catalog.pg_authid team, pg_catalog.pg_auth_members m WHERE m.roleid = team.oid AND m.member = ?

-- step: table privileges work
-- compare: nothing
SELECT * FROM information_schema.table_privileges WHERE table_name = 'fields' AND table_schema = 'public' ORDER BY privilege_type, grantee LIMIT 1

-- step: column privileges work
-- compare: nothing
SELECT * FROM information_schema.column_privileges WHERE table_name = 'fields' AND table_schema = 'public' LIMIT 1

-- step: default privileges
SELECT defaclacl, defaclobjtype FROM pg_catalog.pg_namespace s, pg_catalog.pg_default_acl x WHERE s.oid = x.defaclnamespace

-- step: tablespaces
-- compare: folder, spcname
SELECT place.oid, place.*, pg_catalog.pg_tablespace_location(place.oid) AS folder FROM pg_catalog.pg_tablespace place ORDER BY place.spcname

-- step: languages
-- compare: nothing
SELECT tongue.oid, tongue.* FROM pg_catalog.pg_language tongue ORDER BY tongue.oid LIMIT 1

-- step: access methods
-- compare: nothing
SELECT way.oid, way.* FROM pg_catalog.pg_am way ORDER BY way.oid LIMIT 1

-- step: collations
-- compare: nothing
SELECT sorts.oid, sorts.* FROM pg_catalog.pg_collation sorts ORDER BY sorts.oid LIMIT 1

-- step: encodings
-- compare: nothing
SELECT pg_catalog.pg_encoding_to_char(v.contoencoding) AS title, v.contoencoding AS number
FROM pg_catalog.pg_conversion v GROUP BY v.contoencoding ORDER BY 1 LIMIT 1

-- step: extensions
-- compare: nothing
SELECT x.oid, x.*, s.nspname AS place, kept.tables FROM pg_catalog.pg_extension x
LEFT JOIN (
    SELECT number, ARRAY_AGG(home.nspname || '.' || r.relname) tables
    FROM (SELECT own.oid number, pg_catalog.unnest(own.extconfig) relation FROM pg_catalog.pg_extension own) each_one
    JOIN pg_catalog.pg_class r ON each_one.relation = r.oid
    JOIN pg_catalog.pg_namespace home ON r.relnamespace = home.oid
    GROUP BY number) kept ON x.oid = kept.number
JOIN pg_catalog.pg_namespace s ON x.extnamespace = s.oid
ORDER BY x.oid

-- step: available extensions
-- compare: nothing
SELECT comment, installed_version, default_version, name FROM pg_catalog.pg_available_extensions ORDER BY name LIMIT 1

-- step: event triggers
SELECT g.oid, g.*, note.description FROM pg_catalog.pg_event_trigger g LEFT JOIN pg_catalog.pg_description note ON g.oid = note.objoid

-- step: foreign data wrappers
SELECT w.oid, w.*, f.proname AS called FROM pg_catalog.pg_foreign_data_wrapper w
LEFT OUTER JOIN pg_catalog.pg_proc f ON w.fdwhandler = f.oid ORDER BY w.fdwname

-- step: foreign servers
SELECT far.oid, far.* FROM pg_catalog.pg_foreign_server far ORDER BY far.srvname

-- step: publications
SELECT told.oid, told.* FROM pg_catalog.pg_publication told ORDER BY told.pubname

-- step: sessions
-- compare: nothing
SELECT me.* FROM pg_catalog.pg_stat_activity me WHERE pg_backend_pid() = me.pid

-- step: locks
-- compare: nothing
SELECT r.relname, k.granted, k.mode, k.locktype, k.pid FROM pg_catalog.pg_locks k
LEFT JOIN pg_catalog.pg_class r ON r.oid = k.relation WHERE NOT k.granted

-- step: settings work
-- compare: nothing
SELECT * FROM pg_catalog.pg_settings WHERE name = 'DateStyle'

-- step: tables found by name
-- compare: relkind, relname
-- values: 2200, "%or%", 100
SELECT r.relname, r.relkind, r.relnamespace, r.oid FROM pg_catalog.pg_class r
WHERE r.relnamespace IN (?) AND r.relname ILIKE ? AND r.relkind IN ('v', 'r', 'p', 'm', 'f') ORDER BY r.relname LIMIT ?

-- step: columns found by name
-- compare: relname, attname
-- values: 2200, "%am%", 100
SELECT r.relname, r.relnamespace, f.attname, f.atttypid, f.attrelid
FROM pg_catalog.pg_class r, pg_catalog.pg_attribute f
WHERE r.relnamespace IN (?) AND f.attname ILIKE ? AND f.attrelid = r.oid ORDER BY r.relname, f.attname LIMIT ?

-- step: what depends on a table
-- compare: relkind, relname
-- values: ${orders}
SELECT DISTINCT coalesce(user_of.relnamespace, 0) AS place, user_of.relname, user_of.relkind, link.deptype
FROM pg_catalog.pg_class user_of
JOIN pg_catalog.pg_rewrite w ON w.ev_class = user_of.oid
JOIN pg_catalog.pg_depend link ON link.objid = w.oid
WHERE link.deptype = 'n' AND link.refobjid = ? ORDER BY user_of.relname

-- step: rows of a table
SELECT mine.* FROM public.fields mine ORDER BY mine.id

-- step: rows by a filter
-- values: "%ad%"
SELECT mine.* FROM public.orders mine WHERE customer LIKE ? ORDER BY mine.amount DESC

-- step: how many rows
SELECT COUNT(*) FROM (SELECT mine.* FROM public.orders mine) counted

-- step: plan
-- compare: nothing
EXPLAIN SELECT mine.* FROM public.orders mine
