"""What both ways of rendering share, and the refusal of all else by name and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from yjd.errors import RenderingError
from yjd.reporting.catalogue import documents, entry, reports_folder
from yjd.reporting.documents import read_document, split_options
from yjd.reporting.subset import check_options

HEADER = "---\ntitle: A\n---\n\n"


def _read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "small.qmd"
    path.write_text(text, encoding="utf-8")
    read_document(path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("---\ntitle: A\nbibliography: b.bib\n---\n", "line 3: the header's key `bibliography`"),
        ("---\ntitle: A\nparams:\n  a: 1\n---\n", "line 3: the header's key `params`"),
        ("---\nformat: pdf\n---\n", "line 2: the format `pdf`"),
        ("---\nformat:\n  html: default\n  docx: default\n---\n", "line 4: the format `docx`"),
        ("---\nformat:\n  html:\n    theme: cosmo\n---\n", "line 3: options of the format `html`"),
        ("---\nexecute:\n  freeze: auto\n---\n", "line 3: the option `execute: freeze`"),
        ("# One\n", "line 1: a heading of level 1"),
        ("## One\n\n#### Three\n", "line 3: a heading of level 4 below one of level 2"),
        ("a\n\n```{r}\nx\n```\n", "line 3: a code block of {r}"),
        ("a\n\n```{mermaid}\nx\n```\n", "line 3: a code block of {mermaid}"),
        ("```{python echo=false}\nx\n```\n", "line 1: a code block of {python echo=false}"),
        ("```{=latex}\nx\n```\n", "line 1: a code block of {=latex}"),
        ("a `\\x`{=latex} b\n", "line 1: raw latex"),
        ("a\n{{< video film.mp4 >}}\n", "line 2: the shortcode `video`"),
        ("{{< pagebreak >}}\n", "line 1: the shortcode `pagebreak`"),
        ("a {{< include x.md >}}\n", "line 1: an `include` that is not alone"),
        ("::: {.panel-tabset}\n:::\n", "line 1: the block `panel-tabset`"),
        ("::: incremental\n:::\n", "line 1: the block `incremental`"),
        ("a\n\n::: {layout-ncol=2}\n:::\n", "line 3: the block option `layout-ncol`"),
        ('::: {.callout-note collapse="true"}\n:::\n', "line 1: the block option `collapse`"),
        ('::: {.content-visible when-format="pdf"}\n:::\n', "line 1: the condition `when-format=pdf`"),
        ("::: {.content-hidden}\n:::\n", "line 1: the condition `when-format=`"),
        ("::: {.callout-note}\na\n", "line 1: a block has no end"),
        ("a\n:::\n", "line 2: a block ends that was never begun"),
        ("```\na\n", "line 1: a code block has no end"),
        ("## One {.unnumbered}\n", "line 1: the class `unnumbered`"),
        ("a [b]{.smallcaps}\n", "line 1: the class `smallcaps`"),
        ("![a](b.png){fig-align=left}\n", "line 1: the option `fig-align`"),
        ("$$ a $$ {#eq-one}\n", "line 1: the cross reference `eq-one`"),
        ("## One {#sec-one}\n", "line 1: the cross reference `sec-one`"),
        ("See @sec-one.\n", "line 1: the citation `@sec-one`"),
        ("As [@smith2020, p. 3] said\n", "line 1: the citation `@smith2020`"),
        ("See @tbl-none.\n", "line 1: the reference @tbl-none points to nothing"),
        ("::: {#fig-a}\n:::\n\n::: {#fig-a}\n:::\n", "line 4: the name `fig-a` is there twice"),
        ("a `r x`\n", "line 1: inline code"),
        ("a `{julia} x`\n", "line 1: inline code"),
        ("a\n\n. . .\n", "line 3: a pause"),
        ("<script>x</script>\n", "line 1: the element `<script>`"),
        ("a <iframe src='x'></iframe>\n", "line 1: the element `<iframe>`"),
    ],
)
def test_what_is_outside_the_subset_is_refused_by_name_and_line(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(RenderingError, match=re.escape(f"small.qmd, {named}")):
        _read(tmp_path, text)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("fig-width: 3", "the cell option `fig-width`"),
        ("echo: fenced", "the cell option `echo: fenced`"),
        ("warning: true", "the cell option `warning: True`"),
        ("output: axis", "the cell option `output: axis`"),
        ("tags: [remove]", "the cell option `tags: "),
        ("label: Fig A", "the cell option `label: Fig A`"),
    ],
)
def test_a_cell_option_outside_the_subset_is_refused(option: str, said: str) -> None:
    with pytest.raises(RenderingError, match=re.escape(f"a.qmd, line 7: {said}")):
        split_options(f"#| {option}\nx = 1", "a.qmd, line 7")


def test_all_that_is_within_is_let_in(tmp_path: Path) -> None:
    check_options({"label": "fig-a", "echo": False, "output": "asis", "tags": ["parameters"], "fig-alt": "x"}, "a")
    _read(
        tmp_path,
        HEADER
        + """## One {#one}

An address a@b.invalid, `code {.x}`, a [link](https://example.invalid/@a){.yjd-link}, a note[^1], `{python} 6 * 7`.

[^1]: Said below.

::: {.callout-note title="Mind"}

::: {.yjd-keep}
Nested, see @fig-a and @tbl-b.
:::

:::

::: {.content-visible when-format="typst"}
[$a / b$]{alt="a divided by b"}
:::

::: {#fig-a}
![words](data:image/png;base64,AAAA){width=3cm}

Caption
:::

```{python}
#| label: tbl-b
#| tbl-cap: Caption
1
```

```{=html}
<script>never looked at here: a page of its own is refused when it would load something</script>
```

```
@code {.is-left} ::: alone
```
""",
    )


def test_every_document_of_the_package_is_within_the_subset() -> None:
    for name in documents():
        assert read_document(reports_folder() / f"{name}.qmd").cell_places


def test_what_a_document_asks_for_is_found(tmp_path: Path) -> None:
    path = tmp_path / "small.qmd"
    path.write_text(
        "---\ntitle: A\nformat: revealjs\n---\n\n```{python}\n#| tags: [parameters]\nrelease = ''\n"
        "area = ''  # which\n```\n\n```{python}\nb = 1\n```\n",
        encoding="utf-8",
    )
    assert entry(str(path)).parameters == ("area",)
    assert entry(str(path)).formats == ("slides",)
    assert entry("summit").parameters == ()
    assert entry("summit").formats == ("html", "pdf")
