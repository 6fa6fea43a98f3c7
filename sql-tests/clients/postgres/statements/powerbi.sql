-- played by player.py
-- The relations, functions and forms that Power BI and its driver Npgsql use for types, metadata and rows; the statements are ours.

-- step: types as Npgsql 4 loads them
-- compare: nothing
SELECT k.oid, k.typname, home.nspname, k.typbasetype, k.typrelid,
    CASE WHEN k.typtype = 'd' THEN 1 WHEN k.typtype = 'r' THEN 2 WHEN pg_proc.proname IN ('oidvectorrecv', 'array_recv') THEN 3 ELSE 0 END AS rank,
    CASE WHEN pg_proc.proname <> 'array_recv' THEN k.typtype ELSE 'a' END AS kind,
    CASE WHEN k.typtype = 'r' THEN rngsubtype WHEN pg_proc.proname = 'array_recv' THEN k.typelem ELSE 0 END AS of_what
FROM pg_proc
JOIN pg_type AS k ON (k.typreceive = pg_proc.oid)
LEFT OUTER JOIN pg_range ON (k.oid = pg_range.rngtypid)
LEFT OUTER JOIN pg_type AS item ON (k.typelem = item.oid)
LEFT OUTER JOIN pg_class AS shape ON (k.typrelid = shape.oid)
LEFT OUTER JOIN pg_class AS itemshape ON (item.typrelid = itemshape.oid)
JOIN pg_namespace AS home ON home.oid = k.typnamespace
WHERE (k.typname IN ('void', 'record') AND k.typtype = 'p') OR (shape.relkind = 'c' AND k.typtype = 'c')
    OR k.typtype IN ('e', 'd', 'b', 'r')
    OR ((item.typtype IN ('e', 'd', 'b', 'r') OR (itemshape.relkind = 'c' AND item.typtype = 'c')) AND pg_proc.proname = 'array_recv')
ORDER BY rank

-- step: the types that columns have, as Npgsql 4 loads them
SELECT k.oid, k.typname, CASE WHEN pg_proc.proname = 'array_recv' THEN k.typelem ELSE 0 END AS of_what,
    CASE WHEN pg_proc.proname = 'array_recv' THEN 'a' ELSE k.typtype END AS kind
FROM pg_proc JOIN pg_type AS k ON k.typreceive = pg_proc.oid
WHERE k.oid IN (16, 17, 20, 21, 23, 25, 700, 701, 1007, 1009, 1043, 1082, 1114, 1184, 1186, 1700, 2249) ORDER BY k.oid

-- step: types as Npgsql 8 loads them
SELECT known.oid, known.typname, known.kind, known.typnotnull, known.of_what
FROM (
    SELECT k.*, item.oid AS of_what, item.typname AS of_name,
        CASE WHEN reader.proname = 'array_recv' THEN 'a' ELSE item.typtype END AS of_kind
    FROM (
        SELECT k.oid, typname, typnotnull, nspname, relkind,
            CASE WHEN reader.proname = 'array_recv' THEN 'a' ELSE k.typtype END AS kind,
            CASE WHEN k.typtype = 'd' THEN k.typbasetype
                WHEN k.typtype = 'm' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = k.oid)
                WHEN k.typtype = 'r' THEN rngsubtype WHEN reader.proname = 'array_recv' THEN k.typelem END AS itemid
        FROM pg_namespace
        JOIN pg_type AS k ON (k.typnamespace = pg_namespace.oid)
        LEFT JOIN pg_range ON (k.oid = pg_range.rngtypid)
        LEFT JOIN pg_class AS shape ON (k.typrelid = shape.oid)
        LEFT JOIN pg_proc AS reader ON k.typreceive = reader.oid
    ) AS k
    LEFT JOIN pg_type AS item ON itemid = item.oid
    LEFT JOIN pg_proc AS reader ON item.typreceive = reader.oid
) AS known
WHERE nspname = 'pg_catalog' AND ((kind = 'p' AND typname IN ('void', 'record')) OR (kind = 'c' AND relkind = 'c')
    OR kind IN ('r', 'b', 'm', 'd', 'e') OR (kind = 'a' AND (of_kind IN ('r', 'b', 'm', 'd', 'e') OR (of_kind = 'p' AND of_name IN ('void', 'record')))))
ORDER BY CASE WHEN kind = 'a' THEN 4 WHEN kind = 'd' AND of_kind = 'a' THEN 5 WHEN kind = 'd' THEN 3 WHEN kind = 'm' THEN 2
    WHEN kind = 'r' THEN 1 WHEN kind IN ('p', 'b', 'e') THEN 0 END, known.oid

