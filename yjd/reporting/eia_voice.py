"""What communities said, from a Markdown file of the analyst's: formatted text, and nothing that could act.

A release holds numbers only. What people said comes from a file that is named when the evidence pack is rendered. Only
plain Markdown counts in it: headings, paragraphs, lists, quotations, emphasis and links. HTML, scripts, templates and
pictures come out letter for letter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from yjd.errors import RenderingError
from yjd.reporting.words import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

VOICE = "voice"  # the parameter of a document that names the file
FILE_NAME = "community-voice.md"  # looked for beside yjd.toml
TOP = 4  # the level of the highest heading of the file: under the sections of the pack
_LARGEST = 500_000  # bytes
_LINKS = re.compile(r"(?:https?://|mailto:)[^\s]+", flags=re.IGNORECASE)
_MARK = re.compile(r"[^\w]+")

# The sections that a file can fill, and what belongs there.
SECTIONS: dict[str, str] = {
    "What is assessed": "The policy, practice or decision, who decides, when, and which children it reaches.",
    "Who was asked, and how": "Which communities, how many people, by whom, when, and who was not reached.",
    "What children said": "In their own words where they agreed to it, with nothing that could tell who they are.",
    "What families and communities said": "What is seen at each stage, what is trusted and what is not, and why.",
    "What those who work with children said": "Police, youth justice service, courts, schools, voluntary groups.",
    "Where experience and numbers differ": "What no number here shows, and which numbers surprise people.",
    "What people want to change": "What would make a difference to them, and how they would see that it has.",
    "What will be done": "For each clear difference: a tested explanation, or a reform, with a name and a date.",
}
OTHER = "What else was said"


@dataclass(frozen=True)
class Voice:
    """What a file says, by section.

    Attributes
    ----------
    sections : mapping of str to str
        HTML of each section that the file fills; `OTHER` holds what stands under none of their headings.
    sha256 : str
        Of the file; empty where there is none.
    """

    sections: dict[str, str] = field(default_factory=dict)
    sha256: str = ""


def read_voice(path: str | Path) -> Voice:
    """Read a file of what communities said.

    Parameters
    ----------
    path : str or Path
        A Markdown file (UTF-8, up to 500 KB); nothing is read where it is empty.

    Raises
    ------
    RenderingError
        There is no such file, it is too large, or it is not UTF-8 text.
    """
    if not str(path):
        return Voice()
    try:
        content = Path(path).read_bytes()
    except OSError:
        raise RenderingError(f"{path} cannot be read.", "Name a Markdown file of what communities said.") from None
    if len(content) > _LARGEST:
        raise RenderingError(
            f"{path} is larger than {_LARGEST // 1000} KB.", "Keep to what was said, without pictures."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RenderingError(f"{path} is not UTF-8 text.", "Save it as Markdown in UTF-8.") from None
    return Voice(sections_of(text), hashlib.sha256(content).hexdigest())


def sections_of(text: str) -> dict[str, str]:
    """Markdown as HTML, by the section of `SECTIONS` whose heading it stands under, or else `OTHER`.

    A heading at or above the level of the section's own heading ends it. A title that the file begins with is left
    out. Headings inside a section begin at level 4 and leave no level out.
    """
    reader = _reader()
    tokens = reader.parse(_one_kind_of_line(text))
    found: dict[str, list[Token]] = {}
    here, level = OTHER, 0
    place = _after_title(tokens)
    while place < len(tokens):
        token = tokens[place]
        if token.type == "heading_open" and token.level == 0:
            depth, name = int(token.tag[1]), _section(tokens[place + 1].content)
            if name:
                here, level = name, depth
                place += 3
                continue
            if depth <= level:
                here, level = OTHER, 0
        found.setdefault(here, []).append(token)
        place += 1
    made = {name: _html(reader, _levelled(inside)) for name, inside in found.items()}
    return {name: html for name, html in made.items() if html}


def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False})
    reader.disable(["image", "html_block", "html_inline", "autolink"])
    reader.validateLink = lambda url: bool(_LINKS.fullmatch(url))  # type: ignore[method-assign]
    return reader


def _one_kind_of_line(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(visible(line) for line in lines)


def _after_title(tokens: Sequence[Token]) -> int:
    """A title at the top of the file says what the pack's own heading says: it is passed over."""
    is_title = bool(tokens) and tokens[0].type == "heading_open" and tokens[0].tag == "h1"
    return 3 if is_title and not _section(tokens[1].content) else 0


def _section(heading: str) -> str:
    """The section that a heading names, whatever its capitals and signs; '' for none."""
    wanted = _key(heading)
    return next((name for name in SECTIONS if _key(name) == wanted), "")


def _key(text: str) -> str:
    return _MARK.sub(" ", text).strip().casefold()


def _levelled(tokens: list[Token]) -> list[Token]:
    """Headings moved under ours: the highest at `TOP`, none more than one below the one before it."""
    depths = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    lowest, before, tag = min(depths, default=1), TOP - 1, ""
    for token in tokens:
        if token.type == "heading_open":
            before = min(TOP + int(token.tag[1]) - lowest, before + 1, 6)
            tag = f"h{before}"
        if token.type in ("heading_open", "heading_close"):
            token.tag = tag
    return tokens


def _html(reader: MarkdownIt, tokens: list[Token]) -> str:
    """HTML on which no template can act: braces are written by number."""
    html = str(reader.renderer.render(tokens, reader.options, {})).strip()
    return html.replace("{", "&#123;").replace("}", "&#125;")
