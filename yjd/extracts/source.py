"""Bring one extract's rows into the warehouse as text, untouched, each with its line number.

The table `raw_<extract>` has `line` and one VARCHAR column for each mapped column (`c_<column>`) and each scope
column (`s_<number>`). Rows that cannot be split into fields are kept aside with their text.
"""

# ruff: noqa: S608 - the names put into SQL are the package's own or checked by the configuration

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yjd.errors import ExtractError, SchemaError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from yjd.config_extract import Extract
    from yjd.warehouse import Warehouse

LONGEST_LINE = 1_000_000  # characters; a longer line is a broken quotation mark or a file inside a field
_CHUNK = 1 << 20
_FORMATS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
}


@dataclass(frozen=True)
class Loaded:
    """What was read from one extract.

    `malformed` are the rows that could not be split: their line numbers and their text (sensitive).
    """

    sha256: str
    rows: int
    malformed: tuple[tuple[int, str, str], ...] = ()  # line, rule, text
    native_dates: bool = False  # the source has real dates, which arrive as YYYY-MM-DD
    scratch: tuple[str, ...] = ()  # what to drop in the warehouse after typing, such as "TABLE raw_arrests"


def load(extract: Extract, folder: Path, warehouse: Warehouse, *, scratch: Path) -> Loaded:
    """Read `extract` into `raw_<name>`.

    Raises
    ------
    ExtractError
        The source is missing, cannot be opened or decoded, is empty or is not what its format says.
    SchemaError
        A mapped column is not there, or a column is there that nobody declared.
    """
    if extract.database is not None:
        return _load_frames(extract, warehouse, _database_chunks(extract), native_dates=True)
    path = folder / str(extract.file)
    if not path.is_file():
        raise ExtractError(
            f"Extract {extract.name}: there is no file {extract.file}.",
            "Mend `file`; relative paths start at yjd.toml.",
        )
    if path.stat().st_size == 0:
        raise ExtractError(f"Extract {extract.name}: the file is empty.", "Ask the partner to send it again.")
    kind = extract.format or _FORMATS.get(path.suffix.lower())
    if kind == "csv":
        return _load_csv(extract, path, warehouse, scratch)
    if kind == "parquet":
        return _load_parquet(extract, path, warehouse)
    if kind == "excel":
        frames = _excel_frames(extract, path)
        return _load_frames(extract, warehouse, frames, native_dates=True, sha256=_sha256(path))
    raise ExtractError(
        f"Extract {extract.name}: its format is not clear from the file's ending.",
        'Set `format` to "csv", "parquet" or "excel".',
    )


def fingerprint(extract: Extract, folder: Path) -> str | None:
    """The hash that `load` would give this extract, without loading it; None where there is no such file.

    Raises
    ------
    ExtractError
        Its database cannot be read.
    """
    if extract.database is None:
        path = folder / str(extract.file)
        return _sha256(path) if path.is_file() else None
    digest = hashlib.sha256()
    for _, text in _texts(extract, _database_chunks(extract)):
        digest.update(text.to_csv(index=False).encode())
    return digest.hexdigest()


def wanted_columns(extract: Extract) -> dict[str, str]:
    """Column of the raw table -> the partner's column, for everything that is read."""
    wanted = {f"c_{name}": theirs for name, theirs in extract.columns.items()}
    wanted |= {f"s_{number}": theirs for number, theirs in enumerate(extract.scope)}
    if extract.period is not None and extract.period.column is not None:
        wanted["c_period"] = extract.period.column
    return wanted


def _check_header(extract: Extract, header: list[str]) -> dict[str, int]:
    """Where each wanted column is.

    A file without a header line would show a record where names are expected: so the message gives the positions of
    undeclared columns, not their names.
    """
    problems = []
    wanted = wanted_columns(extract)
    if twice := sorted({name for name in wanted.values() if header.count(name) > 1}):
        problems.append(f"the columns {', '.join(map(repr, twice))} are there more than once")
    if missing := sorted(set(wanted.values()) - set(header)):
        problems.append(f"there is no column {', '.join(map(repr, missing))}")
    if extract.ignore != "*":
        declared = {*wanted.values(), *extract.ignore}
        extra = [str(place) for place, name in enumerate(header, start=1) if name not in declared]
        if extra:
            problems.append(f"{len(extra)} of its columns are not declared (positions {', '.join(extra[:20])})")
    if problems:
        raise SchemaError(
            f"Extract {extract.name}: {'; '.join(problems)}.",
            'Mend [extracts.columns], list columns to leave out in `ignore` (or ignore = "*"), '
            "and check that the first line holds the column names.",
        )
    return {column: header.index(theirs) for column, theirs in wanted.items()}


# ---------------------------------------------------------------- CSV


