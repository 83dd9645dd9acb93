"""yjd.toml as typed, frozen settings. Unknown keys are errors and all problems are listed at once."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from yjd.config_extract import REMEDY, Connection, Extract, Name, Section, is_iso_date, remedy, sentence
from yjd.errors import ConfigurationError
from yjd.office import Office, office_settings
from yjd.schema import ALL, ELSEWHERE, KNOWN, POPULATION, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.disclosure.rules import Rules

PeriodKind = Literal["financial_year", "calendar_year", "quarter", "month", "rolling_3_years"]
Split = Literal["area", "sex", "age_band", "deprivation"]
Adjuster = Literal["period", "area", "sex", "age_band", "deprivation", "offence_group", "gravity", "prior_outcomes",
                   "admission", "in_care", "assessed_reoffending", "assessed_harm", "assessed_safety"]  # fmt: skip


class Project(Section):
    """What this project is called and which areas it is about, in the order in which reports show them."""

    title: Name
    areas: tuple[Name, ...] = Field(min_length=1)
    demonstration: bool = False

    @field_validator("areas")
    @classmethod
    def _distinct(cls, areas: tuple[str, ...]) -> tuple[str, ...]:
        if len({area.casefold() for area in areas}) != len(areas):
            raise ValueError("an area is listed twice")
        if taken := sorted(set(areas) & {ALL, KNOWN, UNKNOWN, ELSEWHERE}):
            raise ValueError(f"{', '.join(taken)}: reserved, choose another name")
        return areas


class Break(Section):
    """A period from which a measure is not comparable with earlier ones, and why."""

    period: str
    measures: tuple[str, ...] = ()
    note: str


class NamedPeriod(Section):
    """A period of the project's own, by its first and last day."""

    period: Name
    first: str
    last: str

    @model_validator(mode="after")
    def _dates(self) -> NamedPeriod:
        if not (is_iso_date(self.first) and is_iso_date(self.last) and self.first <= self.last):
            raise ValueError("`first` and `last` must be dates as YYYY-MM-DD, in order")
        return self


class Periods(Section):
    """Which periods are counted: `first` and `last` are the calendar years in which a period begins."""

    kinds: tuple[PeriodKind, ...] = ("financial_year", "rolling_3_years")
    first: int = Field(ge=1990, le=2090)
    last: int = Field(ge=1990, le=2090)
    named: tuple[NamedPeriod, ...] = ()
    headline: str | None = None
    breaks: tuple[Break, ...] = ()
    changes: tuple[tuple[str, str], ...] | None = None  # (earlier, later); None: year by year, and first to last

    @model_validator(mode="after")
    def _whole(self) -> Periods:
        from yjd.disclosure.periods import overlapping

        if self.last < self.first:
            raise ValueError("`last` lies before `first`")
        known = list(self.table()["period"])
        if not known:
            raise ValueError("there is no period: widen `first` and `last`, or give `kinds` or `named`")
        if len(set(known)) != len(known):
            raise ValueError("two periods have the same name")
        if apart := overlapping(self.table()):
            one, other = apart[0]
            raise ValueError(
                f"{one} and {other} overlap, and what they share is not made up of periods: what the difference tells "
                "could not be protected; add the years, quarters or months that they share"
            )
        ends = [end for pair in self.changes or () for end in pair]
        named = [self.headline, *(entry.period for entry in self.breaks), *ends]
        if wrong := [name for name in named if name and name not in known]:
            raise ValueError(f"there is no period {', '.join(wrong)}; there are {', '.join(known)}")
        return self

    def table(self) -> pd.DataFrame:
        """Every period as a row: period, kind, start_day, end_day (the day after the last), label."""
        import pandas as pd

        from yjd.reference_tables import periods

        own = [
            (entry.period, "named", _day(entry.first), _day(entry.last) + 1, f"{entry.first} to {entry.last}")
            for entry in self.named
        ]
        regular = periods(self.kinds, self.first, self.last)
        return pd.concat([regular, pd.DataFrame(own, columns=regular.columns)], ignore_index=True) if own else regular


class Ethnicity(Section):
    """Which recorded ethnicity counts, and whom each group is compared with."""

    source: Literal["self", "self_then_officer", "officer"] = "self"
    per_child: Literal["most_recent_self_defined", "most_frequent", "as_recorded"] = "most_recent_self_defined"
    references: tuple[str, ...] = Field(default=("White", "others"), min_length=1)


