"""What a person at a terminal sees: progress on standard error, data on standard output, no values in errors.

Text here is plain, since ``[c]`` and ``[extracts.arrests]`` would be taken for markup.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import TracebackType

from yjd.errors import YjdError

Progress = Callable[[str], None]

UNEXPECTED = 1


@contextmanager
def progress(*, quiet: bool = False, total: int | None = None) -> Iterator[Progress]:
    """Give a function that announces each step as it starts.

    A terminal gets a spinner and the time that each step took, or one bar where the number of steps is known; anything
    else gets one plain line a step, so that a log file holds no control characters.

    Parameters
    ----------
    quiet : bool
        Announce nothing.
    total : int, optional
        How many steps there will be.

    Yields
    ------
    Callable[[str], None]
        To be called with the name of the step that is starting.
    """
    if quiet:
        yield _silence
    elif sys.stderr.isatty():
        with _spinner() if total is None else _bar(total) as announce:
            yield announce
    else:
        yield _line


def _silence(step: str) -> None:
    """Announce nothing."""


def _line(step: str) -> None:
    sys.stderr.write(f"{step}\n")
    sys.stderr.flush()


@contextmanager
def _spinner() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="-"),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Display(*columns, console=Console(stderr=True)) as display:

        def finish() -> None:
            for task in display.task_ids:
                display.update(task, total=1, completed=1)

        def announce(step: str) -> None:
            finish()
            display.add_task(step, total=None)

        yield announce
        finish()


@contextmanager
def _bar(total: int) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Display(*columns, console=Console(stderr=True)) as display:
        task = display.add_task("", total=total)
        started = 0

        def announce(step: str) -> None:
            nonlocal started
            display.update(task, description=step, completed=started)
            started += 1

        yield announce
        display.update(task, description="", completed=total)


def say(text: str = "") -> None:
    """Write one line of data to standard output."""
    sys.stdout.write(f"{text}\n")


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Lay rows out in aligned columns of plain text, headings first; the last column is not padded."""
    cells = [list(columns)] + [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def as_json(value: object) -> str:
    """Render any of the package's own objects as JSON, in ASCII: no console's encoding can spoil it."""
    return json.dumps(plain(value), indent=2, allow_nan=False)


def plain(value: object) -> object:
    """Reduce a value to what JSON can hold: frames become lists of rows, missing numbers become null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a pandas frame, without importing pandas
        return [plain(row) for row in value.to_dict(orient="records")]
    if hasattr(value, "item"):  # a numpy scalar
        return plain(value.item())
    if type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value):
        return None  # pandas' own ways of saying that nothing is there
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.as_posix() if isinstance(value, Path) else str(value)


def rows_of(value: object) -> list[dict[str, object]]:
    """Read a list of dataclasses, a list of mappings or a frame as a list of plain rows."""
    reduced = plain(value)
    return [row for row in reduced if isinstance(row, dict)] if isinstance(reduced, list) else []


def explain(error: YjdError) -> str:
    """Word an expected error: the problem, and the remedy on a line of its own."""
    lines = [f"Error: {error.problem}"]
    if error.remedy:
        lines.append(f"What to do: {error.remedy}")
    return "\n".join(lines)


def apologise(error: BaseException) -> str:
    """Word an unexpected error by its type and place: its message and locals may hold values from records."""
    return (
        f"Sorry: yjd met a fault of its own ({type(error).__name__} at {_place(error.__traceback__)}).\n"
        "Nothing from your records is shown here. Please report this line to the maintainers."
    )


def hold_back_values() -> None:
    """Keep other libraries' warnings, log lines and thread tracebacks off the screen.

    They can quote a record: openpyxl's warning about a bad date, for one, quotes the cell.
    """
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    threading.excepthook = lambda args: _tell_of(args.exc_value)
    sys.unraisablehook = lambda _: None


def _tell_of(error: BaseException | None) -> None:
    if error is not None:
        sys.stderr.write(f"{apologise(error)}\n")


def _place(traceback: TracebackType | None) -> str:
    place = "an unknown place"
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if module == "yjd" or module.startswith("yjd."):
            place = f"{module}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _cell(value: object) -> str:
    reduced = plain(value)
    if reduced is None:
        return "-"
    return f"{reduced:,}" if isinstance(reduced, int) and not isinstance(reduced, bool) else str(reduced)
