"""Slides: each heading is a message that its rows bear, with the chart and the table that it comes from."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting import made_up, whole
from tests.reporting.test_true_to_rows import NUMBERS, SECRET, SECRETS
from tests.reporting.written import page, tags_of
from yjd.reporting.catalogue import entry, reports_folder
from yjd.reporting.classify import classify
from yjd.reporting.page import SLIDES, write_html
from yjd.reporting.report import Report
from yjd.reporting.slides import Deck, Slide, leading, message_of
from yjd.reporting.view import Comparison
from yjd.reporting.words import CAUTION


@pytest.fixture(scope="module")
def slides(complete: Report) -> list[Slide]:
    return Deck(complete).slides()


def test_a_slide_for_every_measure_and_its_message_is_its_row(complete: Report, slides: list[Slide]) -> None:
    messages = [slide.message for slide in slides]
    assert "The rate of searches for Black children was 4.1 times that for White children" in messages
    assert "Black children were 0.6 times as likely as White children to be dealt with before court" in messages
    for measure in complete.view.pathway:
        items = complete.view.compare(measure)
        assert message_of(Deck(complete), leading(items), measure) in messages
    assert len(messages) == len(set(messages))


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.sampled_from(["Asian", "Mixed"]))
def test_a_message_claims_no_more_than_its_row(
    complete: Report, numbers: tuple[float, float, float], group: str
) -> None:
    measure = complete.view.pathway[0]
    lower, estimate, upper = sorted(numbers)
    row = made_up.row(measure=measure.id, group=group, estimate=estimate, lower=lower, upper=upper)
    item = Comparison(measure, group, row, classify(row, adverse=measure.adverse))
    lead = leading([item])
    assert (lead is item) == item.verdict.is_clear
    if lead is not None:
        assert " times that for White children" in message_of(Deck(complete), lead, measure)


def test_every_chart_has_words_and_a_table_on_its_slide(slides: list[Slide]) -> None:
    drawn = [slide for slide in slides if "<svg" in slide.shown]
    assert len(drawn) >= 6
    for slide in drawn:
        assert re.search(r"<desc[^>]*>[^<]{20,}<", slide.shown)
        assert "<table" in slide.shown + slide.below
    ids = re.findall(r'\bid="([^"]+)"', "".join(slide.shown + slide.below for slide in slides))
    assert len(ids) == len(set(ids))
    names = re.findall(r'role="region" aria-label="([^"]+)"', "".join(slide.shown + slide.below for slide in slides))
    assert len(names) == len(set(names))


def test_the_whole_is_counted_rightly(complete: Report, slides: list[Slide]) -> None:
    items = [item for measure in complete.view.pathway for item in complete.view.compare(measure)]
    clear = sum(item.verdict.is_clear for item in items)
    adverse = sum(item.verdict.side == "adverse" for item in items)
    assert slides[0].message == (
        f"{clear} of {len(items)} comparisons with White children are clear, {adverse} of them less favourable"
    )
    assert CAUTION in slides[0].points


def test_nothing_hidden_is_on_a_slide() -> None:
    frame = whole.results()
    for name, value in SECRETS.items():
        frame[name] = value
    frame["disclosure"] = "hidden"
    made = Deck(Report(frame, whole.manifest())).text()
    assert not SECRET.search(html.unescape(made))
    assert "times as likely" not in made


def test_slides_can_be_turned_by_keyboard_and_each_says_that_it_is_a_draft(
    complete: Report, slides: list[Slide], tmp_path: Path
) -> None:
    text = "\n".join(slide.markdown(Deck(complete).stamp) for slide in slides)
    output = tmp_path / "slides.html"
    write_html(page(text), output, folder=reports_folder(), scratch=tmp_path, template=SLIDES)
    made = output.read_text(encoding="utf-8")
    count = len(slides)
    sections = re.split(r"<section\b", made.split('<main id="main">', 1)[1])[1:]
    assert len(sections) == count
    for place, section in enumerate(sections, 1):
        assert f"Slide {place} of {count}" in section
        assert ("Next slide" in section) == (place < count)
        assert ("Previous slide" in section) == (place > 1)
        assert section.count("<h2") == 1
        assert "DRAFT, not signed off" in section
    found = tags_of(made)
    assert not {tag for tag, _ in found} & {"script", "link", "iframe"}
    targets = {attributes.get("id") for _, attributes in found}
    links = [(attributes.get("href") or "")[1:] for tag, attributes in found if tag == "a"]
    assert {link for link in links if link} <= targets


def test_signed_numbers_have_no_stamp() -> None:
    signed = Report(made_up.results(), made_up.manifest(demonstration=False), signed=True)
    assert Deck(signed).stamp == ""


def test_it_is_reveal_under_quarto_and_slides_without() -> None:
    assert entry("slides").document.header["format"] == "revealjs"
    assert entry("slides").formats == ("slides",)
