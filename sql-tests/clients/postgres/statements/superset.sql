-- played by player.py
-- The relations, functions and forms that Superset uses beside SQLAlchemy's inspector, and in charts; the statements are ours.
-- protocol: simple

-- step: databases
-- compare: nothing
SELECT datname FROM pg_database WHERE datistemplate = false

-- step: schema of a query
set search_path = "public"

-- step: pid works
-- compare: nothing
SELECT pg_backend_pid()

-- step: cancel nobody
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid='0'

-- step: cost
-- compare: nothing
EXPLAIN SELECT * FROM orders

-- step: columns of a query
SELECT * FROM (SELECT placed, amount, customer, id FROM orders) AS asked LIMIT 1

-- step: type of an expression
SELECT DATE_TRUNC('day', placed) AS which FROM orders WHERE FALSE

-- step: preview
SELECT at AS at, price AS price, name AS name, id AS id FROM public.fields ORDER BY id LIMIT 101

-- step: second
SELECT COUNT(*) AS count, DATE_TRUNC('second', at) AS at FROM public.fields GROUP BY DATE_TRUNC('second', at) ORDER BY count DESC, at LIMIT 99

-- step: week
SELECT MIN(small) AS "MIN(small)", DATE_TRUNC('week', at) AS at FROM public.fields
GROUP BY DATE_TRUNC('week', at) ORDER BY "MIN(small)" DESC NULLS LAST LIMIT 99

-- step: quarter of a day
SELECT SUM(amount) AS "SUM(amount)", DATE_TRUNC('quarter', placed) AS placed FROM public.orders
GROUP BY DATE_TRUNC('quarter', placed) ORDER BY "SUM(amount)" DESC LIMIT 99

-- step: range of times
SELECT COUNT(*) AS count FROM public.fields WHERE at < TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
    AND at >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')

-- step: range of days
SELECT COUNT(*) AS count FROM public.orders WHERE placed < TO_DATE('2024-01-03', 'YYYY-MM-DD') AND placed >= TO_DATE('2024-01-02', 'YYYY-MM-DD')

-- step: seconds since 1970
SELECT v, (timestamp 'epoch' + k * interval '1 second') AS at FROM public.points ORDER BY k LIMIT 2

-- step: top of groups
SELECT SUM(amount) AS earned, customer AS customer FROM public.orders
JOIN (SELECT SUM(amount) AS best, customer AS customer_of_best FROM public.orders GROUP BY customer ORDER BY best DESC LIMIT 1) AS first_ones
    ON customer_of_best = customer GROUP BY customer ORDER BY earned DESC LIMIT 99

-- step: virtual dataset
SELECT COUNT(DISTINCT id) AS "COUNT_DISTINCT(id)", customer AS customer FROM (SELECT * FROM orders) AS written
GROUP BY customer ORDER BY "COUNT_DISTINCT(id)" DESC, customer LIMIT 99

-- step: values of a filter
SELECT DISTINCT customer AS customer FROM public.orders ORDER BY customer LIMIT 99

-- step: like
SELECT COUNT(*) AS count FROM public.orders WHERE (amount IS NULL OR amount > 1) AND customer ILIKE '%AD%'

-- step: row count
SELECT COUNT(*) AS how_many FROM (SELECT customer AS customer FROM public.orders GROUP BY customer LIMIT 99) AS counted
