SELECT count(*) FROM (SELECT *, row_number() OVER (ORDER BY l_extendedprice, l_orderkey, l_linenumber) AS place FROM lineitem) t WHERE place % 1000 = 0
