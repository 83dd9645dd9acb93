"""yjd: youth justice disproportionality analysis.

The public names, each imported when it is first used, so that `import yjd` costs next to nothing.

>>> import yjd
>>> project = yjd.open_project("yjd.toml")
>>> outcome = yjd.run(project)
>>> cells = yjd.build_cells(project)
>>> counts = yjd.measures.counts(cells, yjd.measures.measures()["arrest_rate"])
>>> yjd.metrics.relative_rate(counts, kind="rate", reference="White")

`yjd.metrics` needs no project: a frame with the columns group, numerator and denominator is enough. `yjd.models` needs
one with group, adjusters, base and events.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from yjd.errors import YjdError

if TYPE_CHECKING:
    from yjd import disclosure, measures, metrics, models
    from yjd.config import load as open_project
    from yjd.pipeline import build_cells, check, run
    from yjd.release import read_release

__all__ = [
    "YjdError", "build_cells", "check", "disclosure", "measures", "metrics", "models", "open_project", "read_release",
    "run",
]  # fmt: skip

_HOME = {  # public name: where it is defined, and under which name
    "build_cells": ("yjd.pipeline", "build_cells"),
    "check": ("yjd.pipeline", "check"),
    "open_project": ("yjd.config", "load"),
    "read_release": ("yjd.release", "read_release"),
    "run": ("yjd.pipeline", "run"),
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        module, defined = _HOME[name]
        return getattr(import_module(module), defined)
    if name in __all__:
        return import_module(f"yjd.{name}")
    raise AttributeError(f"module 'yjd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
