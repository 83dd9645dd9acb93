from __future__ import annotations

import pytest

from tests.reporting import made_up
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
