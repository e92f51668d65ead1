"""asyncpg: everything prepared and in binary, its own look at the types of the server, portals with row limits."""
import asyncio
import json
import os
import ssl
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import asyncpg

from transcript import fails, flow, run_async, show, show_rows

WHEN = datetime(2024, 3, 1, 8, tzinfo=timezone.utc)


async def connect():
    """Its look at types is a recursive query, which PostgreSQL would compile for seconds."""
    return await asyncpg.connect(server_settings={"jit": "off", "application_name": "asyncpg flows"})


async def query(connection, sql, *parameters):
    rows = await connection.fetch(sql, *parameters)
    show(sql)
    show_rows(row.items() for row in rows)


@flow
async def greeting_and_settings(connection):
    show(connection.get_server_version()[:1], connection.get_settings().server_encoding, connection.get_settings().TimeZone)
    show(connection.get_settings().is_superuser, connection.get_settings().application_name)
    await query(connection, "SELECT current_setting('jit')")


@flow
async def rows_of_every_type(connection):
    for name in ("ann", "bob", "kim", "leo", "rosa"):
        if name != "kim":
            await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        await query(connection, "SELECT * FROM users WHERE username = $1", name)
    await query(connection, "SELECT * FROM users WHERE karma < $1 ORDER BY username", 100)
    await query(connection, "SELECT country, count(*), avg(balance), array_agg(username ORDER BY username) AS names"
                            " FROM users GROUP BY country ORDER BY country")
    await query(connection, "SELECT u.username, o.* FROM users u JOIN orders o ON o.customer = u.age ORDER BY 1")


@flow
async def parameters_of_every_type(connection):
    for column, value in (("age", 25), ("karma", 9000000000), ("balance", Decimal("12.50")), ("score", 0.1), ("active", True),
                          ("country", "de"), ("born", date(1999, 9, 9)), ("created", WHEN), ("noted", datetime(1970, 1, 1)),
                          ("lunch", time(8, 15)), ("pause", timedelta(minutes=5)), ("tags", ["z"]), ("marks", [7, 70000]),
                          ("profile", '{"é": "中"}'), ("token", UUID(int=0x22222222222222222222222222222222)), ("picture", b"\x01")):
        await query(connection, f"SELECT username FROM users WHERE {column} = $1 ORDER BY 1", value)
        await query(connection, f"SELECT count(*) FROM users WHERE {column} IS DISTINCT FROM $1", None)
    await query(connection, "SELECT username FROM users WHERE username = ANY($1) ORDER BY 1", ["ann", "zoe", None])
    await query(connection, "SELECT customer FROM orders WHERE customer = ANY($1::bigint[]) AND total > $2 ORDER BY 1",
                [1, 20, 30], Decimal(2))
    await query(connection, "SELECT username FROM users ORDER BY age DESC NULLS LAST, username LIMIT $1 OFFSET $2", 2, 1)


@flow
async def ways_to_fetch(connection):
    show(await connection.fetchval("SELECT count(*) FROM posts WHERE likes >= $1", 20))
    show(await connection.fetchval("SELECT karma FROM users WHERE username = $1", "nobody"))
    show(tuple(await connection.fetchrow("SELECT username, likes FROM posts ORDER BY likes DESC, username")))
    show(tuple(await connection.fetchrow("SELECT * FROM users ORDER BY username")))
    show(await connection.execute("SELECT username FROM users; SELECT 1"))
    show(await connection.execute("UPDATE posts SET likes = likes WHERE id = 2"))


@flow
async def prepared_statements(connection):
    statement = await connection.prepare("SELECT username, age FROM users WHERE age >= $1 AND country = $2 ORDER BY username")
    show(*(f"{parameter.schema}.{parameter.name}" for parameter in statement.get_parameters()))
    show(*(f"{attribute.name}:{attribute.type.name}" for attribute in statement.get_attributes()))
    for age in (20, 30, 40):
        for country in ("de", "fr"):
            show_rows(await statement.fetch(age, country))
    show(statement.get_statusmsg(), await statement.fetchval(20, "jp"))
    one_key = await connection.prepare("UPDATE posts SET likes = likes + $2 WHERE username = $1 AND id = 1 RETURNING likes")
    for name in ("ann", "kim", "rosa", "ann"):
        show(await one_key.fetchval(name, 3))


@flow
async def cursors(connection):
    async with connection.transaction():
        async for row in connection.cursor("SELECT username, id FROM posts WHERE likes < $1 ORDER BY username, id", 30, prefetch=4):
            show(*row)
        cursor = await connection.cursor("SELECT customer FROM orders ORDER BY customer")
        show_rows(await cursor.fetch(3))
        show(await cursor.forward(10), await cursor.fetchrow())
        other = await connection.cursor("SELECT username FROM users WHERE username = $1", "ann")
        show(await other.fetchrow(), await cursor.fetchrow(), await other.fetchrow())
    async with connection.transaction(readonly=True, isolation="repeatable_read"):
        async for row in connection.cursor("SELECT country, avg(age) FROM users GROUP BY 1 ORDER BY 1", prefetch=2):
            show(*row)


