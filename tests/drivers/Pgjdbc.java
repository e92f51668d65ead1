import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** pgjdbc: what Java sees of the server in the environment, as a transcript (see transcript.h). */
public class Pgjdbc {
    interface Flow {
        void run(Connection connection) throws Exception;
    }

    static Connection connect(String options) throws SQLException {
        Map<String, String> place = System.getenv();
        String url = "jdbc:postgresql://" + place.get("PGHOST") + ":" + place.get("PGPORT") + "/" + place.get("PGDATABASE") + "?" + options;
        return DriverManager.getConnection(url, place.get("PGUSER"), place.get("PGPASSWORD"));
    }

    /** Each flow has a connection of its own. */
    static void flow(String name, String options, Flow flow) {
        System.out.println("== " + name);
        try (Connection connection = connect(options)) {
            flow.run(connection);
        } catch (Exception error) {
            System.out.println("!! " + error.toString().replace('\n', ' '));
        }
    }

    static String text(Object value) throws SQLException {
        if (value instanceof java.sql.Array array)
            return "Array" + Arrays.deepToString((Object[]) array.getArray());
        if (value instanceof byte[] bytes)
            return "bytes" + Arrays.toString(bytes);
        return value == null ? "null" : value.getClass().getSimpleName() + ":" + value;
    }

    static void show(Object... values) throws SQLException {
        StringJoiner line = new StringJoiner(" ");
        for (Object value : values)
            line.add(value instanceof String string ? string : text(value));
        System.out.println(line);
    }

    /** Types are told by JDBC's names: PostgreSQL's would be asked for by the OID of the table, which each shard has its own of. */
    static void rows(ResultSet rows) throws SQLException {
        ResultSetMetaData columns = rows.getMetaData();
        StringJoiner heading = new StringJoiner(" ");
        for (int i = 1; i <= columns.getColumnCount(); i++)
            heading.add(columns.getColumnLabel(i) + ":" + JDBCType.valueOf(columns.getColumnType(i)) + "(" + columns.getPrecision(i) + ","
                    + columns.getScale(i) + ")");
        System.out.println(heading);
        int count = 0;
        for (; rows.next(); count++) {
            StringJoiner row = new StringJoiner(" ", "  ", "");
            for (int i = 1; i <= columns.getColumnCount(); i++)
                row.add(text(rows.getObject(i)));
            System.out.println(row);
        }
        System.out.println("  " + count + " rows");
    }

