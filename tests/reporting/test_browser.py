"""Pages in a real browser: nothing that WCAG 2.2 A or AA forbids, at 1280 and at 375 pixels, and no request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.browser import WIDTHS, Seen, axe, look, looking, missing
from tests.reporting.test_pdf import MARKDOWN
from tests.reporting.written import html_of
from yjd.reporting.batch import each_of, render_each
from yjd.reporting.catalogue import documents, entry, suffix
from yjd.reporting.render import Job, render_many

RELEASE = "YJD_TEST_RELEASE"
PAGES = "YJD_TEST_PAGES"  # where to keep what was rendered
# what axe cannot decide by itself: the contrast is worked out here; a column of drawings has its words in another
DECIDED_ELSEWHERE = {"color-contrast", "th-has-data-cells"}

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "there is a browser")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with looking() as found:
        yield found


def _is_accessible(seen: Seen, width: int) -> None:
    assert seen.violations == []
    assert set(seen.unsure) <= DECIDED_ELSEWHERE
    assert seen.faint == []
    assert seen.asked == []
    assert seen.wide <= width, "the page scrolls sideways"


def test_axe_knows_wcag_2_2() -> None:
    version = (axe() or "").split("axe v", 1)[1].split()[0]
    assert tuple(map(int, version.split(".")[:2])) >= (4, 8)


def test_a_small_page_is_accessible_and_asks_for_nothing(chromium: Any, tmp_path: Path) -> None:
    html_of(MARKDOWN, tmp_path, contents=True)
    for width in WIDTHS:
        _is_accessible(look(chromium, tmp_path / "page-out.html", width), width)


def test_the_browser_would_notice(chromium: Any, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!DOCTYPE html><html><title>x</title><main><h1>x</h1><p style='color:#777'>grey</p><svg><text fill='#BFBFBF'>x"
        "</text></svg><div style='width:2000px'>x</div><img src='https://example.invalid/x.png'></main></html>",
        encoding="utf-8",
    )
    seen = look(chromium, page, 375)
    assert {said.split(" ")[0] for said in seen.violations} >= {"html-has-lang", "image-alt", "color-contrast"}
    assert [round(ratio, 2) for _, ratio in seen.faint] == [4.48, 1.84, 1.64]
    assert seen.asked == ["https://example.invalid/x.png"]
    assert seen.wide > 375


def test_every_report_is_accessible_and_asks_for_nothing(
    chromium: Any, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    given = os.environ.get(RELEASE)
    if not given:
        pytest.skip(f"{RELEASE} names no release")
    release = Path(given)
    folder = Path(os.environ.get(PAGES) or tmp_path)
    pages = _every_report(release, folder)
    for page in pages:
        for width in WIDTHS if page.suffix == ".html" else ():
            with subtests.test(page=page.name, width=width):
                _is_accessible(look(chromium, page, width), width)
    assert {page.suffix for page in pages} == {".html", ".pdf"}


def _every_report(release: Path, folder: Path) -> list[Path]:
    """Every document in every format that it has: typst itself holds the PDFs against PDF/UA-1."""
    plain = [entry(name) for name in documents() if each_of(name) is None]
    jobs = [Job(one.name, folder / f"{one.name}-{kind}{suffix(kind)}", kind) for one in plain for kind in one.formats]
    written = render_many(jobs, release, engine="embedded")
    for name in documents():
        if each_of(name):
            written += render_each(name, release, folder / name, formats=("html", "pdf"), engine="embedded")
    return written