@flow
async def many_executions(connection):
    rows = [(f"{letter} many", n, None if n % 2 else "de") for n, letter in enumerate("ahqzmb")]
    await connection.executemany("INSERT INTO users (username, age, country) VALUES ($1, $2, $3)", rows)
    await connection.executemany("UPDATE users SET age = age + $2 WHERE username = $1", [(row[0], 100) for row in rows])
    await query(connection, "SELECT username, age, country FROM users WHERE username LIKE '% many' ORDER BY 1")
    with fails():
        await connection.executemany("INSERT INTO users (username) VALUES ($1)", [("x many",), ("b many",), ("y many",)])
    await query(connection, "SELECT count(*) FROM users WHERE username LIKE '% many'")
    await query(connection, "INSERT INTO orders (customer, id, total) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::numeric[])"
                            " RETURNING customer, total", [100, 101, 102], [1, 2, 3], [Decimal(1), Decimal(3), Decimal("2.5")])


@flow
async def copies(connection):
    show(await connection.copy_records_to_table("users", columns=["username", "age", "created", "tags", "balance"], records=[
        (f"copy {letter}", n, WHEN, [letter], Decimal(n) / 8) for n, letter in enumerate("ahqz")]))

    async def received(data):
        chunks.append(data)

    chunks = []
    show(await connection.copy_from_query("SELECT username, age, balance FROM users WHERE username LIKE $1 ORDER BY 1", "copy%",
                                          output=received, format="csv", header=True))
    show(b"".join(chunks))
    chunks = []
    show(await connection.copy_from_table("posts", columns=["username", "id"], output=received))
    show_rows([line] for line in sorted(b"".join(chunks).splitlines()))
    with fails():
        await connection.copy_records_to_table("posts", columns=["username", "id"], records=[("zoe", 1), ("ann", 1)])
    await query(connection, "DELETE FROM users WHERE username LIKE 'copy%' RETURNING username = ''")


@flow
async def transactions(connection):
    for isolation in ("read_committed", "repeatable_read", "serializable"):
        async with connection.transaction(isolation=isolation):
            show(await connection.fetchval("SHOW transaction_isolation"), await connection.fetchval("SELECT sum(age) FROM users"))
    with fails():
        async with connection.transaction():
            await connection.execute("UPDATE users SET karma = 55 WHERE username = ANY($1)", ["ann", "zoe"])
            with fails():
                async with connection.transaction():
                    await connection.execute("UPDATE users SET karma = 56")
                    await connection.execute("INSERT INTO users (username) VALUES ('zoe')")
            await query(connection, "SELECT username FROM users WHERE karma = $1 ORDER BY 1", 55)
            await connection.execute("SELECT 1 / 0")
    await query(connection, "SELECT count(*) FROM users WHERE karma = 55")
    with fails():
        async with connection.transaction(readonly=True):
            await query(connection, "SELECT max(age) FROM users WHERE age < (SELECT max(age) FROM users)")
            await connection.execute("DELETE FROM posts WHERE username = 'ann'")


@flow
async def errors(connection):
    for sql, *parameters in (("INSERT INTO users (username) VALUES ($1)", "ann"), ("SELECT 1 / $1 FROM users", 0),
                             ("INSERT INTO users (username, country) VALUES ($1, $2)", "err", "atlantis"), ("SELECT * FROM nowhere",),
                             ("INSERT INTO users (username, age) VALUES ($1, $2)", "err", -1), ("SELECT nothing FROM users",),
                             ("INSERT INTO posts (username) VALUES ($1)", "ann"), ("SELEC",), ("SELECT $1::int4 + $2::text", 1, "2"),
                             ("SELECT $1::text::int FROM users", "x"), ("DELETE FROM users WHERE username = $1", "ann"),
                             ("UPDATE users SET balance = $1", Decimal(10) ** 12)):
        show(sql)
        with fails():
            await query(connection, sql, *parameters)


@flow
async def timeouts(connection):
    for sql in ("SELECT pg_sleep($1)", "SELECT count(pg_sleep($1)) FROM users"):
        with fails(asyncio.TimeoutError):
            await connection.fetch(sql, 20, timeout=0.2)
    await connection.execute("SET statement_timeout = 150")
    with fails():
        await connection.fetch("SELECT pg_sleep($1) FROM users", 20)
    await connection.reset()
    await query(connection, "SELECT current_setting('statement_timeout')")


@flow
async def notifications(connection):
    heard = asyncio.Queue()
    await connection.add_listener("news", lambda *words: heard.put_nowait(words[2:]))
    await connection.execute("SELECT pg_notify('news', 'an item')")
    show(*await asyncio.wait_for(heard.get(), 10))


@flow
async def types_of_its_own_are_looked_up(connection):
    await connection.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    await connection.execute("CREATE TYPE place AS (x integer, y mood)")
    await query(connection, "SELECT $1::mood, $2::mood[], $3::place", "sad", ["happy", None], (1, "sad"))
    await connection.execute("DROP TYPE place")
    await connection.execute("DROP TYPE mood")


@flow
async def a_pool(connection):
    async def work(number):
        async with pool.acquire() as lent:
            async with lent.transaction():
                total = await lent.fetchval("SELECT count(*) FROM users WHERE age > $1", number)
                return total, await lent.fetchval("SELECT age FROM users WHERE username = $1", "leo")

    async with asyncpg.create_pool(min_size=2, max_size=4) as pool:
        show(*await asyncio.gather(*(work(number * 10) for number in range(12))))


@flow
async def a_verified_server(connection):
    trusted = ssl.create_default_context(cafile=os.environ["WORK"] + "/ca.crt")
    verified = await asyncpg.connect(ssl=trusted)
    show(await verified.fetchval("SELECT count(*) FROM users"))
    await verified.close()
    with fails():
        await asyncpg.connect(password="wrong")


run_async(connect)
