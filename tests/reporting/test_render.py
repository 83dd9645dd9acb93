"""Documents without Quarto: the subset works, what is outside it is refused by name and line."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.reporting import made_up
from yjd.errors import RenderingError
from yjd.reporting.documents import read_document, split_options
from yjd.reporting.render import documents, render, reports_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = tmp_path / "documents"
    shutil.copytree(reports_folder(), copied)
    return copied


def _document(folder: Path, text: str) -> Path:
    path = folder / "small.qmd"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("## A\n\n```{r}\nx\n```\n", "line 3: a code block of {r}"),
        ("## A\n\n{{< video film.mp4 >}}\n", "line 3: the shortcode `video`"),
        ("::: {.panel-tabset}\n:::\n", "line 1: the block `panel-tabset`"),
        ("a\n\n::: {layout-ncol=2}\n:::\n", "line 3: the block option `layout-ncol`"),
        ("---\ntitle: A\nbibliography: b.bib\n---\n", "line 3: the header's key `bibliography`"),
        ("a `r x`\n", "line 1: inline code"),
        ("a\n\n```{ojs}\nx\n```\n", "line 3: a code block of {ojs}"),
    ],
)
def test_what_is_outside_the_subset_is_refused_by_name_and_line(folder: Path, text: str, named: str) -> None:
    with pytest.raises(RenderingError, match=re.escape(named)):
        read_document(_document(folder, text))


def test_the_line_is_that_of_the_included_file(folder: Path) -> None:
    (folder / "_includes" / "part.md").write_text("one\n\n{{< pagebreak >}}\n", encoding="utf-8")
    with pytest.raises(RenderingError, match=r"part\.md, line 3: the shortcode `pagebreak`"):
        read_document(_document(folder, "## A\n\n{{< include _includes/part.md >}}\n"))


def test_an_include_cannot_leave_the_folder(folder: Path) -> None:
    (folder.parent / "secret.md").write_text("secret", encoding="utf-8")
    with pytest.raises(RenderingError, match="not in the folder of reports"):
        read_document(_document(folder, "{{< include ../secret.md >}}\n"))


def test_an_include_cannot_include_itself(folder: Path) -> None:
    with pytest.raises(RenderingError, match="includes itself"):
        read_document(_document(folder, "{{< include small.qmd >}}\n"))


def test_a_cell_option_that_is_not_known_is_refused() -> None:
    with pytest.raises(RenderingError, match=r"a\.qmd, line 7: the cell option `fig-width`"):
        split_options("#| fig-width: 3\nx = 1", "a.qmd, line 7")


def test_meta_is_filled_in_from_the_header(folder: Path) -> None:
    found = read_document(
        _document(folder, "---\ntitle: A title\n---\n\n{{< meta title >}}, {{< meta lang >}}\n"),
        {"lang": "en-GB"},
    )
    assert found.body.strip() == "A title, en-GB"


def test_every_document_of_the_package_is_within_the_subset() -> None:
    for name in documents():
        assert read_document(reports_folder() / f"{name}.qmd").cell_places


SMALL = """---
title: "Small <b>document</b>"
---

```{python}
#| tags: [parameters]
#| include: false
release = ""
```

Inline `{python} 6 * 7` here. See @fig-a.

::: {#fig-a}

```{python}
import json, pathlib
from yjd.reporting.tables import Html
facts = json.loads((pathlib.Path(release) / "release.json").read_text(encoding="utf-8"))
Html("<p class=run>" + facts["run"] + "</p><pre>```</pre>")
```

What it shows

:::

```{python}
#| output: asis
print("*printed*")
```

::: {.callout-note title="Mind"}
This.
:::
"""


def _release(tmp_path: Path) -> Path:
    return made_up.write_release(tmp_path / "work" / "release" / "0f1e2d3c", made_up.results(), made_up.manifest(), {})


def test_a_small_document_end_to_end(folder: Path, tmp_path: Path) -> None:
    release = _release(tmp_path)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    source = _document(folder, SMALL)
    written = render(str(source), release, engine="embedded")
    assert written == tmp_path / "reports" / "small.html"
    page = written.read_text(encoding="utf-8")
    assert '<html lang="en-GB">' in page
    assert "<title>Small &lt;b&gt;document&lt;/b&gt;</title>" in page
    assert "Inline 42 here" in page
    assert '<a href="#fig-a">Figure 1</a>' in page
    assert "Figure 1: What it shows" in page
    assert re.search(r"<p class=\"?run\"?>0f1e2d3c</p><pre>```</pre>", page)
    assert "<em>printed</em>" in page
    assert 'role="note"' in page
    assert "import json" not in page  # echo is off
    assert not re.search(r"<(?:link|script|img)\b[^>]*(?:href|src)=", page)
    after = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    assert set(after) - set(before) == {
        Path("documents/small.qmd"),
        Path("reports"),
        Path("reports/small.html"),
    }


def test_a_failing_cell_names_its_line_and_no_value(folder: Path, tmp_path: Path) -> None:
    source = _document(folder, "## A\n\ntext\n\n```{python}\nraise ValueError('a secret value')\n```\n")
    with pytest.raises(RenderingError, match=r"small\.qmd, line 5: the code stopped with ValueError") as caught:
        render(str(source), _release(tmp_path), engine="embedded")
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "reports").exists()


