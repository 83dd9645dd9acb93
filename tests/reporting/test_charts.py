"""Charts: the same bytes twice, words for those who cannot see them, nothing from elsewhere."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import pytest

from tests.reporting.made_up import manifest, results
from yjd.reporting import headlines, palette
from yjd.reporting.charts import chart_svg, charts_for
from yjd.reporting.view import View

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("forest", "trend", "unknown")


def test_every_chart_comes_as_svg_and_png(charts: dict[str, bytes]) -> None:
    assert set(charts) == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")}


def test_the_same_release_gives_the_same_bytes(charts: dict[str, bytes]) -> None:
    assert charts_for(results(), manifest()) == charts


@pytest.mark.parametrize("name", NAMES)
def test_svg_has_words_and_asks_for_nothing(charts: dict[str, bytes], name: str) -> None:
    content = charts[f"{name}.svg"].decode()
    root = ElementTree.fromstring(content)
    assert root.get("role") == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert not re.search(r"(?:href|src)=\"(?!#)|<!DOCTYPE|<metadata|<image|@import|<script", content)
    ids = re.findall(r'\bid="([^"]+)"', content)
    assert len(ids) == len(set(ids))
    assert all(found == name or found.startswith(f"{name}-") for found in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', content)) <= set(ids)
    assert ">Black" in content or name == "unknown"  # text is kept as text


def test_alternative_text_is_the_generated_one(charts: dict[str, bytes], view: View) -> None:
    root = ElementTree.fromstring(charts["forest.svg"])
    assert root.findtext(f"{SVG}title") == headlines.forest_headline(view)
    assert root.findtext(f"{SVG}desc") == headlines.forest_alt(view)
    assert "2 of 24 comparisons hidden" in headlines.forest_alt(view)


def test_hidden_points_are_marked_in_place_and_nothing_of_them_is_drawn() -> None:
    frame = results()
    shown = chart_svg(View(frame, manifest()), "forest").decode()
    frame.loc[frame["quantity"] == "rri", "disclosure"] = "hidden"
    hidden = chart_svg(View(frame, manifest()), "forest").decode()
    assert hidden.count("[c]") > shown.count("[c]")
    assert "3.2 (2.8 to 3.7)" in shown
    assert not re.search(r"\d\.\d+ \(", hidden)


def test_markup_in_a_title_stays_text() -> None:
    facts = manifest()
    facts["measures"][0]["title"] = "<script>alert(1)</script> & $x^2$"
    content = chart_svg(View(results(), facts), "forest").decode()
    assert "<script" not in content
    assert "&lt;script&gt;" in content


def test_lines_and_text_stand_out_from_white() -> None:
    for colour in (palette.ADVERSE, palette.CLEAR, palette.UNCLEAR):
        assert palette.contrast(colour, palette.WHITE) >= 4.5
    assert palette.contrast("#000000", "#FFFFFF") == pytest.approx(21)  # WCAG: the largest there is
    assert palette.contrast("#6BACE6", "#FFFFFF") < 3  # so it is not used for lines
    # too close to one another to carry a meaning alone: shape and fill do
    assert all(palette.contrast(*pair) < 3 for pair in itertools.combinations((palette.ADVERSE, palette.UNCLEAR), 2))
