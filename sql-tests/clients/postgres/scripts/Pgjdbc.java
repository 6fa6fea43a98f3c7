// pgjdbc: metadata, types as text and (after five runs) binary, fetch sizes, batches, timeouts, transactions.

import java.sql.*;
import java.util.*;

public class Pgjdbc {
    interface Work { Object run() throws Exception; }

    static Connection c;

    static String json(Object v) {
        if (v == null) return "null";
        if (v instanceof Boolean || v instanceof Integer || v instanceof Long || v instanceof Short) return v.toString();
        if (v instanceof byte[]) return json("bytes " + Arrays.toString((byte[]) v));
        if (v instanceof List) {
            StringJoiner all = new StringJoiner(", ", "[", "]");
            for (Object item : (List<?>) v) all.add(json(item));
            return all.toString();
        }
        if (v instanceof int[]) return json(Arrays.toString((int[]) v));
        StringBuilder text = new StringBuilder("\"");
        for (char ch : v.toString().toCharArray()) {
            if (ch == '"' || ch == '\\') text.append('\\').append(ch);
            else if (ch < 32 || ch > 126) text.append(String.format("\\u%04x", (int) ch));
            else text.append(ch);
        }
        return text.append('"').toString();
    }

    static void attempt(String name, Work work) {
        String line;
        try {
            line = "\"result\": " + json(work.run());
        } catch (SQLException e) {
            line = "\"error\": " + json(e.getSQLState()) + ", \"_message\": " + json(e.getMessage());
        } catch (Exception e) {
            line = "\"error\": " + json(e.getClass().getName()) + ", \"_message\": " + json(e.getMessage());
        }
        System.out.println("{\"step\": " + json(name) + ", " + line + "}");
    }

    /** The rows, with some columns only: servers have names and numbers of their own. */
    static List<Object> rows(ResultSet r, String... columns) throws SQLException {
        List<Object> all = new ArrayList<>();
        ResultSetMetaData m = r.getMetaData();
        while (r.next()) {
            List<Object> row = new ArrayList<>();
            if (columns.length == 0) for (int n = 1; n <= m.getColumnCount(); n++) row.add(value(r, n));
            else for (String column : columns) row.add(r.getString(column));
            all.add(row);
        }
        r.close();
        return all;
    }

    static Object value(ResultSet r, int n) throws SQLException {
        Object v = r.getObject(n);
        if (v instanceof java.sql.Array) return Arrays.toString((Object[]) ((java.sql.Array) v).getArray());
        return v instanceof byte[] || v == null ? v : v.getClass().getSimpleName() + " " + v;
    }

    static List<Object> described(ResultSetMetaData m) throws SQLException {
        List<Object> all = new ArrayList<>();
        for (int n = 1; n <= m.getColumnCount(); n++)
            all.add(List.of(m.getColumnName(n), m.getColumnLabel(n), m.getColumnTypeName(n), m.getColumnType(n), m.getPrecision(n), m.getScale(n), m.getColumnClassName(n),
                m.getTableName(n), m.isNullable(n), m.isAutoIncrement(n), m.getColumnDisplaySize(n)));
        return all;
    }

    static List<Object> ask(String sql, Object... values) throws SQLException {
        try (PreparedStatement p = c.prepareStatement(sql)) {
            for (int n = 0; n < values.length; n++) p.setObject(n + 1, values[n]);
            if (!p.execute()) return List.of(p.getUpdateCount());
            return rows(p.getResultSet());
        }
    }

