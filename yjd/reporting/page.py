"""From Markdown to one HTML file that asks for nothing."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yjd.errors import RenderingError
from yjd.reporting.theme import Furniture
from yjd.reporting.words import visible

READER = "markdown-smart"
SLIDES = "slides.template"
_LOADS = (
    r"<(?:link|script|img|iframe|source|object|embed|video|audio|image|use|input)\b[^>]*?"
    r"\b(?:src|href|data|poster|srcset)\s*=\s*[\"']?\s*(?:https?:)?//"
)
_SECONDS = 300


@dataclass(frozen=True)
class Page:
    """What is written: the text and what stands around it."""

    name: str  # of the document, for messages
    title: str
    subtitle: str
    lang: str
    contents: bool  # whether a list of contents stands before the text
    markdown: str
    furniture: Furniture

    def __post_init__(self) -> None:
        for name in ("title", "subtitle", "markdown"):
            object.__setattr__(self, name, visible(getattr(self, name)))


def write_html(page: Page, output: Path, *, folder: Path, scratch: Path, template: str = "page.template") -> None:
    """Write a page.

    Parameters
    ----------
    page : Page
        What to write.
    output : Path
        The file.
    folder : Path
        The folder of the documents, with `styles.css` and `_filters/`.
    scratch : Path
        Where to write before the file is put in its place.
    template : str, optional
        The file in `_filters/` that stands around the text.

    Raises
    ------
    RenderingError
        The page would load something, or pandoc cannot read it.
    """
    refuse_requests(page.markdown, page.name)  # before pandoc, which would fetch in order to embed
    office = page.furniture.office
    variables = {
        "office": office.name,
        "logo": office.logo,
        "logo-alt": office.logo_alt,
        "contact": office.contact,
        "run": page.furniture.run,
        "state": page.furniture.state,
    }
    written = scratch / "page.html"
    pandoc(
        page,
        "html5",
        written,
        folder=folder,
        template=template,
        variables={
            "theme": page.furniture.styles,
            **{name: html.escape(value) for name, value in variables.items() if value},
        },
        options=[
            "--embed-resources",
            "--section-divs",
            "--mathml",
            f"--css={folder / 'styles.css'}",
            *(["--toc", "--toc-depth=3"] if page.contents else []),
            *(["--metadata=yjd-slides:true"] if template == SLIDES else []),
        ],
    )
    refuse_requests(written.read_text(encoding="utf-8"), page.name)
    replace_file(written, output)


def pandoc(
    page: Page,
    to: str,
    written: Path,
    *,
    folder: Path,
    template: str,
    variables: Mapping[str, str],
    options: Sequence[str] = (),
) -> None:
    """Let pandoc write a page; what the filters refuse becomes an error with the document's name."""
    import pypandoc

    metadata = {"title": page.title, "pagetitle": page.title, "lang": page.lang, "subtitle": page.subtitle}
    told = {"metadata": {name: value for name, value in metadata.items() if value}, "variables": dict(variables)}
    defaults = written.with_name("defaults.yaml")  # a file, since a logo is too long for a command line
    defaults.write_text(json.dumps(told), encoding="utf-8")  # JSON is YAML
    find_pandoc: Any = pypandoc.get_pandoc_path
    command = [
        str(find_pandoc()),
        f"--from={READER}",
        f"--to={to}",
        f"--output={written}",
        "--standalone",
        "--wrap=none",
        f"--template={folder / '_filters' / template}",
        f"--lua-filter={folder / '_filters' / 'quarto-subset.lua'}",
        f"--lua-filter={folder / '_filters' / 'typst.lua'}",
        f"--resource-path={folder}",
        f"--defaults={defaults}",
        *options,
    ]
    done = subprocess.run(
        command,
        input=page.markdown.encode("utf-8"),
        cwd=written.parent,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        found = re.search(r"yjd: ([^\n]*)", done.stderr.decode("utf-8", "replace"))
        why = found[1] if found else "pandoc could not convert it"
        raise RenderingError(f"{page.name}: {why}.", "Mend the document.")


def refuse_requests(page: str, name: str) -> None:
    """A rendered file makes no request, ever."""
    loads = re.search(_LOADS, page, flags=re.IGNORECASE)
    styles = "".join(re.findall(r"<style\b[^>]*>(.*?)</style>", page, flags=re.IGNORECASE | re.DOTALL))
    if loads or re.search(r"@import|url\(\s*[\"']?\s*(?:https?:)?//", styles, flags=re.IGNORECASE):
        raise RenderingError(f"{name}: the page would load something from elsewhere.", "Take the link out.")


def replace_file(written: Path, output: Path) -> None:
    """The old file or the new one, never half of one."""
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(written, beside)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
