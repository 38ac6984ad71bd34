"""A database by its URL: connecting, what it holds, and its errors in our words.

SQLAlchemy knows the dialects; nothing of it lives longer than one reading. Values never come into a message: of what
a database answers, only what is about the statement is shown.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from rayline.core.errors import DataError, listing, nearest
from rayline.sources import _mysql, _secrets

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "mysql": "mysql+pymysql",
           "mariadb": "mariadb+pymysql"}  # fmt: skip
PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
EXTRAS = {"psycopg": "rayline[postgres]", "pymysql": "rayline[mysql]"}
SYSTEM_SCHEMAS = ("information_schema", "performance_schema", "mysql", "sys")
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_ABSENT = re.compile(r"""relation "(.+?)" does not exist|no such table: (\S+)|Table '(.+?)' doesn't exist""")


class Database:
    """Connections to one database. Picklable: the password is read from the environment at each connection."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.url = _parse(url)
        """With references to the environment where secrets belong."""
        path = self.url.database
        if self.backend == "sqlite" and path and not path.startswith("file:"):  # a worker's folder is not ours
            self.url = self.url.set(database=os.path.abspath(path))

    @property
    def backend(self) -> str:
        """`postgresql`, `sqlite`, `mysql`, …"""
        return self.url.get_backend_name()

    @property
    def driver(self) -> str:
        """`psycopg`, `pysqlite`, `pymysql`, …"""
        return self.url.get_driver_name()

    @property
    def name(self) -> str:
        """Where it is, without credentials: `postgresql://host:5432/shop`, or SQLite's file."""
        if self.backend == "sqlite":
            return str(self.url.database)
        port = self.url.port or PORTS.get(self.backend)
        return f"{self.backend}://{self.url.host}{f':{port}' if port else ''}/{self.url.database or ''}"

    @contextmanager
    def connect(self, reading: str = "") -> Iterator[sa.Connection]:
        """A connection of its own, for reading, closed at the end; errors name what is `reading`, by default all of it.

        Raises:
            DataError: it cannot be reached or does not let us in, a driver or variable is missing, a statement is
                wrong, or the server went away while it was read.
        """
        engine = self._engine()
        try:
            try:
                connection = engine.connect()
            # TypeError: an option of the URL that its driver has not got; RuntimeError: a package that it lacks
            except (sa.exc.DBAPIError, OSError, TypeError, RuntimeError) as error:
                raise self._unreachable(error) from None
            driver = connection.connection.driver_connection
            with connection:
                try:
                    yield connection.execution_options(stream_results=True, postgresql_readonly=True)
                except Exception as error:
                    # it may be broken, or hold rows that nobody will read: nothing is asked of it any more
                    _mysql.abandon(driver)
                    connection.invalidate()
                    if not isinstance(error, sa.exc.DBAPIError):
                        raise
                    raise self._translated(error, reading) from None
        finally:
            engine.dispose()

    def tables(self) -> list[str]:
        """Tables and views, those of other schemas than the default as `schema.table`."""
        with self.connect() as connection:
            inspector = sa.inspect(connection)
            found = [*inspector.get_table_names(), *inspector.get_view_names()]
            if self.backend == "postgresql" or self.backend in _mysql.BACKENDS:
                for schema in inspector.get_schema_names():
                    if schema not in (inspector.default_schema_name, *SYSTEM_SCHEMAS):
                        names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
                        found += [f"{schema}.{name}" for name in names]
        return sorted(found)

    def primary_key(self, table: str, schema: str | None) -> list[str]:
        """The columns that tell a table's rows apart; none for a view."""
        with self.connect() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", sa.exc.SAWarning)  # of types that SQLAlchemy has no name for
            return list(sa.inspect(connection).get_pk_constraint(table, schema)["constrained_columns"])

    def declared(self, table: str, schema: str | None) -> dict[str, Any]:
        """A table's columns with the types that SQLAlchemy gives them."""
        with self.connect() as connection:
            return {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(table, schema)}

    def _engine(self) -> sa.Engine:
        url = self.url
        filled = url.set(
            username=url.username and _secrets.fill(url.username, self.name),
            password=url.password and _secrets.fill(str(url.password), self.name),
            host=url.host and _secrets.fill(url.host, self.name),
            query={
                name: _secrets.fill(value, self.name) if isinstance(value, str) else value
                for name, value in url.query.items()
            },
        )
        try:
            arguments: dict[str, Any] = {}
            driver = filled.get_driver_name()
            if self.backend == "sqlite":
                filled = self._read_only(filled)
                arguments = {"timeout": self.timeout_s}
            elif driver in ("psycopg", "psycopg2"):
                arguments = {"connect_timeout": max(2, round(self.timeout_s)), **KEEPALIVE}
            elif driver == "pymysql":
                arguments = _mysql.arguments(self.timeout_s)
            engine = sa.create_engine(filled, poolclass=sa.pool.NullPool, connect_args=arguments, hide_parameters=True)
            if self.backend in _mysql.BACKENDS:
                sa.event.listen(engine, "connect", _mysql.prepare)
            return engine
        except ModuleNotFoundError as error:
            driver = (error.name or "").split(".")[0]
            wanted = EXTRAS.get(driver.lower())
            raise DataError(
                f"reading {self.name} needs {'an extra' if wanted else 'its driver'}: pip install '{wanted or driver}'"
            ) from None
        except sa.exc.NoSuchModuleError:
            raise DataError(
                f"no dialect of SQLAlchemy is called {url.drivername!r}.{nearest(url.drivername, DRIVERS)} "
                f"Known: {listing(sorted({*DRIVERS, 'sqlite', 'mssql', 'oracle'}))}, and those that packages add."
            ) from None

    def _read_only(self, url: sa.URL) -> sa.URL:
        path = url.database or ""
        if path.startswith("file:"):
            return url
        if not os.path.isfile(path):  # SQLite would make an empty one
            folder = os.path.dirname(path)
            near = nearest(os.path.basename(path), os.listdir(folder)) if os.path.isdir(folder) else ""
            raise DataError(f"there is no SQLite file {path!r}.{near} Write sqlite:///relative or sqlite:////absolute.")
        return url.set(database=f"file:{quote(path)}", query={**url.query, "mode": "ro", "uri": "true"})

    def _unreachable(self, error: Exception) -> DataError:
        return DataError(
            f"cannot connect to {self.name}: {self._said(error)}. "
            "Check that it runs, its host, port and name, and the user and password."
        )

    def _translated(self, error: sa.exc.DBAPIError, reading: str) -> DataError:
        said = self._said(error)
        # PostgreSQL numbers what it answers: an error without a number is of the connection
        unnumbered = self.backend == "postgresql" and isinstance(error, sa.exc.OperationalError) and not _code(error)
        if error.connection_invalidated or unnumbered or _code(error)[:2] in ("57", "08"):
            return DataError(
                f"{reading or self.name} went away while it was read: {said}. Nothing was kept; read again."
            )
        absent = _ABSENT.search(said)
        if absent is None:
            unnamed = self.backend in _mysql.BACKENDS and _number(error) == _mysql.NO_DATABASE
            hint = " Name one in the URL (mysql://host/shop) or before the table (shop.orders)." if unnamed else ""
            if reading:  # statements that are wrong were refused when types were asked for
                return DataError(f"{reading} could not be read to its end: {said}.{hint} Nothing was kept.")
            return DataError(f"{self.name} refuses the statement: {said}.{hint}")
        table = next(group for group in absent.groups() if group).removeprefix(f"{self.url.database}.")
        known = self.tables()
        return DataError(f"{self.name} has no table {table!r}.{nearest(table, known)} Tables: {listing(known)}.")

    def _said(self, error: Exception) -> str:
        """What the database answered, where it is about the statement or the connection, else the kind of error."""
        original = getattr(error, "orig", None) or error
        diagnosis = getattr(original, "diag", None)
        message = getattr(diagnosis, "message_primary", None) or str(
            original if _number(error) is None else original.args[1]
        )
        hint = getattr(diagnosis, "message_hint", None)
        # messages about data quote it: a value that does not fit, a text that is not UTF-8
        of_value = isinstance(error, sa.exc.DataError | sa.exc.IntegrityError) or _number(error) in _mysql.VALUE_FAULTS
        if of_value or "Could not decode" in message:
            return f"a value in the data ({type(original).__name__} {_code(error)}".rstrip() + ")"
        lines = [line.strip() for line in f"{message}. {hint}".splitlines()] if hint else message.strip().splitlines()
        said = lines[0].rstrip(".") if lines else type(original).__name__
        parts = (self.url.username, self.url.password, self.url.host, *self.url.query.values())
        return _secrets.scrub(said, _secrets.hidden([part for part in parts if isinstance(part, str)]))


def _code(error: Exception) -> str:
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def _number(error: Exception) -> int | None:
    """MySQL's number of an error, which its drivers give before the message."""
    arguments = getattr(error, "orig", error).args
    return arguments[0] if len(arguments) == 2 and isinstance(arguments[0], int) else None


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise DataError(
            f"{url!r} is no database URL. Write postgresql://user:${{DB_PASSWORD}}@host:5432/name, mysql://… "
            "or sqlite:///file.db."
        ) from None
    return parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
