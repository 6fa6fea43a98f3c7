-- played by Player.java
-- What DBeaver asks to show connections, the tree of schemas and tables, a table's tabs, and its rows.

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
-- compare: datname, datistemplate, datallowconn, encoding
SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datname = current_database()

-- step: databases
-- compare: nothing
SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE NOT datistemplate AND datallowconn ORDER BY db.datname

-- step: schemas
-- compare: nothing
SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d
    ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass
ORDER BY nspname

-- step: keywords
-- compare: nothing
SELECT string_agg(word, ',') FROM pg_catalog.pg_get_keywords() WHERE word <> ALL ('{a,all,and,any,select,from,where}'::text[])

-- step: a setting
SELECT setting FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings'

-- step: are there enums
SELECT * FROM pg_catalog.pg_enum WHERE 1 <> 1 LIMIT 1

-- step: have classes types
SELECT reltype FROM pg_catalog.pg_class WHERE 1 <> 1 LIMIT 1

-- step: types
-- compare: nothing
SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = t.typelem
LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c')
    AND (et.typcategory IS NULL OR et.typcategory <> 'C')

-- step: one type
-- compare: typname, typlen, typtype, typcategory, base_type_name
-- values: 1700
SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name
FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_class c ON c.oid = t.typrelid WHERE t.oid = ?

-- step: tables of a schema
-- compare: relname, relkind, relpersistence, relhassubclass, relispartition, description, partition_expr, partition_key
-- values: 2200
SELECT c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_expr,
    pg_catalog.pg_get_partkeydef(c.oid) AS partition_key
FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d
    ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
WHERE c.relnamespace = ? AND c.relkind NOT IN ('i', 'I', 'c') ORDER BY c.relname

-- step: columns of a table
-- compare: relname, attname, atttypid, attnum, attnotnull, attisdropped, def_value, description, objid
-- values: ${fields}
SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i' AND dep.refobjsubid = a.attnum
    AND dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND a.attnum > 0 AND c.oid = ? ORDER BY a.attnum

-- step: columns of a schema
-- compare: relname, attname, attnum
-- values: 2200
SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
WHERE NOT a.attisdropped AND a.attnum > 0 AND c.relnamespace = ? AND c.relkind NOT IN ('i', 'I', 'c')
ORDER BY c.relname, a.attnum

-- step: constraints of a table
-- values: ${fields}
SELECT c.oid, c.*, t.relname AS tabrelname, rt.relnamespace AS refnamespace, d.description,
    CASE WHEN c.contype = 'c' THEN "substring"(pg_get_constraintdef(c.oid), 7) ELSE NULL END consrc_copy
FROM pg_catalog.pg_constraint c
INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid
LEFT OUTER JOIN pg_catalog.pg_description d
    ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_constraint'::regclass
WHERE c.conrelid = ? ORDER BY c.oid

-- step: references to a table
-- values: ${fields}
SELECT c.oid, c.*, t.relnamespace AS tabrelnamespace FROM pg_catalog.pg_constraint c, pg_catalog.pg_class t
WHERE t.oid = c.conrelid AND c.contype = 'f' AND c.confrelid = ? ORDER BY c.oid

-- step: indexes of a table
-- values: ${fields}
SELECT i.*, i.indkey AS keys, c.relname, c.relnamespace, c.relam, c.reltablespace, tc.relname AS tabrelname,
    dsc.description, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS pred_expr,
    pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) AS expr, pg_catalog.pg_relation_size(i.indexrelid) AS index_rel_size,
    pg_catalog.pg_stat_get_numscans(i.indexrelid) AS index_num_scans
FROM pg_catalog.pg_index i
INNER JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
INNER JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid
LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid = dsc.objoid
WHERE i.indrelid = ? ORDER BY tabrelname, c.relname

-- step: triggers of a table
-- values: ${fields}
SELECT x.oid, x.*, p.pronamespace AS func_schema_id, d.description FROM pg_catalog.pg_trigger x
LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid = x.tgfoid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = x.oid AND d.objsubid = 0
WHERE NOT x.tgisinternal AND x.tgrelid = ?

