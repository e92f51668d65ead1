"""psycopg 3: the extended protocol in text and in binary, statements that it prepares by itself, pipelines, binary COPY."""
import threading
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from transcript import fails, flow, run, show, show_rows


def query(connection, sql, parameters=None, **options):
    cursor = connection.execute(sql, parameters, **options)
    show(cursor.statusmessage)
    if cursor.description:
        show(*(f"{column.name}:{column.type_code}" for column in cursor.description))
        show_rows(cursor)


@flow
def rows_in_text_and_in_binary(connection):
    for binary in (False, True):
        for name in ("ann", "kim", "rosa"):
            query(connection, "SELECT * FROM users WHERE username = %s", (name,), binary=binary)
        query(connection, "SELECT * FROM users WHERE pause IS DISTINCT FROM '-1 mons' ORDER BY username", binary=binary)
        query(connection, "SELECT username, balance FROM users ORDER BY balance DESC, username LIMIT %s OFFSET %s", (3, 1), binary=binary)
        query(connection, "SELECT count(*), avg(age), max(balance), sum(karma), bool_or(active) FROM users", binary=binary)
        query(connection, "SELECT u.country, array_agg(o.total ORDER BY o.total) FROM users u JOIN orders o ON o.customer = u.age"
                          " GROUP BY 1 ORDER BY 1", binary=binary)


@flow
def parameters_in_text_and_in_binary(connection):
    values = {"age": 25, "karma": 9000000000, "balance": Decimal("12.50"), "score": 0.1, "active": True, "country": "de",
              "born": date(1999, 9, 9), "created": datetime(2024, 3, 1, 8, tzinfo=timezone.utc), "noted": datetime(1970, 1, 1),
              "lunch": time(8, 15), "pause": timedelta(minutes=5), "tags": ["z"], "marks": [7, 70000],
              "profile": Jsonb({"é": "中"}), "token": uuid.UUID(int=0x22222222222222222222222222222222), "picture": b"\x01"}
    for placeholder in ("%s", "%t", "%b"):
        for column, value in values.items():
            show(placeholder, column)
            query(connection, f"SELECT username FROM users WHERE {column} = {placeholder} ORDER BY 1", (value,))
        query(connection, f"SELECT username FROM users WHERE username = ANY({placeholder}) ORDER BY 1", (["ann", "zoe"],))
        query(connection, f"SELECT id, total FROM orders WHERE customer = {placeholder}", (17,))
        query(connection, f"SELECT id, total FROM orders WHERE customer = ANY({placeholder}) ORDER BY 1", ([3, 4, 5],))


@flow
def a_statement_becomes_prepared(connection):
    connection.prepare_threshold = 2
    for name in ("ann", "zoe", "leo", "kim", "ann"):
        with connection.transaction():
            query(connection, "SELECT age, tags FROM users WHERE username = %s", (name,))
    for limit in range(4):
        query(connection, "SELECT username FROM users WHERE age > %s ORDER BY age, username LIMIT 2", (limit * 10,))
        query(connection, "SELECT count(*) FROM users WHERE age > %s", (limit * 10,))
    query(connection, "SELECT username FROM users WHERE karma = %s ORDER BY 1", (7,), prepare=True)
    for n in range(4):
        query(connection, "INSERT INTO orders (customer, id) VALUES (%s, %s)", (n, 5000 + n))
        query(connection, "UPDATE orders SET total = total + 1 WHERE id = %s", (5000 + n,))
    connection.rollback()
    query(connection, "SELECT age, tags FROM users WHERE username = %s", ("bob",))


@flow
def a_prepared_statement_of_a_changed_table(connection):
    connection.autocommit = True
    query(connection, "SELECT * FROM posts WHERE username = %s AND id = 1", ("ann",), prepare=True)
    query(connection, "ALTER TABLE posts ADD COLUMN extra integer")
    with fails():
        query(connection, "SELECT * FROM posts WHERE username = %s AND id = 1", ("ann",), prepare=True)
    query(connection, "ALTER TABLE posts DROP COLUMN extra")
    query(connection, "SELECT * FROM posts WHERE username = %s AND id = 1", ("zoe",), prepare=False)


