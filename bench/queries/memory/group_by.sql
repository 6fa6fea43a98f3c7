SELECT count(*), max(s) FROM (SELECT l_orderkey, l_linenumber, sum(l_quantity) AS s FROM lineitem GROUP BY l_orderkey, l_linenumber) t
