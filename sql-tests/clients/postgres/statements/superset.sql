-- played by player.py
-- What Superset asks beside SQLAlchemy's inspector (which has scripts of its own), and the queries of its charts.
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
SELECT * FROM (SELECT id, customer, amount, placed FROM orders) AS tbl LIMIT 1

-- step: type of an expression
SELECT DATE_TRUNC('day', placed) AS probe FROM orders WHERE FALSE

-- step: preview
SELECT id AS id, name AS name, price AS price, at AS at FROM public.fields ORDER BY id LIMIT 101

-- step: second
SELECT DATE_TRUNC('second', at) AS at, COUNT(*) AS count FROM public.fields GROUP BY DATE_TRUNC('second', at) ORDER BY count DESC, at LIMIT 1000

-- step: week
SELECT DATE_TRUNC('week', at) AS at, MAX(small) AS "MAX(small)" FROM public.fields GROUP BY DATE_TRUNC('week', at) ORDER BY "MAX(small)" DESC NULLS LAST LIMIT 1000

-- step: quarter of a day
SELECT DATE_TRUNC('quarter', placed) AS placed, SUM(amount) AS "SUM(amount)" FROM public.orders GROUP BY DATE_TRUNC('quarter', placed) ORDER BY "SUM(amount)" DESC LIMIT 1000

-- step: range of times
SELECT COUNT(*) AS count FROM public.fields WHERE at >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
    AND at < TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')

-- step: range of days
SELECT COUNT(*) AS count FROM public.orders WHERE placed >= TO_DATE('2024-01-01', 'YYYY-MM-DD') AND placed < TO_DATE('2024-01-02', 'YYYY-MM-DD')

-- step: seconds since 1970
SELECT (timestamp 'epoch' + k * interval '1 second') AS at, v FROM public.points ORDER BY k LIMIT 2

-- step: top of groups
SELECT customer AS customer, SUM(amount) AS total FROM public.orders
JOIN (SELECT customer AS customer__, SUM(amount) AS mme_inner__ FROM public.orders GROUP BY customer ORDER BY mme_inner__ DESC LIMIT 1) AS anon_1
    ON customer = customer__ GROUP BY customer ORDER BY total DESC LIMIT 100

-- step: virtual dataset
SELECT customer AS customer, COUNT(DISTINCT id) AS "COUNT_DISTINCT(id)" FROM (SELECT * FROM orders) AS virtual_table
GROUP BY customer ORDER BY "COUNT_DISTINCT(id)" DESC, customer LIMIT 100

-- step: values of a filter
SELECT DISTINCT customer AS customer FROM public.orders ORDER BY customer LIMIT 1000

-- step: like
SELECT COUNT(*) AS count FROM public.orders WHERE customer ILIKE '%AD%' AND (amount > 1 OR amount IS NULL)

-- step: row count
SELECT COUNT(*) AS rowcount FROM (SELECT customer AS customer FROM public.orders GROUP BY customer LIMIT 1000) AS rowcount_qry
