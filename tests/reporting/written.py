"""What a reader gets: the text of a page, what typst understood, and what stands in a PDF."""

from __future__ import annotations

import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from yjd.office import Office
from yjd.reporting import pdf as written_pdf
from yjd.reporting.catalogue import reports_folder
from yjd.reporting.page import Page, write_html
from yjd.reporting.theme import Furniture

OFFICE = Office(name="Exampleshire", contact="data@example.invalid")


def page(markdown: str, *, title: str = "A title", office: Office = OFFICE, contents: bool = False) -> Page:
    about = Furniture(
        office=office, run="0f1e2d3c", project="p", standing="draft, 0 of 2 signatures", demonstration=False
    )
    return Page("small.qmd", title, "", "en-GB", contents, markdown, about)


def html_of(markdown: str, folder: Path, **keys: Any) -> str:
    """The page that Markdown becomes."""
    output = folder / "page-out.html"
    write_html(page(markdown, **keys), output, folder=reports_folder(), scratch=folder)
    return output.read_text(encoding="utf-8")


def pdf_of(markdown: str, folder: Path, **keys: Any) -> bytes:
    """The PDF that Markdown becomes."""
    output = folder / "page-out.pdf"
    written_pdf.write_pdf(page(markdown, **keys), output, folder=reports_folder(), scratch=folder)
    return output.read_bytes()


def raw(html: str) -> str:
    """A block of HTML as a cell gives it."""
    return f"\n`````{{=html}}\n{html}\n`````\n"


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def cells_of_page(html: str) -> list[str]:
    """The text of every data cell of the tables of a page."""
    return [_inner(cell) for cell in re.findall(r"<td\b[^>]*>(.*?)</td>", html, flags=re.DOTALL)]


def _inner(markup: str) -> str:
    parser = _Text()
    parser.feed(f"<p>{markup}</p>")
    parser.close()
    assert [tag for tag, _ in parser.tags] == ["p"], "text became an element"
    return " ".join("".join(parser.words).split())


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every element of a page with its attributes."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return parser.tags


def cells_of_pdf(folder: Path) -> list[list[str]]:
    """The text of the rows' cells of every table, as typst understood what `pdf_of` wrote into the folder."""
    return [
        [" ".join(_flat(cell["body"]).split()) for cell in table["children"] if cell["func"] == "cell"]
        for table in query(folder, "table")
    ]


def query(folder: Path, selector: str) -> Any:
    """Elements of what `pdf_of` wrote into a folder."""
    import typst

    asked: Any = typst.query
    fonts = [str(written_pdf._own_fonts())]
    return json.loads(asked(str(folder / "page.typ"), selector, root=str(folder), font_paths=fonts))


def _flat(body: Any) -> str:
    if isinstance(body, list):
        return "".join(map(_flat, body))
    if not isinstance(body, dict):
        return ""
    kind = body.get("func")
    if kind in ("space", "linebreak", "parbreak"):
        return " "
    if kind in ("text", "symbol"):
        return str(body["text"])
    if kind == "smartquote":
        return '"' if body.get("double", True) else "'"
    assert kind in ("sequence", "strong", "styled", "block"), f"text became {kind}"
    return _flat(body.get("children") or body.get("child") or body.get("body"))


def objects(content: bytes) -> str:
    """The objects of a PDF as text, the compressed ones too."""
    parts = [content.decode("latin-1")]
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, flags=re.DOTALL):
        try:
            parts.append(zlib.decompress(match[1]).decode("latin-1"))
        except zlib.error:
            continue
    return "\n".join(parts)
