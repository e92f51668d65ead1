"""psycopg2: libpq's simple protocol, with parameters that the driver writes into the statement."""
import io
import select
import threading
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import psycopg2
import psycopg2.extras
from psycopg2 import extensions

from transcript import fails, flow, run, show, show_rows

psycopg2.extras.register_uuid()


def query(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        show(cursor.statusmessage)
        if cursor.description:
            show(*(column.name for column in cursor.description))
            show(*(column.type_code for column in cursor.description))
            show_rows(cursor)


@flow
def what_the_connection_knows(connection):
    show(connection.encoding, connection.autocommit, connection.isolation_level)
    for name in ("server_encoding", "standard_conforming_strings", "integer_datetimes", "DateStyle"):
        show(name, connection.get_parameter_status(name))
    show(connection.info.server_version, connection.info.user, connection.info.dbname, connection.info.ssl_in_use)


@flow
def rows_of_one_key_in_every_type(connection):
    for name in ("ann", "bob", "kim", "leo", "nobody"):
        query(connection, "SELECT * FROM users WHERE username = %s", (name,))


@flow
def rows_of_all_shards_in_every_type(connection):
    query(connection, "SELECT * FROM users ORDER BY username DESC")
    query(connection, "SELECT * FROM users WHERE karma = %s OR karma IS NULL ORDER BY username", (7,))
    query(connection, "SELECT username, born, pause FROM users ORDER BY born NULLS FIRST, username LIMIT 4 OFFSET 1")


@flow
def parameters_of_every_type(connection):
    when = datetime(2024, 3, 1, 8, 0, tzinfo=timezone.utc)
    for column, value in (("age", 25), ("balance", Decimal("12.50")), ("score", 0.1), ("active", True), ("country", "de"),
                          ("born", date(1999, 9, 9)), ("created", when), ("pause", timedelta(minutes=5)),
                          ("tags", ["z"]), ("marks", [7, 70000]), ("profile", psycopg2.extras.Json({"é": "中"})),
                          ("token", uuid.UUID(int=0x11111111111111111111111111111111)), ("picture", b"\x00\xff\x10")):
        show(column)
        query(connection, f"SELECT username FROM users WHERE {column} = %s ORDER BY 1", (value,))
    query(connection, "SELECT username FROM users WHERE username IN %s ORDER BY 1", (("ann", "zoe", "it's"),))
    query(connection, "SELECT username FROM users WHERE username = ANY(%s) ORDER BY 1", (["bob", "rosa"],))
    query(connection, "SELECT username FROM users WHERE karma IS NOT DISTINCT FROM %s", (None,))


@flow
def aggregates_and_joins_over_shards(connection):
    query(connection, "SELECT count(*), sum(karma), avg(age), min(born), max(created), sum(balance) FROM users")
    query(connection, "SELECT country, count(*), avg(balance) FROM users GROUP BY country ORDER BY country NULLS LAST")
    query(connection, "SELECT DISTINCT age FROM users WHERE age > %s ORDER BY age", (20,))
    query(connection, "SELECT u.username, count(p.id), sum(p.likes) FROM users u LEFT JOIN posts p USING (username)"
                      " GROUP BY u.username HAVING count(p.id) < %s ORDER BY 1", (3,))
    query(connection, "SELECT c.name, u.username FROM users u JOIN countries c ON c.code = u.country ORDER BY 1, 2")
    query(connection, "SELECT u.username, o.total FROM users u JOIN orders o ON o.customer = u.age ORDER BY 1")
    query(connection, "WITH busy AS (SELECT username, sum(likes) AS n FROM posts GROUP BY 1)"
                      " SELECT avg(n), max(username) FROM busy")


@flow
def several_statements_at_once(connection):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO countries VALUES ('x1', 'one'); INSERT INTO countries VALUES ('x2', 'two');"
                       " SELECT count(*) FROM countries")
        show_rows(cursor)
    connection.rollback()
    query(connection, "SELECT count(*) FROM countries")


@flow
def dictionaries_and_named_tuples(connection):
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SELECT username, age FROM users ORDER BY age, username LIMIT 2")
        show(*map(dict, cursor.fetchall()))
    with connection.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor) as cursor:
        cursor.execute("SELECT count(*) AS users FROM users")
        show(cursor.fetchone().users)


@flow
def many_rows_in_one_statement(connection):
    rows = [(f"{letter}_many", n, f"it's 100% {n}") for n, letter in enumerate("ahqzmb")]
    with connection.cursor() as cursor:
        psycopg2.extras.execute_values(cursor, "INSERT INTO users (username, age, country) SELECT v.* FROM (VALUES %s)"
                                               " AS v (username, age, country) WHERE false", rows)
        psycopg2.extras.execute_values(cursor, "INSERT INTO users (username, age) VALUES %s RETURNING age, username",
                                       [row[:2] for row in rows], page_size=4)
        show(cursor.statusmessage)
        psycopg2.extras.execute_batch(cursor, "UPDATE users SET age = age + %s WHERE username = %s",
                                      [(10, row[0]) for row in rows], page_size=3)
        cursor.executemany("INSERT INTO posts VALUES (%s, 1, %s)", [(row[0], row[2]) for row in rows])
        show(cursor.rowcount)
    connection.commit()
    query(connection, "SELECT u.username, age, body FROM users u JOIN posts p USING (username)"
                      " WHERE username LIKE '%%\\_many' ORDER BY 1", ())


