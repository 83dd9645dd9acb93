"""The one seam to a database engine: SQL is written once, in DuckDB's dialect, and runs on any of them.

By default the warehouse is a DuckDB file beside the project. Any SQLAlchemy URL works as well; its statements
are translated by sqlglot. An engine's own error message can quote a record, so it is never passed on: see
:func:`_explain`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from yjd.errors import ExtractError, SchemaError, YjdError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from sqlalchemy import Connection, Engine

OFFLINE = MappingProxyType({"autoinstall_known_extensions": False, "autoload_known_extensions": False})
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_SQLGLOT_NAMES = {"postgresql": "postgres", "mssql": "tsql"}  # SQLAlchemy's name of a dialect: sqlglot's
_BEFORE_ROWS = ("ParserException", "BinderException", "CatalogException")  # DuckDB's, before it reads a row


@functools.lru_cache(maxsize=512)
def translate(sql: str, dialect: str) -> str:
    """Turn one statement of DuckDB's dialect into another engine's.

    Parameters
    ----------
    sql : str
        One statement.
    dialect : str
        SQLAlchemy's name of the dialect: ``duckdb``, ``postgresql``, ``mssql``, ``sqlite`` ...
    """
    if dialect == "duckdb":
        return sql
    import sqlglot

    try:
        return sqlglot.transpile(sql, read="duckdb", write=_SQLGLOT_NAMES.get(dialect, dialect))[0]
    except (sqlglot.errors.SqlglotError, ValueError):
        raise SchemaError(
            f"A statement could not be translated from DuckDB's dialect to {dialect}.",
            "Write it with the SQL that sql/stages/ uses: no date functions, no lists, no TRY_CAST.",
        ) from None


class Warehouse:
    """Tables behind one SQLAlchemy engine.

    Use :meth:`open`; it is a context manager and closes itself.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The engine. A DuckDB engine must hold a single connection.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect: str = engine.dialect.name
        self._native: duckdb.DuckDBPyConnection | None = None
        if self.dialect == "duckdb":
            self._native = _native_connection(engine)
            # where Python runs no file (python -c, a notebook) DuckDB would print its progress into the answer
            self._native.execute("SET enable_progress_bar = false")

    @classmethod
    def open(cls, url: str | None = None, path: Path | None = None) -> Warehouse:
        """Open the warehouse at a SQLAlchemy URL, in a DuckDB file, or (neither given) in memory.

        Raises
        ------
        ExtractError
            The file is not a database or another program holds it, or the engine does not answer.
        """
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        if url is None and path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if url is None or url.startswith("duckdb"):
                location = url or f"duckdb:///{':memory:' if path is None else path.resolve().as_posix()}"
                return cls(create_engine(location, poolclass=StaticPool, connect_args={"config": dict(OFFLINE)}))
            engine = create_engine(url)
            with engine.connect():
                return cls(engine)
        except YjdError:
            raise
        except Exception as error:  # noqa: BLE001 - any driver has errors of its own
            raise _unopened(error, path) from None

    @property
    def duckdb(self) -> duckdb.DuckDBPyConnection | None:
        """DuckDB's own connection, for faster reading; None on any other engine."""
        return self._native

    def execute(self, sql: str) -> None:
        """Run one statement of DuckDB's dialect, in a transaction of its own."""
        self._run([sql])

    def create(self, table: str, select: str) -> None:
        """Make `table` anew from a SELECT; the old table stays if the SELECT fails."""
        name = _checked(table)
        self._run([f"DROP TABLE IF EXISTS {name}", f"CREATE TABLE {name} AS {select}"], what=f"table {name}")

    def declare(self, table: str, columns: Mapping[str, str]) -> None:
        """Make `table` anew and empty, with the named columns and their DuckDB types."""
        name = _checked(table)
        listed = ", ".join(f"{_checked(column)} {kind}" for column, kind in columns.items())
        self._run([f"DROP TABLE IF EXISTS {name}", f"CREATE TABLE {name} ({listed})"], what=f"table {name}")

    def query(self, sql: str) -> pd.DataFrame:
        """Read the rows of one SELECT."""
        import pandas as pd

        with _explained("a query"):
            if self._native is not None:
                return self._native.execute(sql).df()
            with self.engine.connect() as connection:
                result = connection.execute(_text(translate(sql, self.dialect)))
                return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))

    def write(self, frame: pd.DataFrame, table: str, *, types: Mapping[str, str] | None = None) -> None:
        """Replace `table` by the rows of `frame`.

        Parameters
        ----------
        frame : DataFrame
            Meant for small tables: on an engine other than DuckDB the rows are inserted one by one.
        table : str
            Name of the table.
        types : mapping, optional
            DuckDB type of each column; without it whole numbers are BIGINT, other numbers DOUBLE, and all
            else VARCHAR.
        """
        columns = dict(types) if types else {str(name): _type_of(frame[name]) for name in frame.columns}
        self.declare(table, columns)
        self.append(frame, table)

    def append(self, frame: pd.DataFrame, table: str) -> None:
        """Add the rows of `frame` to `table`, matched by column name."""
        if frame.empty:
            return
        name, columns = _checked(table), [_checked(str(column)) for column in frame.columns]
        listed = ", ".join(columns)
        with _explained(f"writing table {name}"):
            if self._native is not None:
                self._native.register("yjd_incoming", frame)
                try:
                    self._native.execute(
                        f"INSERT INTO {name} ({listed}) SELECT {listed} FROM yjd_incoming"  # noqa: S608 - checked
                    )
                finally:
                    self._native.unregister("yjd_incoming")
                return
            places = ", ".join(f":{column}" for column in columns)
            with self.engine.begin() as connection:
                statement = f"INSERT INTO {name} ({listed}) VALUES ({places})"  # noqa: S608 - checked
                connection.execute(_bound(statement), _records(frame))

    def exists(self, table: str) -> bool:
        """Whether the warehouse has a table of this name."""
        if self._native is not None:
            found = self._native.execute("SELECT COUNT(*) FROM duckdb_tables() WHERE table_name = ?", [table])
            row = found.fetchone()
            return row is not None and row[0] > 0
        from sqlalchemy import inspect

        return bool(inspect(self.engine).has_table(table))

    def close(self) -> None:
        """Let go of the engine."""
        self._native = None
        self.engine.dispose()

    def __enter__(self) -> Warehouse:
        """Give the warehouse itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _run(self, statements: Sequence[str], *, what: str = "a statement") -> None:
        with _explained(what):
            if self._native is None:
                with self.engine.begin() as connection:
                    for statement in statements:
                        _send(connection, translate(statement, self.dialect))
                return
            self._native.begin()
            try:
                for statement in statements:
                    self._native.execute(statement)
                self._native.commit()
            except Exception:
                self._native.rollback()
                raise


def _native_connection(engine: Engine) -> duckdb.DuckDBPyConnection:
    connection: Any = engine.raw_connection()  # StaticPool keeps it open; the proxy need not be kept
    wrapped = connection.driver_connection
    native: duckdb.DuckDBPyConnection = getattr(wrapped, "c", None) or getattr(wrapped, "_c", None) or wrapped
    return native


def _send(connection: Connection, sql: str) -> None:
    connection.execute(_text(sql))


def _text(sql: str) -> Any:
    from sqlalchemy import text

    return text(sql.replace(":", "\\:"))  # a colon in SQL is never a parameter here


def _bound(sql: str) -> Any:
    from sqlalchemy import text

    return text(sql)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _type_of(column: pd.Series[Any]) -> str:
    from pandas.api import types

    if types.is_bool_dtype(column.dtype):
        return "BOOLEAN"
    if types.is_integer_dtype(column.dtype):
        return "BIGINT"
    return "DOUBLE" if types.is_float_dtype(column.dtype) else "VARCHAR"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise SchemaError(
            "A table or column name is not one that every database accepts.",
            "Use lower-case letters, digits and underscores, and begin with a letter.",
        )
    return name


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except YjdError:
        raise
    except Exception as error:  # noqa: BLE001 - a driver's message may quote a record
        raise _explain(error, what) from None


def _explain(error: Exception, what: str) -> SchemaError:
    """Say what failed without a value from a record.

    An engine reports a statement that it cannot parse or bind before it reads a row, so the first line of
    such a message names tables and columns only. Any other message may quote a record and is left out.
    """
    cause = getattr(error, "orig", None) or error
    kind = type(cause).__name__
    before_rows = kind in _BEFORE_ROWS or str(getattr(cause, "sqlstate", "") or "").startswith("42")
    detail = f" {str(cause).splitlines()[0]}" if before_rows and str(cause) else ""
    return SchemaError(
        f"The warehouse could not run {what} ({kind}).{detail}",
        "If a file of sql/ was changed, run it in the database's own client to see where it fails.",
    )


def _unopened(error: Exception, path: Path | None) -> ExtractError:
    cause = getattr(error, "orig", None) or error
    message = str(cause).lower()
    where = f"The warehouse file {path.name}" if path is not None else "The warehouse"
    if "lock on file" in message or "used by another process" in message:
        return ExtractError(f"{where} is in use by another program.", "Close that program, then run again.")
    if "not a valid duckdb" in message:
        return ExtractError(
            f"{where} is not a DuckDB database.",
            "Move it away or delete it: it is rebuilt from the extracts on the next run.",
        )
    if isinstance(cause, ImportError):
        return ExtractError(
            f"{where} needs a database driver that is not installed.",
            "Install the extra for your database, for example yjd[postgres].",
        )
    return ExtractError(
        f"{where} could not be opened ({type(cause).__name__}).",
        "Check that the address and permissions in yjd.toml are right and that the database is running.",
    )
