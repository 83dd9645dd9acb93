"""The document on methods says what the definitions, the registry and the release say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reporting.made_up import manifest, results
from yjd.choices import choices
from yjd.config import load
from yjd.measures import stages
from yjd.project import template
from yjd.reporting import method_pages as pages
from yjd.reporting.method_words import METHODS, QUANTITIES, STATUSES, method_words
from yjd.reporting.view import View
from yjd.reporting.words import escape_html

DOCS = Path(__file__).parents[2] / "docs"


def test_every_quantity_of_the_reference_has_words() -> None:
    text = (DOCS / "measures.md").read_text(encoding="utf-8")
    named = {name.strip() for line in re.findall(r"^### (.+)$", text, flags=re.MULTILINE) for name in line.split(",")}
    quantities = {name for name in named if re.fullmatch(r"[a-z_]+", name)} - {"q_value", "intersections"}
    assert len(quantities) >= 25
    assert quantities <= set(QUANTITIES)


def test_every_status_of_the_reference_has_words() -> None:
    for name in ("measures.md", "models.md"):
        text = (DOCS / name).read_text(encoding="utf-8")
        table = text[text.index("tatus") :]
        found = set(re.findall(r"^\| `?([a-z_]+)`?(?=[, |])", table, flags=re.MULTILINE))
        assert found & {"no_reference", "no_events"}
        for status in found & {"ok", "break", "hidden", "no_denominator", "too_few", "parity_possible", "separated"}:
            assert status in STATUSES


def test_every_method_of_the_reference_has_words() -> None:
    text = (DOCS / "measures.md").read_text(encoding="utf-8")
    table = text[text.index("## Which method") : text.index("Options, by")]
    named = {name for line in table.splitlines()[4:] if line.startswith("|")
             for name in re.findall(r"`([a-z_]+)`", line.split("|")[3]) if not name.startswith("_")}  # fmt: skip
    assert len(named) > 15
    assert {name for name in named if method_words(name) == name.replace("_", " ")} == set()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("exact_by_child", f"{METHODS['exact']}; children who come again allowed for"),
        ("log_delta_shared_by_child", f"{METHODS['log_delta_shared']}; children who come again allowed for"),
        ("poisson_quasi", METHODS["poisson_quasi"]),
        ("gamma_poisson_pooled", f"{METHODS['gamma_poisson']}; areas differ no more than by chance"),
        ("something_new", "something new"),
    ],
)
def test_a_method_is_told_by_the_longest_name_that_fits(method: str, said: str) -> None:
    assert method_words(method) == said


def test_stages_say_what_their_files_say() -> None:
    every = stages()
    facts = manifest()
    for measure in facts["measures"]:
        for part in ("numerator", "denominator"):
            stage = every[measure[part]]
            measure["definition"][part] = {
                "title": stage.title, "counts": stage.counts, "unit": stage.unit, "source": stage.source,
                "note": stage.note,
            }  # fmt: skip
    page = pages.stages(View(results(), facts)).text
    for measure in facts["measures"]:
        for part in ("numerator", "denominator"):
            stage = every[measure[part]]
            for words in (stage.counts, stage.source, stage.note.rstrip("."), f"sql/stages/{stage.id}.sql"):
                assert escape_html(words) in page
    assert "Judged only where the records reach 18 months past the period." in page


def test_measures_are_told_with_their_scale_and_side(view: View) -> None:
    page = pages.measures(view).text
    assert "1,000 × arrests ÷ population" in page
    assert "100 × precourt ÷ outcomes" in page
    assert page.count("<tr>") == len(view.measures) + len({measure.family for measure in view.measures}) + 1


def test_quantities_and_statuses_are_those_of_the_release(view: View) -> None:
    page = pages.quantities(view).text
    assert "relative rate index" in page
    assert "Fairlie" not in page
    assert "decomposition" not in page
    counts = pages.statuses(view).text
    hidden = int((view.results["status"] == "hidden").sum())
    assert "hidden</th><td>A count that the row needs is hidden so that no child can be identified [c]</td>" in counts
    assert f'<td class="yjd-number">{hidden}</td>' in counts


def test_choices_are_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "yjd.toml").write_text(template("demo.toml"), encoding="utf-8")
    made = choices(load(tmp_path / "yjd.toml"))
    assert "extracts" not in str(made)  # no path and no column of a partner
    page = pages.choices(View(results(), manifest(choices=made))).text
    for words in (
        "financial year, rolling 3 years",
        "White, White British, others",
        "broad: whole, area, sex, age band",
        "M2: offence group, gravity",
        "most recent self defined",
    ):
        assert words in page
    assert "[x]" in pages.choices(View(results(), manifest())).text


def test_what_an_office_wrote_is_text(tmp_path: Path) -> None:
    made = {"periods": {"breaks": [{"period": "2021-22", "note": "<b>new & odd</b>"}]}}
    page = pages.choices(View(results(), manifest(choices=made))).text
    assert "&lt;b&gt;new &amp; odd&lt;/b&gt;" in page
    cited = pages.citation(View(results(), manifest(title="A *bold* [title](x)")))
    assert "\\*bold\\* \\[title\\]\\(x\\)" in cited


def test_limits_say_how_much_is_hidden(view: View) -> None:
    page = pages.limits(view).text
    hidden = int((view.results["status"] == "hidden").sum())
    assert f"{hidden} of {len(view.results)} rows are hidden" in page
    assert "not of itself evidence of bias" in page
    assert "Shorthand" in pages.glossary().text
