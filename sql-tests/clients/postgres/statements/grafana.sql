-- played by player.py
-- The relations, functions and forms that Grafana's data source for PostgreSQL uses, its macros and its query builder; the statements are ours.

-- step: version works
-- compare: nothing
SELECT current_setting('server_version_num')::int/100 AS version

-- step: is it Timescale
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'

-- step: schemas
SELECT schema_name AS "schema" FROM information_schema.schemata
WHERE schema_name NOT IN ('pg_toast', 'pg_catalog', 'information_schema', 'system') ORDER BY schema_name

-- step: tables of the search path
SELECT quote_ident(table_name) AS "title" FROM information_schema.tables
WHERE table_type <> 'VIEW' AND quote_ident(table_schema) IN (
    SELECT CASE trim(parts[n]) WHEN '"$user"' THEN user ELSE trim(parts[n]) END
    FROM string_to_array(current_setting('search_path'), ',') parts,
        generate_series(
            array_lower(string_to_array(current_setting('search_path'), ','), 1),
            array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS n)
ORDER BY 1

-- step: tables with or without their schema
SELECT CASE WHEN quote_ident(table_schema) NOT IN (
        SELECT coalesce(nullif(trim(parts[n]), '"$user"'), user)
        FROM string_to_array(current_setting('search_path'), ',') parts,
            generate_series(1, array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS n)
    THEN quote_ident(table_schema) || '.' || quote_ident(table_name) ELSE quote_ident(table_name) END AS "title"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('system', 'pg_catalog', 'information_schema')
ORDER BY CASE WHEN quote_ident(table_schema) IN (
        SELECT coalesce(nullif(trim(parts[n]), '"$user"'), user)
        FROM string_to_array(current_setting('search_path'), ',') parts,
            generate_series(1, array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS n)
    THEN 0 ELSE 1 END, 1

-- step: columns
SELECT data_type AS "kind", quote_ident(column_name) AS "title" FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('fields'), 1) < 2
    THEN quote_ident(table_schema) IN (
            SELECT coalesce(nullif(trim(parts[n]), '"$user"'), user)
            FROM string_to_array(current_setting('search_path'), ',') parts,
                generate_series(1, array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS n)
        AND quote_ident(table_name) = 'fields'
    ELSE quote_ident(table_name) = (parse_ident('fields'))[2] AND quote_ident(table_schema) = (parse_ident('fields'))[1] END
ORDER BY ordinal_position

-- step: columns of a schema's table
SELECT data_type AS "kind", quote_ident(column_name) AS "title" FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('side.notes'), 1) < 2 THEN false
    ELSE quote_ident(table_name) = (parse_ident('side.notes'))[2] AND quote_ident(table_schema) = (parse_ident('side.notes'))[1] END
ORDER BY ordinal_position

-- step: columns of times
SELECT quote_ident(column_name) AS "title" FROM information_schema.columns
WHERE data_type IN ('bigint', 'double precision', 'timestamp with time zone', 'timestamp without time zone') AND table_name = 'fields'
ORDER BY 1

-- step: timeFilter
SELECT ratio, "at" AS "time" FROM fields WHERE "at" BETWEEN '2024-01-01T00:00:00Z' AND '2024-12-31T23:59:59.999Z' ORDER BY 2

-- step: timeFilter of an instant
SELECT ratio, zoned AS "time" FROM fields WHERE zoned BETWEEN '2024-01-01T00:00:00Z' AND '2024-12-31T23:59:59.999Z' ORDER BY 2

-- step: timeGroup
SELECT count(*) AS "rows", floor(extract(epoch FROM zoned)/600)*600 AS "time" FROM fields WHERE zoned IS NOT NULL
GROUP BY floor(extract(epoch FROM zoned)/600)*600 ORDER BY 2

-- step: timeGroupAlias
SELECT avg(small) AS "middle", floor(extract(epoch FROM "at")/7200)*7200 AS "time" FROM fields WHERE "at" IS NOT NULL GROUP BY 2 ORDER BY 2

-- step: timeEpoch
SELECT id, extract(epoch FROM zoned) AS "time" FROM fields WHERE id < 4 ORDER BY id

-- step: unixEpochFilter
SELECT count(*) FROM points WHERE k >= 100 AND k <= 200

-- step: unixEpochGroup
SELECT count(*), floor((k)/125)*125 AS "time" FROM points GROUP BY 2 ORDER BY 2

-- step: variable
SELECT DISTINCT customer AS __value, customer AS __text FROM orders ORDER BY 2

-- step: query of the builder
SELECT customer, SUM(amount) FROM orders WHERE customer IN ('bob', 'ada') GROUP BY customer ORDER BY customer LIMIT 50

-- step: health
SELECT 1::int
