"""Every released run and its results, so that a later run can be held against an earlier one. Append-only."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from yjd.errors import HistoryError
from yjd.release import RESULTS, Release, read_results, run_identity
from yjd.signoff import CHECKSUMS

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2

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
)
_RESULTS = sa.Table(
    "yjd_results",
    _METADATA,
    sa.Column("run", sa.String(64), sa.ForeignKey("yjd_runs.run"), nullable=False, primary_key=True),
    sa.Column("csv", sa.LargeBinary, nullable=False),  # results.csv as it was released, compressed
)


class History:
    """The runs of one project or of a shared database. A context manager; use :meth:`open`."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> History:
        """Open the history at a SQLAlchemy URL and make its tables where they are not there yet.

        Raises
        ------
        HistoryError
            The database cannot be opened, is not a database, or holds a history of another version.
        """
        try:
            engine = sa.create_engine(url)
            _METADATA.create_all(engine)
            with engine.begin() as connection:
                versions = connection.execute(sa.select(_VERSION.c.schema_version)).scalars().all()
                if not versions:
                    connection.execute(_VERSION.insert().values(schema_version=SCHEMA_VERSION))
        except (sa.exc.SQLAlchemyError, ImportError):
            raise HistoryError(
                "The history of runs cannot be opened.", "Check that its file is a database, or its URL and driver."
            ) from None
        if versions and max(versions) != SCHEMA_VERSION:
            engine.dispose()
            raise HistoryError(
                f"The history was written by another version of yjd (schema {max(versions)}, not {SCHEMA_VERSION}).",
                "Use that version, or another history.",
            )
        return cls(engine)

    def record(self, release: Release) -> None:
        """Add a released run and its results, in one transaction. A run that is there already is left as it is.

        Raises
        ------
        HistoryError
            The database cannot be written, or holds a run of this name with another release.
        """
        digest = _digest(release)
        made = release.manifest["created_from"]
        row = {
            "run": release.run,
            "recorded_at": datetime.now(UTC),
            "version": made["version"],
            "config_sha256": made["config_sha256"],
            "inputs": json.dumps(made["inputs"], sort_keys=True),
            "title": release.manifest["title"],
            "demonstration": bool(release.manifest["demonstration"]),
            "release_sha256": digest,
        }
        try:
            with self.engine.begin() as connection:
                known = connection.execute(sa.select(_RUNS.c.release_sha256).where(_RUNS.c.run == release.run)).scalar()
                if known is None:
                    connection.execute(_RUNS.insert().values(**row))
                    csv = zlib.compress((release.path / RESULTS).read_bytes())
                    connection.execute(_RESULTS.insert().values(run=release.run, csv=csv))
        except OSError:
            raise HistoryError(f"The release {release.run} cannot be read.", "Run again.") from None
        except sa.exc.SQLAlchemyError:
            raise HistoryError(
                "The history of runs cannot be written.", "Check that it is not locked or read-only."
            ) from None
        if known not in (None, digest):
            raise HistoryError(
                f"The history holds the run {release.run} with another release.", "Find out which of the two has left."
            )

    def before(self, run: str, title: str) -> list[str]:
        """The runs of a project that were recorded before this one was, or all where it is not recorded.

        A run that is made again sees the same earlier ones as the first time, and so gives the same bytes. A history
        can be shared by projects: they are told apart by title.
        """
        with self.engine.connect() as connection:
            own = connection.execute(sa.select(_RUNS.c.position).where(_RUNS.c.run == run)).scalar()
            of_project = sa.select(_RUNS.c.run).where(_RUNS.c.title == title).order_by(_RUNS.c.position)
            earlier = of_project if own is None else of_project.where(_RUNS.c.position < own)
            return [str(name) for name in connection.execute(earlier).scalars()]

    def holds(self, release: Release) -> bool | None:
        """Whether the run was recorded with just this release; None where it was not recorded."""
        with self.engine.connect() as connection:
            known = connection.execute(sa.select(_RUNS.c.release_sha256).where(_RUNS.c.run == release.run)).scalar()
        return None if known is None else bool(known == _digest(release))

    def runs(self) -> pd.DataFrame:
        """Every run in the order of recording, without results."""
        import pandas as pd

        columns = [column for column in _RUNS.c if column.name != "position"]
        with self.engine.connect() as connection:
            return pd.read_sql(sa.select(*columns).order_by(_RUNS.c.position), connection)

    def results(self, run: str) -> pd.DataFrame:
        """The released results of one run (`yjd.schema.RESULT_COLUMNS`).

        Raises
        ------
        HistoryError
            There is no such run.
        """
        with self.engine.connect() as connection:
            csv = connection.execute(sa.select(_RESULTS.c.csv).where(_RESULTS.c.run == run)).scalar()
        if csv is None:
            raise HistoryError(f"The history has no run {run}.", "`yjd runs` lists them.")
        return read_results(zlib.decompress(csv))

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(release: Release) -> str:
    return run_identity({CHECKSUMS: (release.path / CHECKSUMS).read_text(encoding="utf-8")}, "", "")