class Analysis(Section):
    """Which measures are computed, split by what, with which methods and confidence."""

    measures: tuple[str, ...] | None = None
    confidence: tuple[Annotated[float, Field(gt=0.5, lt=1)], ...] = Field(default=(0.95,), min_length=1)
    rate_method: Literal["exact", "midp"] | None = None
    ratio_method: Literal["exact", "midp", "score", "katz"] | None = None
    splits: dict[Literal["broad", "detailed"], tuple[tuple[Split, ...], ...]] = Field(
        default={"broad": ((), ("area",), ("sex",), ("age_band",)), "detailed": ((),)}, min_length=1
    )
    age_bands: tuple[Annotated[str, Field(pattern=r"^\d{2}-\d{2}$")], ...] = ("10-11", "12-14", "15-17")
    standardise_over: tuple[Split, ...] = ()
    families: tuple[Literal["measure", "quantity", "period", "reference", "level", "area", "sex", "age_band",
                            "deprivation", "group"], ...] = Field(
        default=("measure", "quantity", "period", "reference", "level"), min_length=1
    )  # fmt: skip
    imputations: int = Field(default=20, ge=0, le=200, description="0 means no imputation")
    pathways: dict[Name, tuple[str, ...]] | None = None

    @field_validator("splits")
    @classmethod
    def _whole_first(cls, splits: dict[str, tuple[tuple[str, ...], ...]]) -> dict[str, tuple[tuple[str, ...], ...]]:
        if lacking := [level for level, given in splits.items() if () not in given]:
            raise ValueError(f"{', '.join(lacking)} needs the whole as well: []")
        return splits

    @model_validator(mode="after")
    def _standardised_over_a_split(self) -> Analysis:
        over = set(self.standardise_over)
        if over and not any(over == set(split) for given in self.splits.values() for split in given):
            raise ValueError(f"`standardise_over` needs a split by {', '.join(self.standardise_over)} in `splits`")
        return self

    @field_validator("age_bands")
    @classmethod
    def _cover_10_to_17(cls, bands: tuple[str, ...]) -> tuple[str, ...]:
        ages = [age for band in bands for age in range(int(band[:2]), int(band[3:]) + 1)]
        if ages != list(range(10, 18)):
            raise ValueError("age bands must cover the ages 10 to 17 once each, in order")
        return bands


class Models(Section):
    """Which adjusted models are fitted, on which periods, adjusted for what."""

    measures: tuple[str, ...] | None = None
    periods: int = Field(default=3, ge=1, le=20, description="how many of the latest judged periods")
    rungs: dict[Name, tuple[Adjuster, ...]] = Field(
        default={
            "M1": ("age_band", "sex", "area", "period"),
            "M2": ("offence_group", "gravity"),
            "M3": ("prior_outcomes",),
            "M4": ("admission", "in_care", "assessed_reoffending", "assessed_harm", "assessed_safety"),
        }
    )

    @field_validator("rungs")
    @classmethod
    def _each_adjuster_once(cls, rungs: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        names = [name for added in rungs.values() for name in added]
        if len(set(names)) < len(names) or not all(rungs.values()) or "M0" in rungs:
            raise ValueError("each rung above M0 adds adjusters of its own, each named once")
        return rungs


class Disclosure(Section):
    """The data owner's rules. None has a default: an office must state its own, or name a preset and what differs."""

    preset: str = Field(default="", description="a set of rules seen in use: see yjd.disclosure.presets")
    minimum_count: int = Field(ge=2, le=100)
    zero_safe: bool
    minimum_denominator: int = Field(ge=0)
    minimum_children: int = Field(ge=0, le=100, description="behind a count of events; 0 means no rule")
    largest_share_percent: int = Field(ge=1, le=100, description="of one child among events; 100 means no rule")
    interval_width: int = Field(ge=2, le=100, description="counts that must stay possible for a hidden one")
    method: Literal["hide", "round", "hide_and_round"]
    round_to: int = Field(ge=0, le=100, description="0 means no rounding")
    minimum_degrees_of_freedom: int = Field(ge=0, description="of a model: records less what it estimates")

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        """Take from the preset what is not given."""
        from yjd.disclosure.presets import PRESETS

        if not isinstance(given, dict) or not given.get("preset"):
            return given
        if given["preset"] not in PRESETS:
            raise ValueError(f"no preset {given['preset']!r}; there are {', '.join(PRESETS)}")
        return {**PRESETS[given["preset"]].rules, **given}

    @model_validator(mode="after")
    def _rules_that_hold(self) -> Disclosure:
        try:
            self.rules()
        except ConfigurationError as error:
            raise ValueError(error.problem) from None
        return self

    def rules(self) -> Rules:
        """The rules as the disclosure step takes them."""
        from yjd.disclosure.rules import Rules

        return Rules(**self.model_dump(exclude={"preset", "minimum_degrees_of_freedom"}))


class Release(Section):
    """Which kinds of file a release may hold; tables as CSV, what release.json says and checksums always stay."""

    formats: tuple[Literal["csv", "svg", "png", "ods", "xlsx", "md"], ...] = ("csv", "svg", "png", "ods", "xlsx", "md")


class Quality(Section):
    """How many rows of an extract, in per cent, may fail a rule before the run stops."""

    tolerance_percent: float = Field(default=5.0, ge=0, le=100)


class Settings(Section):
    """A whole yjd.toml. `folder` is where it lies: every relative path starts there."""

    project: Project
    office: Office = Office()
    periods: Periods
    ethnicity: Ethnicity = Ethnicity()
    analysis: Analysis = Analysis()
    models: Models = Models()
    disclosure: Disclosure
    release: Release = Release()
    quality: Quality = Quality()
    warehouse: Connection | None = None
    history: Connection | None = None
    extracts: tuple[Extract, ...] = Field(min_length=1)
    _folder: Path = PrivateAttr(default=Path())
    _text: str = PrivateAttr(default="")

    @field_validator("extracts")
    @classmethod
    def _named_once(cls, extracts: tuple[Extract, ...]) -> tuple[Extract, ...]:
        names = [extract.name for extract in extracts]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two extracts are named {', '.join(twice)}")
        return extracts

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self._folder

    @property
    def text(self) -> str:
        """The text of yjd.toml."""
        return self._text

    @property
    def sha256(self) -> str:
        """Hash of everything that is configured (not of comments or layout)."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load(path: Path | str) -> Settings:
    """Read and check yjd.toml.

    Parameters
    ----------
    path : Path or str
        The file itself.

    Raises
    ------
    ConfigurationError
        With every problem found, each with the key concerned.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no {path.name} here.", "Run `yjd init` to write one, or name it with --config."
        ) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path.name} cannot be read as UTF-8 text.", "Save it as UTF-8.") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path.name} is not valid TOML: {_toml_problem(str(error), text)}", REMEDY) from None
    if isinstance(raw.get("office", {}), dict):
        raw["office"] = office_settings(path.resolve().parent, raw.get("office", {}))
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError.of_all(
            path.name, [sentence(detail, raw, "extracts", "name") for detail in error.errors()], remedy(error)
        ) from None
    if problems := _whole_file_problems(settings):
        raise ConfigurationError.of_all(path.name, problems, REMEDY)
    settings._folder = path.resolve().parent
    settings._text = text
    return settings


