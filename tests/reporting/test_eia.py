"""The evidence pack: what communities said is text and nothing more, and no row says more than it shows."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting import made_up, whole
from tests.reporting.test_hostile import NASTY
from tests.reporting.test_true_to_rows import SECRET, SECRETS
from tests.reporting.written import html_of, objects, pdf_of, raw, tags_of
from yjd.cli_report import _voice
from yjd.errors import RenderingError
from yjd.reporting import eia_rows
from yjd.reporting.catalogue import entry
from yjd.reporting.eia import Pack
from yjd.reporting.eia_voice import FILE_NAME, OTHER, SECTIONS, VOICE, Voice, read_voice, sections_of
from yjd.reporting.render import Job, _with_voice, _Workshop
from yjd.reporting.report import Report
from yjd.reporting.view import View

ALLOWED = {
    "p", "ul", "ol", "li", "h4", "h5", "h6", "em", "strong", "a", "blockquote", "code", "pre", "hr", "br",
}  # fmt: skip
WORDS = st.lists(st.sampled_from((*NASTY, "\n\n", "# ", "## ", "    ", "[a](javascript:x)", "[b](data:text/html,x)")),
                 min_size=1, max_size=12).map("".join)  # fmt: skip
CHILDREN = "What children said"


# --- what communities said -----------------------------------------------------------------------------------


@given(WORDS)
def test_whatever_a_file_holds_is_text(words: str) -> None:
    for made in sections_of(f"## {CHILDREN}\n\n{words}").values():
        found = tags_of(made)
        assert {tag for tag, _ in found} <= ALLOWED
        for tag, attributes in found:
            assert set(attributes) <= ({"href", "title"} if tag == "a" else {"class", "start"})
            assert re.match(r"https?://|mailto:", attributes.get("href") or "https://")
        assert "{" not in made
        assert "}" not in made
        levels = [int(tag[1]) for tag, _ in found if re.fullmatch(r"h[1-6]", tag)]
        assert all(now - before <= 1 for before, now in zip([3, *levels], levels, strict=False))


def test_it_is_the_same_text_in_the_page_and_the_pdf(tmp_path: Path) -> None:
    words = "".join(f"\n\n{words}" for words in NASTY)
    hostile = "<script>alert(1)</script> {{< include x >}} `{python} 1+1` ![i](x.png) #show @ref $x$ </div> <svg></svg>"
    made = sections_of(f"## {CHILDREN}\n\n{hostile}\n\n#### Under it\n\nx\n\n{words}")[CHILDREN]
    markdown = f"## Community voice\n\n### {CHILDREN}\n{raw(made)}\n"
    page = html_of(markdown, tmp_path)
    assert not {tag for tag, _ in tags_of(page)} & {"script", "img", "svg", "math", "iframe"}
    assert "alert(1)" in page
    content = pdf_of(markdown, tmp_path)
    assert re.findall(r"^(=+) (.*)", (tmp_path / "page.typ").read_text(encoding="utf-8"), flags=re.MULTILINE)[:3] == [
        ("=", "Community voice"), ("==", CHILDREN), ("===", "Under it"),
    ]  # fmt: skip
    assert "pdfuaid" in objects(content)


def test_headings_of_a_file_find_their_sections() -> None:
    made = sections_of(
        "# What we heard\n\nFirst.\n\n## what CHILDREN said:\n\nA.\n\n##### Deep\n\nB.\n\n### Less deep\n\nC.\n\n"
        "## Faith leaders\n\nD.\n\n## What people want to change\n\nE.\n"
    )
    assert list(made) == [OTHER, CHILDREN, "What people want to change"]
    assert re.findall(r"<(h\d)>(.*?)</h\d>", made[CHILDREN]) == [("h4", "Deep"), ("h4", "Less deep")]
    assert [words in made[OTHER] for words in ("First.", "Faith leaders", "D.", "A.", "We heard")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert "E." in made["What people want to change"]


def test_a_section_that_is_written_twice_is_kept_whole() -> None:
    made = sections_of(f"## {CHILDREN}\n\nA.\n\n## Other\n\nB.\n\n## {CHILDREN}\n\nC.\n")
    assert "A." in made[CHILDREN]
    assert "C." in made[CHILDREN]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(RenderingError, match="cannot be read"):
        read_voice(tmp_path / "none.md")
    (tmp_path / "latin.md").write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(RenderingError, match="UTF-8"):
        read_voice(tmp_path / "latin.md")
    (tmp_path / "large.md").write_bytes(b"x" * 600_000)
    with pytest.raises(RenderingError, match="larger than 500 KB"):
        read_voice(tmp_path / "large.md")
    assert read_voice("") == Voice()


def test_the_file_is_read_before_the_document_runs_and_is_no_part_of_its_title(tmp_path: Path) -> None:
    (tmp_path / "said.md").write_text("x", encoding="utf-8")
    job = Job("eia", tmp_path / "eia.html", parameters={VOICE: str(tmp_path / "said.md")})
    assert _Workshop.title(entry("eia"), _with_voice(job)) == entry("eia").title
    assert entry("eia").parameters == (VOICE,)
    with pytest.raises(RenderingError, match="cannot be read"):
        _with_voice(Job("eia", tmp_path / "eia.html", parameters={VOICE: str(tmp_path / "none.md")}))


def test_the_file_beside_the_configuration_is_taken_unless_another_is_named(tmp_path: Path) -> None:
    config = tmp_path / "yjd.toml"
    assert _voice("eia", None, config) == {}
    (tmp_path / FILE_NAME).write_text("x", encoding="utf-8")
    assert _voice("eia", None, config) == {VOICE: str((tmp_path / FILE_NAME).resolve())}
    assert _voice("eia", tmp_path / "other.md", config) == {VOICE: str((tmp_path / "other.md").resolve())}
    assert _voice("summit", None, config) == {}
    with pytest.raises(typer.BadParameter, match="no place for what communities said"):
        _voice("summit", tmp_path / "other.md", config)


def test_blank_sections_are_marked_and_listed(complete: Report) -> None:
    blank = Pack(complete)
    for name, hint in SECTIONS.items():
        made = blank.voice(name).text
        assert "yjd-blank" in made
        assert f"<strong>{eia_rows.TO_FILL}</strong>" in made
        assert html.escape(hint, quote=True) in made
    assert "8 of 8 sections" in blank.voice_source().text
    assert blank.voice_other() == ""
    told = Pack(complete, Voice(dict.fromkeys(SECTIONS, "<p>x</p>"), "ab" * 32))
    assert "yjd-blank" not in "".join(told.voice(name).text for name in SECTIONS)
    assert "Still blank" not in told.voice_source().text
    assert "ab" * 32 in told.voice_source().text


def test_the_document_has_every_section_once() -> None:
    body = entry("eia").document.body
    for name in SECTIONS:
        assert body.count(f'pack.voice("{name}")') == 1
        assert name in ("What is assessed", "What will be done") or f"### {name}\n" in body


# --- what the numbers show -----------------------------------------------------------------------------------


def _cells(table: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", table, flags=re.DOTALL)
    cells = [re.findall(r"<(?:td|th)\b[^>]*>(.*?)</(?:td|th)>", row) for row in rows]
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_every_row_of_evidence_says_what_its_row_shows(complete: Report) -> None:
    view = complete.view
    rows = iter([row for row in _cells(eia_rows.evidence_table(view))[1:] if len(row) > 1])
    for measure in view.pathway:
        for item in view.compare(measure):
            group, words, ratio, could, _ = next(rows)
            assert group == item.group
            assert words.startswith(item.verdict.words)
            assert bool(re.search(r"\d", ratio)) == item.verdict.has_numbers
            assert (could in ("Yes", "No")) <= item.verdict.is_clear
    assert next(rows, None) is None


def test_the_evidence_holds_missing_data_and_adjusting(complete: Report) -> None:
    rows = {
        row[0]: row for row in _cells(eia_rows.evidence_table(complete.view))[1:] if len(row) > 1 and "2.1" in row[4]
    }
    black = rows["Black"]  # of the arrest rate: clear, not explained by missing data, adjusted 2.5 (2.1 to 2.9)
    assert black[1:] == [
        "Higher (less favourable)",
        "3.2 (2.8 to 3.7)",
        "No",
        "Higher (less favourable): 2.5 (2.1 to 2.9)",
    ]
    mixed = next(row for row in _cells(eia_rows.evidence_table(complete.view)) if row[0] == "Mixed" and row[3] == "Yes")
    assert mixed[2] == "1.7 (1.3 to 2.1)"


def test_every_clear_adverse_difference_asks_for_an_explanation_or_an_action(complete: Report) -> None:
    view = complete.view
    adverse = [
        f"{view.title_of(measure)}: {item.group}"
        for measure in view.pathway
        for item in view.compare(measure)
        if item.verdict.side == "adverse"
    ]
    rows = _cells(eia_rows.actions_table(view))[1:]
    assert [row[0] for row in rows] == adverse
    assert {cell for row in rows for cell in row[1:]} == {eia_rows.TO_FILL}


def test_points_of_a_group_hold_every_measure_once(complete: Report) -> None:
    view = complete.view
    for point in eia_rows.group_points(view):
        for measure in view.pathway:
            assert point.count(view.title_of(measure)) == 1
    (other,) = [point for point in eia_rows.group_points(view) if point.startswith("Children of Other")]
    assert "hidden [c] on Stop and search rate" in other


def test_the_groups_have_their_numbers_where_they_may_be_shown(view: View) -> None:
    rows = {row[0]: row[1:] for row in _cells(eia_rows.groups_table(view))[1:]}
    assert rows["Black"][0] == f"{made_up.BASES['Black']:,.0f}"
    assert rows["White"] == ["110,000", "[x]", "Comparison group"]  # the share needs every group's number
    assert rows["Other"][:2] == ["[x]", "[x]"]
    assert rows["Unknown"] == ["[z]", "[z]", "Not compared"]


def test_chance_alone_is_worked_out(view: View) -> None:
    told = sum(item.verdict.has_numbers for m in view.pathway for item in view.compare(m))
    assert f"about {0.05 * told:.1f} of {told} would be clear by chance alone" in eia_rows.chance_points(view)[1]


@pytest.mark.parametrize("characteristic", ["Age", "Disability", "Race", "Religion or belief", "Sex"])
def test_protected_characteristics(view: View, characteristic: str) -> None:
    rows: dict[str, Any] = dict(_cells(eia_rows.characteristics_table(view))[1:])
    assert len(rows) == 9  # Equality Act 2010, section 4
    assert rows[characteristic].startswith("None") == (characteristic != "Race")


def test_nothing_hidden_is_in_the_pack() -> None:
    frame = whole.results()
    for name, value in SECRETS.items():
        frame[name] = value
    frame["disclosure"] = "hidden"
    pack = Pack(Report(frame, whole.manifest()))
    blocks = ("main_points", "groups", "evidence", "chance", "hidden", "questions", "actions", "pathway", "chart")
    made = [getattr(pack, name)().text for name in blocks] + [pack.family("arrest").text]
    for text in made:
        assert not SECRET.search(html.unescape(text))
    assert "clearly" not in pack.questions().text


def test_the_chart_has_words_that_lead_to_its_numbers(complete: Report) -> None:
    made = Pack(complete).chart().text
    assert re.search(r"<desc[^>]*>Forest chart: .*in the tables of this section\.<", made)


def test_questions_are_open_and_ask_about_clear_differences_only(complete: Report) -> None:
    asked = eia_rows.community_questions(complete.view)
    assert all(question.endswith("?") for question in asked)
    assert sum(question.startswith("Arrest rate") for question in asked) == 1
    assert not any(question.startswith("Proven re-offending") for question in asked)