def test_a_reference_to_nothing_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RenderingError, match="@fig-none points to nothing"):
        render(str(_document(folder, "See @fig-none.\n")), _release(tmp_path), engine="embedded")


@pytest.mark.parametrize(
    "text",
    [
        '```{=html}\n<iframe src="https://example.invalid/x"></iframe>\n```\n',
        '<img alt="x" src="//example.invalid/x.png">\n',
        "![x][there]\n\n[there]: https://example.invalid/x.png\n",
        "```{=html}\n<style>@import 'https://example.invalid/x.css';</style>\n```\n",
    ],
)
def test_a_page_that_would_load_something_is_refused_before_anything_is_asked(
    folder: Path, tmp_path: Path, text: str
) -> None:
    with pytest.raises(RenderingError, match="from elsewhere"):
        render(str(_document(folder, text)), _release(tmp_path), engine="embedded")


def test_the_summit_report_end_to_end(tmp_path: Path, charts: dict[str, bytes]) -> None:
    release = pytest.importorskip("yjd.release", reason="the release module is not there yet")
    facts = made_up.manifest(areas=["<img src=x onerror=alert(1)>"])
    path = release.write_release(
        tmp_path / "work" / "release", facts["run"], results=made_up.results(), manifest=facts,
        files={f"charts/{name}": content for name, content in charts.items()},
    )  # fmt: skip
    page = render("summit", path, output=tmp_path / "summit.html", engine="embedded").read_text(encoding="utf-8")
    assert "DRAFT" in page
    assert "DEMONSTRATION DATA" in page
    assert "3.2 times as likely" in page
    assert "A difference is not of itself evidence of bias or a direct effect of ethnicity" in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert "Traceback" not in page
    assert not re.search(r"<(?:link|script|img|iframe)\b[^>]*(?:href|src)=", page)
    assert page.count("<h1") == 1
    assert len(re.findall(r"<svg[^>]*role=\"img\"", page)) >= 3


@pytest.mark.parametrize(
    ("options", "why"),
    [({"format": "docx"}, "format"), ({"engine": "magic"}, "engine")],
)
def test_what_cannot_be_asked_for_is_refused(tmp_path: Path, options: dict[str, str], why: str) -> None:
    with pytest.raises(RenderingError, match=why):
        render("summit", _release(tmp_path), **options)  # type: ignore[arg-type]


def test_names_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(RenderingError, match="no document"):
        render("../summit", _release(tmp_path))
    with pytest.raises(RenderingError, match="not a release"):
        render("summit", tmp_path / "nothing")


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for Quarto is a shell script")
@pytest.mark.parametrize(("version", "used"), [("1.10.3", True), ("1.9", True), ("1.8.26", False), ("1", False)])
def test_quarto_is_used_where_it_is_new_enough(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, used: bool
) -> None:
    program = tmp_path / "bin" / "quarto"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo {version} && exit\n'
        'echo "quarto $QUARTO_PYTHON $YJD_RELEASE" > page.html\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    release = _release(tmp_path)
    page = render(str(_document(folder, "## A\n")), release, output=tmp_path / "a.html").read_text("utf-8")
    assert (page.strip() == f"quarto {sys.executable} {release}") == used
    assert not (folder / "page.html").exists()


def test_quarto_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RenderingError, match="not on the path"):
        render("summit", _release(tmp_path), engine="quarto")
