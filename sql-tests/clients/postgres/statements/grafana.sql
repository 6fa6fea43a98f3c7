-- played by player.py
-- What Grafana's data source for PostgreSQL asks, and what its macros and its query builder become.

-- step: version works
-- compare: nothing
SELECT current_setting('server_version_num')::int/100 AS version

-- step: is it Timescale
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'

-- step: schemas
SELECT schema_name AS "name" FROM information_schema.schemata
WHERE schema_name NOT IN ('information_schema', 'pg_catalog', 'pg_toast', '_timescaledb_cache', 'timescaledb_information', 'system')
ORDER BY schema_name

-- step: tables of the search path
SELECT quote_ident(table_name) AS "table" FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache', 'timescaledb_information')
    AND table_type = 'BASE TABLE'
    AND quote_ident(table_schema) IN (
        SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
        FROM generate_series(
            array_lower(string_to_array(current_setting('search_path'), ','), 1),
            array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
            string_to_array(current_setting('search_path'), ',') s)
ORDER BY 1

-- step: tables with or without their schema
SELECT CASE WHEN quote_ident(table_schema) IN (
            SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
            FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
                string_to_array(current_setting('search_path'), ',') s)
        THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', 'timescaledb_information', 'system')
ORDER BY CASE WHEN quote_ident(table_schema) IN (
            SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
            FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
                string_to_array(current_setting('search_path'), ',') s) THEN 0 ELSE 1 END, 1

-- step: columns
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('fields'), 1) = 2
    THEN quote_ident(table_schema) = (parse_ident('fields'))[1] AND quote_ident(table_name) = (parse_ident('fields'))[2]
    ELSE quote_ident(table_name) = 'fields' AND quote_ident(table_schema) IN (
        SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
        FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
            array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
            string_to_array(current_setting('search_path'), ',') s) END
ORDER BY ordinal_position

-- step: columns of a schema's table
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('side.notes'), 1) = 2
    THEN quote_ident(table_schema) = (parse_ident('side.notes'))[1] AND quote_ident(table_name) = (parse_ident('side.notes'))[2]
    ELSE false END
ORDER BY ordinal_position

-- step: columns of times
SELECT quote_ident(column_name) AS "column" FROM information_schema.columns WHERE table_name = 'fields'
    AND data_type IN ('timestamp without time zone', 'timestamp with time zone', 'bigint', 'integer', 'double precision', 'real')
ORDER BY 1

-- step: timeFilter
SELECT "at" AS "time", ratio FROM fields WHERE "at" BETWEEN '2024-01-01T00:00:00Z' AND '2024-12-31T23:59:59.999Z' ORDER BY 1

-- step: timeFilter of an instant
SELECT zoned AS "time", ratio FROM fields WHERE zoned BETWEEN '2024-01-01T00:00:00Z' AND '2024-12-31T23:59:59.999Z' ORDER BY 1

-- step: timeGroup
SELECT floor(extract(epoch FROM zoned)/300)*300 AS "time", count(*) AS "n" FROM fields WHERE zoned IS NOT NULL
GROUP BY floor(extract(epoch FROM zoned)/300)*300 ORDER BY 1

-- step: timeGroupAlias
SELECT floor(extract(epoch FROM "at")/3600)*3600 AS "time", avg(small) AS "value" FROM fields WHERE "at" IS NOT NULL GROUP BY 1 ORDER BY 1

-- step: timeEpoch
SELECT extract(epoch FROM zoned) AS "time", id FROM fields WHERE id < 4 ORDER BY id

-- step: unixEpochFilter
SELECT count(*) FROM points WHERE k >= 100 AND k <= 200

-- step: unixEpochGroup
SELECT floor((k)/250)*250 AS "time", count(*) FROM points GROUP BY 1 ORDER BY 1

-- step: variable
SELECT DISTINCT customer AS __text, customer AS __value FROM orders ORDER BY 1

-- step: query of the builder
SELECT SUM(amount), customer FROM orders WHERE customer IN ('ada', 'bob') GROUP BY customer ORDER BY customer LIMIT 50

-- step: health
SELECT 1::int
