"""The text in plain English: true to its rows, easy to read, good to hear, and two pages long."""

from __future__ import annotations

import html
import math
import os
import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting import made_up, whole
from tests.reporting.test_true_to_rows import SECRET, SECRETS
from tests.reporting.written import objects, pdf_of, query, tags_of
from yjd.reporting.classify import classify
from yjd.reporting.plain import Panel, Plain
from yjd.reporting.plain_pictures import Amount, picture
from yjd.reporting.plain_words import easy, rounded_rates, sentences, size_words, spoken
from yjd.reporting.render import Job, render_many
from yjd.reporting.report import Report
from yjd.reporting.view import Comparison
from yjd.reporting.words import Measure

NUMBERS = st.floats(min_value=0.01, max_value=40) | st.sampled_from([0.0, 0.999, 1.0, 1.001, math.inf])
SAYS_HIGHER = re.compile(r"\bmore likely|times as (?:likely|often)|twice as (?:likely|often)|more often")
SAYS_LOWER = re.compile(r"\bless likely|half as likely|less often|half as often")
MEASURES = [Measure.of(entry) for entry in made_up.manifest()["measures"]]
NOT_SPOKEN = re.compile(r"[()\[\]{}<>%&/*+=|~^#_;:–—·-]|\d+ to \d+|\.\.")


def _rows(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.?!])\s+", text.strip()) if sentence]


def _lines(panels: list[Panel]) -> list[str]:
    return [sentence for panel in panels for line in panel.lines for sentence in _rows(line)]


def _syllables(word: str) -> int:
    """Groups of vowels, without a silent e: what the formulas of readability were made with."""
    found = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = word.lower().endswith("e") and not word.lower().endswith("le") and found > 1
    return max(1, found - silent)


def _grade(said: list[str]) -> float:
    """The school grade of Flesch and Kincaid (1975): 0.39 words a sentence + 11.8 syllables a word - 15.59."""
    words = [word for sentence in said for word in re.findall(r"[A-Za-z']+|\d[\d,]*", sentence)]
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / len(said) + 11.8 * syllables / len(words) - 15.59


def test_the_grade_is_that_of_its_formula() -> None:
    assert [_syllables(word) for word in ("the", "police", "little", "children", "I", "area")] == [1, 2, 2, 2, 1, 2]
    assert _grade(["The cat sat on the mat."]) == pytest.approx(0.39 * 6 + 11.8 - 15.59)


@pytest.fixture(scope="module", params=["made_up", "whole"])
def panels(request: pytest.FixtureRequest, report: Report, complete: Report) -> list[Panel]:
    return Plain(report if request.param == "made_up" else complete).panels()


def test_it_is_easy_to_read(panels: list[Panel]) -> None:
    said = _lines(panels)
    lengths = [len(sentence.split()) for sentence in said]
    assert max(lengths) <= 20, max(said, key=lambda sentence: len(sentence.split()))
    assert statistics.mean(lengths) <= 11
    assert _grade(said) <= 6
    assert all(len(panel.lines) <= 8 for panel in panels)


def test_it_reads_well_aloud(panels: list[Panel]) -> None:
    for sentence in [*_lines(panels), *(panel.title for panel in panels)]:
        without_address = re.sub(r"\S+@\S+", "", sentence)
        assert not NOT_SPOKEN.search(without_address), sentence
    for panel in panels:
        for words in re.findall(r"<(?:title|desc)[^>]*>([^<]*)<", panel.drawing):
            assert not NOT_SPOKEN.search(words.replace(":", "")), words


def test_signs_are_passed_over_and_pictures_have_words(panels: list[Panel]) -> None:
    for panel in panels:
        (drawn,) = [attributes for tag, attributes in tags_of(panel.drawing) if tag == "svg"]
        if "yjd-icon" in (drawn.get("class") or ""):
            assert drawn["aria-hidden"] == "true"
        else:
            assert drawn["role"] == "img"
            assert "about" in panel.drawing
            assert "<table" in panel.more


def test_every_group_of_every_measure_is_spoken_of(complete: Report) -> None:
    for measure in complete.view.pathway:
        items = complete.view.compare(measure)
        said = " ".join(sentences(items))
        for item in items:
            assert item.group in said or "For the other groups" in said
        assert said.count(" the other groups") <= 1


@given(st.sampled_from(MEASURES), st.tuples(NUMBERS, NUMBERS, NUMBERS), st.sampled_from(["Asian", "Mixed", "Other"]))
def test_a_size_is_said_only_where_the_interval_is_clear(
    measure: Measure, numbers: tuple[float, float, float], group: str
) -> None:
    lower, estimate, upper = sorted(numbers)
    row = made_up.row(measure=measure.id, group=group, estimate=estimate, lower=lower, upper=upper)
    verdict = classify(row, adverse=measure.adverse)
    said = " ".join(sentences([Comparison(measure, group, row, verdict)]))
    assert bool(SAYS_HIGHER.search(said)) == (verdict.outcome == "higher")
    assert bool(SAYS_LOWER.search(said)) == (verdict.outcome == "lower")
    assert ("no clear difference" in said) == (verdict.outcome == "no_clear_difference")
    assert not re.search(r"\d", said)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.05, "much less than"), (0.39, "much less than"), (0.5, "about half as as"), (0.62, "less than"),
        (0.9, "a little less than"), (1.1, "a little more than"), (1.3, "more than"),
        (1.4, "about one and a half times as as"),
        (1.74, "about one and a half times as as"), (2.2, "about twice as as"),
        (2.3, "about two and a half times as as"),
        (10.2, "about ten times as as"), (10.3, "more than ten times as as"),
    ],
)  # fmt: skip
def test_sizes_in_words(ratio: float, words: str) -> None:
    assert " ".join(size_words(ratio)) == words


