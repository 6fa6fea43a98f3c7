SELECT * FROM lineitem ORDER BY l_comment, l_orderkey, l_linenumber OFFSET 6000000
