"""Many files from one release: one kernel, a page for every area, an index."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.progress.test_overview import manifest, register, released
from tests.reporting import made_up
from tests.reporting.written import tags_of
from yjd import cli
from yjd.errors import RenderingError
from yjd.progress.overview import Run, verdicts
from yjd.release import write_release
from yjd.reporting.batch import file_names, render_each
from yjd.reporting.catalogue import reports_folder
from yjd.reporting.render import Job, render, render_many

AREAS = ["North & South", "Østby", "north south"]
AREA_DOCUMENT = """---
title: Brief
---

```{python}
#| tags: [parameters]
#| include: false
release = ""
area = ""
```

## Words

In `{python} area`, process `{python} __import__("os").getpid()`, before: `{python} "left" in dir()`.

```{python}
#| include: false
left = 1
```
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with a document about one area, and a release with three areas."""
    folder = tmp_path_factory.mktemp("batch")
    shutil.copytree(reports_folder(), folder / "documents")
    source = folder / "documents" / "brief.qmd"
    source.write_text(AREA_DOCUMENT, encoding="utf-8")
    release = folder / "work" / "release" / "0f1e2d3c"
    made_up.write_release(release, made_up.results(), made_up.manifest(areas=AREAS), {})
    return source, release


@given(st.lists(st.text(max_size=12), max_size=8))
def test_file_names_are_all_different_and_plain(names: list[str]) -> None:
    found = file_names(names)
    assert len(set(found)) == len(names)
    assert "index" not in found
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in found)


def test_every_area_and_an_index_from_one_kernel(made: tuple[Path, Path], tmp_path: Path) -> None:
    source, release = made
    told: list[str] = []
    written = render_each(
        str(source), release, tmp_path, formats=("html", "pdf"), engine="embedded", announce=told.append
    )
    assert [path.name for path in written] == [
        "index.html", "north-south.html", "north-south.pdf", "stby.html", "stby.pdf",
        "north-south-2.html", "north-south-2.pdf",
    ]  # fmt: skip
    assert told == [f"Brief: {area}" for area in AREAS for _ in range(2)]
    index = written[0].read_text(encoding="utf-8")
    links = [told.get("href") for tag, told in tags_of(index) if tag == "a"]
    assert links == ["#main", *(path.name for path in written[1:])]
    assert "North &amp; South (web page)" in index
    pages = [path.read_text(encoding="utf-8") for path in written[1::2]]
    assert len({re.findall(r"process (\d+)", page)[0] for page in pages}) == 1
    assert all("before: False" in page for page in pages), "a document leans on the one before"
    assert "<title>Brief: North &amp; South</title>" in pages[0]
    assert str(os.getpid()) not in re.findall(r"process (\d+)", pages[0])


def test_every_owner_has_a_page_and_the_index_leads_to_the_overview_too(tmp_path: Path) -> None:
    kept = verdicts(Run("now", released(), manifest()), register(tmp_path)).as_json()
    release = write_release(tmp_path, "now", results=released(), manifest=manifest(progress=kept), files={})
    chosen = CliRunner().invoke(
        cli.app, ["report", "owner", "--owner", "Nobody", "--release", str(release), "--output", str(tmp_path)]
    )
    assert "The release has no owner 'Nobody'. It has: Office, Other office." in str(chosen.exception)
    written = render_each("owner", release, tmp_path / "owners", engine="embedded")
    assert [path.name for path in written] == ["index.html", "overview.html", "office.html", "other-office.html"]
    index, *pages = (path.read_text(encoding="utf-8") for path in written)
    links = [told.get("href") for tag, told in tags_of(index) if tag == "a"]
    assert links == ["#main", "overview.html", "office.html", "other-office.html"]
    assert "<title>Progress on recommendations: Office</title>" in pages[1]
    said = {name: ("Fewer." in page, "More." in page) for name, page in zip("woa", pages, strict=True)}
    assert said == {"w": (True, True), "o": (True, False), "a": (False, True)}
    without = write_release(tmp_path, "without", results=released(), manifest=manifest(run="without"), files={})
    with pytest.raises(RenderingError, match="names no owners"):
        render_each("owner", without, tmp_path / "none")


def test_what_a_document_does_not_ask_for_is_refused(made: tuple[Path, Path], tmp_path: Path) -> None:
    source, release = made
    with pytest.raises(RenderingError, match=r"has no parameter 'place'\. It has: area"):
        render(str(source), release, parameters={"place": "x"}, engine="embedded")
    with pytest.raises(RenderingError, match=r"no parameter 'area'\. It has: none"):
        render_many([Job("summit", tmp_path / "a.html", parameters={"area": "x"})], release)
    with pytest.raises(RenderingError, match="summit is not about one area"):
        render_each("summit", release, tmp_path)
    with pytest.raises(RenderingError, match="The format 'docx' is not known"):
        render("summit", release, format="docx")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing"], 16, "Choose from: "),
        (["{source}", "--area", "West"], 16, "It has: North & South, Østby, north south"),
        (["{source}"], 16, "There are: North & South"),
        (["summit", "--area", "Østby"], 16, "is not about one area"),
        (["summit", "--all", "--area", "Østby"], 2, "not both"),
        (["summit", "--format", "docx"], 2, "there are html, pdf, slides"),
        (["plain", "--format", "slides"], 2, "it comes as html, pdf"),  # it would take the place of plain.html
    ],
)
def test_wrong_usage_says_what_there_is(made: tuple[Path, Path], arguments: list[str], code: int, said: str) -> None:
    source, release = made
    given = [argument.format(source=source) for argument in arguments]
    done = CliRunner().invoke(cli.app, ["report", *given, "--release", str(release)])
    words = str(done.exception) + done.output
    assert getattr(done.exception, "exit_code", done.exit_code) == code
    assert said in " ".join(re.sub(r"[│╭╰─╮╯]", " ", words).split())


def test_the_list_of_documents() -> None:
    done = CliRunner().invoke(cli.app, ["report", "--list"])
    assert done.exit_code == 0
    assert re.search(r"^summit +html, pdf", done.output, flags=re.MULTILINE)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for Quarto is a shell script")
def test_quarto_is_told_the_parameters_the_title_and_the_format(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, release = made
    program = tmp_path / "bin" / "quarto"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n(echo "$@"; cat "$2" _brand.yml) > page.pdf\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    output = tmp_path / "a.pdf"
    render(str(source), release, format="pdf", parameters={"area": 'A "b"'}, output=output, engine="quarto")
    told = output.read_text(encoding="utf-8")
    assert "render brief.qmd --to typst --output page.pdf" in told
    assert 'title:Brief: A "b"' in told
    assert told.index('area = ""') < told.index("area = 'A \"b\"'") < told.index("## Words")
    assert '"primary": "#12436D"' in told