-- step: composite types
SELECT f.attname, f.atttypid, k.oid FROM pg_class AS shape
JOIN pg_type AS k ON (k.typrelid = shape.oid)
JOIN pg_attribute AS f ON (k.typrelid = f.attrelid)
JOIN pg_namespace AS home ON (k.typnamespace = home.oid)
WHERE NOT attisdropped AND attnum > 0 AND (shape.relkind = 'c' AND k.typtype = 'c') ORDER BY k.oid, f.attnum

-- step: labels of enums
SELECT enumlabel, pg_type.oid FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid ORDER BY oid, enumsortorder

-- step: character set
SELECT character_set_name FROM INFORMATION_SCHEMA.character_sets

-- step: tables
SELECT TABLE_TYPE, TABLE_NAME, TABLE_SCHEMA FROM INFORMATION_SCHEMA.tables
WHERE TABLE_SCHEMA NOT IN ('system', 'pg_catalog', 'information_schema') ORDER BY TABLE_NAME, TABLE_SCHEMA

-- step: columns
SELECT IS_NULLABLE, COLUMN_NAME, CASE WHEN (data_type LIKE '%unsigned%') THEN 'unsigned ' || DATA_TYPE ELSE DATA_TYPE END AS KIND
FROM INFORMATION_SCHEMA.columns WHERE TABLE_NAME = 'fields' AND TABLE_SCHEMA = 'public' ORDER BY ORDINAL_POSITION

-- step: keys
SELECT held.COLUMN_NAME, held.ORDINAL_POSITION, rule.CONSTRAINT_NAME || ' of ' || rule.TABLE_SCHEMA AS TITLE,
    CASE WHEN rule.CONSTRAINT_TYPE <> 'PRIMARY KEY' THEN 'N' ELSE 'Y' END AS IS_PRIMARY
FROM INFORMATION_SCHEMA.key_column_usage held
INNER JOIN INFORMATION_SCHEMA.table_constraints rule
    ON held.CONSTRAINT_NAME = rule.CONSTRAINT_NAME AND held.CONSTRAINT_SCHEMA = rule.CONSTRAINT_SCHEMA AND held.TABLE_NAME = rule.TABLE_NAME
WHERE rule.CONSTRAINT_TYPE IN ('UNIQUE', 'PRIMARY KEY') AND rule.TABLE_NAME = 'fields' AND rule.TABLE_SCHEMA = 'public'
ORDER BY rule.CONSTRAINT_NAME || ' of ' || rule.TABLE_SCHEMA, held.ORDINAL_POSITION

-- step: related tables
SELECT near.TABLE_NAME || '_' || link.CONSTRAINT_NAME AS TITLE, near.COLUMN_NAME AS NEAR_COLUMN, far.COLUMN_NAME AS FAR_COLUMN,
    near.TABLE_SCHEMA AS NEAR_SCHEMA, near.ORDINAL_POSITION AS PLACE
FROM (SELECT DISTINCT table_name, table_schema, column_name, ordinal_position, constraint_name FROM INFORMATION_SCHEMA.key_column_usage) near
INNER JOIN (SELECT DISTINCT constraint_name, unique_constraint_name FROM INFORMATION_SCHEMA.referential_constraints) link
    ON near.CONSTRAINT_NAME = link.CONSTRAINT_NAME
INNER JOIN (SELECT DISTINCT table_name, table_schema, column_name, ordinal_position, constraint_name FROM INFORMATION_SCHEMA.key_column_usage) far
    ON far.CONSTRAINT_NAME = link.UNIQUE_CONSTRAINT_NAME
WHERE near.ORDINAL_POSITION = far.ORDINAL_POSITION AND far.TABLE_NAME = 'fields' AND far.TABLE_SCHEMA = 'public'
ORDER BY TITLE, near.ORDINAL_POSITION

-- step: preview
select * from "public"."fields" order by "id" limit 1000

-- step: rows of a table
select "$Rows"."at" as "at", "$Rows"."price" as "price", "$Rows"."name" as "name", "$Rows"."id" as "id"
from "public"."fields" "$Rows" order by "$Rows"."id" limit 4096

-- step: direct query
select count(1) as "c0", sum("part"."amount") as "c1", "part"."customer" as "customer"
from (select "_"."amount", "_"."customer" from "public"."orders" "_" where date '2024-01-01' <= "_"."placed") "part"
group by "customer" order by "customer" limit 99999

-- step: end of a connection
DISCARD ALL

-- step: after it
SELECT 1::int
