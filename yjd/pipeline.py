"""The steps of a run, each named once, in order."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yjd.errors import DisclosureError, YjdError
from yjd.schema import POPULATION

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.extracts import Accounting
    from yjd.measures import Measure
    from yjd.warehouse import Warehouse

Progress = Callable[[str], None]


def _silent(_: str) -> None:
    """No one listens."""


@dataclass(frozen=True)
class Folders:
    """Where a project keeps what: only `release` may ever leave the machine."""

    sensitive: Path
    review: Path
    release: Path
    reports: Path

    @classmethod
    def of(cls, settings: Settings) -> Folders:
        """The folders of a project."""
        work = settings.folder / "work"
        return cls(work / "sensitive", work / "review", work / "release", settings.folder / "reports")


@dataclass(frozen=True)
class RunOutcome:
    """What a run leaves behind."""

    run: str
    release: Path
    report: Path | None
    findings: list[dict[str, str]] = field(default_factory=list)
    accounting: list[Accounting] = field(default_factory=list)


def check(settings: Settings, progress: Progress = _silent) -> list[Accounting]:
    """Read and check every extract; release nothing."""
    from yjd.extracts import load_extracts

    with _warehouse(settings) as warehouse:
        return load_extracts(settings, warehouse, Folders.of(settings).sensitive, progress).accounting


def run(settings: Settings, *, progress: Progress = _silent, report: bool = True) -> RunOutcome:
    """Extracts in, a disclosure-checked release and a rendered report out.

    Parameters
    ----------
    settings : Settings
        From :func:`yjd.config.load`.
    progress : callable, optional
        Called with one line at the start of each step.
    report : bool, optional
        Whether to render the summit report.

    Raises
    ------
    YjdError
        Any of its kinds; what earlier runs left stays as it was.
    """
    from yjd.extracts import load_extracts
    from yjd.release import read_release, write_release

    folders = Folders.of(settings)
    with _warehouse(settings) as warehouse:
        loaded = load_extracts(settings, warehouse, folders.sensitive, progress)
        progress("Counting the stages")
        counted = _count(settings, warehouse, loaded.fed)
    progress("Protecting small counts")
    released, rules = _protect(settings, counted.cells)
    progress("Computing the measures")
    results = compute(released, counted.measures, settings)
    manifest = build_manifest(settings, loaded, counted, released, rules)
    progress("Drawing the charts")
    from yjd.reporting.charts import charts_for

    charts = charts_for(results, manifest)
    progress("Writing the release")
    _write_review(folders.review / manifest["run"], compute(counted.cells, counted.measures, settings), counted.cells)
    path = write_release(folders.release, manifest["run"], results=results, manifest=manifest, charts=charts)
    _record(settings, read_release(path))
    rendered = None
    if report:
        from yjd.reporting.render import render

        progress("Rendering the report")
        rendered = render("summit", path, output=folders.reports / manifest["run"] / "summit.html")
    return RunOutcome(manifest["run"], path, rendered, manifest["findings"], loaded.accounting)
