"""The documents that can be rendered, and what each asks for."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from yjd.errors import RenderingError
from yjd.reporting.documents import Document, load_yaml, read_document, split_options

Format = Literal["html", "pdf", "slides"]
FORMATS: tuple[str, ...] = get_args(Format)
_SUFFIXES = {"html": ".html", "pdf": ".pdf", "slides": ".html"}
QUARTO = {"html": "html", "pdf": "typst", "slides": "revealjs"}  # what Quarto calls them
RELEASE = "release"


@dataclass(frozen=True)
class Entry:
    """A document that was found."""

    source: Path

    @property
    def name(self) -> str:
        """What it is asked for by."""
        return self.source.stem

    @cached_property
    def document(self) -> Document:
        """The document with its includes; refused if it is outside the subset."""
        return read_document(self.source, self.project)

    @cached_property
    def project(self) -> Mapping[str, Any]:
        """What `_quarto.yml` beside it says."""
        settings = self.source.parent / "_quarto.yml"
        return load_yaml(settings) if settings.is_file() else {}

    @property
    def title(self) -> str:
        """Its title."""
        return str(self.document.header.get("title") or self.name)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """What may be set, but for the release: the names in the cell that is tagged `parameters`."""
        lines = self.document.body.splitlines()
        for start, line in enumerate(lines):
            if line.strip() == "```{python}":
                end = next(n for n in range(start + 1, len(lines)) if lines[n].strip() == "```")
                options, code = split_options("\n".join(lines[start + 1 : end]), self.name)
                if options.is_parameters:
                    names = [target.id for node in ast.parse(code).body if isinstance(node, ast.Assign)
                             for target in node.targets if isinstance(target, ast.Name)]  # fmt: skip
                    return tuple(name for name in names if name != RELEASE)
        return ()

    @property
    def formats(self) -> tuple[str, ...]:
        """What it can become, its usual format first."""
        told = self.document.header.get("format")
        named = [told] if isinstance(told, str) else list(told or ())
        found = tuple(ours for ours, theirs in QUARTO.items() if theirs in named)
        return found or ("html", "pdf")


def reports_folder() -> Path:
    """The folder of the documents: inside the installed package, or at the top level of a checkout."""
    import yjd

    package = Path(yjd.__file__).resolve().parent
    for folder in (package / "_reports", package.parent / "reports"):
        if (folder / "_quarto.yml").is_file():
            return folder
    raise RenderingError("The documents of the reports are missing.", "Install yjd again.")


def documents() -> list[str]:
    """The names of the documents that can be rendered."""
    return sorted(path.stem for path in reports_folder().glob("*.qmd") if not path.name.startswith("_"))


def entry(document: str) -> Entry:
    """The document of a name, or at the path of a `.qmd` file.

    Raises
    ------
    RenderingError
        There is none; the message lists what there is.
    """
    named = Path(document)
    if named.suffix == ".qmd":
        if not named.is_file():
            raise RenderingError(f"There is no document {document}.", "Check the path.")
        return Entry(named.resolve())
    if named.name != document or document not in documents():
        raise RenderingError(f"There is no document {document!r}.", f"Choose from: {', '.join(documents())}.")
    return Entry(reports_folder() / f"{document}.qmd")


def suffix(wanted: str) -> str:
    """How the name of a file of a format ends.

    Raises
    ------
    RenderingError
        There is no such format.
    """
    if wanted not in FORMATS:
        raise RenderingError(f"The format {wanted!r} is not known here.", f"Ask for {', '.join(FORMATS)}.")
    return _SUFFIXES[wanted]
