"""The register of published claims: the package's own, and those that a project adds beside its yjd.toml.

A claim is text and numbers that somebody published, never computed here; `yjd.reporting.claims` judges it by a release.
The register travels in ``release.json`` as ``claims``, so that a report reads a release and nothing else.
"""

from __future__ import annotations

import hashlib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from yjd.config_extract import Identifier, Section
from yjd.errors import ConfigurationError

CLAIMS = "claims.toml"
CHILDREN = "children aged 10 to 17"  # the population that every measure is about


class Reading(Section):
    """One thing that the words of a claim can mean: a row of results, and what the claim says it would be.

    Without a `measure` nothing measures this reading, and `why` says so.
    """

    words: str = Field(min_length=1)
    measure: str = ""
    quantity: Literal["rate", "rri", "composition", "representation_ratio"] = "rate"
    group: str = ""
    reference: str = ""
    turned: bool = False  # the claim compares the reference with the group
    says: Literal["about", "more_than", "less_than"] = "about"
    value: float = Field(default=0, ge=0, allow_inf_nan=False)
    why: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Reading:
        if not self.measure:
            if not self.why:
                raise ValueError("give `measure`, or say `why` nothing measures it")
            return self
        problems = _unknown_names(self)
        if (self.quantity == "rri") == (not self.reference):
            problems.append("`reference` belongs to rri and to nothing else")
        if self.turned and self.quantity != "rri":
            problems.append("only a ratio can be turned")
        if self.value == 0:
            problems.append("`value` must be above 0")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Claim(Section):
    """A published claim, whom and where it was made about, and its readings."""

    id: Identifier
    text: str = Field(min_length=1)
    source: str = Field(min_length=1)
    place: str = Field(min_length=1)
    areas: tuple[str, ...] = Field(min_length=1)
    population: str = CHILDREN
    period: str = ""
    note: str = ""
    readings: tuple[Reading, ...] = Field(min_length=1)


class _Register(Section):
    claims: tuple[Claim, ...] = ()


def register(folder: Path | None = None) -> list[dict[str, Any]]:
    """Every claim, those of the package first.

    Parameters
    ----------
    folder : Path, optional
        A project's folder; its claims.toml, if it has one, adds claims or replaces those of the same id.

    Raises
    ------
    ConfigurationError
        Every problem of the project's file.
    """
    own = resources.files("yjd").joinpath(CLAIMS).read_text(encoding="utf-8")
    found = {claim.id: claim.model_dump() | {"local": False} for claim in parse(own)}
    if folder is not None and (text := _local(folder)) is not None:
        found |= {claim.id: claim.model_dump() | {"local": True} for claim in parse(text)}
    return [{**claim, "areas": list(claim["areas"]), "readings": list(claim["readings"])} for claim in found.values()]


def local_sha256(folder: Path) -> dict[str, str]:
    """The hash of a project's claims.toml under its name; empty where there is none. It is an input of a run."""
    text = _local(folder)
    return {} if text is None else {CLAIMS: hashlib.sha256(text.encode()).hexdigest()}


def parse(text: str) -> tuple[Claim, ...]:
    """The claims of the text of a claims.toml; every problem at once."""
    try:
        found = _Register.model_validate(tomllib.loads(text)).claims
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{CLAIMS} is not valid TOML: {error}") from None
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors()]
        raise ConfigurationError.of_all(CLAIMS, problems) from None
    names = [claim.id for claim in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{CLAIMS}: two claims have the id {', '.join(twice)}.", "Give each its own.")
    return found


def _local(folder: Path) -> str | None:
    path = folder / CLAIMS
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{CLAIMS} cannot be read as UTF-8 text.", "Save it as UTF-8.") from None


def _unknown_names(reading: Reading) -> list[str]:
    from yjd.ethnicity import broad_groups, detailed_groups
    from yjd.measures import measures

    groups = {*broad_groups(), *detailed_groups()}
    problems = []
    if reading.measure not in measures():
        problems.append(f"no measure {reading.measure!r}; `yjd measures` lists them")
    if reading.group not in groups:
        problems.append(f"no group {reading.group!r}")
    if reading.reference and reading.reference not in {*groups, "others", "everyone"}:
        problems.append(f"no reference {reading.reference!r}")
    return problems