def _whole_file_problems(settings: Settings) -> list[str]:
    """What only the settings together can show: names that stages, schemes and measures must know."""
    from yjd import ethnicity
    from yjd.measures import measures, stages

    problems = []
    schemes = set(ethnicity.schemes())
    groups = {*ethnicity.broad_groups(), *ethnicity.detailed_groups()}
    for extract in settings.extracts:
        where = f"extracts.{extract.name}"
        problems += [
            f"{where}.ethnicity: no scheme {scheme!r}; there are {', '.join(sorted(schemes))}"
            for scheme in (extract.ethnicity.self_defined, extract.ethnicity.officer)
            if scheme is not None and scheme not in schemes
        ]
        for column, scheme in (
            ("ethnicity", extract.ethnicity.self_defined),
            ("ethnicity_officer", extract.ethnicity.officer),
        ):
            if column in extract.columns and scheme is None:
                problems.append(f"{where}.ethnicity: say which scheme the column for {column} uses")
        try:
            ethnicity.own_labels(extract.name, extract.ethnicity.labels)
        except ConfigurationError as error:
            problems.append(error.problem)
        stage = extract.constants.get("stage")
        if extract.table == "counts" and (stage not in stages() or stage == POPULATION):
            problems.append(f"{where}.constants.stage must be one of {', '.join(sorted(set(stages()) - {POPULATION}))}")
    problems += [
        f"ethnicity.references: no group {reference!r} (or others, everyone)"
        for reference in settings.ethnicity.references
        if reference not in {*groups, "others", "everyone"}
    ]
    for name, steps in (settings.analysis.pathways or {}).items():
        if unknown := sorted(set(steps) - set(stages())):
            problems.append(f"analysis.pathways.{name}: no stage {', '.join(unknown)}; `yjd measures` lists them")
        if len(steps) < 2 or len(set(steps)) < len(steps):
            problems.append(f"analysis.pathways.{name}: give two or more different stages, the base first")
    known = set(measures())
    wanted = [
        *(settings.analysis.measures or ()),
        *(settings.models.measures or ()),
        *(name for entry in settings.periods.breaks for name in entry.measures),
    ]
    if unknown := sorted(set(wanted) - known):
        problems.append(f"no measure {', '.join(unknown)}; `yjd measures` lists them")
    return problems


def _toml_problem(message: str, text: str) -> str:
    if "\\" in text and ("hex" in message.lower() or "escape" in message.lower() or "unescaped" in message.lower()):
        return (
            'a backslash inside "double quotes" is read as a code. Write Windows paths with forward slashes '
            "(C:/Users/...) or in 'single quotes'. " + _line_of(message)
        )
    return message


def _line_of(message: str) -> str:
    start = message.find("(at line")
    return message[start:] if start >= 0 else ""


def _day(iso: str) -> int:
    """Days since 1970-01-01."""
    from datetime import date

    return (date.fromisoformat(iso) - date(1970, 1, 1)).days