@flow
def rows_of_returning(connection):
    query(connection, "INSERT INTO orders (customer, total) VALUES (%s, %s) RETURNING customer, total, placed", (7, Decimal("1.5")))
    query(connection, "INSERT INTO notes (body) VALUES (%s) RETURNING id", ("second",))
    query(connection, "UPDATE orders SET total = total * 2 WHERE customer = %s RETURNING id > 0, total", (7,))
    query(connection, "DELETE FROM orders WHERE customer = %s AND id < 1000", (7,))
    query(connection, "DELETE FROM orders WHERE total > %s", (48,))
    connection.commit()


@flow
def insert_or_update(connection):
    upsert = ("INSERT INTO users (username, karma) VALUES (%s, %s) ON CONFLICT (username)"
              " DO UPDATE SET karma = users.karma + excluded.karma RETURNING karma")
    for name in ("ann", "new", "new"):
        query(connection, upsert, (name, 5))
    query(connection, "INSERT INTO users (username) VALUES (%s), (%s) ON CONFLICT DO NOTHING", ("ann", "yet another"))
    connection.rollback()
    query(connection, "SELECT karma FROM users WHERE username = 'ann'")


@flow
def copies_in_and_out(connection):
    text = io.StringIO("copied a\t1\t\\N\ncopied m\t2\tde\ncopied z\t3\tjp\n")
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY users (username, age, country) FROM STDIN", text)
        show(cursor.statusmessage, cursor.rowcount)
        cursor.copy_expert("COPY posts (username, id, body) FROM STDIN (FORMAT csv, HEADER)",
                           io.StringIO('username,id,body\ncopied a,1,"two\nlines"\ncopied z,2,"quo""te"\n'))
        show(cursor.statusmessage)
        out = io.StringIO()
        cursor.copy_expert("COPY (SELECT username, age, country FROM users WHERE username LIKE 'copied%' ORDER BY 1) TO STDOUT", out)
        show(out.getvalue())
        out = io.StringIO()
        cursor.copy_to(out, "posts", columns=("username", "id"), sep=",")
        show_rows([line] for line in sorted(out.getvalue().splitlines()))
        with fails():
            cursor.copy_from(io.StringIO("copied b\tnot a number\n"), "posts", columns=("username", "id"))
    connection.rollback()
    query(connection, "SELECT count(*) FROM users WHERE username LIKE 'copied%'")


@flow
def savepoints(connection):
    query(connection, "INSERT INTO users (username) VALUES ('save a'), ('save z')")
    query(connection, "SAVEPOINT first")
    query(connection, "UPDATE users SET age = 1 WHERE username LIKE 'save%'")
    query(connection, "ROLLBACK TO SAVEPOINT first")
    query(connection, "SELECT username, age FROM users WHERE username LIKE 'save%' ORDER BY 1")
    query(connection, "SAVEPOINT second")
    with fails():
        query(connection, "INSERT INTO users (username) VALUES ('save a')")
    with fails():
        query(connection, "SELECT 1")
    query(connection, "ROLLBACK TO SAVEPOINT second")
    query(connection, "RELEASE SAVEPOINT first")
    connection.rollback()


@flow
def a_failed_transaction(connection):
    query(connection, "UPDATE users SET karma = 1 WHERE username = 'ann'")
    with fails():
        query(connection, "SELECT no_such_column FROM users")
    show(connection.info.transaction_status)
    with fails():
        query(connection, "SELECT 1")
    connection.rollback()
    query(connection, "SELECT karma FROM users WHERE username = 'ann'")


@flow
def classes_of_errors(connection):
    connection.autocommit = True
    for sql in ("INSERT INTO users (username) VALUES ('ann')",
                "INSERT INTO users (username) VALUES ('err a'), ('err z'), ('ann')",
                "INSERT INTO users (username, country) VALUES ('err a', 'atlantis')",
                "INSERT INTO posts (username, id) VALUES ('err nobody', 1)",
                "INSERT INTO users (username, age) VALUES ('err a', -1)",
                "INSERT INTO posts (username) VALUES ('ann')",
                "INSERT INTO users (username, born) VALUES ('err a', '2024-02-30')",
                "SELECT 1 / 0 FROM users", "SELECT age / 0 FROM users WHERE username = 'ann'",
                "SELECT * FROM nowhere", "SELECT nothing FROM users", "SELECT no_such(1)", "SELEC 1",
                "DELETE FROM countries WHERE code = 'de'", "SELECT 'x'::integer", "SELECT username + 1 FROM users",
                "UPDATE users SET balance = 1e12", "DELETE FROM users WHERE username = 'ann'",
                "CREATE TABLE users ()", "DROP TABLE nowhere", "SET no_such = 1", "SAVEPOINT outside", "LOCK TABLE users"):
        show(sql)
        with fails():
            query(connection, sql)


