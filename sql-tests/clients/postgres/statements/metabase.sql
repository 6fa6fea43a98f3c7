-- played by Player.java
-- What Metabase asks to connect, to sync the tables of a database, and in questions with joins and dates.

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
SELECT nspname AS "TABLE_SCHEM", current_database() AS "TABLE_CATALOG" FROM pg_catalog.pg_namespace
WHERE nspname <> 'pg_toast'
    AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1])
    AND (nspname !~ '^pg_toast_temp_' OR nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))
ORDER BY "TABLE_SCHEM"

-- step: privileges
WITH table_privileges AS (
    SELECT NULL AS role, t.schemaname AS schema, t.objectname AS table,
        pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"'
            || replace(t.objectname, '"', '""') || '"', 'update') AS update,
        pg_catalog.has_any_column_privilege(current_user, format('%I.%I', t.schemaname, t.objectname), 'select') AS select,
        pg_catalog.has_any_column_privilege(current_user, format('%I.%I', t.schemaname, t.objectname), 'insert') AS insert,
        pg_catalog.has_table_privilege(current_user, format('%I.%I', t.schemaname, t.objectname), 'delete') AS delete
    FROM (
        SELECT schemaname, tablename AS objectname FROM pg_catalog.pg_tables
        UNION SELECT schemaname, viewname FROM pg_catalog.pg_views
        UNION SELECT schemaname, matviewname FROM pg_catalog.pg_matviews) t
    WHERE t.schemaname !~ '^pg_' AND t.schemaname <> 'information_schema'
        AND pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage'))
SELECT t.* FROM table_privileges t WHERE t.schema IN ('public', 'side') ORDER BY t.schema, t.table

-- step: tables
-- compare: schema, name, type, description
-- values: "public"
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name",
    CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW'
        WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type",
    "d"."description" AS "description", "stat"."n_live_tup" AS "estimated_row_count"
FROM "pg_catalog"."pg_class" AS "c"
INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid"
LEFT JOIN "pg_catalog"."pg_description" AS "d"
    ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = 0) AND ("d"."classoid" = 'pg_class'::regclass)
LEFT JOIN "pg_stat_user_tables" AS "stat"
    ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname")
WHERE ("c"."relnamespace" = "n"."oid") AND ("n"."nspname" !~ '^pg_') AND ("n"."nspname" <> 'information_schema')
    AND c.relkind IN ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" IN (?))
ORDER BY "type" ASC, "schema" ASC, "name" ASC

-- step: fields
-- values: "public", "fields", "public", "fields"
SELECT "c"."column_name" AS "name",
    CASE WHEN "c"."udt_schema" IN ('public', 'pg_catalog') THEN FORMAT('%s', "c"."udt_name")
        ELSE FORMAT('"%s"."%s"', "c"."udt_schema", "c"."udt_name") END AS "database-type",
    "c"."ordinal_position" - 1 AS "database-position", "c"."table_schema" AS "table-schema", "c"."table_name" AS "table-name",
    "pk"."column_name" IS NOT NULL AS "pk?",
    COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST("c"."table_schema" AS TEXT), CAST("c"."table_name" AS TEXT)) AS REGCLASS) AS OID),
        "c"."ordinal_position") AS "field-comment",
    (("column_default" IS NULL) OR (LOWER("column_default") = 'null')) AND ("is_nullable" = 'NO')
        AND NOT ((("column_default" IS NOT NULL) AND ("column_default" LIKE '%nextval(%')) OR ("is_identity" <> 'NO'))
        AS "database-required",
    (("column_default" IS NOT NULL) AND ("column_default" LIKE '%nextval(%')) OR ("is_identity" <> 'NO')
        AS "database-is-auto-increment"
