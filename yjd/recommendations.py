"""The register of recommendations: recommendations.toml, typed and checked like the configuration.

A recommendation is tracked by numbers, by evidence of process, or by both. What a number tracks is a *comparison*: the
rate of one group in one area, and its ratio to a reference, at a baseline and now.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from yjd.config_extract import Section, is_iso_date, sentence
from yjd.errors import ConfigurationError
from yjd.schema import ALL, UNKNOWN

if TYPE_CHECKING:
    from yjd.config import Settings

FILE = "recommendations.toml"
REMEDY = "docs/progress.md explains every key. Without the file a run has no register, and is otherwise the same."
Better = Literal["lower", "higher"]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Positive = Annotated[float, Field(gt=0, lt=1e9)]
Text = Annotated[str, Field(min_length=1, pattern=r"^[^=+\-@\s]")]  # nothing that a spreadsheet would run


class Judging(Section):
    """How verdicts are reached: which share of errors is borne, and what is worth seeing.

    Attributes
    ----------
    error_percent : float
        With `holm`, how many of 100 registers without any change hold a false verdict (met, improving or worsening);
        with `bh`, how many of 100 such verdicts are false.
    power_percent : float
        How often the smallest detectable change would be found.
    smallest_change_percent : float
        The change of a rate that has to be detectable where no target says how much is wanted.
    year_dispersion : float
        How many times as much as chance alone years vary at least, as variances: what the release's own years show is
        taken where it is more (`yjd.progress.years`).
    """

    error_percent: float = Field(default=5.0, gt=0, le=20)
    correction: Literal["holm", "bh"] = "holm"
    power_percent: float = Field(default=80.0, ge=50, lt=100)
    smallest_change_percent: float = Field(default=20.0, gt=0, lt=100)
    year_dispersion: float = Field(default=1.0, ge=1, le=20)


class Baseline(Section):
    """Where a comparison starts: a period of the release or of an earlier run, or values from elsewhere."""

    period: str | None = None
    run: str = ""  # the earlier run that counted the period, where the project counts it no longer
    rate: Positive | None = None
    ratio: Positive | None = None
    note: str = ""  # where values come from

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Baseline:
        if (self.period is None) == (self.rate is None):
            raise ValueError("give either `period`, or `rate` (with `ratio`) as values")
        if self.rate is not None and not self.note:
            raise ValueError("say in `note` where the values come from")
        if self.period is not None and self.ratio is not None:
            raise ValueError("a baseline by `period` takes its ratio from the data")
        if self.run and self.period is None:
            raise ValueError("`run` says which run counted the `period`, so give both")
        return self


class Target(Section):
    """Where it should be, and by when. Rates are on the measure's own scale."""

    rate: Positive | None = None
    ratio: Positive | None = None
    date: Day

    @model_validator(mode="after")
    def _some(self) -> Target:
        if self.rate is None and self.ratio is None:
            raise ValueError("give `ratio`, `rate` or both")
        if not is_iso_date(self.date):
            raise ValueError("`date` must be a date as YYYY-MM-DD")
        return self


class Track(Section):
    """A measure that tracks a recommendation, for some groups and areas: one comparison for each of both."""

    measure: str
    groups: tuple[str, ...] = Field(min_length=1)
    reference: str = ""  # only the group All has none
    areas: tuple[str, ...] = Field(default=(ALL,), min_length=1)
    baseline: Baseline
    target: Target | None = None
    period: str | None = None  # to be held against the baseline; without it the latest of the same kind
    better: Better | None = None  # only where the measure itself does not say

    @model_validator(mode="after")
    def _comparable(self) -> Track:
        for names in (self.groups, self.areas):
            if len(set(names)) < len(names):
                raise ValueError("a group or an area is listed twice")
        alone = self.groups == (ALL,)
        if alone == bool(self.reference):
            raise ValueError("every group needs a `reference`; All, alone in its track, has none")
        if self.reference in self.groups:
            raise ValueError("a group cannot be its own reference")
        values = [self.baseline.ratio, self.target.ratio if self.target else None]
        if alone and any(value is not None for value in values):
            raise ValueError("All has no ratio")
        if not alone and self.baseline.rate is not None and self.baseline.ratio is None:
            raise ValueError("a baseline by values needs `ratio` too")
        return self


class Evidence(Section):
    """Something done or published that shows how far a recommendation has come."""

    date: Day
    what: Text
    where: str = ""


class Answer(Section):
    """To `explain or reform`: a recorded explanation of a difference, or an action taken because of it."""

    kind: Literal["explanation", "action"]
    date: Day
    measure: str
    group: str
    reference: str
    area: str = ALL
    text: Text
    owner: Text