@flow
def pipelines(connection):
    with connection.pipeline() as pipeline:
        one = connection.execute("SELECT age FROM users WHERE username = %s", ("ann",))
        all_of_them = connection.execute("SELECT username FROM users ORDER BY username")
        total = connection.execute("SELECT sum(likes) FROM posts")
        pipeline.sync()
        change = connection.execute("UPDATE users SET karma = karma + 1 WHERE age = %s", (25,))
        other = connection.execute("SELECT karma FROM users WHERE username = %s", ("rosa",))
        for cursor in (one, all_of_them, total, other):
            show_rows(cursor)
        show(change.statusmessage)
    connection.rollback()


@flow
def a_pipeline_with_an_error(connection):
    cursors = []
    with fails():
        with connection.pipeline():
            cursors.append(connection.execute("SELECT count(*) FROM users"))
            cursors.append(connection.execute("INSERT INTO users (username) VALUES ('ann')"))
            cursors.append(connection.execute("SELECT 1"))
    show(connection.info.transaction_status.name, cursors[0].fetchone())
    connection.rollback()
    for broken in ("SELECT 1 / 0 FROM users", "SELECT nothing FROM users", "SELECT 1 / (age - 31) FROM users WHERE username = 'ann'"):
        with fails():
            with connection.pipeline() as pipeline, connection.transaction():
                connection.execute("INSERT INTO countries VALUES ('xx', 'somewhere')")
                connection.execute(broken)
                pipeline.sync()
                connection.execute("SELECT 2")
        show(connection.info.transaction_status.name)
        query(connection, "SELECT count(*) FROM countries")
        connection.rollback()


@flow
def many_executions(connection):
    rows = [(f"{letter} many", n) for n, letter in enumerate("ahqzmb")]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO users (username, age) VALUES (%s, %s)", rows)
        show(cursor.rowcount)
        cursor.executemany("UPDATE users SET age = age * 2 WHERE username = %s RETURNING username, age",
                           [row[:1] for row in rows], returning=True)
        while True:
            show_rows(cursor)
            if not cursor.nextset():
                break
        with connection.pipeline():
            cursor.executemany("DELETE FROM users WHERE username = %s", [row[:1] for row in rows[::2]])
        show(cursor.rowcount)
    query(connection, "SELECT username, age FROM users WHERE username LIKE '% many' ORDER BY 1")
    connection.commit()


