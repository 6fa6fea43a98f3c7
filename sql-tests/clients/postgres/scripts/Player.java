// Asks what a file of statements has, in the stead of a tool, by pgjdbc: see player.py for what a file is.
// Each statement is asked six times, so that pgjdbc prepares it on the server and takes its rows in binary.

import java.nio.file.*;
import java.sql.*;
import java.util.*;
import java.util.regex.*;

public class Player {
    static final int TIMES = 6;
    static final Pattern OPTION = Pattern.compile("^-- (values|compare): (.*)\n", Pattern.MULTILINE);

    static Connection c;

    static String json(Object v) {
        if (v == null) return "null";
        if (v instanceof List) {
            StringJoiner all = new StringJoiner(", ", "[", "]");
            for (Object item : (List<?>) v) all.add(json(item));
            return all.toString();
        }
        StringBuilder text = new StringBuilder("\"");
        for (char ch : v.toString().toCharArray())
            if (ch == '"' || ch == '\\') text.append('\\').append(ch);
            else text.append(ch < 32 || ch > 126 ? String.format("\\u%04x", (int) ch) : String.valueOf(ch));
        return text.append('"').toString();
    }

    static String numbered(String text) throws SQLException {
        Matcher m = Pattern.compile("\\$\\{([\\w.]+)\\}").matcher(text);
        StringBuilder all = new StringBuilder();
        while (m.find())
            try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT '" + m.group(1) + "'::regclass::oid")) {
                r.next();
                m.appendReplacement(all, r.getString(1));
            }
        return m.appendTail(all).toString();
    }

    static void bind(PreparedStatement p, String values) throws SQLException {
        int n = 0;
        for (String value : values.isEmpty() ? new String[0] : values.split(", "))
            if (value.startsWith("\"")) p.setString(++n, value.substring(1, value.length() - 1));
            else p.setLong(++n, Long.parseLong(value));
    }

    static List<Object> columns(ResultSetMetaData m) throws SQLException {
        List<Object> all = new ArrayList<>();
        for (int n = 1; n <= m.getColumnCount(); n++) {
            String type = m.getColumnTypeName(n);
            all.add(List.of(m.getColumnLabel(n), type, m.getColumnClassName(n)));
        }
        return all;
    }

    /** As the driver's type of it: as texts, values that came in binary have other digits. */
    static Object value(ResultSet r, int n) throws SQLException {
        Object v = r.getObject(n);
        if (v instanceof java.sql.Array) return Arrays.toString((Object[]) ((java.sql.Array) v).getArray());
        return v instanceof byte[] ? Arrays.toString((byte[]) v) : v;
    }

    static List<Object> rows(ResultSet r, String compare) throws SQLException {
        List<Object> all = new ArrayList<>();
        while (r.next()) {
            List<Object> row = new ArrayList<>();
            if (compare == null) for (int n = 1; n <= r.getMetaData().getColumnCount(); n++) row.add(value(r, n));
            else if (!compare.equals("nothing")) for (String name : compare.split(", ")) row.add(value(r, r.findColumn(name)));
            all.add(row);
        }
        return "nothing".equals(compare) ? List.of() : all;
    }

    static Object play(String sql, String values, String compare) throws SQLException {
        Object first = null;
        try (PreparedStatement p = c.prepareStatement(sql)) {
            bind(p, values);
            for (int time = 0; time < TIMES; time++) {
                if (!p.execute()) return List.of("no rows");
                ResultSet r = p.getResultSet();
                Object now = List.of(columns(r.getMetaData()), rows(r, compare));
                if (first != null && !first.equals(now)) return List.of("differs at time " + time, first, now);
                first = now;
            }
        }
        return first;
    }

    static void step(String part) {
        int line = part.indexOf('\n');
        String values = "", compare = null, outcome;
        Matcher options = OPTION.matcher(part);
        while (options.find()) {
            if (options.group(1).equals("values")) values = options.group(2);
            else compare = options.group(2);
        }
        String sql = OPTION.matcher(part.substring(line + 1)).replaceAll("").strip();
        try {
            outcome = "\"result\": " + json(play(numbered(sql), numbered(values), compare));
        } catch (SQLException e) {
            outcome = "\"error\": " + json(e.getSQLState()) + ", \"_message\": " + json(e.getMessage());
        } catch (RuntimeException e) {
            outcome = "\"error\": " + json(e.getClass().getName()) + ", \"_message\": " + json(e.getMessage());
        }
        System.out.println("{\"step\": " + json(part.substring(0, line)) + ", " + outcome + "}");
    }

    public static void main(String[] arguments) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        Map<String, String> e = System.getenv();
        Properties p = new Properties();
        p.setProperty("user", e.get("PGUSER"));
        p.setProperty("password", e.get("PGPASSWORD"));
        p.setProperty("socketTimeout", "60");
        c = DriverManager.getConnection("jdbc:postgresql://" + e.get("PGHOST") + ":" + e.get("PGPORT") + "/" + e.get("PGDATABASE"), p);
        String[] parts = Files.readString(Path.of(arguments[0])).split("(?m)^-- step: ");
        for (int n = 1; n < parts.length; n++) step(parts[n]);
        c.close();
    }
}