class Recommendation(Section):
    """One recommendation, in the office's own words."""

    id: Identifier
    source: Text
    owner: Text
    gist: Text
    date: str = Field(default="", pattern=r"^(\d{4}(-\d{2}(-\d{2})?)?)?$")  # of publication; '' where not known
    unsure: str = ""  # what of this entry is still to be confirmed
    tracks: tuple[Track, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Register(Section):
    """A whole recommendations.toml."""

    judging: Judging = Judging()
    recommendations: tuple[Recommendation, ...] = Field(min_length=1)
    answers: tuple[Answer, ...] = ()

    @field_validator("recommendations")
    @classmethod
    def _named_once(cls, given: tuple[Recommendation, ...]) -> tuple[Recommendation, ...]:
        if twice := sorted(name for name, times in Counter(one.id for one in given).items() if times > 1):
            raise ValueError(f"two recommendations are called {', '.join(twice)}")
        return given

    @model_validator(mode="after")
    def _one_run(self) -> Register:
        if len(self._runs()) > 1:
            raise ValueError("all baselines from an earlier run must be of the same run")
        return self

    def _runs(self) -> set[str]:
        return {track.baseline.run for _, _, track in self.tracks()} - {""}

    @property
    def baseline_run(self) -> str | None:
        """The earlier run that baselines are taken from, if any."""
        return next(iter(self._runs()), None)

    def as_json(self) -> dict[str, Any]:
        """What release.json holds, and :func:`from_json` reads."""
        return self.model_dump(mode="json")

    def tracks(self) -> Iterator[tuple[Recommendation, int, Track]]:
        """Every track with its recommendation and its place there."""
        for recommendation in self.recommendations:
            for place, track in enumerate(recommendation.tracks):
                yield recommendation, place, track


def load(path: Path | str, settings: Settings | None = None) -> Register:
    """Read and check a register.

    Parameters
    ----------
    path : Path or str
        The file itself.
    settings : Settings, optional
        The project, to check areas and periods against.

    Raises
    ------
    ConfigurationError
        With every problem found, each with the key concerned.
    """
    path = Path(path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no {path.name} here.", "Write one: `yjd init` in an empty folder gives an example."
        ) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path.name} cannot be read as UTF-8 text.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path.name} is not valid TOML: {error}", REMEDY) from None
    try:
        register = Register.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError.of_all(
            path.name, [sentence(detail, raw, "recommendations", "id") for detail in error.errors()], REMEDY
        ) from None
    if problems := _problems(register, settings):
        raise ConfigurationError.of_all(path.name, problems, REMEDY)
    return register


def find(settings: Settings) -> Register | None:
    """The register that lies beside the project's configuration; None where there is none."""
    path = settings.folder / FILE
    return load(path, settings) if path.exists() else None


def local_sha256(folder: Path) -> dict[str, str]:
    """The hash of a project's register under its name; empty where there is none. It is an input of a run."""
    path = folder / FILE
    return {FILE: hashlib.sha256(path.read_bytes()).hexdigest()} if path.exists() else {}


def from_json(value: Mapping[str, Any]) -> Register:
    """The register that a release holds."""
    return Register.model_validate(dict(value))


def _problems(register: Register, settings: Settings | None) -> list[str]:
    """What only the register as a whole, the measures and the project can show."""
    from yjd import ethnicity
    from yjd.measures import measures

    known = measures()
    groups = {*ethnicity.broad_groups(), *ethnicity.detailed_groups()} - {UNKNOWN}
    problems = []
    for recommendation, place, track in register.tracks():
        where = f"recommendations.{recommendation.id}.tracks.{place + 1}"
        if track.measure not in known:
            problems.append(f"{where}: no measure {track.measure}; `yjd measures` lists them")
        elif (known[track.measure].adverse == "neither") == (track.better is None):
            said = "says" if track.better else "does not say"
            problems.append(f"{where}.better: the measure {said} which direction is better for children")
        named = [*(group for group in track.groups if group != ALL), track.reference]
        problems += [f"{where}: no group {name!r}" for name in _strangers(named, groups)]
        counted = None if track.baseline.run else track.baseline.period
        problems += _place_problems(where, track.areas, [counted, track.period], settings)
    for number, answer in enumerate(register.answers, 1):
        where = f"answers.{number}"
        if answer.measure not in known:
            problems.append(f"{where}: no measure {answer.measure}; `yjd measures` lists them")
        problems += [f"{where}: no group {name!r}" for name in _strangers([answer.group, answer.reference], groups)]
        problems += _place_problems(where, [answer.area], [], settings)
    return problems


def _strangers(names: Collection[str], groups: Collection[str]) -> list[str]:
    return [name for name in names if name and name not in {*groups, "others", "everyone"}]


def _place_problems(
    where: str, areas: Collection[str], periods: Collection[str | None], settings: Settings | None
) -> list[str]:
    if settings is None:
        return []
    problems = [f"{where}: no area {area!r}" for area in areas if area not in {ALL, *settings.project.areas}]
    known = set(settings.periods.table()["period"])
    return problems + [f"{where}: no period {name!r}" for name in periods if name and name not in known]