@flow
def copies(connection):
    with connection.cursor() as cursor:
        with cursor.copy("COPY users (username, age, tags, created, balance) FROM STDIN") as copy:
            for n, letter in enumerate("ahqz"):
                copy.write_row((f"copy {letter}", n, [letter, None], datetime(2026, 1, 1, n, tzinfo=timezone.utc), Decimal(n) / 4))
        show(cursor.statusmessage)
        with cursor.copy("COPY users (username, age, karma, marks, born) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["text", "int4", "int8", "int4[]", "date"])
            for n, letter in enumerate("ahqz"):
                copy.write_row((f"copy {letter} too", n, n << 40, [n, None], date(2026, 1, n + 1)))
        show(cursor.statusmessage)
        with cursor.copy("COPY (SELECT username, age, created, balance FROM users WHERE username LIKE 'copy%' ORDER BY username)"
                         " TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["text", "int4", "timestamptz", "numeric"])
            show_rows(copy.rows())
        with cursor.copy("COPY orders (customer, total) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int8", "numeric"])
            show_rows(sorted(copy.rows()))
        with cursor.copy("COPY countries TO STDOUT") as copy:
            show_rows(copy.rows())
        with fails():
            with cursor.copy("COPY posts (username, id) FROM STDIN") as copy:
                copy.write_row(("ann", 1))
    connection.rollback()
    with fails():
        with connection.cursor().copy("COPY posts (username, id) FROM STDIN") as copy:
            copy.write_row(("ann", 70))
            raise psycopg.DataError("changed my mind")
    connection.rollback()
    query(connection, "SELECT count(*) FROM posts")


@flow
def server_side_cursors(connection):
    for options in ({}, {"binary": True}):
        with connection.cursor("stream", **({"row_factory": dict_row} if options else {})) as cursor:
            cursor.itersize = 3
            cursor.execute("SELECT username, id, likes FROM posts WHERE likes > %s ORDER BY likes, username", (10,), **options)
            for row in cursor:
                show(row)
    with connection.cursor("scrolling", scrollable=True) as cursor:
        cursor.execute("SELECT customer, total FROM orders WHERE total BETWEEN %s AND %s ORDER BY total DESC", (10, 30))
        show_rows(cursor.fetchmany(2))
        cursor.scroll(3)
        show(cursor.fetchone())
        cursor.scroll(-2)
        show(cursor.fetchone())
    connection.commit()
    with connection.cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT DISTINCT country FROM users ORDER BY country")
        connection.commit()
        show_rows(cursor.fetchall())
    connection.commit()


@flow
def rows_as_they_come(connection):
    cursor = connection.cursor()
    show_rows(cursor.stream("SELECT username, id FROM posts WHERE id < %s ORDER BY username, id", (3,)))
    for row in cursor.stream("SELECT o.customer, n FROM orders o, generate_series(1, %s) AS n ORDER BY 1, 2", (500,)):
        show(row)
        break
    connection.rollback()
    query(connection, "SELECT count(*) FROM orders")


@flow
def transactions_in_transactions(connection):
    with connection.transaction():
        query(connection, "INSERT INTO users (username) VALUES (%s), (%s)", ("nest a", "nest z"))
        with fails():
            with connection.transaction("inner one"):
                query(connection, "UPDATE users SET age = 5 WHERE username LIKE 'nest %'")
                query(connection, "INSERT INTO users (username) VALUES (%s)", ("nest z",))
        with connection.transaction() as inner:
            query(connection, "UPDATE users SET age = 6 WHERE username = %s", ("nest a",))
            raise psycopg.Rollback(inner)
        query(connection, "SELECT username, age FROM users WHERE username LIKE 'nest %' ORDER BY 1")
    with connection.transaction(force_rollback=True):
        query(connection, "DELETE FROM users WHERE username LIKE 'nest %'")
    query(connection, "SELECT count(*) FROM users WHERE username LIKE 'nest %'")
    connection.commit()


@flow
def isolation_and_read_only(connection):
    for level in IsolationLevel:
        connection.isolation_level = level
        query(connection, "SHOW transaction_isolation")
        query(connection, "SELECT country, count(*) FROM users GROUP BY 1 ORDER BY 2, 1")
        connection.rollback()
    connection.isolation_level = None
    connection.read_only = True
    query(connection, "SELECT username FROM users WHERE age > (SELECT avg(age) FROM users WHERE karma <> %s) ORDER BY 1", (0,))
    query(connection, "SELECT u.username, o.id FROM users u JOIN orders o ON o.customer = u.age ORDER BY 1")
    with fails():
        query(connection, "DELETE FROM posts WHERE username = %s", ("ann",))
    connection.rollback()
    connection.read_only = None
    query(connection, "SHOW transaction_read_only")


@flow
def errors_by_parameters(connection):
    connection.autocommit = True
    for sql, parameters in (("INSERT INTO users (username) VALUES (%s)", ("ann",)), ("SELECT 1 / %s::int FROM users", (0,)),
                            ("SELECT * FROM users WHERE username = %s", (1,)), ("SELECT * FROM users WHERE age = %s", ("x",)),
                            ("SELECT %s::uuid", ("no uuid",)), ("SELECT * FROM orders WHERE customer = %s", ("x",)),
                            ("INSERT INTO posts VALUES (%s, %s)", ("nobody", 1)), ("SELECT %s", (None,)),
                            ("UPDATE users SET age = %s WHERE age = %s", (-1, 25)), ("SELECT * FROM nowhere WHERE a = %s", (1,))):
        show(sql)
        with fails():
            query(connection, sql, parameters)


@flow
def cancelling(connection):
    connection.autocommit = True
    for sql in ("SELECT pg_sleep(%s)", "SELECT pg_sleep(%s) FROM users"):
        cancel = threading.Timer(0.2, connection.cancel)
        cancel.start()
        with fails():
            query(connection, sql, (20,))
        cancel.join()
    query(connection, "SELECT set_config('statement_timeout', %s, false)", ("100",))
    with fails():
        query(connection, "SELECT count(pg_sleep(%s)) FROM posts", (20,))


@flow
def notifications(connection):
    connection.autocommit = True
    query(connection, "LISTEN news")
    with psycopg.connect(autocommit=True) as other:
        query(other, "SELECT pg_notify(%s, %s)", ("news", "an item"))
        query(other, "NOTIFY news, 'stop'")
    for notify in connection.notifies():
        show(notify.channel, notify.payload)
        if notify.payload == "stop":
            break


@flow
def types_that_it_asks_for(connection):
    for name in ("hstore", "int8", "users"):
        found = psycopg.types.TypeInfo.fetch(connection, name)
        show(name, found and found.name)
    show(psycopg.types.composite.CompositeInfo.fetch(connection, "posts").field_names)


run(psycopg.connect)
