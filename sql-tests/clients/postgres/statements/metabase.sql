-- played by Player.java
-- The relations, functions and forms that Metabase uses to connect, to sync tables and in questions; the statements are ours.

-- step: digits of floats
SET extra_float_digits = 2

-- step: isolation
SHOW TRANSACTION ISOLATION LEVEL

-- step: isolation of the session
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED

-- step: zone
SHOW timezone

-- step: schemas
-- compare: nothing
SELECT current_database() AS "IN_DATABASE", s.nspname AS "SCHEMA" FROM pg_catalog.pg_namespace s
WHERE s.nspname !~ '^pg_t(emp|oast)'
    OR s.nspname IN ((pg_catalog.current_schemas(true))[1], replace((pg_catalog.current_schemas(true))[1], 'temp', 'toast_temp'))
ORDER BY "SCHEMA"

-- step: privileges
WITH allowed AS (
    SELECT o.title AS table, o.place AS schema, NULL AS role,
        pg_catalog.has_table_privilege(current_user, format('%I.%I', o.place, o.title), 'delete') AS delete,
        pg_catalog.has_any_column_privilege(current_user, format('%I.%I', o.place, o.title), 'insert') AS insert,
        pg_catalog.has_any_column_privilege(current_user, '"' || o.place || '"' || '.' || '"' || replace(o.title, '"', '""') || '"',
            'select') AS select,
        pg_catalog.has_any_column_privilege(current_user, format('%I.%I', o.place, o.title), 'update') AS update
    FROM (
        SELECT viewname AS title, schemaname AS place FROM pg_catalog.pg_views
        UNION SELECT matviewname, schemaname FROM pg_catalog.pg_matviews
        UNION SELECT tablename, schemaname FROM pg_catalog.pg_tables) o
    WHERE pg_catalog.has_schema_privilege(current_user, o.place, 'usage') AND o.place !~ '^(pg_|information)')
SELECT a.* FROM allowed a WHERE a.schema IN ('side', 'public') ORDER BY a.table, a.schema

-- step: tables
-- compare: title, kind, place, note
-- values: "public"
SELECT "obj"."relname" AS "title",
    CASE "obj"."relkind" WHEN 'v' THEN 'A VIEW' WHEN 'm' THEN 'KEPT ROWS' WHEN 'r' THEN 'A TABLE' ELSE NULL END AS "kind",
    "space"."nspname" AS "place", "seen"."n_live_tup" AS "about_rows", "note"."description" AS "note"
FROM "pg_catalog"."pg_namespace" AS "space"
INNER JOIN "pg_catalog"."pg_class" AS "obj" ON "space"."oid" = "obj"."relnamespace"
LEFT JOIN "pg_stat_user_tables" AS "seen" ON ("obj"."relname" = "seen"."relname") AND ("space"."nspname" = "seen"."schemaname")
LEFT JOIN "pg_catalog"."pg_description" AS "note"
    ON ("note"."classoid" = 'pg_class'::regclass) AND ("note"."objsubid" = 0) AND ("note"."objoid" = "obj"."oid")
WHERE ("space"."nspname" IN (?)) AND ("space"."nspname" !~ '^pg_') AND obj.relkind IN ('v', 'm', 'r')
ORDER BY "kind" DESC, "title" ASC

-- step: fields
-- values: "fields", "public", "fields"
SELECT "col"."table_name" AS "of-table", "col"."ordinal_position" - 1 AS "at-place", "col"."column_name" AS "title",
    CASE WHEN "col"."udt_schema" IN ('pg_catalog') THEN FORMAT('%s', "col"."udt_name")
        ELSE FORMAT('"%s"."%s"', "col"."udt_schema", "col"."udt_name") END AS "its-type",
    "key"."column_name" IS NOT NULL AS "key?",
    ("is_identity" <> 'NO') OR (("column_default" IS NOT NULL) AND ("column_default" LIKE '%nextval(%')) AS "is-numbered",
    ("is_nullable" = 'NO') AND NOT (COALESCE(LOWER("column_default"), 'null') <> 'null') AS "is-needed",
    COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST("col"."table_schema" AS TEXT), CAST("col"."table_name" AS TEXT)) AS REGCLASS) AS OID),
        "col"."ordinal_position") AS "note"
FROM "information_schema"."columns" AS "col"
LEFT JOIN (
    SELECT "use"."column_name", "use"."table_name", "use"."table_schema"
    FROM "information_schema"."key_column_usage" AS "use"
    INNER JOIN "information_schema"."table_constraints" AS "rule"
        ON ("rule"."constraint_name" = "use"."constraint_name") AND ("rule"."table_name" = "use"."table_name")
    WHERE "rule"."constraint_type" = 'PRIMARY KEY') AS "key"
    ON ("key"."column_name" = "col"."column_name") AND ("key"."table_name" = "col"."table_name")
    AND ("key"."table_schema" = "col"."table_schema")
WHERE ("col"."table_name" IN (?)) AND col.table_schema !~ '^pg_|information_schema'
UNION ALL
SELECT "rel"."relname", "att"."attnum" - 1, "att"."attname", FORMAT('%s', "typ"."typname"), FALSE, FALSE, FALSE, NULL
FROM "pg_catalog"."pg_attribute" AS "att"
INNER JOIN "pg_catalog"."pg_type" AS "typ" ON "att"."atttypid" = "typ"."oid"
INNER JOIN "pg_catalog"."pg_class" AS "rel" ON "att"."attrelid" = "rel"."oid"
INNER JOIN "pg_catalog"."pg_namespace" AS "space" ON "rel"."relnamespace" = "space"."oid"
WHERE ("space"."nspname" IN (?)) AND ("rel"."relname" IN (?)) AND ("att"."attnum" > 0) AND ("rel"."relkind" = 'm')
ORDER BY "at-place", "of-table"