FROM "information_schema"."columns" AS "c"
LEFT JOIN (
    SELECT "tc"."table_schema", "tc"."table_name", "kc"."column_name"
    FROM "information_schema"."table_constraints" AS "tc"
    INNER JOIN "information_schema"."key_column_usage" AS "kc"
        ON ("tc"."constraint_name" = "kc"."constraint_name") AND ("tc"."table_schema" = "kc"."table_schema")
        AND ("tc"."table_name" = "kc"."table_name")
    WHERE "tc"."constraint_type" = 'PRIMARY KEY') AS "pk"
    ON ("c"."table_schema" = "pk"."table_schema") AND ("c"."table_name" = "pk"."table_name")
    AND ("c"."column_name" = "pk"."column_name")
WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND ("c"."table_schema" IN (?)) AND ("c"."table_name" IN (?))
UNION ALL
SELECT "pa"."attname",
    CASE WHEN "ptn"."nspname" IN ('public', 'pg_catalog') THEN FORMAT('%s', "pt"."typname")
        ELSE FORMAT('"%s"."%s"', "ptn"."nspname", "pt"."typname") END,
    "pa"."attnum" - 1, "pn"."nspname", "pc"."relname", FALSE, NULL, FALSE, FALSE
FROM "pg_catalog"."pg_class" AS "pc"
INNER JOIN "pg_catalog"."pg_namespace" AS "pn" ON "pn"."oid" = "pc"."relnamespace"
INNER JOIN "pg_catalog"."pg_attribute" AS "pa" ON "pa"."attrelid" = "pc"."oid"
INNER JOIN "pg_catalog"."pg_type" AS "pt" ON "pt"."oid" = "pa"."atttypid"
INNER JOIN "pg_catalog"."pg_namespace" AS "ptn" ON "ptn"."oid" = "pt"."typnamespace"
WHERE ("pc"."relkind" = 'm') AND ("pa"."attnum" >= 1) AND ("pn"."nspname" IN (?)) AND ("pc"."relname" IN (?))
ORDER BY "table-schema", "table-name", "database-position"

-- step: foreign keys
SELECT "fk_ns"."nspname" AS "fk-table-schema", "fk_table"."relname" AS "fk-table-name", "fk_column"."attname" AS "fk-column-name",
    "pk_ns"."nspname" AS "pk-table-schema", "pk_table"."relname" AS "pk-table-name", "pk_column"."attname" AS "pk-column-name"
FROM "pg_constraint" AS "c"
INNER JOIN "pg_class" AS "fk_table" ON "c"."conrelid" = "fk_table"."oid"
INNER JOIN "pg_namespace" AS "fk_ns" ON "c"."connamespace" = "fk_ns"."oid"
INNER JOIN "pg_attribute" AS "fk_column" ON "c"."conrelid" = "fk_column"."attrelid"
INNER JOIN "pg_class" AS "pk_table" ON "c"."confrelid" = "pk_table"."oid"
INNER JOIN "pg_namespace" AS "pk_ns" ON "pk_table"."relnamespace" = "pk_ns"."oid"
INNER JOIN "pg_attribute" AS "pk_column" ON "c"."confrelid" = "pk_column"."attrelid"
WHERE fk_ns.nspname !~ '^information_schema|catalog_history|pg_' AND ("c"."contype" = 'f'::char)
    AND ("fk_column"."attnum" = ANY(c.conkey)) AND ("pk_column"."attnum" = ANY(c.confkey))
ORDER BY "fk-table-schema", "fk-table-name"

-- step: indexes
-- values: "public", "fields"
SELECT "tmp"."table-schema", "tmp"."table-name",
    TRIM(BOTH '"' FROM pg_catalog.pg_get_indexdef("tmp"."ci_oid", "tmp"."pos", FALSE)) AS "field-name"
FROM (
    SELECT "n"."nspname" AS "table-schema", "ct"."relname" AS "table-name", "ci"."oid" AS "ci_oid",
        (information_schema._pg_expandarray("i"."indkey")).n AS "pos"
    FROM "pg_catalog"."pg_class" AS "ct"
    INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "ct"."relnamespace" = "n"."oid"
    INNER JOIN "pg_catalog"."pg_index" AS "i" ON "ct"."oid" = "i"."indrelid"
    INNER JOIN "pg_catalog"."pg_class" AS "ci" ON "ci"."oid" = "i"."indexrelid"
    WHERE (pg_catalog.pg_get_expr("i"."indpred", "i"."indrelid") IS NULL)
        AND n.nspname !~ '^information_schema|catalog_history|pg_' AND ("n"."nspname" IN (?)) AND ("ct"."relname" IN (?))) AS "tmp"
