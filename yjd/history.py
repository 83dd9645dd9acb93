"""Every released run and its results, so that a later run can be held against an earlier one. Append-only.

A run is kept whole: what was released (results and manifest), and what it takes to make it again (the hashes of its
inputs, the text of its configuration, the version of the package). The order is that of recording, whatever any clock
says. A file of SQLite and a shared PostgreSQL work alike; each writer's run goes in whole or not at all.
"""

from __future__ import annotations

import io
import json
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from yjd.errors import HistoryError
from yjd.release import MANIFEST, RESULTS, Release, read_results, run_identity
from yjd.schema import ALL, CELL_KEYS, SPLITS, UNKNOWN
from yjd.signoff import CHECKSUMS

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 3

_METADATA = sa.MetaData()
_VERSION = sa.Table("yjd_history", _METADATA, sa.Column("schema_version", sa.Integer, primary_key=True))
_RUNS = sa.Table(
    "yjd_runs",
    _METADATA,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),  # the order, whatever the clock says
    sa.Column("run", sa.String(64), unique=True, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("config_sha256", sa.String(64), nullable=False),
    sa.Column("inputs", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("demonstration", sa.Boolean, nullable=False),
    sa.Column("release_sha256", sa.String(64), nullable=False),
    # from schema 3 on; blank for runs that were recorded before
    sa.Column("manifest", sa.LargeBinary),  # release.json as it was released, compressed
    sa.Column("configuration", sa.Text),  # the text of yjd.toml
)
_RESULTS = sa.Table(
    "yjd_results",
    _METADATA,
    sa.Column("run", sa.String(64), sa.ForeignKey("yjd_runs.run"), nullable=False, primary_key=True),
    sa.Column("csv", sa.LargeBinary, nullable=False),  # results.csv as it was released, compressed
    sa.Column("cells", sa.LargeBinary),  # from schema 3 on: the counts that an outsider reads off it, as Parquet
)
_LISTED = [column for column in _RUNS.c if column.name not in ("position", "manifest", "configuration")]
_CELLS = [*CELL_KEYS, "n", "disclosure"]
_ATTEMPTS = 6  # to make the tables, should several writers open a new history at once
_PATIENCE = 30.0  # seconds that a writer waits for another to finish


class History:
    """The runs of one project or of a shared database. A context manager; use :meth:`open`."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> History:
        """Open the history at a SQLAlchemy URL; make its tables, or bring those of an earlier version up to date.

        Raises
        ------
        HistoryError
            The database cannot be opened, is not a database, or holds a history of a later version.
        """
        try:
            engine = sa.create_engine(url)
            if engine.dialect.name == "sqlite":
                engine.dispose()
                engine = sa.create_engine(url, connect_args={"timeout": _PATIENCE})
            found = _up_to_date(engine)
        except (sa.exc.SQLAlchemyError, ImportError):
            raise HistoryError(
                "The history of runs cannot be opened.", "Check that its file is a database, or its URL and driver."
            ) from None
        if found > SCHEMA_VERSION:
            engine.dispose()
            raise HistoryError(
                f"The history was written by a later version of yjd (schema {found}, not {SCHEMA_VERSION}).",
                "Use that version, or another history.",
            )
        return cls(engine)

    def record(self, release: Release, *, configuration: str | None = None) -> None:
        """Add a released run, in one transaction. A run that is there already is left as it is.

        Parameters
        ----------
        release : Release
            As read back.
        configuration : str, optional
            The text of yjd.toml, so that the run can be made again.

        Raises
        ------
        HistoryError
            The database cannot be written, or holds a run of this name with another release.
        """
        made = release.manifest["created_from"]
        try:
            row = {
                "run": release.run,
                "recorded_at": datetime.now(UTC),
                "version": made["version"],
                "config_sha256": made["config_sha256"],
                "inputs": json.dumps(made["inputs"], sort_keys=True),
                "title": release.manifest["title"],
                "demonstration": bool(release.manifest["demonstration"]),
                "release_sha256": _digest(release),
                "manifest": zlib.compress((release.path / MANIFEST).read_bytes()),
                "configuration": configuration,
            }
            csv = zlib.compress((release.path / RESULTS).read_bytes())
            cells = _packed_cells(release.results, release.manifest)
        except OSError:
            raise HistoryError(f"The release {release.run} cannot be read.", "Run again.") from None
        try:
            with self.engine.begin() as connection:
                connection.execute(_RUNS.insert().values(**row))
                connection.execute(_RESULTS.insert().values(run=release.run, csv=csv, cells=cells))
        except sa.exc.IntegrityError:  # it is there; perhaps since a moment ago, from another writer
            pass
        except sa.exc.SQLAlchemyError:
            raise HistoryError(
                "The history of runs cannot be written.", "Check that it is not locked or read-only."
            ) from None
        if not self.holds(release):
            raise HistoryError(
                f"The history holds the run {release.run} with another release.", "Find out which of the two has left."
            )

    def before(self, run: str, areas: Sequence[str]) -> list[str]:
        """The runs that were recorded before this one was, or all where it is not recorded, that share an area with it.

        A run that is made again sees the same earlier ones as the first time, and so gives the same bytes. A history
        can be shared by projects: what is published about other areas tells nothing about these.
        """
        with self.engine.connect() as connection:
            own = connection.execute(sa.select(_RUNS.c.position).where(_RUNS.c.run == run)).scalar()
            rows = sa.select(_RUNS.c.run, _RUNS.c.manifest).order_by(_RUNS.c.position)
            found = connection.execute(rows if own is None else rows.where(_RUNS.c.position < own)).all()
        wanted = set(areas)
        return [name for name, packed in found if packed is None or wanted & set(_unpacked(packed)["areas"])]

    def holds(self, release: Release) -> bool | None:
        """Whether the run was recorded with just this release; None where it was not recorded."""
        with self.engine.connect() as connection:
            known = connection.execute(sa.select(_RUNS.c.release_sha256).where(_RUNS.c.run == release.run)).scalar()
        return None if known is None else bool(known == _digest(release))

    def runs(self) -> pd.DataFrame:
        """Every run in the order of recording, without results."""
        import pandas as pd

        with self.engine.connect() as connection:
            return pd.read_sql(sa.select(*_LISTED).order_by(_RUNS.c.position), connection)

    def results(self, run: str) -> pd.DataFrame:
        """The released results of one run (`yjd.schema.RESULT_COLUMNS`).

        Raises
        ------
        HistoryError
            There is no such run.
        """
        return read_results(zlib.decompress(self._kept(_RESULTS.c.csv, run)))

    def published(self, run: str) -> pd.DataFrame:
        """The counts that an outsider reads off the release of a run: `yjd.schema.CELL_KEYS`, n and disclosure.

        Raises
        ------
        HistoryError
            There is no such run.
        """
        import pandas as pd

        with self.engine.connect() as connection:
            found = connection.execute(sa.select(_RESULTS.c.cells).where(_RESULTS.c.run == run)).one_or_none()
        if found is None:
            raise _no_run(run)
        # runs of before schema 3 have neither cells nor a manifest; the package's measures stand for theirs
        return pd.read_parquet(io.BytesIO(found[0] or _packed_cells(self.results(run), {})))

    def manifest(self, run: str) -> dict[str, Any]:
        """What release.json of a run said.

        Raises
        ------
        HistoryError
            There is no such run, or it was recorded before histories kept the manifest.
        """
        return _unpacked(self._kept(_RUNS.c.manifest, run))

    def export(self, run: str, folder: Path) -> list[Path]:
        """Write what is kept of a run into a new folder: results.csv, release.json and yjd.toml.

        With the inputs whose hashes release.json names, and the version of the package that it names, yjd.toml makes
        the same release again.

        Raises
        ------
        HistoryError
            There is no such run, or the folder holds something.
        """
        if folder.exists() and any(folder.iterdir()):
            raise HistoryError(f"{folder} is not empty.", "Name a new folder.")
        with self.engine.connect() as connection:
            kept = sa.select(_RESULTS.c.csv, _RUNS.c.manifest, _RUNS.c.configuration).join_from(_RUNS, _RESULTS)
            found = connection.execute(kept.where(_RUNS.c.run == run)).one_or_none()
        if found is None:
            raise _no_run(run)
        csv, manifest, configuration = found
        contents = {RESULTS: zlib.decompress(csv)}
        if manifest is not None:
            contents[MANIFEST] = zlib.decompress(manifest)
        if configuration is not None:
            contents["yjd.toml"] = configuration.encode()
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        return [folder / name for name in contents]

    def _kept(self, column: sa.Column[bytes], run: str) -> bytes:
        with self.engine.connect() as connection:
            found = connection.execute(sa.select(column).where(column.table.c.run == run)).one_or_none()
        if found is None:
            raise _no_run(run)
        if found[0] is None:
            raise HistoryError(f"The history does not hold this of {run}: it was recorded by an earlier version.")
        return bytes(found[0])

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _up_to_date(engine: sa.Engine) -> int:
    """Bring the tables up to date, again where other writers are doing so at the same moment."""
    for attempt in range(_ATTEMPTS):
        try:
            return _made(engine)
        except sa.exc.SQLAlchemyError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.02 * 2**attempt)
    raise AssertionError  # the loop returns or raises


def _made(engine: sa.Engine) -> int:
    """Make what is not there, add what later schemas added, and return the version; a later one is left alone."""
    _METADATA.create_all(engine)
    with engine.begin() as connection:
        versions = connection.execute(sa.select(_VERSION.c.schema_version)).scalars().all()
        if not versions:
            connection.execute(_VERSION.insert().values(schema_version=SCHEMA_VERSION))
            return SCHEMA_VERSION
        found = int(max(versions))
        if found < SCHEMA_VERSION:
            for table in (_RUNS, _RESULTS):
                there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
                for column in table.c:
                    if column.name not in there:
                        added = sa.schema.CreateColumn(column).compile(dialect=engine.dialect)
                        connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {added}"))
            connection.execute(_VERSION.insert().values(schema_version=SCHEMA_VERSION))
        return max(found, SCHEMA_VERSION)


def _digest(release: Release) -> str:
    return run_identity({CHECKSUMS: (release.path / CHECKSUMS).read_text(encoding="utf-8")}, "", "")


def _packed_cells(results: pd.DataFrame, manifest: Mapping[str, Any]) -> bytes:
    import pandas as pd

    from yjd.disclosure import published_cells
    from yjd.measures import measures

    known = manifest.get("measures") or [vars(measure) for measure in measures().values()]
    cells = published_cells(results, known)
    whole = cells.loc[cells["terms"].isna(), _CELLS]  # a published sum of cells is one of counts that are published too
    told = _told(manifest, whole["level"].unique())
    keys = list(CELL_KEYS)
    also = pd.MultiIndex.from_frame(whole[keys]).isin(pd.MultiIndex.from_frame(told[keys]))
    every = pd.concat([whole[~also | whole["n"].notna()], told], ignore_index=True)
    return every.drop_duplicates([*keys, "n"]).to_parquet(index=False)


def _told(manifest: Mapping[str, Any], levels: Iterable[str]) -> pd.DataFrame:
    """The counts that release.json prints, though every row of results that rests on them may be hidden or censored.

    All and Unknown are the same counts at every level of ethnic groups.
    """
    import pandas as pd

    rounded = manifest.get("disclosure", {}).get("rules", {}).get("round_to", 0)
    return pd.DataFrame(
        [
            {"stage": one["stage"], "period": one["period"], **dict.fromkeys(SPLITS, ALL), "level": level,
             "group": group, "n": float(one[name]), "disclosure": "rounded" if rounded else "shown"}
            for level in levels
            for one in manifest.get("ethnicity", {}).get("unknown", ())
            for group, name in ((UNKNOWN, "unknown"), (ALL, "total"))
            if one[name] is not None
        ],
        columns=_CELLS,
    ).astype({"n": "float64"} | dict.fromkeys([*CELL_KEYS, "disclosure"], "str"))  # fmt: skip


def _unpacked(packed: bytes) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(zlib.decompress(packed))
    return manifest


def _no_run(run: str) -> HistoryError:
    return HistoryError(f"The history has no run {run}.", "`yjd runs` lists them.")