@given(st.floats(min_value=1.4, max_value=10.25, exclude_max=True))
def test_a_size_in_words_is_the_nearest_half(ratio: float) -> None:
    names = ["one", "twice", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    said = size_words(ratio)[0]
    value = next(n for n, name in enumerate(names, 1) if f"about {name}" in said.replace("about two", "about twice"))
    assert abs(value + 0.5 * ("half" in said) - ratio) <= 0.25 + 1e-9


COUNTS = st.tuples(st.integers(0, 5000), st.integers(1000, 500_000)).filter(lambda pair: pair[0] <= pair[1])


@given(st.dictionaries(st.sampled_from(["A", "B", "C"]), COUNTS), COUNTS)
def test_rounded_rates_keep_their_side_and_are_near(counts: dict[str, Any], reference: tuple[int, int]) -> None:
    rates = {group: number / base for group, (number, base) in counts.items()}
    other = reference[0] / reference[1]
    clear = {g: "higher" if rate > other else "lower" for g, rate in rates.items() if abs(rate - other) > 0.02 * other}
    per, made = rounded_rates({**counts, "R": reference}, clear, "R")
    assert per in (10, 100, 1_000, 10_000, 100_000, 1_000_000)
    for group, rate in {**rates, "R": other}.items():
        assert abs(made[group] - per * rate) <= 0.5
        assert made[group] == 0 or abs(made[group] - per * rate) <= 0.12 * per * rate
        assert (rate == 0) <= (made[group] == 0)
    for group, side in clear.items():
        assert (made[group] > made["R"]) if side == "higher" else (made[group] < made["R"])


def test_what_is_hidden_is_private_and_nothing_else_of_it_is_there() -> None:
    frame = whole.results()
    hidden = (frame["group"] == "Black") | (frame["disclosure"] == "hidden")
    for name, value in SECRETS.items():
        frame.loc[hidden, name] = value
    frame.loc[hidden, "disclosure"] = "hidden"
    made = Plain(Report(frame, whole.manifest())).text()
    assert not SECRET.search(html.unescape(made))
    assert "Black: private" in made
    assert not re.search(r"Black children[^.]*likely", made)
    assert "so that no child can be found" in made


def test_names_from_outside_are_text() -> None:
    frame = whole.results().replace({"group": {"Mixed": "<b>M</b>{{< x >}}", "White": "`W`[w](x)"}})
    frame = frame.replace({"reference": {"White": "`W`[w](x)"}})
    facts = whole.manifest(areas=["<i>A</i>", "B & C"], office={"name": "<u>O</u>", "caveat": "{{< c >}}"})
    facts["headline"] = {**facts["headline"], "reference": "`W`[w](x)"}
    facts["groups"] = {"broad": [], "detailed": []}
    made = Plain(Report(frame, facts))
    told = made.text() + made.stamp().text
    assert not {tag for tag, _ in tags_of(told)} & {"b", "i", "u"}
    assert "{{<" not in told


def test_the_spoken_form_of_a_title() -> None:
    assert spoken("First-time entrants (police records)") == "First-time entrants"
    assert spoken("Fines & costs / 100% [b]") == "Fines and costs and 100 per cent"
    unknown = Measure.of({"id": "x", "title": "Bail (all)", "likely_to": "be bailed", "denominator": "population"})
    assert (easy(unknown).title, easy(unknown).likely) == ("Bail", "be bailed")


def test_ten_figures_for_ten_and_bars_for_more() -> None:
    amounts = [Amount("Asian", 4), Amount("Black", None, "private"), Amount("White", 10, is_reference=True)]
    drawn = picture("p", "Out of ten", amounts, per=10, people=True)
    assert drawn.count("<circle") == 20
    filled = [attributes for tag, attributes in tags_of(drawn) if tag == "circle" and attributes["fill"] == "#12436D"]
    assert len(filled) == 14
    assert "Asian: about 4. Black: private. White: about 10." in drawn
    bars = picture("q", "Of many", [Amount("Asian", 40), Amount("White", 10, is_reference=True)], per=100, people=False)
    long, short = (float(attributes["width"] or 0) for tag, attributes in tags_of(bars) if tag == "rect")
    assert 3.5 < long / short < 4.6


def test_two_pages_in_large_type_with_a_heading_a_panel(complete: Report, tmp_path: Path) -> None:
    made = Plain(complete)
    content = pdf_of(f"{made.stamp()._repr_markdown_()}\n\n{made.text()}", tmp_path)
    assert len(re.findall(r"/Type\s*/Page\b", objects(content))) <= 2
    headings = query(tmp_path, "heading")
    assert {heading["level"] for heading in headings} == {1}
    assert len(headings) == len(made.panels())
    assert "size: 14pt" in (tmp_path / "page.typ").read_text(encoding="utf-8")


def test_two_pages_of_a_release(tmp_path: Path) -> None:
    given_release = os.environ.get("YJD_TEST_RELEASE")
    if not given_release:
        pytest.skip("YJD_TEST_RELEASE names no release")
    (path,) = render_many([Job("plain", tmp_path / "plain.pdf", "pdf")], given_release, engine="embedded")
    assert len(re.findall(r"/Type\s*/Page\b", objects(path.read_bytes()))) <= 2