@flow
def named_cursors(connection):
    for table, batch in (("posts ORDER BY username, id", 4), ("orders WHERE customer < 30 ORDER BY customer, id", 7)):
        with connection.cursor(name="stream") as cursor:
            cursor.itersize = batch
            cursor.execute(f"SELECT * FROM {table}")
            show(cursor.fetchone())
            show_rows(cursor.fetchmany(3))
            show_rows(cursor)
    with connection.cursor(name="back", scrollable=True) as cursor:
        cursor.execute("SELECT username, karma FROM users WHERE karma = %s ORDER BY username", (7,))
        show_rows(cursor.fetchall())
        cursor.scroll(-2)
        show(cursor.fetchone())
        cursor.scroll(0, mode="absolute")
        show(cursor.fetchone())
    connection.commit()
    with connection.cursor(name="held", withhold=True) as cursor:
        cursor.execute("SELECT username FROM users ORDER BY age DESC NULLS LAST, username")
        connection.commit()
        show_rows(cursor.fetchmany(4))


@flow
def a_cursor_that_is_left_in_the_middle(connection):
    cursor = connection.cursor(name="left")
    cursor.execute("SELECT o.customer, n FROM orders o, generate_series(1, 1000) AS n ORDER BY 1, 2")
    show(cursor.fetchone())
    cursor.close()
    connection.rollback()
    query(connection, "SELECT count(*) FROM users WHERE age = 25")


@flow
def isolation_levels_and_read_only(connection):
    for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        connection.set_session(isolation_level=level, readonly=False, autocommit=False)
        query(connection, "SHOW transaction_isolation")
        query(connection, "SELECT sum(likes) FROM posts")
        connection.rollback()
    connection.set_session(readonly=True)
    query(connection, "SELECT country, avg(age) FROM users GROUP BY 1 ORDER BY avg(age), 1")
    query(connection, "SELECT username FROM users WHERE age > (SELECT avg(age) FROM users) ORDER BY 1")
    with fails():
        query(connection, "UPDATE users SET age = 1")
    connection.rollback()
    connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT", deferrable="DEFAULT")
    query(connection, "SHOW transaction_read_only")


@flow
def settings_that_stay(connection):
    connection.autocommit = True
    query(connection, "SET TIME ZONE 'Asia/Tokyo'")
    query(connection, "SELECT created::text FROM users WHERE created IS NOT NULL ORDER BY created")
    query(connection, "SET application_name = 'psycopg2 flows'")
    query(connection, "SELECT current_setting('application_name'), current_user, current_database()")
    connection.set_client_encoding("LATIN1")
    query(connection, "SELECT tags FROM users WHERE username = 'rosa'")
    query(connection, "SELECT username FROM users WHERE 'élan' = ANY(tags)")


@flow
def timeouts_and_cancel(connection):
    connection.autocommit = True
    query(connection, "SET statement_timeout = '150ms'")
    with fails():
        query(connection, "SELECT pg_sleep(20)")
    with fails():
        query(connection, "SELECT pg_sleep(20) FROM users")
    query(connection, "RESET statement_timeout")
    for sql in ("SELECT pg_sleep(20)", "SELECT count(pg_sleep(20)) FROM users"):
        cancelling = threading.Timer(0.2, connection.cancel)
        cancelling.start()
        with fails():
            query(connection, sql)
        cancelling.join()
    query(connection, "SELECT count(*) FROM users")


@flow
def listen_and_notify(connection):
    connection.autocommit = True
    query(connection, "LISTEN news")
    other = psycopg2.connect("")
    other.autocommit = True
    query(other, "NOTIFY news, 'an item'")
    query(other, "SELECT pg_notify('news', 'another')")
    other.close()
    while len(connection.notifies) < 2 and select.select([connection], [], [], 10)[0]:
        connection.poll()
    show(*((notify.channel, notify.payload) for notify in connection.notifies))
    query(connection, "UNLISTEN *")


@flow
def an_asynchronous_connection(connection):
    def wait(asynchronous):
        while (state := asynchronous.poll()) != extensions.POLL_OK:
            select.select(*(([asynchronous], [], []) if state == extensions.POLL_READ else ([], [asynchronous], [])))

    asynchronous = psycopg2.connect("", async_=True)
    wait(asynchronous)
    with asynchronous.cursor() as cursor:
        for sql in ("SELECT count(*) FROM posts", "SELECT username FROM users WHERE age = 25 ORDER BY 1"):
            cursor.execute(sql)
            wait(asynchronous)
            show_rows(cursor)
    asynchronous.close()


@flow
def a_connection_that_breaks_off(connection):
    other = psycopg2.connect("")
    with other.cursor() as cursor:
        cursor.execute("UPDATE users SET karma = 99 WHERE username IN ('ann', 'zoe')")
    other.close()
    query(connection, "SELECT username FROM users WHERE karma = 99")


@flow
def a_wrong_password(connection):
    try:
        psycopg2.connect("password=wrong")
        show("got in")
    except psycopg2.OperationalError as error:
        show("password authentication failed" in str(error))


run(lambda: psycopg2.connect(""))
