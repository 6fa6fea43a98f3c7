-- played by player.py
-- What Power BI and its driver Npgsql ask: types, tables, columns, keys, and the rows of a table by steps.

-- step: types as Npgsql 4 loads them
-- compare: nothing
SELECT ns.nspname, a.typname, a.oid, a.typrelid, a.typbasetype,
    CASE WHEN pg_proc.proname = 'array_recv' THEN 'a' ELSE a.typtype END AS type,
    CASE WHEN pg_proc.proname = 'array_recv' THEN a.typelem WHEN a.typtype = 'r' THEN rngsubtype ELSE 0 END AS elemoid,
    CASE WHEN pg_proc.proname IN ('array_recv', 'oidvectorrecv') THEN 3 WHEN a.typtype = 'r' THEN 2 WHEN a.typtype = 'd' THEN 1 ELSE 0 END AS ord
FROM pg_type AS a
JOIN pg_namespace AS ns ON (ns.oid = a.typnamespace)
JOIN pg_proc ON pg_proc.oid = a.typreceive
LEFT OUTER JOIN pg_class AS cls ON (cls.oid = a.typrelid)
LEFT OUTER JOIN pg_type AS b ON (b.oid = a.typelem)
LEFT OUTER JOIN pg_class AS elemcls ON (elemcls.oid = b.typrelid)
LEFT OUTER JOIN pg_range ON (pg_range.rngtypid = a.oid)
WHERE a.typtype IN ('b', 'r', 'e', 'd') OR (a.typtype = 'c' AND cls.relkind = 'c')
    OR (pg_proc.proname = 'array_recv' AND (b.typtype IN ('b', 'r', 'e', 'd')
        OR (b.typtype = 'p' AND b.typname IN ('record', 'void')) OR (b.typtype = 'c' AND elemcls.relkind = 'c')))
    OR (a.typtype = 'p' AND a.typname IN ('record', 'void'))
ORDER BY ord

-- step: the types that columns have, as Npgsql 4 loads them
SELECT a.typname, a.oid, CASE WHEN pg_proc.proname = 'array_recv' THEN 'a' ELSE a.typtype END AS type,
    CASE WHEN pg_proc.proname = 'array_recv' THEN a.typelem ELSE 0 END AS elemoid
FROM pg_type AS a JOIN pg_proc ON pg_proc.oid = a.typreceive
WHERE a.oid IN (16, 17, 20, 21, 23, 25, 700, 701, 1007, 1009, 1043, 1082, 1114, 1184, 1186, 1700, 2249) ORDER BY a.oid

-- step: types as Npgsql 8 loads them
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid
FROM (
    SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind,
        elemtyp.oid AS elemtypoid, elemtyp.typname AS elemtypname, elemcls.relkind AS elemrelkind,
        CASE WHEN elemproc.proname = 'array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype
    FROM (
        SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid,
            CASE WHEN proc.proname = 'array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
            CASE WHEN proc.proname = 'array_recv' THEN typ.typelem WHEN typ.typtype = 'r' THEN rngsubtype
                WHEN typ.typtype = 'm' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = typ.oid)
                WHEN typ.typtype = 'd' THEN typ.typbasetype END AS elemtypoid
        FROM pg_type AS typ
        LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid)
        LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
        LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)
    ) AS typ
    LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemtypoid
    LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid)
    LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive
) AS t
JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
WHERE ns.nspname = 'pg_catalog' AND (typtype IN ('b', 'r', 'm', 'e', 'd') OR (typtype = 'c' AND relkind = 'c')
    OR (typtype = 'p' AND typname IN ('record', 'void'))
    OR (typtype = 'a' AND (elemtyptype IN ('b', 'r', 'm', 'e', 'd') OR (elemtyptype = 'p' AND elemtypname IN ('record', 'void'))
        OR (elemtyptype = 'c' AND elemrelkind = 'c'))))
ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'r' THEN 1 WHEN typtype = 'm' THEN 2 WHEN typtype = 'c' THEN 3
    WHEN typtype = 'd' AND elemtyptype <> 'a' THEN 4 WHEN typtype = 'a' THEN 5 WHEN typtype = 'd' AND elemtyptype = 'a' THEN 6 END, t.oid

-- step: composite types
SELECT typ.oid, att.attname, att.atttypid FROM pg_type AS typ
JOIN pg_namespace AS ns ON (ns.oid = typ.typnamespace)
JOIN pg_class AS cls ON (cls.oid = typ.typrelid)
JOIN pg_attribute AS att ON (att.attrelid = typ.typrelid)
WHERE (typ.typtype = 'c' AND cls.relkind = 'c') AND attnum > 0 AND NOT attisdropped ORDER BY typ.oid, att.attnum