    static PreparedStatement prepare(Connection connection, String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < values.length; i++)
            statement.setObject(i + 1, values[i] instanceof Object[] array
                    ? connection.createArrayOf(array instanceof Long[] ? "int8" : "text", array) : values[i]);
        return statement;
    }

    static void query(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, values)) {
            if (statement.execute())
                rows(statement.getResultSet());
            else
                show("updated", statement.getUpdateCount());
        }
    }

    static void fails(Flow flow, Connection connection) throws Exception {
        try {
            flow.run(connection);
            show("no error");
        } catch (SQLException error) {
            ServerErrorMessage message = error instanceof PSQLException sent ? sent.getServerErrorMessage() : null;
            show(error.getClass().getSimpleName(), String.valueOf(error.getSQLState()),
                    message == null ? "" : message.getConstraint() + " " + message.getTable() + " " + message.getColumn());
        }
    }

    static void rowsOfEveryType(Connection connection) throws Exception {
        for (String name : List.of("ann", "bob", "kim", "leo", "rosa", "nobody"))
            query(connection, "SELECT * FROM users WHERE username = ?", name);
        query(connection, "SELECT * FROM users ORDER BY username DESC");
        query(connection, "SELECT country, count(*), sum(balance), avg(age) FROM users GROUP BY country ORDER BY country");
        query(connection, "SELECT u.username, o.total FROM users u JOIN orders o ON o.customer = u.age WHERE o.total < ? ORDER BY 1",
                new BigDecimal("32.00"));
    }

    static void parametersOfEveryType(Connection connection) throws Exception {
        Object[][] values = {{"age", 25}, {"karma", 9000000000L}, {"balance", new BigDecimal("12.50")}, {"score", 0.1}, {"active", true},
                {"country", "de"}, {"born", LocalDate.of(1999, 9, 9)}, {"created", OffsetDateTime.parse("2024-03-01T10:00:00+02:00")},
                {"noted", Timestamp.valueOf("1970-01-01 00:00:00")}, {"lunch", java.time.LocalTime.of(8, 15)}, {"tags", new String[] {"z"}},
                {"token", UUID.fromString("22222222-2222-2222-2222-222222222222")}, {"picture", new byte[] {1}}};
        for (Object[] pair : values)
            query(connection, "SELECT username FROM users WHERE " + pair[0] + " = ? ORDER BY 1", pair[1]);
        query(connection, "SELECT username FROM users WHERE username = ANY(?) ORDER BY 1", (Object) new String[] {"ann", "zoe", null});
        query(connection, "SELECT id FROM orders WHERE customer = ANY(?) ORDER BY 1", (Object) new Long[] {3L, 14L, 15L});
        query(connection, "SELECT count(*) FROM users WHERE karma IS NOT DISTINCT FROM ?::bigint", (Object) null);
    }

    /** Beyond prepareThreshold a statement has a name, and its rows come in binary. */
    static void repeatedStatements(Connection connection) throws Exception {
        for (String sql : List.of("SELECT age, tags, balance, created FROM users WHERE username = ?",
                "SELECT username, score, token FROM users WHERE username > ? ORDER BY username",
                "SELECT count(*), max(born), sum(karma) FROM users WHERE username <> ?"))
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                for (String name : List.of("ann", "rosa", "kim", "bob", "zoe", "ann", "leo", "nobody")) {
                    statement.setString(1, name);
                    rows(statement.executeQuery());
                }
            }
    }

    static void batches(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        String row = "INSERT INTO users (username, age, created) VALUES (?, ?, ?)";
        try (PreparedStatement insert = connection.prepareStatement(row)) {
            for (int i = 0; i < 20; i++) {
                insert.setString(1, (char) ('a' + i) + " batch");
                insert.setInt(2, i);
                insert.setObject(3, OffsetDateTime.parse("2026-01-01T00:00:00Z").plusHours(i));
                insert.addBatch();
            }
            show(Arrays.toString(insert.executeBatch()));
        }
        try (PreparedStatement update = connection.prepareStatement("UPDATE users SET age = age + ? WHERE username = ?")) {
            for (int i = 0; i < 20; i += 3) {
                update.setInt(1, 100);
                update.setString(2, (char) ('a' + i) + " batch");
                update.addBatch();
            }
            show(Arrays.toString(update.executeBatch()));
        }
        connection.commit();
        query(connection, "SELECT username, age, created FROM users WHERE username LIKE '% batch' ORDER BY age DESC, username");
        String order = "INSERT INTO orders (customer, total) VALUES (?, ?)";
        try (PreparedStatement insert = connection.prepareStatement(order, new String[] {"customer", "total"})) {
            for (long i = 0; i < 10; i++) {
                insert.setLong(1, i * 7);
                insert.setBigDecimal(2, BigDecimal.valueOf(i, 2));
                insert.addBatch();
            }
            show(insert.executeBatch().length);
            rows(insert.getGeneratedKeys());
        }
        connection.rollback();
        fails(c -> {
            try (PreparedStatement insert = c.prepareStatement("INSERT INTO users (username) VALUES (?)")) {
                for (String name : List.of("x batch", "ann", "y batch")) {
                    insert.setString(1, name);
                    insert.addBatch();
                }
                insert.executeBatch();
            }
        }, connection);
        connection.rollback();
        try (Statement statement = connection.createStatement()) {
            statement.addBatch("DELETE FROM users WHERE username LIKE '% batch'");
            statement.addBatch("INSERT INTO countries VALUES ('bb', 'Batchland')");
            statement.addBatch("DELETE FROM countries WHERE code = 'bb'");
            show(Arrays.toString(statement.executeBatch()));
        }
        connection.commit();
    }

    static void fetchSizes(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        for (String sql : List.of("SELECT username, id, likes FROM posts WHERE likes > ? ORDER BY username, id",
                "SELECT country, count(*) FROM users WHERE age > ? GROUP BY country ORDER BY 2, 1"))
            try (PreparedStatement statement = prepare(connection, sql, 10)) {
                statement.setFetchSize(2);
                for (int i = 0; i < 6; i++)
                    rows(statement.executeQuery());
            }
        try (PreparedStatement statement = prepare(connection, "SELECT customer, total FROM orders ORDER BY customer")) {
            statement.setFetchSize(5);
            ResultSet orders = statement.executeQuery();
            for (int i = 0; i < 8 && orders.next(); i++)
                query(connection, "SELECT count(*) FROM posts WHERE likes < ?", orders.getInt(1) * 10);
            statement.setMaxRows(3);
            rows(statement.executeQuery());
        }
        connection.rollback();
    }

    static void generatedKeys(Connection connection) throws Exception {
        String note = "INSERT INTO notes (body) VALUES (?)";
        try (PreparedStatement insert = connection.prepareStatement(note, Statement.RETURN_GENERATED_KEYS)) {
            insert.setString(1, "by Java");
            show(insert.executeUpdate());
            rows(insert.getGeneratedKeys());
        }
        query(connection, "INSERT INTO users (username, karma) VALUES (?, ?) ON CONFLICT (username) DO UPDATE SET karma = excluded.karma"
                + " RETURNING username, karma", "zoe", 70L);
        query(connection, "INSERT INTO posts VALUES (?, ?, ?) ON CONFLICT DO NOTHING", "ann", 1, "again");
    }

    /** The driver looks for the name of the table by its OID, which is that of the shard: this one is the home shard's. */
    static void updatableRows(Connection connection) throws Exception {
        String sql = "SELECT username, id, body FROM posts WHERE username = 'ann' ORDER BY id";
        int scrollable = ResultSet.TYPE_SCROLL_INSENSITIVE;
        try (PreparedStatement statement = connection.prepareStatement(sql, scrollable, ResultSet.CONCUR_UPDATABLE)) {
            ResultSet posts = statement.executeQuery();
            posts.absolute(2);
            posts.updateString("body", "changed in place");
            posts.updateRow();
            posts.last();
            show(posts.getRow(), posts.getInt("id"));
        }
        query(connection, "SELECT id, body FROM posts WHERE username = 'ann' ORDER BY id");
    }

    static void transactions(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        query(connection, "UPDATE users SET karma = ? WHERE username IN ('ann', 'rosa')", 77L);
        Savepoint savepoint = connection.setSavepoint("before");
        query(connection, "DELETE FROM posts WHERE username = ?", "ann");
        fails(c -> query(c, "INSERT INTO users (username) VALUES (?)", "ann"), connection);
        fails(c -> query(c, "SELECT 1"), connection);
        connection.rollback(savepoint);
        query(connection, "SELECT count(*) FROM posts WHERE username = ?", "ann");
        connection.releaseSavepoint(savepoint);
        connection.commit();
        query(connection, "SELECT username FROM users WHERE karma = ? ORDER BY 1", 77L);
        connection.rollback();
        for (int level : List.of(Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ,
                Connection.TRANSACTION_SERIALIZABLE)) {
            connection.setTransactionIsolation(level);
            query(connection, "SELECT current_setting('transaction_isolation'), sum(likes) FROM posts");
            connection.commit();
        }
        connection.setReadOnly(true);
        query(connection, "SELECT username FROM users WHERE age > (SELECT avg(age) FROM users) ORDER BY 1");
        fails(c -> query(c, "UPDATE users SET age = 1"), connection);
        connection.rollback();
        connection.setReadOnly(false);
        query(connection, "SHOW transaction_read_only");
    }

    /** After an error the driver rolls back to a savepoint of its own. */
    static void savepointsOfTheDriver(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        query(connection, "INSERT INTO users (username) VALUES (?), (?)", "saved a", "saved z");
        fails(c -> query(c, "INSERT INTO users (username) VALUES (?)", "ann"), connection);
        query(connection, "SELECT username FROM users WHERE username LIKE 'saved %' ORDER BY 1");
        connection.rollback();
    }

    static void errors(Connection connection) throws Exception {
        for (Object[] call : new Object[][] {{"INSERT INTO users (username) VALUES (?)", "ann"}, {"SELECT 1 / ? FROM users", 0},
                {"INSERT INTO users (username, country) VALUES (?, 'atlantis')", "err"},
                {"INSERT INTO users (username, age) VALUES (?, -1)", "err"},
                {"INSERT INTO posts (username) VALUES (?)", "ann"}, {"SELECT * FROM nowhere"}, {"SELECT nothing FROM users"}, {"SELEC"},
                {"SELECT * FROM users WHERE age = ?", "x"}, {"DELETE FROM users WHERE username = ?", "ann"},
                {"SELECT ?::uuid", "no uuid"}, {"UPDATE users SET balance = ?", new BigDecimal("1e12")}})
            fails(c -> query(c, (String) call[0], Arrays.copyOfRange(call, 1, call.length)), connection);
    }

    static void timeouts(Connection connection) throws Exception {
        for (String sql : List.of("SELECT pg_sleep(20)", "SELECT count(pg_sleep(20)) FROM users"))
            fails(c -> {
                try (Statement statement = c.createStatement()) {
                    statement.setQueryTimeout(1);
                    statement.executeQuery(sql);
                }
            }, connection);
        query(connection, "SELECT count(*) FROM users");
    }

    static void copies(Connection connection) throws Exception {
        var copy = connection.unwrap(PGConnection.class).getCopyAPI();
        show(copy.copyIn("COPY users (username, age) FROM STDIN", new StringReader("copy a\t1\ncopy m\t2\ncopy z\t\\N\n")));
        StringWriter out = new StringWriter();
        show(copy.copyOut("COPY (SELECT username, age FROM users WHERE username LIKE 'copy%' ORDER BY 1) TO STDOUT (FORMAT csv)", out));
        show(out.toString());
        fails(c -> copy.copyIn("COPY users (username) FROM STDIN", new StringReader("copy b\ncopy a\n")), connection);
        query(connection, "DELETE FROM users WHERE username LIKE 'copy%'");
    }

    static void severalStatements(Connection connection) throws Exception {
        String sql = "SELECT count(*) FROM users; UPDATE posts SET likes = likes WHERE id = 1; SELECT max(age) FROM users";
        try (Statement statement = connection.createStatement()) {
            boolean more = statement.execute(sql);
            while (more || statement.getUpdateCount() >= 0) {
                if (more)
                    rows(statement.getResultSet());
                else
                    show("updated", statement.getUpdateCount());
                more = statement.getMoreResults();
            }
        }
    }

    /** Columns of the answer whose values are not the servers' own numbers. */
    static void names(ResultSet rows, String... columns) throws SQLException {
        while (rows.next()) {
            StringJoiner row = new StringJoiner(" ", "  ", "");
            for (String column : columns)
                row.add(String.valueOf(rows.getString(column)));
            System.out.println(row);
        }
    }

    static void metadata(Connection connection) throws Exception {
        DatabaseMetaData server = connection.getMetaData();
        show(server.getDatabaseProductName(), server.getDatabaseMajorVersion(), server.getUserName(), server.getMaxColumnNameLength());
        names(server.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME", "TABLE_TYPE");
        names(server.getColumns(null, "public", "users", "%"), "COLUMN_NAME", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "IS_NULLABLE");
        names(server.getColumns(null, "public", "orders", "%"), "COLUMN_NAME", "COLUMN_DEF", "IS_AUTOINCREMENT", "ORDINAL_POSITION");
        names(server.getPrimaryKeys(null, "public", "posts"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME");
        names(server.getImportedKeys(null, "public", "posts"), "PKTABLE_NAME", "PKCOLUMN_NAME", "FK_NAME");
        names(server.getExportedKeys(null, "public", "countries"), "FKTABLE_NAME", "FKCOLUMN_NAME");
        names(server.getIndexInfo(null, "public", "orders", true, false), "INDEX_NAME", "COLUMN_NAME", "NON_UNIQUE");
        names(server.getSchemas(), "TABLE_SCHEM");
        names(server.getTypeInfo(), "TYPE_NAME", "DATA_TYPE");
        names(server.getTablePrivileges(null, "public", "notes"), "GRANTEE", "PRIVILEGE");
        names(server.getFunctions(null, "pg_catalog", "lower"), "FUNCTION_NAME");
        String sql = "SELECT username, total, count(*) AS n FROM users, orders WHERE age = ? GROUP BY 1, 2";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            ResultSetMetaData columns = statement.getMetaData();
            for (int i = 1; i <= columns.getColumnCount(); i++)
                show(columns.getColumnName(i), columns.getColumnClassName(i), columns.isNullable(i));
            show(statement.getParameterMetaData().getParameterTypeName(1));
        }
        show(connection.isValid(5), connection.getSchema(), connection.getCatalog());
    }

    static void settings(Connection connection) throws Exception {
        connection.setClientInfo("ApplicationName", "pgjdbc flows");
        query(connection, "SELECT current_setting('application_name'), current_setting('extra_float_digits'), current_user");
        connection.setSchema("pg_catalog");
        query(connection, "SELECT current_schema(), count(*) FROM public.users");
        connection.setSchema("public");
        query(connection, "SET TIME ZONE 'America/New_York'");
        query(connection, "SELECT created::text FROM users ORDER BY created");
    }

    static void notifications(Connection connection) throws Exception {
        query(connection, "LISTEN news");
        try (Connection other = connect("")) {
            query(other, "NOTIFY news, 'an item'");
        }
        for (var notification : connection.unwrap(PGConnection.class).getNotifications(10000))
            show(notification.getName(), notification.getParameter());
    }

    public static void main(String[] arguments) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        flow("rows of every type", "", Pgjdbc::rowsOfEveryType);
        flow("parameters of every type", "", Pgjdbc::parametersOfEveryType);
        flow("repeated statements", "", Pgjdbc::repeatedStatements);
        flow("binary from the first", "prepareThreshold=-1", c -> { rowsOfEveryType(c); parametersOfEveryType(c); });
        flow("never prepared", "prepareThreshold=0", c -> { repeatedStatements(c); parametersOfEveryType(c); });
        for (String mode : List.of("simple", "extendedForPrepared", "extendedCacheEverything")) {
            flow("rows, mode " + mode, "preferQueryMode=" + mode, Pgjdbc::rowsOfEveryType);
            flow("repeated, mode " + mode, "prepareThreshold=2&preferQueryMode=" + mode, Pgjdbc::repeatedStatements);
            flow("batches, mode " + mode, "preferQueryMode=" + mode, Pgjdbc::batches);
        }
        flow("batches", "", Pgjdbc::batches);
        flow("batches that are rewritten", "reWriteBatchedInserts=true", Pgjdbc::batches);
        flow("fetch sizes", "", Pgjdbc::fetchSizes);
        flow("fetch sizes in binary", "prepareThreshold=-1&defaultRowFetchSize=3", Pgjdbc::fetchSizes);
        flow("generated keys and upsert", "", Pgjdbc::generatedKeys);
        flow("updatable rows", "", Pgjdbc::updatableRows);
        flow("transactions", "", Pgjdbc::transactions);
        flow("savepoints of the driver", "autosave=always", Pgjdbc::savepointsOfTheDriver);
        flow("savepoints of the driver, cleaned up", "autosave=always&cleanupSavepoints=true", Pgjdbc::savepointsOfTheDriver);
        flow("errors", "", Pgjdbc::errors);
        flow("timeouts", "", Pgjdbc::timeouts);
        flow("copies", "", Pgjdbc::copies);
        flow("several statements", "", Pgjdbc::severalStatements);
        flow("metadata", "", Pgjdbc::metadata);
        flow("settings", "ApplicationName=first&options=-c%20work_mem=8MB", Pgjdbc::settings);
        flow("notifications", "", Pgjdbc::notifications);
        flow("a verified server", "sslmode=verify-full&sslrootcert=" + System.getenv("WORK") + "/ca.crt",
                c -> query(c, "SELECT count(*) FROM users"));
    }
}
