"""PDF: tagged, titled, in a language, with words for everything that is drawn, the same bytes twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reporting.written import cells_of_pdf, html_of, objects, page, pdf_of, query, raw
from yjd.errors import RenderingError
from yjd.reporting import pdf
from yjd.reporting.catalogue import reports_folder
from yjd.reporting.tables import Cell, number, table, text

DRAWN = (
    '<svg role="img" aria-labelledby="t d" width="200" height="100" viewBox="0 0 200 100">'
    '<title id="t">Rates &amp; "ratios"</title><desc id="d">Two bars. See the table.</desc>'
    '<rect width="20" height="50"/></svg>'
)
SMALL = '<svg class="yjd-small" aria-hidden="true" width="9" height="9" viewBox="0 0 9 9"><path d="M1,1V8"/></svg>'


def _table() -> str:
    rows = [
        [text("Asian"), number(1200), Cell(SMALL), text("Higher")],
        [text("Black"), Cell("[c]", number=True), Cell(SMALL), text("Hidden")],
    ]
    return table("Rates by group", ("Group", "Number", "Chart", "In words"), [("Arrests", rows)])


MARKDOWN = f"""
## One

{raw(f'<div class="yjd-chart">{DRAWN}</div><details><summary>The numbers</summary>{_table()}</details>')}

::: {{.callout-note title="Mind"}}
A [$a / b$]{{alt="a divided by b"}}, a [link](https://example.invalid/) and [one within](#one) and [none](#nothing).
:::

### Below

::: {{.content-visible when-format="html"}}
Only on a page
:::

::: {{.content-hidden when-format="html"}}
Only in a PDF
:::
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = tmp_path_factory.mktemp("pdf")
    return folder, pdf_of(MARKDOWN, folder, title='A "title" \\ #1', contents=True)


def test_it_says_that_it_is_accessible(made: tuple[Path, bytes]) -> None:
    found = objects(made[1])
    assert "<pdfuaid:part>1</pdfuaid:part>" in found
    assert re.search(r"/MarkInfo\s*<<[^>]*/Marked true", found)
    assert "/StructTreeRoot" in found
    assert re.search(r"/Lang\s*\(en-GB\)", found)
    assert "/DisplayDocTitle true" in found


def test_everything_has_its_tag(made: tuple[Path, bytes]) -> None:
    found = objects(made[1])
    for tag in ("H1", "H2", "P", "Table", "TR", "TH", "TD", "Figure", "Formula", "Link", "Caption"):
        assert re.search(rf"/S\s*/{tag}\b", found), tag
    assert len(re.findall(r"/S\s*/TH\b", found)) == 4  # three headings of columns and one of the rows of arrests


def test_a_chart_has_its_words_and_its_table(made: tuple[Path, bytes]) -> None:
    images = query(made[0], "image")
    assert [image["alt"] for image in images] == ['Rates & "ratios". Two bars. See the table.']
    assert cells_of_pdf(made[0]) == [["Asian", "1,200", "Higher", "Black", "[c]", "Hidden"]]


def test_the_title_and_the_parts_for_one_format(made: tuple[Path, bytes], tmp_path: Path) -> None:
    source = (made[0] / "page.typ").read_text(encoding="utf-8")
    assert r'#let heading-text = "A \"title\" \\ #1"' in source
    assert "Only in a PDF" in source
    assert "Only on a page" not in source
    told = html_of(MARKDOWN, tmp_path)
    assert "Only on a page" in told
    assert "Only in a PDF" not in told


def test_the_same_bytes_twice(made: tuple[Path, bytes], tmp_path: Path) -> None:
    assert pdf_of(MARKDOWN, tmp_path, title='A "title" \\ #1', contents=True) == made[1]


@pytest.mark.parametrize(
    ("markdown", "why"),
    [
        (raw('<svg role="img" viewBox="0 0 9 9"><path d="M1,1"/></svg>'), "a chart has no alternative text"),
        (raw('<svg role="img" viewBox="0 0 9 9"><title> </title></svg>'), "a chart has no alternative text"),
        (raw('<img src="data:image/png;base64,AAAA">'), "a picture has no alternative text"),
        ("The rate is $a / b$.", "a formula has no words"),
    ],
)
def test_what_has_no_words_is_refused(tmp_path: Path, markdown: str, why: str) -> None:
    with pytest.raises(RenderingError, match=why):
        pdf_of(markdown, tmp_path)
    assert not (tmp_path / "page-out.pdf").exists()


def test_typst_itself_guards_the_alternative_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*arguments: object, **keys: object) -> None:
        (tmp_path / "page.typ").write_text('#set document(title: "x")\n= A\n#image("a.svg")\n', encoding="utf-8")

    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', encoding="utf-8")
    monkeypatch.setattr(pdf, "pandoc", without)
    with pytest.raises(RenderingError, match="PDF/UA-1 error: missing alt text"):
        pdf.write_pdf(page("x"), tmp_path / "a.pdf", folder=reports_folder(), scratch=tmp_path)


def test_a_problem_is_said_without_the_text() -> None:
    said = 'PDF/UA-1 error: the text `"\u2743"` could not be displayed with font `"Arial"`'
    assert pdf._problem(said) == "no font of this machine has the character U+2743"
    assert pdf._problem("expected comma, found Walsall") == "typst could not set it"


def test_there_is_a_font_on_every_machine() -> None:
    import typst

    own = typst.Fonts(include_system_fonts=False, font_paths=[str(pdf._own_fonts())])  # type: ignore[call-arg]
    assert pdf.FONTS[-1] in own.families()  # type: ignore[attr-defined]