def _load_csv(extract: Extract, path: Path, warehouse: Warehouse, scratch: Path) -> Loaded:
    with tempfile.TemporaryDirectory(
        prefix="copy-", dir=scratch
    ) as copies:  # beside the sensitive files, never in /tmp
        digest, text_path = _as_plain_utf8(extract, path, Path(copies))
        with text_path.open(encoding="utf-8", newline="") as lines:
            first = lines.readline()
        header = next(csv.reader(io.StringIO(first), delimiter=extract.delimiter, strict=False), [])
        if first.count('"') % 2:
            raise ExtractError(f"Extract {extract.name}: a column name holds a line break.", "Rename the column.")
        places = _check_header(extract, header)
        rows, malformed, made = _scan_csv(extract, text_path, header, places, warehouse)
    if rows + len(malformed) == 0:
        raise _no_rows(extract)
    return Loaded(digest, rows, malformed, scratch=made)


def _as_plain_utf8(extract: Extract, path: Path, scratch: Path) -> tuple[str, Path]:
    """The file's hash, and a UTF-8 text without byte order mark; checks every byte and the length of every line."""
    name = codecs.lookup(extract.encoding).name
    with path.open("rb") as file:
        marked = file.read(3) == codecs.BOM_UTF8
    rewrite = name not in {"utf-8", "ascii"} or marked
    decoder = codecs.getincrementaldecoder("utf-8-sig" if marked and name == "utf-8" else name)("strict")
    copy = scratch / "plain.csv"
    digest, line, since_break = hashlib.sha256(), 1, 0
    with path.open("rb") as file, copy.open("w", encoding="utf-8", newline="") as out:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            try:
                text = decoder.decode(chunk, final=len(chunk) < _CHUNK)
            except UnicodeDecodeError as error:
                at = line + chunk[: error.start].count(b"\n")
                raise ExtractError(
                    f"Extract {extract.name}: line {at} is not {extract.encoding} text.",
                    'Set `encoding`; files saved by Excel on Windows are often "cp1252".',
                ) from None
            if "\0" in text:
                raise ExtractError(
                    f"Extract {extract.name}: the file holds zero bytes, so it is not {extract.encoding} text.",
                    'Set `encoding` (perhaps "utf-16") or `format`.',
                )
            line += text.count("\n")
            longest = max(since_break + (len(text) if "\n" not in text else text.find("\n")), _longest(text))
            if longest > LONGEST_LINE:
                raise ExtractError(
                    f"Extract {extract.name}: a line near line {line} is longer than {LONGEST_LINE:,} characters.",
                    "A quotation mark may be missing, or a field holds a whole document: leave that column out.",
                )
            since_break = len(text) - text.rfind("\n") - 1 if "\n" in text else since_break + len(text)
            if rewrite:
                out.write(text)
    return digest.hexdigest(), copy if rewrite else path


def _longest(text: str) -> int:
    if len(text) <= LONGEST_LINE:
        return 0  # cannot hold a line that is too long by itself
    return max(map(len, text.split("\n")))


def _scan_csv(
    extract: Extract, path: Path, header: list[str], places: dict[str, int], warehouse: Warehouse
) -> tuple[int, tuple[tuple[int, str, str], ...], tuple[str, ...]]:
    import duckdb

    columns = ", ".join(f"'f{place}': 'VARCHAR'" for place in range(len(header)))
    picked = ", ".join(f"f{place} AS {column}" for column, place in places.items())
    select = (
        f"SELECT {picked} FROM read_csv(?, header=false, skip=1, "
        f"auto_detect=false, delim=?, quote='\"', escape='\"', columns={{{columns}}}, nullstr='', strict_mode=true, "
        "null_padding=false, store_rejects=true, rejects_table='yjd_rejects', rejects_scan='yjd_rejects_scan', "
        f"rejects_limit=0, max_line_size={2 * LONGEST_LINE})"
    )
    connection = warehouse.duckdb or duckdb.connect()
    table, texts = f"raw_{extract.name}", f"texts_{extract.name}"
    try:
        for rejects in ("yjd_rejects", "yjd_rejects_scan"):
            connection.execute(f"DROP TABLE IF EXISTS {rejects}")
        connection.execute(f"CREATE OR REPLACE TABLE {texts} AS {select}", [str(path), extract.delimiter])
        rejected = connection.execute(
            "SELECT line, MIN(error_type), MIN(csv_line) FROM yjd_rejects GROUP BY line ORDER BY line"
        ).fetchall()
    except duckdb.Error:
        # The driver's own message quotes the line.
        raise ExtractError(
            f"Extract {extract.name}: the file cannot be split into rows and columns.",
            "Check `delimiter`, and whether quotation marks are doubled inside fields.",
        ) from None
    for line, kind, _ in rejected:
        if kind in {"UNQUOTED VALUE", "LINE SIZE OVER MAXIMUM"}:
            raise ExtractError(
                f"Extract {extract.name}: a quotation mark opened on line {line} is never closed.",
                "Every row after it would be lost, so nothing was read. Ask the partner to mend it.",
            )
    scratch = _number_lines(connection, table, texts, [line for line, _, _ in rejected])
    rows = _row_count(connection, texts)
    if connection is not warehouse.duckdb:
        import pandas as pd

        found = connection.execute(f"SELECT * FROM {table} ORDER BY line")
        _declare(extract, warehouse)
        while batch := found.fetchmany(100_000):
            warehouse.append(pd.DataFrame(batch, columns=["line", *places]), table)
        scratch = (f"TABLE {table}",)
    rules = {"MISSING COLUMNS": "too few fields", "TOO MANY COLUMNS": "too many fields"}
    kept = tuple(
        (int(line), f"row: {rules.get(kind, 'cannot be split into fields')}", text) for line, kind, text in rejected
    )
    return rows, kept, scratch


