"""What a document may hold so that it is the same with Quarto and without; all else is refused by name and line.

Quarto understands far more than pandoc does alone. What only Quarto understands would be text on the page, or lost,
without it: so it is not let in at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from yjd.errors import RenderingError

HEADER_KEYS = frozenset({"title", "subtitle", "author", "lang", "format", "execute", "jupyter", "description", "toc"})
DOCUMENT_FORMATS = frozenset({"html", "typst", "revealjs"})
EXECUTE_KEYS = frozenset({"echo", "warning"})
CELL_OPTIONS = frozenset(
    {"label", "echo", "eval", "include", "output", "fig-alt", "fig-cap", "tbl-cap", "tags", "warning"}
)
FLAGS = frozenset({"echo", "eval", "include", "warning"})
CALLOUTS = frozenset({"callout-note", "callout-tip", "callout-important", "callout-warning", "callout-caution"})
CONDITIONS = frozenset({"content-visible", "content-hidden"})
WHEN = frozenset({"html", "typst"})
_ATTRIBUTES = {"title", "role", "when-format", "alt", "width", "height"}
_ACTIVE = ("script", "style", "iframe", "object", "embed", "link", "video", "audio", "form", "input", "base", "meta")

Place = Callable[[int], str]

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*(.*?)\s*$")
_DIV = re.compile(r"^\s*:{3,}\s*(.*?)\s*:*\s*$")
_CODE = re.compile(r"(`+)(?:.(?!\1))*.\1")
_OTHER_INLINE = re.compile(r"(?<!`)`(?:r|\{(?!python\})(?!=)\w+\})\s+[^`]*`")
_ATTRIBUTED = re.compile(r"(?<=[\])`$])\{([^{}]*)\}|(?<=\s)\{([#.][^{}]*)\}\s*$")
_CITED = re.compile(r"(?<![\w\\.`/@])-?@\{?([A-Za-z_][\w:.#$%&+?~/-]*)")
_HEADING = re.compile(r"^(#{1,6})\s+\S")
_TAG = re.compile(rf"<(?:{'|'.join(_ACTIVE)})\b", re.IGNORECASE)


def refused(what: str, where: str) -> RenderingError:
    """The error for what is outside the subset."""
    return RenderingError(
        f"{where}: {what} is outside what renders without Quarto.",
        "Keep to the subset in docs/reports.md, or install Quarto and ask for it.",
    )


def check_header(header: Mapping[str, Any], lines: Sequence[str], name: str) -> None:
    """Refuse what a header may not hold.

    Parameters
    ----------
    header : mapping
        What the lines say.
    lines : sequence of str
        The header as written, its first line the opening dashes.
    name : str
        The file.
    """

    def where(key: str) -> str:
        line = next((n for n, text in enumerate(lines, 1) if re.match(rf"\s*{re.escape(key)}\s*:", text)), 1)
        return f"{name}, line {line}"

    for key in header:
        if key not in HEADER_KEYS:
            raise refused(f"the header's key `{key}`", where(str(key)))
    told = header.get("format")
    for key in [told] if isinstance(told, str) else (told or ()):
        if key not in DOCUMENT_FORMATS:
            raise refused(f"the format `{key}`", where(str(key)) if not isinstance(told, str) else where("format"))
    if isinstance(told, Mapping) and any(value not in ("default", None) for value in told.values()):
        key = next(key for key, value in told.items() if value not in ("default", None))
        raise refused(f"options of the format `{key}`", where(str(key)))
    for key, value in (header.get("execute") or {}).items():
        if key not in EXECUTE_KEYS or (key == "warning" and value):
            raise refused(f"the option `execute: {key}`", where(str(key)))


def check_options(values: Mapping[str, Any], where: str) -> None:
    """Refuse what the `#|` lines of a cell may not ask for."""
    for name, value in values.items():
        wrong = (
            name not in CELL_OPTIONS
            or (name in FLAGS and not isinstance(value, bool))
            or (name == "warning" and value)
            or (name == "output" and value not in (True, False, "asis"))
            or (name == "tags" and value != ["parameters"])
            or (name == "label" and not re.fullmatch(r"[a-z][a-z0-9-]*", str(value)))
        )
        if wrong:
            said = f"the cell option `{name}`" if name not in CELL_OPTIONS else f"the cell option `{name}: {value}`"
            raise refused(said, where)


def check_body(lines: Sequence[str], place: Place) -> list[int]:
    """Refuse what only Quarto can do.

    Parameters
    ----------
    lines : sequence of str
        The document below its header, includes filled in.
    place : callable
        From the number of a line, counted from 0, to its file and line in words.

    Returns
    -------
    list of int
        The lines at which a code cell begins.

    Raises
    ------
    RenderingError
        With the name of what is refused and its line.
    """
    cells: list[int] = []
    checked = _Checked(place)
    fence, opened = "", 0
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2]:
                fence = ""
            else:
                checked.code(line)
        elif match:
            fence, opened = match[1], number
            if _opens_cell(match[2], place(number)):
                cells.append(number)
        else:
            checked.markdown(number, line)
    if fence:
        raise RenderingError(f"{place(opened)}: a code block has no end.", f"Close it with {fence}.")
    checked.finish()
    return cells


def _opens_cell(info: str, where: str) -> bool:
    if info == "{python}":
        return True
    if info.startswith("{") and info != "{=html}" and not info.startswith("{."):
        raise refused(f"a code block of {info}", where)
    return False


class _Checked:
    """What was seen on the way down: open blocks, headings, what is defined and what is referred to."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._open: list[int] = []
        self._level = 1
        self._defined: set[str] = set()
        self._cited: list[tuple[str, int]] = []

    def code(self, line: str) -> None:
        """A line of code: a label defines what a reference may name."""
        if found := re.match(r"#\|\s*label:\s*[\"']?([\w-]+)", line):
            self._defined.add(found[1])

    def markdown(self, number: int, line: str) -> None:
        where = self._place(number)
        if re.match(r"^\s*:{3,}", line):
            self._div(number, line, where)
            return
        if _OTHER_INLINE.search(line):
            raise refused("inline code that is not `{python}`", where)
        self._heading(line, where)
        for raw in re.findall(r"`\{=(\w+)\}", line):
            if raw != "html":
                raise refused(f"raw {raw}", where)
        words = _CODE.sub("``", re.sub(r"`\{=html\}", "`", line))
        if line.strip() == ". . .":
            raise refused("a pause (`. . .`)", where)
        if tag := _TAG.search(words):
            raise refused(f"the element `{tag[0]}>`", where)
        for match in _ATTRIBUTED.finditer(words):
            self._attributes(match[1] if match[1] is not None else match[2], where, {"alt", "width", "height"})
        self._cited += [(name.rstrip(".:"), number) for name in _CITED.findall(re.sub(r"\]\([^)]*\)", "]", words))]

    def _heading(self, line: str, where: str) -> None:
        match = _HEADING.match(line)
        if match is None:
            return
        level = len(match[1])
        if level == 1:
            raise refused("a heading of level 1 (the title is the only one)", where)
        if level > self._level + 1:
            raise refused(f"a heading of level {level} below one of level {self._level}", where)
        self._level = level

    def _div(self, number: int, line: str, where: str) -> None:
        match = _DIV.match(line)
        inside = match[1] if match else ""
        if not inside:
            if not self._open:
                raise RenderingError(f"{where}: a block ends that was never begun.", "Take the line out.")
            self._open.pop()
            return
        self._open.append(number)
        if not inside.startswith("{"):
            inside = f"{{.{inside}}}"
        if not inside.endswith("}"):
            raise refused(f"the block `{inside}`", where)
        self._attributes(inside[1:-1], where, _ATTRIBUTES, is_block=True)

    def _attributes(self, inside: str, where: str, allowed: set[str], *, is_block: bool = False) -> None:
        if inside.startswith("="):
            return  # raw content, seen to before
        kind = "block" if is_block else "class"
        pairs = dict(re.findall(r"([\w-]+)=(\"[^\"]*\"|'[^']*'|\S+)", inside))
        rest = re.sub(r"[\w-]+=(\"[^\"]*\"|'[^']*'|\S+)", " ", inside).split()
        for name in pairs:
            if name not in allowed:
                raise refused(f"the {'block ' if is_block else ''}option `{name}`", where)
        for name in rest:
            if name.startswith("#"):
                self._identifier(name[1:], where)
            elif not name.startswith(".yjd-") and not (is_block and name[1:] in CALLOUTS | CONDITIONS):
                raise refused(f"the {kind} `{name.lstrip('.')}`", where)
        wanted = pairs.get("when-format", "").strip("\"'")
        if CONDITIONS & {name[1:] for name in rest} and wanted not in WHEN:
            raise refused(f"the condition `when-format={wanted}`", where)

    def _identifier(self, name: str, where: str) -> None:
        if re.match(r"(?:sec|eq|lst|thm|lem|exm|def)-", name):
            raise refused(f"the cross reference `{name}`", where)
        if name in self._defined:
            raise RenderingError(f"{where}: the name `{name}` is there twice.", "Give each its own.")
        self._defined.add(name)

    def finish(self) -> None:
        if self._open:
            raise RenderingError(f"{self._place(self._open[-1])}: a block has no end.", "Close it with a line of :::.")
        for name, number in self._cited:
            where = self._place(number)
            if not name.startswith(("fig-", "tbl-")):
                raise refused(f"the citation `@{name}`", where)
            if name not in self._defined:
                raise RenderingError(f"{where}: the reference @{name} points to nothing.", "Mend its name.")