-- step: foreign keys
SELECT "whence"."relname" AS "from-table", "near"."attname" AS "from-field", "whither"."relname" AS "to-table",
    "far"."attname" AS "to-field", "space"."nspname" AS "in-schema"
FROM "pg_class" AS "whence"
INNER JOIN "pg_constraint" AS "link" ON "whence"."oid" = "link"."conrelid"
INNER JOIN "pg_class" AS "whither" ON "whither"."oid" = "link"."confrelid"
INNER JOIN "pg_attribute" AS "far" ON "far"."attrelid" = "whither"."oid"
INNER JOIN "pg_attribute" AS "near" ON "near"."attrelid" = "whence"."oid"
INNER JOIN "pg_namespace" AS "space" ON "space"."oid" = "whence"."relnamespace"
WHERE ("far"."attnum" = ANY(link.confkey)) AND ("near"."attnum" = ANY(link.conkey))
    AND ("link"."contype" = 'f'::char) AND space.nspname !~ '^pg_|information_schema'
ORDER BY "from-table", "from-field"

-- step: indexes
-- values: "fields"
SELECT TRIM(BOTH '"' FROM pg_catalog.pg_get_indexdef("one"."index", "one"."nth", FALSE)) AS "first-field", "one"."of-table"
FROM (
    SELECT (information_schema._pg_expandarray("x"."indkey")).n AS "nth", "x"."indexrelid" AS "index", "rel"."relname" AS "of-table"
    FROM "pg_catalog"."pg_index" AS "x"
    INNER JOIN "pg_catalog"."pg_class" AS "rel" ON "rel"."oid" = "x"."indrelid"
    WHERE ("rel"."relname" IN (?)) AND (pg_catalog.pg_get_expr("x"."indpred", "x"."indrelid") IS NULL)) AS "one"
WHERE "one"."nth" = 1

-- step: enums
SELECT k.typname, s.nspname FROM pg_namespace s JOIN pg_type k ON k.typnamespace = s.oid
WHERE k.oid IN (SELECT DISTINCT labels.enumtypid FROM pg_enum labels) ORDER BY k.typname

-- step: does a table answer
SELECT TRUE AS "_" FROM "public"."fields" WHERE 1 <> 1 LIMIT 0

-- step: fingerprint
SELECT "seen"."beginning" AS "beginning", "seen"."name" AS "name" FROM (
    SELECT "public"."fields"."id" AS "id", "public"."fields"."name" AS "name", SUBSTRING("public"."fields"."name", 1, 500) AS "beginning"
    FROM "public"."fields") AS "seen" ORDER BY "seen"."id" LIMIT 9999

-- step: distinct values
SELECT "public"."orders"."customer" AS "customer" FROM "public"."orders"
GROUP BY "public"."orders"."customer" ORDER BY "public"."orders"."customer" ASC LIMIT 99

-- step: by month
SELECT SUM("public"."orders"."amount") AS "earned", CAST(DATE_TRUNC('month', CAST("public"."orders"."placed" AS timestamp)) AS date) AS "month"
FROM "public"."orders" GROUP BY CAST(DATE_TRUNC('month', CAST("public"."orders"."placed" AS timestamp)) AS date)
ORDER BY CAST(DATE_TRUNC('month', CAST("public"."orders"."placed" AS timestamp)) AS date) ASC

-- step: by week
SELECT COUNT(*) AS "orders", CAST((CAST(DATE_TRUNC('week', CAST((CAST("public"."orders"."placed" AS timestamp) + INTERVAL '1 day')
    AS timestamp)) AS timestamp) + INTERVAL '-1 day') AS date) AS "sunday"
FROM "public"."orders" GROUP BY 2 ORDER BY 2

-- step: part of a date
SELECT COUNT(*) AS "orders", CAST(EXTRACT(quarter FROM "placed") AS integer) AS "quarter", CAST(EXTRACT(dow FROM "placed") AS integer) + 1 AS "day"
FROM "public"."orders" GROUP BY 2, 3 ORDER BY 2, 3

-- step: a day of a timestamp
SELECT AVG("ratio") AS "middle", MIN("ratio") AS "least", CAST("at" AS date) AS "day" FROM "public"."fields" WHERE "id" < 3 GROUP BY 3 ORDER BY 3

-- step: filter of text
-- values: "%AD%"
SELECT COUNT(*) AS "found" FROM "public"."orders" WHERE (LOWER("public"."orders"."customer") LIKE LOWER(?))

-- step: joined
SELECT "Of Customers"."total" AS "Of Customers__total", "public"."orders"."id" AS "id" FROM "public"."orders"
LEFT JOIN "public"."totals" AS "Of Customers" ON "public"."orders"."customer" = "Of Customers"."customer" ORDER BY 2 LIMIT 99

-- step: in bins
SELECT COUNT(*) AS "orders", FLOOR((("inner"."amount" - 5.0) / 7.5)) * 7.5 + 5.0 AS "from" FROM (
    SELECT "amount" FROM "public"."orders") AS "inner" GROUP BY 2 ORDER BY 2

-- step: median
SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY "ratio") AS "middle" FROM "public"."fields" WHERE "id" < 3

-- step: between days
-- values: "2024-01-01", "2024-01-02"
SELECT COUNT(*) AS "orders" FROM "public"."orders" WHERE "placed" < CAST(? AS date) OR "placed" >= CAST(? AS date)

-- step: last days
SELECT COUNT(*) AS "orders" FROM "public"."orders"
WHERE "placed" < CAST(NOW() AS date) AND "placed" >= CAST((CAST(NOW() AS timestamp) + (INTERVAL '-90 day')) AS date)