def _declare(extract: Extract, warehouse: Warehouse) -> None:
    columns = {"line": "BIGINT"} | dict.fromkeys(wanted_columns(extract), "VARCHAR")
    warehouse.declare(f"raw_{extract.name}", columns)


def _row_count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    counted = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
    return int(counted[0]) if counted else 0


def _number_lines(
    connection: duckdb.DuckDBPyConnection, table: str, texts: str, rejected: list[int]
) -> tuple[str, ...]:
    """Make `table` from `texts`, with each row's place in the file; say what there is to drop.

    DuckDB numbers a new table's rows from 0 in the order of the file, which costs nothing; the header is line 1. Every
    rejected row before a row has to be added. A field with a line break makes the file's own line number higher still:
    the number is that of the record.
    """
    numbered = f"SELECT CAST(rowid + 2 AS BIGINT) AS line, * FROM {texts}"
    if not rejected:
        connection.execute(f"CREATE OR REPLACE VIEW {table} AS {numbered}")
        return f"VIEW {table}", f"TABLE {texts}"
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {numbered}")
    for line in sorted(rejected):  # few: their number is bounded by the tolerance
        connection.execute(f"UPDATE {table} SET line = line + 1 WHERE line >= ?", [line])
    return f"TABLE {table}", f"TABLE {texts}"


def _no_rows(extract: Extract) -> ExtractError:
    return ExtractError(
        f"Extract {extract.name}: there is a header and no row.",
        "Ask the partner whether there was nothing to send.",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---------------------------------------------------------------- Parquet, Excel, databases


def _load_parquet(extract: Extract, path: Path, warehouse: Warehouse) -> Loaded:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        file = pq.ParquetFile(path)
        frames = (batch.to_pandas() for batch in file.iter_batches(100_000))
        return _load_frames(extract, warehouse, frames, native_dates=True, sha256=_sha256(path))
    except (pa.ArrowException, OSError):
        raise ExtractError(f"Extract {extract.name}: the file is not readable Parquet.", "Ask for it again.") from None


def _excel_frames(extract: Extract, path: Path) -> Iterator[pd.DataFrame]:
    import zipfile

    import pandas as pd

    try:
        yield pd.read_excel(
            path,
            sheet_name=extract.sheet or 0,
            dtype=object,
            keep_default_na=False,
            na_values=[""],
            engine="openpyxl",
        )
    except (ValueError, KeyError, OSError, zipfile.BadZipFile):
        raise ExtractError(
            f"Extract {extract.name}: the workbook or its sheet cannot be read.",
            "Check `sheet`, remove a password, and save as .xlsx.",
        ) from None


def _database_chunks(extract: Extract) -> Iterator[pd.DataFrame]:
    import pandas as pd
    import sqlalchemy as sa

    assert extract.database is not None  # checked by the configuration
    assert extract.database.table is not None
    url = extract.database.url()
    schema, _, name = extract.database.table.rpartition(".")
    try:
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection)
            yield from pd.read_sql(sa.select(table), connection, chunksize=100_000)
        engine.dispose()
    except (sa.exc.SQLAlchemyError, ImportError):
        raise ExtractError(
            f"Extract {extract.name}: its database or table cannot be read.",
            f"Check the URL in the environment variable {extract.database.url_env}, its driver, and `table`.",
        ) from None


def _load_frames(
    extract: Extract,
    warehouse: Warehouse,
    frames: Iterable[pd.DataFrame],
    *,
    native_dates: bool,
    sha256: str | None = None,
) -> Loaded:
    """Load typed frames as text; a source without a file is hashed by its rows."""
    digest, rows = hashlib.sha256(), 0
    _declare(extract, warehouse)
    for rows, text in _texts(extract, frames):  # noqa: B007 - how many there were is asked below
        warehouse.append(text, f"raw_{extract.name}")
        if sha256 is None:
            digest.update(text.to_csv(index=False).encode())
    if rows == 0:
        raise _no_rows(extract)
    return Loaded(sha256 or digest.hexdigest(), rows, (), native_dates, (f"TABLE raw_{extract.name}",))


def _texts(extract: Extract, frames: Iterable[pd.DataFrame]) -> Iterator[tuple[int, pd.DataFrame]]:
    """Typed frames as text with the number of each line; and how many rows there were up to their end."""
    import pandas as pd

    rows = 0
    for frame in frames:
        places = _check_header(extract, [str(name) for name in frame.columns])
        text = pd.DataFrame(
            {column: frame.iloc[:, place].map(_as_text) for column, place in places.items()}, dtype=object
        )
        text = text.where(text.notna(), None)
        text.insert(0, "line", range(rows + 2, rows + 2 + len(text)))
        rows += len(text)
        yield rows, text


def _as_text(value: Any) -> str | None:
    """A cell as the text that a CSV would hold: whole numbers without a point, dates as YYYY-MM-DD."""
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
