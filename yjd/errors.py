"""Every error that a user can meet, each with its exit code.

A message says what is wrong, where, which rule it breaks and how to mend it. It may hold counts, line numbers,
column names and settings, and never a value from a record.
"""

from __future__ import annotations

from collections.abc import Sequence


class YjdError(Exception):
    """Base of all errors that yjd raises on purpose.

    Parameters
    ----------
    problem : str
        What is wrong and where, in one sentence.
    remedy : str
        What the reader can do about it.
    """

    exit_code = 1

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} {remedy}".strip())


class ConfigurationError(YjdError):
    """yjd.toml is missing, broken or contradicts itself."""

    exit_code = 10

    @classmethod
    def of_all(cls, where: str, problems: Sequence[str], remedy: str = "") -> ConfigurationError:
        """One error that lists every problem found, so that all can be mended at once."""
        listed = "\n".join(f"  - {problem}" for problem in problems)
        many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        return cls(f"{where} has {many}:\n{listed}", remedy)


class ExtractError(YjdError):
    """An extract cannot be found, opened, decoded or split into rows."""

    exit_code = 11


class SchemaError(YjdError):
    """An extract was read, but its columns or too many of its rows break the rules."""

    exit_code = 12


class EstimationError(YjdError):
    """A model or metric was asked for something that no data could answer."""

    exit_code = 13


class DisclosureError(YjdError):
    """Something that may not leave would leave: nothing is released."""

    exit_code = 14


class HistoryError(YjdError):
    """The history of runs cannot be read or written."""

    exit_code = 15


class BusyError(YjdError):
    """Another run is at work on the same project."""

    exit_code = 17


class RenderingError(YjdError):
    """A report cannot be rendered."""

    exit_code = 16
