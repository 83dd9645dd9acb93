"""The settings of one extract in yjd.toml: its source, and how it becomes the declared columns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from unicodedata import category

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from yjd.errors import ConfigurationError
from yjd.schema import DATE_TOKENS, TABLES

REMEDY = "docs/how-to.md explains every key."
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def _plain_name(name: str) -> str:
    """Names end up in spreadsheets and file names: nothing that a spreadsheet would run or a screen would hide."""
    if not name.strip() or name != name.strip():
        raise ValueError("a name cannot be blank or begin or end with a space")
    if name[0] in "=+-@\t" or any(category(letter) in ("Cc", "Cf", "Cs") for letter in name):
        raise ValueError("a name cannot begin with = + - @ or hold characters that a screen does not show")
    return name


Name = Annotated[str, AfterValidator(_plain_name)]


class Section(BaseModel):
    """What every section of yjd.toml is: frozen, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=2000)


class Connection(Section):
    """A database: the environment variable that holds its SQLAlchemy URL, and the table to read."""

    url_env: EnvironmentName
    table: str | None = None

    def url(self) -> str:
        """The URL, read from the environment so that no password stands in a file."""
        try:
            return os.environ[self.url_env]
        except KeyError:
            raise ConfigurationError(
                f"The environment variable {self.url_env} is not set.",
                "Set it to the database's SQLAlchemy URL.",
            ) from None


class CountPeriod(Section):
    """How a column of a table of counts says which period a count is for."""

    column: str | None = None
    value: str | None = None
    kind: Literal["year_ending_march", "calendar_year"]

    @model_validator(mode="after")
    def _one(self) -> CountPeriod:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column` or `value`")
        return self


class EthnicitySchemes(Section):
    """Which scheme of labels the self-defined and the officer-observed columns use."""

    self_defined: str | None = None
    officer: str | None = None
    labels: dict[str, str] = {}


class Extract(Section):
    """One partner file or table and how its columns, labels and dates become the declared ones."""

    name: Identifier
    table: Literal["arrests", "outcomes", "interventions", "searches", "population", "counts"]
    file: str | None = None
    database: Connection | None = None
    format: Literal["csv", "parquet", "excel"] | None = None
    sheet: str | None = None
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    columns: dict[str, str]
    constants: dict[str, str] = {}
    dates: dict[str, str] = {}
    labels: dict[str, dict[str, str]] = {}
    blanks: tuple[str, ...] = ()
    ignore: tuple[str, ...] | Literal["*"] = ()
    scope: dict[str, tuple[str, ...]] = {}
    other_areas: Literal["set_aside", "elsewhere"] = "set_aside"
    ethnicity: EthnicitySchemes = EthnicitySchemes()
    period: CountPeriod | None = None
    covers: tuple[str, str] | None = None
    tolerance_percent: float | None = Field(default=None, ge=0, le=100)

    @model_validator(mode="after")
    def _whole(self) -> Extract:
        problems = [*self._source_problems(), *self._column_problems()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _source_problems(self) -> list[str]:
        problems = []
        if (self.file is None) == (self.database is None):
            problems.append("give either `file` or `database`")
        if self.database is not None and self.database.table is None:
            problems.append("`database` needs `table`")
        try:
            "".encode(self.encoding)
        except LookupError:
            problems.append(f"encoding {self.encoding!r} is not known; try utf-8 or cp1252")
        if self.covers is not None and not all(is_iso_date(day) for day in self.covers):
            problems.append("`covers` needs two dates as YYYY-MM-DD, first and last day")
        return problems

    def _column_problems(self) -> list[str]:
        declared = TABLES[self.table].columns
        problems = []
        for key, names in (("columns", self.columns), ("constants", self.constants), ("dates", self.dates),
                           ("labels", self.labels)):  # fmt: skip
            if unknown := sorted(set(names) - set(declared)):
                known = ", ".join(declared)
                problems.append(f"{key}: {', '.join(unknown)} is not a column of {self.table} (it has {known})")
        given = set(self.columns) | set(self.constants)
        if both := sorted(set(self.columns) & set(self.constants)):
            problems.append(f"{', '.join(both)} is both a column and a constant")
        if missing := [name for name, column in declared.items() if column.required and name not in given]:
            problems.append(f"no column or constant is given for {', '.join(missing)}")
        for name, pattern in self.dates.items():
            if pattern != "excel" and not _is_date_format(pattern):
                problems.append(f"dates.{name}: {pattern!r} is not a date format such as DD/MM/YYYY")
        if self.table == "counts" and self.period is None:
            problems.append("counts need `period`, which says what each count is for")
        return problems


def is_iso_date(text: str) -> bool:
    """Whether `text` is a day as YYYY-MM-DD."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def _is_date_format(pattern: str) -> bool:
    return all(pattern.count(token) == 1 for token in DATE_TOKENS)


def sentence(detail: Any, raw: Mapping[str, Any], table: str, name: str) -> str:
    """A pydantic error as one plain sentence that names the key, and an entry of a table by its name, not its place."""
    where = [str(part) for part in detail["loc"]]
    if len(where) > 1 and where[0] == table and where[1].isdigit():
        try:
            where[1] = str(raw[table][int(where[1])][name])
        except (KeyError, TypeError):
            where[1] = f"number {int(where[1]) + 1}"
    where = [str(int(part) + 1) if part.isdigit() else part for part in where]  # people count from 1
    wording = {
        "extra_forbidden": "this key is not known; check its spelling",
        "missing": "this key is needed and is not there",
    }
    message = wording.get(detail["type"], str(detail["msg"]).removeprefix("Value error, "))
    return f"{'.'.join(where) or 'the file'}: {message}"


def remedy(error: ValidationError) -> str:
    """Where keys are explained; and, where rules are missing, that there are sets of them to start from."""
    from yjd.disclosure.presets import PRESETS

    if not any(detail["type"] == "missing" and detail["loc"][:1] == ("disclosure",) for detail in error.errors()):
        return REMEDY
    return (
        "State the data owner's rules under [disclosure], or start from a set that is in use with `preset` "
        f"({', '.join(PRESETS)}) and state the rest: docs/disclosure.md. {REMEDY}"
    )
