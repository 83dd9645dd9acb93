"""Text from outside comes out as the same plain text in every format, whatever it would mean to a format."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.reporting import made_up
from tests.reporting.written import cells_of_page, cells_of_pdf, html_of, objects, pdf_of, query, raw, tags_of
from yjd.office import Office
from yjd.reporting.render import Job, render_many
from yjd.reporting.tables import table, text
from yjd.reporting.words import escape_markdown, plain, visible

NASTY = (
    "<b>", "</td>", "</table>", "<script>alert(1)</script>", "<!--", "<svg onload=x>", "<img src=//example.invalid/x>",
    "&amp;", "&#60;", "*a*", "**", "_b_", "`x`", "```", "~~s~~", "[l](//example.invalid)", "![i](x.png)", "[^1]", "\\",
    "{{< meta title >}}", "{{< include x >}}", "`{python} 1+1`", "{.callout-note}", ":::", "{=html}", "$x$", "$$", "%",
    "#show", "#import", "#", "@ref", "@fig-a", "]", "[c]", "<label>", "//", "/*", "*/", "'", '"', "--", "...", "=1+1",
    "+1", "-1", "@SUM(A1)", "^a^", "|", "+---+", "1. ", "- ", "> ", "= ", "http://example.invalid", "a@b.invalid", "~",
    "\u202e", "\u2066", "\u200f", "\x00", "\x1b[31m", "\t", "\n", "\u2028", "\xa0", "\xad", "é", "中", "😀", "\ue000",
    "yjd-apart-yjd",
)  # fmt: skip
WORDS = st.lists(st.sampled_from(NASTY) | st.characters(max_codepoint=0x17F), min_size=1, max_size=6).map("".join)


def _set(words: str) -> str:
    """As typst sets it: an ellipsis and a minus sign in place of dots and a hyphen."""
    return words.replace("...", "…").replace("\u2212", "-")


def expected(words: str) -> str:
    """One line of what a reader can see."""
    return " ".join(visible(plain(words)).split())


@settings(
    max_examples=max(1, settings.default.max_examples // 50), phases=[Phase.generate]
)  # each example holds many texts
@given(st.lists(WORDS.filter(expected), min_size=20, max_size=40))
def test_cells_and_inline_text_are_plain_text_in_both_formats(words: list[str]) -> None:
    cells = table("Caption", ("Name", "Words"), [("", [[text("x"), text(each)] for each in words])])
    inline = "\n\n".join(f"| a | b |\n|---|---|\n| x | {escape_markdown(each)} |" for each in words[:5])
    markdown = visible(f"{raw(cells)}\n\n{inline}\n")
    wanted = [expected(each) for each in words]
    with tempfile.TemporaryDirectory() as folder:
        page = html_of(markdown, Path(folder))
        assert cells_of_page(page) == [part for each in wanted for part in (each,)] + [
            part for each in wanted[:5] for part in ("x", each)
        ]
        assert not {tag for tag, _ in tags_of(page)} & {"script", "img", "b", "em", "a.x", "math"}
        pdf_of(markdown, Path(folder))
        first, *others = cells_of_pdf(Path(folder))
        assert [_set(cell) for cell in first[1::2]] == [_set(each) for each in wanted]
        assert [_set(cells[1]) for cells in others] == [_set(each) for each in wanted[:5]]


DOCUMENT = """---
title: "Brief"
---

```{python}
#| tags: [parameters]
#| include: false
release = ""
area = ""
```

```{python}
from yjd.reporting.tables import Html
from yjd.reporting.words import escape_html, escape_markdown
Html(f"<p class='yjd-about'>{escape_html(area)}</p><details><summary>{escape_html(area)}</summary></details>")
```

## In `{python} escape_markdown(area)` and on

Text.
"""


def test_names_of_areas_and_of_the_office_from_end_to_end(tmp_path: Path) -> None:
    name = "<b>A</b> *x* {{< meta title >}} #panic() $y$ @fig-z [c](d) \"q\" 'r' \\ //e /*f `g` \u202eh <label>"
    seen = expected(name)
    office = Office(name="Exampleshire <i>&</i> #x $y$", contact='</p><script>z</script> *c* " \\').model_dump()
    manifest = made_up.manifest(office=office, areas=[name])
    release = made_up.write_release(tmp_path / "work" / "release" / "0f1e2d3c", made_up.results(), manifest, {})
    source = tmp_path / "documents" / "brief.qmd"
    source.parent.mkdir()
    (source.parent / "styles.css").write_text("", encoding="utf-8")
    _copy_filters(source.parent)
    source.write_text(DOCUMENT, encoding="utf-8")
    jobs = [Job(str(source), tmp_path / f"brief.{kind}", kind, {"area": name}) for kind in ("html", "pdf")]
    render_many(jobs, release, engine="embedded")
    page = (tmp_path / "brief.html").read_text(encoding="utf-8")
    assert not {tag for tag, _ in tags_of(page)} & {"script", "b", "i", "img", "em", "label"}
    plain_page = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for shown in (seen, f"Brief: {seen}", "Exampleshire <i>&</i> #x $y$", '</p><script>z</script> *c* " \\'):
        assert shown in _decoded(plain_page)
    found = objects((tmp_path / "brief.pdf").read_bytes())
    assert "/Lang" in found


def _copy_filters(folder: Path) -> None:
    import shutil

    from yjd.reporting.catalogue import reports_folder

    shutil.copytree(reports_folder() / "_filters", folder / "_filters")


def _decoded(text_: str) -> str:
    import html

    return html.unescape(text_)


def test_the_title_and_the_office_of_a_pdf_are_text(tmp_path: Path) -> None:
    name = '#panic() $y$ "q" \\ ] <label> // \n{{< x >}}'
    pdf_of("## One\n", tmp_path, title=name, office=Office(name='A #x " \\ b', contact="*c* #d()"))
    (told,) = query(tmp_path, "title")
    assert json.dumps(told).count("#panic() $y$") == 1
