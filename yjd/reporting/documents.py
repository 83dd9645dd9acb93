"""Documents as they are written: a header, Markdown and cells, with what they include.

What they may hold is in `yjd.reporting.subset`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from yjd.errors import RenderingError
from yjd.reporting.subset import check_body, check_header, check_options, refused

_SHORTCODE = re.compile(r"\{\{<\s*(.*?)\s*>\}\}")
_INLINE = re.compile(r"(?<!`)`\{python\}\s+([^`]+)`")


@dataclass(frozen=True)
class Document:
    """A document after its includes: what is to be run and shown."""

    name: str
    header: Mapping[str, Any]
    body: str
    lines: tuple[tuple[str, int], ...]  # the file and the line that each line of `body` came from
    cell_places: tuple[tuple[str, int], ...] = ()  # where each code cell begins

    def place(self, line: int) -> str:
        """'summit.qmd, line 12' for a line of the body, counted from 0."""
        file, number = self.lines[min(line, len(self.lines) - 1)] if self.lines else (self.name, 1)
        return f"{file}, line {number}"


@dataclass(frozen=True)
class CellOptions:
    """What the `#|` lines of a cell ask for."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no option."""
        value = self.values.get(name, default)
        return value if isinstance(value, bool) else default

    @property
    def as_is(self) -> bool:
        """Printed text is Markdown."""
        return self.values.get("output") == "asis"

    @property
    def shows_output(self) -> bool:
        """The output is part of the page."""
        return self.flag("include", True) and self.values.get("output") is not False

    @property
    def is_parameters(self) -> bool:
        """Parameters are set after this cell."""
        return "parameters" in (self.values.get("tags") or ())


def read_document(path: Path, project: Mapping[str, Any] | None = None) -> Document:
    """Read a document with its includes and its metadata filled in; refuse what is outside the subset.

    Parameters
    ----------
    path : Path
        A `.qmd` file; includes are looked for beside it.
    project : mapping, optional
        The metadata of `_quarto.yml`, for `meta` shortcodes.
    """
    header, start = _split_header(path)
    metadata = {**(project or {}), **header}
    lines = _gather(path, metadata, path.parent, skip=start)
    document = Document(path.name, header, "\n".join(text for text, _ in lines), tuple(place for _, place in lines))
    cells = check_body(document.body.splitlines(), document.place)
    return replace(document, cell_places=tuple(document.lines[number] for number in cells))


def inline_code(markdown: str) -> list[str]:
    """The expressions of inline `{python}` code, in order."""
    return [match.strip() for match in _INLINE.findall(markdown)]


def fill_inline(markdown: str, values: Sequence[str]) -> str:
    """The Markdown with the values in the places of its inline code."""
    waiting = iter(values)
    return _INLINE.sub(lambda _: next(waiting), markdown)


def split_options(source: str, where: str) -> tuple[CellOptions, str]:
    """The `#|` lines at the head of a cell, and the code below them."""
    lines = source.splitlines()
    count = next((place for place, line in enumerate(lines) if not line.startswith("#|")), len(lines))
    values = _yaml("\n".join(line[2:].removeprefix(" ") for line in lines[:count]), where)
    check_options(values, where)
    return CellOptions(values), "\n".join(lines[count:])


def load_yaml(path: Path) -> Mapping[str, Any]:
    """A YAML file as a mapping."""
    return _yaml(path.read_text(encoding="utf-8"), path.name)


def _split_header(path: Path) -> tuple[Mapping[str, Any], int]:
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].strip() != "---":
        return {}, 0
    end = next((place for place, line in enumerate(lines[1:], 1) if line.strip() in ("---", "...")), 0)
    if not end:
        raise RenderingError(f"{path.name}, line 1: the YAML header has no end.", "Close it with a line of ---.")
    header = _yaml("\n".join(lines[1:end]), f"{path.name}, line 1")
    check_header(header, lines[:end], path.name)
    return header, end + 1


def _gather(
    path: Path, metadata: Mapping[str, Any], root: Path, *, skip: int = 0, within: tuple[Path, ...] = ()
) -> list[tuple[str, tuple[str, int]]]:
    """Every line of a file and of what it includes, with where it came from."""
    if path in within:
        raise RenderingError(f"{path.name} includes itself.", "Take the `include` out.")
    gathered: list[tuple[str, tuple[str, int]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[skip:], skip + 1):
        place = (path.name, number)
        where = f"{path.name}, line {number}"
        codes = _SHORTCODE.findall(line)
        if len(codes) == 1 and codes[0].split()[0] == "include":
            if line.strip() != line.strip()[: line.strip().index(">}}") + 3] or not line.strip().startswith("{{<"):
                raise refused("an `include` that is not alone on its line", where)
            included = _included(root, codes[0].split(maxsplit=1)[-1].strip("\"'"), where)
            gathered += _gather(included, metadata, root, within=(*within, path))
        else:
            gathered.append((_SHORTCODE.sub(_meta(metadata, where), line), place))
    return gathered


def _included(root: Path, name: str, where: str) -> Path:
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        raise RenderingError(f"{where}: the included file {name} is not in the folder of reports.", "Mend its name.")
    return path


def _meta(metadata: Mapping[str, Any], where: str) -> Callable[[re.Match[str]], str]:
    def fill(match: re.Match[str]) -> str:
        name, _, key = match[1].partition(" ")
        if name != "meta":
            raise refused(f"the shortcode `{name}`", where)
        value: Any = metadata
        for part in key.strip().split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None or isinstance(value, Mapping | list):
            raise RenderingError(f"{where}: the metadata has no text for `{key.strip()}`.", "Add it or mend the name.")
        return str(value)

    return fill


def _yaml(text: str, where: str) -> Mapping[str, Any]:
    import yaml  # type: ignore[import-untyped]

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise RenderingError(f"{where}: the YAML cannot be read.", "Check its indents, colons and quotes.") from problem
    if found is not None and not isinstance(found, dict):
        raise RenderingError(f"{where}: the YAML holds no `key: value` lines.", "Write one to a line.")
    return found or {}
