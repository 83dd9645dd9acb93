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