    static void metadata(DatabaseMetaData m) {
        attempt("schemas", () -> rows(m.getSchemas(), "TABLE_SCHEM").stream().filter(r -> List.of("[public]", "[side]", "[pg_catalog]", "[information_schema]").contains(r.toString())).toList());
        attempt("catalogs", () -> rows(m.getCatalogs(), "TABLE_CAT").size() > 0);
        attempt("tables", () -> rows(m.getTables(null, "public", "%", new String[]{"TABLE", "VIEW"}), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"));
        attempt("tables of every kind", () -> rows(m.getTables(null, "side", "%", null), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"));
        attempt("tables by escaped pattern", () -> rows(m.getTables(null, "public", "fi\\_lds", null), "TABLE_NAME"));
        attempt("columns", () -> rows(m.getColumns(null, "public", "fields", "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "NULLABLE", "ORDINAL_POSITION", "COLUMN_DEF", "IS_NULLABLE", "IS_AUTOINCREMENT"));
        attempt("columns of a view", () -> rows(m.getColumns(null, "public", "totals", "%"), "COLUMN_NAME", "TYPE_NAME"));
        attempt("primary keys", () -> rows(m.getPrimaryKeys(null, "public", "fields")));
        attempt("indexes", () -> rows(m.getIndexInfo(null, "public", "fields", false, false)));
        attempt("imported keys", () -> rows(m.getImportedKeys(null, "public", "fields")));
        attempt("exported keys", () -> rows(m.getExportedKeys(null, "public", "fields")));
        attempt("best row identifier", () -> rows(m.getBestRowIdentifier(null, "public", "fields", DatabaseMetaData.bestRowSession, true)));
        attempt("types", () -> rows(m.getTypeInfo(), "TYPE_NAME", "DATA_TYPE").stream().filter(r -> r.toString().matches("\\[(int4|text|numeric|timestamptz|bool|_int4), .*")).toList());
        attempt("functions work", () -> rows(m.getFunctions(null, "public", "nothing%")));
        attempt("procedures work", () -> rows(m.getProcedures(null, "public", "nothing%")));
        attempt("table types", () -> rows(m.getTableTypes()));
        attempt("table privileges work", () -> rows(m.getTablePrivileges(null, "public", "fields"), "TABLE_NAME").size() >= 0);
        attempt("column privileges work", () -> rows(m.getColumnPrivileges(null, "public", "fields", "id"), "TABLE_NAME").size() >= 0);
        attempt("user types", () -> rows(m.getUDTs(null, "public", "%", null)));
        attempt("client info", () -> rows(m.getClientInfoProperties(), "NAME"));
        attempt("numbers", () -> List.of(m.getMaxColumnNameLength(), m.getDefaultTransactionIsolation(), m.supportsSavepoints(), m.storesLowerCaseIdentifiers(), m.getIdentifierQuoteString(), m.isReadOnly()));
        attempt("keywords work", () -> m.getSQLKeywords().length() > 0);
    }

    static void statements() throws SQLException {
        String[] columns = {"id", "name", "price", "ratio", "half", "small", "big", "flag", "day", "at", "zoned", "raw", "numbers", "tags"};
        for (String column : columns) {
            attempt("type " + column, () -> ask("SELECT " + column + " FROM fields ORDER BY id"));
            attempt("eight times " + column, () -> {
                try (PreparedStatement p = c.prepareStatement("SELECT " + column + " FROM fields WHERE id <= ? ORDER BY id")) {
                    p.setInt(1, 4);
                    Object last = null;
                    for (int n = 0; n < 8; n++) {
                        Object now = rows(p.executeQuery());
                        if (last != null && !last.equals(now)) return List.of("run " + n + " differs", last, now);
                        last = now;
                    }
                    return last;
                }
            });
        }
        attempt("described", () -> { try (Statement s = c.createStatement()) { return described(s.executeQuery("SELECT * FROM fields").getMetaData()); } });
        attempt("described without running", () -> { try (PreparedStatement p = c.prepareStatement("SELECT id AS label, price * 2, count(*) OVER () FROM fields WHERE id = ?")) { return described(p.getMetaData()); } });
        attempt("parameters described", () -> { try (PreparedStatement p = c.prepareStatement("SELECT id FROM fields WHERE id = ? AND name = ? AND day = ? AND price = ?")) { ParameterMetaData m = p.getParameterMetaData();
            List<Object> all = new ArrayList<>(); for (int n = 1; n <= m.getParameterCount(); n++) all.add(m.getParameterTypeName(n)); return all; } });
        attempt("int", () -> ask("SELECT id FROM fields WHERE id = ?", 1));
        attempt("long with int", () -> ask("SELECT id FROM fields WHERE id = ?", 1L));
        attempt("text", () -> ask("SELECT id FROM fields WHERE name = ?", "plain"));
        attempt("numeric", () -> ask("SELECT id FROM fields WHERE price = ?", new java.math.BigDecimal("12.5")));
        attempt("double", () -> ask("SELECT id FROM fields WHERE ratio = ?", 0.1));
        attempt("bool", () -> ask("SELECT id FROM fields WHERE flag = ?", true));
        attempt("date", () -> ask("SELECT id FROM fields WHERE day = ?", java.sql.Date.valueOf("2024-02-29")));
        attempt("local date", () -> ask("SELECT id FROM fields WHERE day = ?", java.time.LocalDate.of(2024, 2, 29)));
        attempt("timestamp", () -> ask("SELECT id FROM fields WHERE at = ?", Timestamp.valueOf("2024-02-29 12:34:56.789")));
        attempt("local timestamp", () -> ask("SELECT id FROM fields WHERE at > ? ORDER BY id", java.time.LocalDateTime.of(2024, 1, 1, 0, 0)));
        attempt("offset timestamp", () -> ask("SELECT id FROM fields WHERE zoned = ?", java.time.OffsetDateTime.parse("2024-02-29T12:34:56Z")));
        attempt("bytes", () -> ask("SELECT id FROM fields WHERE raw = ?", new byte[]{0, -1}));
        attempt("array", () -> { try (PreparedStatement p = c.prepareStatement("SELECT id FROM fields WHERE id = ANY(?) ORDER BY id")) { p.setArray(1, c.createArrayOf("int4", new Object[]{1, 3})); return rows(p.executeQuery()); } });
        attempt("null", () -> { try (PreparedStatement p = c.prepareStatement("SELECT ?::text, ?::int")) { p.setNull(1, Types.VARCHAR); p.setNull(2, Types.INTEGER); return rows(p.executeQuery()); } });
        attempt("untyped text", () -> ask("SELECT ?", "x"));
        attempt("insert", () -> ask("INSERT INTO scratch VALUES (?, ?)", 1, "x"));
        attempt("update", () -> ask("UPDATE scratch SET b = ? WHERE a = ?", "y", 1));
        attempt("ddl", () -> List.of(ask("CREATE TABLE made (a int)"), ask("DROP TABLE made")));
        attempt("several", () -> { try (Statement s = c.createStatement()) { List<Object> all = new ArrayList<>(); boolean is = s.execute("SELECT 1::int; INSERT INTO scratch VALUES (2, 'z'); SELECT 3::int");
            while (true) { if (is) all.add(rows(s.getResultSet())); else if (s.getUpdateCount() == -1) return all; else all.add(s.getUpdateCount()); is = s.getMoreResults(); } } });
        attempt("batch", () -> { try (PreparedStatement p = c.prepareStatement("INSERT INTO scratch VALUES (?, ?)")) { for (int n = 10; n < 40; n++) { p.setInt(1, n); p.setString(2, "b" + n); p.addBatch(); } return p.executeBatch(); } });
        attempt("batch of texts", () -> { try (Statement s = c.createStatement()) { s.addBatch("INSERT INTO scratch VALUES (50, 'x')"); s.addBatch("DELETE FROM scratch WHERE a = 50"); return s.executeBatch(); } });
        attempt("inserted", () -> ask("SELECT count(*), sum(a) FROM scratch"));
        attempt("max rows", () -> { try (Statement s = c.createStatement()) { s.setMaxRows(3); return rows(s.executeQuery("SELECT k FROM points ORDER BY k")); } });
        attempt("escapes", () -> ask("SELECT {fn concat('a', 'b')}, {d '2024-02-29'}, {ts '2024-02-29 01:02:03'}"));
        attempt("syntax", () -> ask("SELEC 1"));
        attempt("column", () -> ask("SELECT nothing FROM fields"));
        attempt("value", () -> ask("SELECT ?::int", "x"));
        attempt("division in rows", () -> ask("SELECT 1 / (k - 500) FROM points ORDER BY k"));
        attempt("after errors", () -> ask("SELECT 1::int"));
    }

    static void transactions() throws SQLException {
        c.setAutoCommit(false);
        attempt("fetch size", () -> { try (Statement s = c.createStatement()) { s.setFetchSize(30); ResultSet r = s.executeQuery("SELECT k FROM points ORDER BY k"); int n = 0; long sum = 0; while (r.next()) { n++; sum += r.getLong(1); } return List.of(n, sum); } });
        attempt("two at once", () -> { try (Statement s = c.createStatement(); Statement t = c.createStatement()) { s.setFetchSize(10); t.setFetchSize(7); ResultSet a = s.executeQuery("SELECT k FROM points ORDER BY k"), b = t.executeQuery("SELECT k FROM points ORDER BY k DESC");
            long sum = 0; while (a.next() && b.next()) sum += a.getLong(1) * b.getLong(1); return sum; } });
        attempt("commit", () -> { c.commit(); return null; });
        attempt("failure", () -> ask("SELECT nothing"));
        attempt("behind it", () -> ask("SELECT 1::int"));
        attempt("rollback", () -> { c.rollback(); return ask("SELECT 1::int"); });
        attempt("savepoint", () -> { Savepoint s = c.setSavepoint(); try { ask("SELECT nothing"); } catch (SQLException e) { c.rollback(s); } return ask("SELECT 1::int"); });
        c.rollback();
        attempt("read only", () -> { c.setReadOnly(true); Object r = ask("SELECT 1::int"); c.rollback(); return r; });
        attempt("write in read only", () -> ask("INSERT INTO scratch VALUES (1, 'x')"));
        c.rollback();
        attempt("no more read only", () -> { c.setReadOnly(false); return c.isReadOnly(); });
        attempt("isolation", () -> { c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED); return c.getTransactionIsolation(); });
        attempt("schema", () -> { c.setSchema("side"); Object r = List.of(c.getSchema(), ask("SELECT * FROM notes")); c.setSchema("public"); return r; });
        c.rollback();
        c.setAutoCommit(true);
        attempt("timeout", () -> { try (Statement s = c.createStatement()) { s.setQueryTimeout(1); return rows(s.executeQuery("SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = 17")); } });
        attempt("after a timeout", () -> ask("SELECT 1::int"));
        attempt("valid", () -> c.isValid(5));
        attempt("application name", () -> { c.setClientInfo("ApplicationName", "me"); return ask("SHOW application_name"); });
        attempt("copy", () -> { java.io.StringWriter w = new java.io.StringWriter(); long n = c.unwrap(org.postgresql.PGConnection.class).getCopyAPI().copyOut("COPY (SELECT id, customer FROM orders ORDER BY id) TO STDOUT", w); return List.of(n, w.toString()); });
        attempt("copy in", () -> c.unwrap(org.postgresql.PGConnection.class).getCopyAPI().copyIn("COPY scratch FROM STDIN WITH (FORMAT csv)", new java.io.StringReader("77,x\n78,\n")));
        attempt("copied", () -> ask("SELECT * FROM scratch WHERE a >= 77 ORDER BY a"));
    }

    public static void main(String[] arguments) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        Map<String, String> e = System.getenv();
        Properties p = new Properties();
        p.setProperty("user", e.get("PGUSER"));
        p.setProperty("password", e.get("PGPASSWORD"));
        p.setProperty("ApplicationName", "pgjdbc");
        p.setProperty("socketTimeout", "30");
        String url = "jdbc:postgresql://" + e.get("PGHOST") + ":" + e.get("PGPORT") + "/" + e.get("PGDATABASE");
        c = DriverManager.getConnection(url, p);
        metadata(c.getMetaData());
        statements();
        transactions();
        c.close();
        for (String mode : List.of("simple", "extendedForPrepared", "extendedCacheEverything")) {
            p.setProperty("preferQueryMode", mode);
            c = DriverManager.getConnection(url, p);
            attempt("mode " + mode, () -> List.of(ask("SELECT id, name FROM fields WHERE id = ? AND name = ?", 1, "plain"), ask("SELECT * FROM fields ORDER BY id")));
            c.close();
        }
        p.setProperty("preferQueryMode", "extended");
        p.setProperty("binaryTransfer", "true");
        p.setProperty("prepareThreshold", "-1");
        c = DriverManager.getConnection(url, p);
        for (int n = 0; n < 2; n++) attempt("binary " + n, () -> ask("SELECT * FROM fields ORDER BY id"));
        c.close();
        p.setProperty("reWriteBatchedInserts", "true");
        c = DriverManager.getConnection(url, p);
        attempt("batch as one insert", () -> { try (PreparedStatement s = c.prepareStatement("INSERT INTO scratch VALUES (?, ?)")) { for (int n = 100; n < 140; n++) { s.setInt(1, n); s.setString(2, "b" + n); s.addBatch(); } return s.executeBatch().length; } });
        attempt("batch inserted", () -> ask("SELECT count(*) FROM scratch WHERE a >= 100"));
        c.close();
    }
}