-- step: labels of enums
SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid ORDER BY oid, enumsortorder

-- step: character set
SELECT character_set_name FROM INFORMATION_SCHEMA.character_sets

-- step: tables
SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.tables
WHERE TABLE_SCHEMA NOT IN ('information_schema', 'pg_catalog', 'system') ORDER BY TABLE_SCHEMA, TABLE_NAME

-- step: columns
SELECT COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE,
    CASE WHEN (data_type LIKE '%unsigned%') THEN DATA_TYPE || ' unsigned' ELSE DATA_TYPE END AS DATA_TYPE
FROM INFORMATION_SCHEMA.columns WHERE TABLE_SCHEMA = 'public' AND TABLE_NAME = 'fields' ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION

-- step: keys
SELECT i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME AS INDEX_NAME, ii.COLUMN_NAME, ii.ORDINAL_POSITION,
    CASE WHEN i.CONSTRAINT_TYPE = 'PRIMARY KEY' THEN 'Y' ELSE 'N' END AS PRIMARY_KEY
FROM INFORMATION_SCHEMA.table_constraints i
INNER JOIN INFORMATION_SCHEMA.key_column_usage ii
    ON i.CONSTRAINT_SCHEMA = ii.CONSTRAINT_SCHEMA AND i.CONSTRAINT_NAME = ii.CONSTRAINT_NAME
    AND i.TABLE_SCHEMA = ii.TABLE_SCHEMA AND i.TABLE_NAME = ii.TABLE_NAME
WHERE i.TABLE_SCHEMA = 'public' AND i.TABLE_NAME = 'fields' AND i.CONSTRAINT_TYPE IN ('PRIMARY KEY', 'UNIQUE')
ORDER BY i.CONSTRAINT_SCHEMA || '_' || i.CONSTRAINT_NAME, ii.TABLE_SCHEMA, ii.TABLE_NAME, ii.ORDINAL_POSITION

-- step: related tables
SELECT pkcol.COLUMN_NAME AS PK_COLUMN_NAME, fkcol.TABLE_SCHEMA AS FK_TABLE_SCHEMA, fkcol.TABLE_NAME AS FK_TABLE_NAME,
    fkcol.COLUMN_NAME AS FK_COLUMN_NAME, fkcol.ORDINAL_POSITION AS ORDINAL,
    fkcon.CONSTRAINT_SCHEMA || '_' || fkcol.TABLE_NAME || '_' || 'fields' || '_' || fkcon.CONSTRAINT_NAME AS FK_NAME
FROM (SELECT DISTINCT constraint_catalog, constraint_schema, unique_constraint_schema, constraint_name, unique_constraint_name
      FROM INFORMATION_SCHEMA.referential_constraints) fkcon
INNER JOIN (SELECT DISTINCT constraint_catalog, constraint_schema, table_schema, table_name, constraint_name, column_name, ordinal_position
      FROM INFORMATION_SCHEMA.key_column_usage) fkcol
    ON fkcon.CONSTRAINT_SCHEMA = fkcol.CONSTRAINT_SCHEMA AND fkcon.CONSTRAINT_NAME = fkcol.CONSTRAINT_NAME
INNER JOIN (SELECT DISTINCT constraint_catalog, constraint_schema, table_schema, table_name, constraint_name, column_name, ordinal_position
      FROM INFORMATION_SCHEMA.key_column_usage) pkcol
    ON fkcon.UNIQUE_CONSTRAINT_SCHEMA = pkcol.CONSTRAINT_SCHEMA AND fkcon.UNIQUE_CONSTRAINT_NAME = pkcol.CONSTRAINT_NAME
WHERE pkcol.TABLE_SCHEMA = 'public' AND pkcol.TABLE_NAME = 'fields' AND pkcol.ORDINAL_POSITION = fkcol.ORDINAL_POSITION
ORDER BY FK_NAME, fkcol.ORDINAL_POSITION

-- step: preview
select * from "public"."fields" order by "id" limit 1000

-- step: rows of a table
select "$Table"."id" as "id", "$Table"."name" as "name", "$Table"."price" as "price", "$Table"."at" as "at"
from "public"."fields" "$Table" order by "$Table"."id" limit 4096

-- step: direct query
select "rows"."customer" as "customer", sum("rows"."amount") as "a0", count(1) as "a1"
from (select "_"."customer", "_"."amount" from "public"."orders" "_" where "_"."placed" >= date '2024-01-01') "rows"
group by "customer" order by "customer" limit 1000001

-- step: end of a connection
DISCARD ALL

-- step: after it
SELECT 1::int