-- step: rules of a table
-- values: ${fields}
SELECT r.oid, r.*, pg_catalog.pg_get_ruledef(r.oid) AS definition FROM pg_catalog.pg_rewrite r WHERE r.ev_class = ?

-- step: policies of a table
-- values: "public", "fields"
SELECT * FROM pg_catalog.pg_policies WHERE schemaname = ? AND tablename = ?

-- step: parents of a table
-- values: ${fields}
SELECT i.*, c.relnamespace FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c
WHERE i.inhrelid = ? AND c.oid = i.inhparent ORDER BY i.inhseqno

-- step: partitions of a table
-- values: ${fields}
SELECT c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_expr
FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0
WHERE i.inhparent = ? AND c.oid = i.inhrelid ORDER BY c.relname

-- step: sizes of a schema
-- compare: relname
-- values: 2200
SELECT c.oid, c.relname, pg_catalog.pg_total_relation_size(c.oid) AS total_rel_size, pg_catalog.pg_relation_size(c.oid) AS rel_size
FROM pg_class c WHERE c.relnamespace = ? AND c.relkind = 'r' ORDER BY c.relname

-- step: size of the database
-- compare: nothing
SELECT pg_catalog.pg_database_size(current_database())

-- step: statistics of a table
-- compare: relname
SELECT c.oid, c.relname, pg_catalog.pg_stat_get_live_tuples(c.oid) AS live, s.* FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid WHERE c.oid = ${fields}

-- step: sequences
-- values: "public"
SELECT * FROM pg_catalog.pg_sequences WHERE schemaname = ?

-- step: functions of a schema
-- values: 2200
SELECT p.oid AS poid, p.*, pg_catalog.pg_get_expr(p.proargdefaults, 0) AS arg_defaults, d.description
FROM pg_catalog.pg_proc p
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = p.oid
WHERE p.pronamespace = ? ORDER BY p.proname

-- step: aggregates of a schema
-- values: 2200
SELECT p.oid, p.proname, a.* FROM pg_catalog.pg_proc p LEFT OUTER JOIN pg_catalog.pg_aggregate a ON p.oid = a.aggfnoid
WHERE p.pronamespace = ? AND p.prokind = 'a' ORDER BY p.proname

-- step: definition of a view
-- compare: nothing
-- values: ${totals}
SELECT pg_catalog.pg_get_viewdef(?, true)

-- step: roles
-- compare: nothing
SELECT a.oid, a.*, pd.description FROM pg_catalog.pg_roles a
LEFT JOIN pg_catalog.pg_shdescription pd ON a.oid = pd.objoid ORDER BY a.rolname

-- step: members of a role
-- values: 10
SELECT a.rolname, m.* FROM pg_catalog.pg_auth_members m, pg_catalog.pg_authid a WHERE m.member = ? AND a.oid = m.roleid

-- step: table privileges work
-- compare: nothing
SELECT * FROM information_schema.table_privileges WHERE table_schema = 'public' AND table_name = 'fields' ORDER BY grantee, privilege_type LIMIT 1

-- step: column privileges work
-- compare: nothing
SELECT * FROM information_schema.column_privileges WHERE table_schema = 'public' AND table_name = 'fields' LIMIT 1

-- step: default privileges
SELECT defaclobjtype, defaclacl FROM pg_catalog.pg_default_acl a, pg_catalog.pg_namespace n WHERE a.defaclnamespace = n.oid

-- step: tablespaces
-- compare: spcname, loc
SELECT t.oid, t.*, pg_catalog.pg_tablespace_location(t.oid) AS loc FROM pg_catalog.pg_tablespace t ORDER BY t.spcname

-- step: languages
-- compare: nothing
SELECT l.oid, l.* FROM pg_catalog.pg_language l ORDER BY l.oid LIMIT 1

-- step: access methods
-- compare: nothing
SELECT am.oid, am.* FROM pg_catalog.pg_am am ORDER BY am.oid LIMIT 1

-- step: collations
-- compare: nothing
SELECT c.oid, c.* FROM pg_catalog.pg_collation c ORDER BY c.oid LIMIT 1

