from __future__ import annotations

import pytest

from tests.reporting import made_up, whole
from yjd.reporting.area import AreaReport
from yjd.reporting.charts import charts_for
from yjd.reporting.report import Report
from yjd.reporting.view import View


@pytest.fixture(scope="session")
def view() -> View:
    return View(made_up.results(), made_up.manifest())


@pytest.fixture(scope="session")
def report() -> Report:
    return Report(made_up.results(), made_up.manifest())


@pytest.fixture(scope="session")
def charts() -> dict[str, bytes]:
    return charts_for(made_up.results(), made_up.manifest())


@pytest.fixture(scope="session")
def complete() -> Report:
    """A report on a release that has everything a report can be about."""
    return Report(whole.results(), whole.manifest())


@pytest.fixture(scope="session")
def brief(complete: Report) -> AreaReport:
    """The brief of the area of which something can be shown."""
    return AreaReport(complete, whole.AREAS[0])


PARTS = ("family", "more", "trend", "ladder", "areas", "limits")
FAMILIES = ("search", "arrest", "precourt", "fte", "reoffending", "intervention")
BLOCKS = (
    "main_points", "overview", "coverage", "ethnicity_rule", "unknown", "pathway", "missing", "adjusting", "questions",
)  # fmt: skip


@pytest.fixture(scope="session")
def page(complete: Report) -> dict[str, str]:
    """Every block of the summit report that says something of a row, by its name."""
    made = {name: getattr(complete, name)().text for name in BLOCKS}
    return made | {f"{part} {name}": getattr(complete, part)(name).text for name in FAMILIES for part in PARTS}