WHERE "tmp"."pos" = 1

-- step: enums
SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e)

-- step: does a table answer
SELECT TRUE AS "_" FROM "public"."fields" WHERE 1 <> 1 LIMIT 0

-- step: fingerprint
SELECT "source"."name" AS "name", "source"."substring1" AS "substring1" FROM (
    SELECT "public"."fields"."name" AS "name", SUBSTRING("public"."fields"."name", 1, 1234) AS "substring1", "public"."fields"."id" AS "id"
    FROM "public"."fields") AS "source" ORDER BY "source"."id" LIMIT 10000

-- step: distinct values
SELECT "public"."orders"."customer" AS "customer" FROM "public"."orders"
GROUP BY "public"."orders"."customer" ORDER BY "public"."orders"."customer" ASC LIMIT 1001

-- step: by month
SELECT CAST(DATE_TRUNC('month', CAST("public"."orders"."placed" AS timestamp)) AS date) AS "placed", SUM("public"."orders"."amount") AS "sum"
FROM "public"."orders" GROUP BY CAST(DATE_TRUNC('month', CAST("public"."orders"."placed" AS timestamp)) AS date)
ORDER BY CAST(DATE_TRUNC('month', CAST("public"."orders"."placed" AS timestamp)) AS date) ASC

-- step: by week
SELECT CAST((CAST(DATE_TRUNC('week', CAST((CAST("public"."orders"."placed" AS timestamp) + INTERVAL '1 day') AS timestamp)) AS timestamp)
    + INTERVAL '-1 day') AS date) AS "placed", COUNT(*) AS "count"
FROM "public"."orders" GROUP BY 1 ORDER BY 1

-- step: part of a date
SELECT CAST(EXTRACT(dow FROM "placed") AS integer) + 1 AS "day", CAST(EXTRACT(quarter FROM "placed") AS integer) AS "quarter", COUNT(*) AS "count"
FROM "public"."orders" GROUP BY 1, 2 ORDER BY 1, 2

-- step: a day of a timestamp
SELECT CAST("at" AS date) AS "at", MIN("ratio") AS "min", AVG("ratio") AS "avg" FROM "public"."fields" WHERE "id" < 3 GROUP BY 1 ORDER BY 1

-- step: filter of text
-- values: "%AD%"
SELECT COUNT(*) AS "count" FROM "public"."orders" WHERE (LOWER("public"."orders"."customer") LIKE LOWER(?))

-- step: joined
SELECT "public"."orders"."id" AS "id", "Totals"."total" AS "Totals__total" FROM "public"."orders"
LEFT JOIN "public"."totals" AS "Totals" ON "public"."orders"."customer" = "Totals"."customer" ORDER BY 1 LIMIT 2000

-- step: in bins
SELECT FLOOR((("source"."amount" - 0.0) / 10.0)) * 10.0 + 0.0 AS "amount", COUNT(*) AS "count" FROM (
    SELECT "amount" FROM "public"."orders") AS "source" GROUP BY 1 ORDER BY 1

-- step: median
SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY "ratio") AS "median" FROM "public"."fields" WHERE "id" < 3

-- step: between days
-- values: "2024-01-01", "2024-01-02"
SELECT COUNT(*) AS "count" FROM "public"."orders" WHERE "placed" >= CAST(? AS date) AND "placed" < CAST(? AS date)

-- step: last days
SELECT COUNT(*) AS "count" FROM "public"."orders"
WHERE "placed" >= CAST((CAST(NOW() AS timestamp) + (INTERVAL '-30 day')) AS date) AND "placed" < CAST(NOW() AS date)