-- step: encodings
-- compare: nothing
SELECT c.contoencoding AS encid, pg_catalog.pg_encoding_to_char(c.contoencoding) AS encname
FROM pg_catalog.pg_conversion c GROUP BY c.contoencoding ORDER BY 2 LIMIT 1

-- step: extensions
-- compare: nothing
SELECT e.oid, cfg.tbls, n.nspname AS schema_name, e.* FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN (
    SELECT ARRAY_AGG(ns.nspname || '.' || cls.relname) tbls, oid_ext FROM (
        SELECT pg_catalog.unnest(e1.extconfig) oid, e1.oid oid_ext FROM pg_catalog.pg_extension e1) c
    JOIN pg_catalog.pg_class cls ON cls.oid = c.oid
    JOIN pg_catalog.pg_namespace ns ON ns.oid = cls.relnamespace
    GROUP BY oid_ext) cfg ON cfg.oid_ext = e.oid
ORDER BY e.oid

-- step: available extensions
-- compare: nothing
SELECT name, default_version, installed_version, comment FROM pg_catalog.pg_available_extensions ORDER BY name LIMIT 1

-- step: event triggers
SELECT e.oid, e.*, d.description FROM pg_catalog.pg_event_trigger e LEFT JOIN pg_catalog.pg_description d ON d.objoid = e.oid

-- step: foreign data wrappers
SELECT f.oid, f.*, p.proname AS handler_name FROM pg_catalog.pg_foreign_data_wrapper f
LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid = f.fdwhandler ORDER BY f.fdwname

-- step: foreign servers
SELECT f.oid, f.* FROM pg_catalog.pg_foreign_server f ORDER BY f.srvname

-- step: publications
SELECT p.oid, p.* FROM pg_catalog.pg_publication p ORDER BY p.pubname

-- step: sessions
-- compare: nothing
SELECT sa.* FROM pg_catalog.pg_stat_activity sa WHERE sa.pid = pg_backend_pid()

-- step: locks
-- compare: nothing
SELECT l.pid, l.locktype, l.mode, l.granted, c.relname FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_class c ON l.relation = c.oid WHERE NOT l.granted

-- step: settings work
-- compare: nothing
SELECT * FROM pg_catalog.pg_settings WHERE name = 'DateStyle'

-- step: tables found by name
-- compare: relname, relkind
-- values: "%or%", 2200, 100
SELECT pc.oid, pc.relname, pc.relnamespace, pc.relkind FROM pg_catalog.pg_class pc
WHERE pc.relkind IN ('r', 'f', 'm', 'v', 'p') AND pc.relname ILIKE ? AND pc.relnamespace IN (?) ORDER BY pc.relname LIMIT ?

-- step: columns found by name
-- compare: attname, relname
-- values: "%am%", 2200, 100
SELECT x.attname, x.attrelid, x.atttypid, c.relname, c.relnamespace
FROM pg_catalog.pg_attribute x, pg_catalog.pg_class c
WHERE c.oid = x.attrelid AND x.attname ILIKE ? AND c.relnamespace IN (?) ORDER BY x.attname, c.relname LIMIT ?

-- step: what depends on a table
-- compare: relname, relkind
-- values: ${orders}
SELECT DISTINCT dep.deptype, cl.relname, cl.relkind, coalesce(cl.relnamespace, 0) AS schema
FROM pg_catalog.pg_depend dep
JOIN pg_catalog.pg_rewrite rw ON rw.oid = dep.objid
JOIN pg_catalog.pg_class cl ON cl.oid = rw.ev_class
WHERE dep.refobjid = ? AND dep.deptype = 'n' ORDER BY cl.relname

-- step: rows of a table
SELECT x.* FROM public.fields x ORDER BY x.id

-- step: rows by a filter
-- values: "%ad%"
SELECT x.* FROM public.orders x WHERE customer LIKE ? ORDER BY x.amount DESC

-- step: how many rows
SELECT COUNT(*) FROM (SELECT x.* FROM public.orders x) dbvrcnt

-- step: plan
-- compare: nothing
EXPLAIN SELECT x.* FROM public.orders x
