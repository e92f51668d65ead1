"""What a Python driver sees of the server in the environment, as a transcript (see transcript.h).

A flow is a function of a connection, which it may do anything with: each flow has its own.  Its name is the flow's.
"""
import asyncio
import inspect
from contextlib import contextmanager

flows = []


def flow(function):
    flows.append(function)
    return function


def text(value):
    """repr() tells types apart: Decimal('1.50') is not 1.5."""
    return repr(bytes(value) if isinstance(value, memoryview) else value)


def show(*values):
    print(*(value if isinstance(value, str) else text(value) for value in values))


def show_rows(rows):
    count = 0
    for row in rows:
        print(" ", *map(text, row))
        count += 1
    print(" ", count, "rows")


def sqlstate(error):
    return getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)


def describe(error):
    """The class of an error, that of the driver's behind an ORM's, and what the server says about its cause."""
    origin = error if sqlstate(error) else error.__cause__
    if not sqlstate(origin):
        raise error
    diagnosis = getattr(origin, "diag", origin)
    parts = [type(error).__name__, type(origin).__name__ if origin is not error else None, sqlstate(origin)]
    parts += [getattr(diagnosis, name, None) for name in ("constraint_name", "table_name", "column_name")]
    return " ".join(part for part in parts if part)


@contextmanager
def fails(*silent):
    """The block fails with an error of the server, or of a class that may come without one."""
    try:
        yield
        show("no error")
    except silent as error:
        show(type(error).__name__)
    except Exception as error:
        show("error", describe(error))


def heading(function):
    print("== " + function.__name__.replace("_", " "))


def unexpected(error):
    print("!!", type(error).__name__, " ".join(str(error).split()))


def run(connect):
    for function in flows:
        heading(function)
        try:
            connection = connect()
            try:
                function(connection)
            finally:
                connection.close()
        except Exception as error:
            unexpected(error)


async def run_each(connect):
    for function in flows:
        heading(function)
        try:
            connection = await connect()
            try:
                await function(connection)
            finally:
                await connection.close()
        except Exception as error:
            unexpected(error)


def run_async(connect):
    assert all(inspect.iscoroutinefunction(function) for function in flows)
    asyncio.run(run_each(connect))
