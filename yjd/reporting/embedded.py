"""Documents without Quarto: jupytext reads, a kernel runs, and what comes out is Markdown for every format.

The text does not depend on the format that is asked for: cells give HTML, and what writes a PDF reads that HTML.
So a document runs once, however many files are made of it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yjd.errors import RenderingError
from yjd.reporting.documents import (
    CellOptions,
    Document,
    fill_inline,
    inline_code,
    split_options,
)
from yjd.reporting.kernel import Kernel

_RAW_FENCE = re.compile(r"^(\s*(?:`{3,}|~{3,})\s*)\{(?=[=.])", flags=re.MULTILINE)
_GUARD = "\ue000"  # a character that no text uses


@dataclass(frozen=True)
class _Piece:
    """A part of a document: text or a cell, and which code belongs to it."""

    text: str
    is_cell: bool
    options: CellOptions
    where: str
    ran: int | None


def run_document(
    document: Document, kernel: Kernel, folder: Path, *, parameters: Mapping[str, str], project: Mapping[str, Any]
) -> str:
    """Run every cell; give the document back as Markdown with its outputs.

    Parameters
    ----------
    document : Document
        From `read_document`.
    kernel : Kernel
        Where the cells run.
    folder : Path
        The working folder of the cells.
    parameters : mapping of str to str
        Set after the cell that is tagged `parameters`.
    project : mapping
        The content of `_quarto.yml`.

    Raises
    ------
    RenderingError
        A cell failed or shows what has no alternative text.
    """
    pieces, codes = _plan(document, parameters)
    outputs = kernel.run(codes, {piece.ran: piece.where for piece in pieces if piece.ran is not None}, folder)
    echo = bool({**_execute(project), **_execute(document.header)}.get("echo", True))
    told = []
    for piece in pieces:
        shown = outputs[piece.ran] if piece.ran is not None else []
        if not piece.is_cell:
            told.append(fill_inline(piece.text, json.loads(_printed(shown))) if shown else piece.text)
        else:
            told.append(_shown(piece, shown, echo=piece.options.flag("echo", echo)))
    return "\n\n".join(told) + "\n"


def _plan(document: Document, parameters: Mapping[str, str]) -> tuple[list[_Piece], list[str]]:
    """The parts of a document in order, and the code to run."""
    import jupytext

    # jupytext takes a block of raw HTML for code: it does not get to see one
    cells = jupytext.reads(_RAW_FENCE.sub(rf"\g<1>{_GUARD}", document.body), fmt="Rmd").cells
    found = sum(cell.cell_type == "code" for cell in cells)
    if found != len(document.cell_places):
        raise RenderingError(
            f"{document.name}: {len(document.cell_places)} code cells were seen and {found} were read.",
            "Leave an empty line before and after each cell.",
        )
    pieces: list[_Piece] = []
    codes: list[str] = []

    def add(code: str) -> int:
        codes.append(code)
        return len(codes) - 1

    places = iter(document.cell_places)
    for cell in cells:
        source = cell.source.replace(_GUARD, "{")
        if cell.cell_type != "code":
            expressions = inline_code(source)
            ran = add(_inline_cell(expressions)) if expressions else None
            pieces.append(_Piece(source, False, CellOptions(), document.name, ran))
            continue
        where = "{}, line {}".format(*next(places))
        options, code = split_options(source, where)
        ran = add(code) if options.flag("eval", True) else None
        pieces.append(_Piece(code, True, options, where, ran))
        if options.is_parameters:
            add(assignments(parameters))
    return pieces, codes


def assignments(parameters: Mapping[str, str]) -> str:
    """Python that sets the parameters of a document."""
    return "\n".join(f"{name} = {value!r}" for name, value in parameters.items())


def _execute(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    found = metadata.get("execute")
    return found if isinstance(found, Mapping) else {}


def _inline_cell(expressions: Sequence[str]) -> str:
    listed = ", ".join(f"str({expression})" for expression in expressions)
    return f"__import__('builtins').print(__import__('json').dumps([{listed}]))"


def _printed(outputs: Sequence[Any]) -> str:
    return "".join(out.text for out in outputs if out.output_type == "stream" and out.name == "stdout")


def _shown(piece: _Piece, outputs: Sequence[Any], *, echo: bool) -> str:
    options = piece.options
    if not options.flag("include", True):
        return ""
    parts = [_fenced(piece.text, "{.python}")] if echo and piece.text.strip() else []
    if options.shows_output:
        parts += [shown for out in outputs if (shown := _output(out, options, piece.where))]
    inner = "\n\n".join(parts)
    label = str(options.values.get("label", ""))
    caption = str(options.values.get("fig-cap", options.values.get("tbl-cap", "")))
    if label.startswith(("fig-", "tbl-")) and inner:
        return f"::: {{#{label}}}\n\n{inner}\n\n{caption}\n\n:::"
    return inner


def _output(out: Any, options: CellOptions, where: str) -> str:
    if out.output_type == "stream":
        if out.name != "stdout":
            return ""
        return str(out.text) if options.as_is else _fenced(str(out.text))
    data = out.data
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return _fenced(str(data[kind]), "{=html}")
    if "text/markdown" in data:
        return str(data["text/markdown"])
    if "image/png" in data:
        alt = options.values.get("fig-alt")
        if not alt:
            raise RenderingError(f"{where}: a picture has no alternative text.", "Add a line `#| fig-alt: ...`.")
        content = base64.b64encode(base64.b64decode(data["image/png"])).decode("ascii")
        text = str(alt).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        return _fenced(f'<img alt="{text}" src="data:image/png;base64,{content}">', "{=html}")
    return _fenced(str(data["text/plain"])) if "text/plain" in data else ""


def _fenced(text: str, kind: str = "") -> str:
    """A block that nothing inside it can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text}\n{fence}"
