"""Every table's columns, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ALL = "All"  # a dimension that is not split
KNOWN = "Known"  # every child whose ethnicity is known
UNKNOWN = "Unknown"
ELSEWHERE = "Elsewhere"  # an area outside the project's
POPULATION = "population"
DISCLOSURES = ("shown", "rounded", "hidden")  # from open to closed
HIDDEN = ("hidden",)  # the values of `disclosure` that blank a row
DATE_TOKENS = ("YYYY", "MM", "DD")

ColumnType = Literal[
    "text", "date", "whole", "flag", "label", "area", "sex", "age", "age_band", "deprivation", "ethnicity"
]


@dataclass(frozen=True)
class Column:
    """One column of an extract: how it is typed, whether it must be there and what it means."""

    type: ColumnType
    meaning: str
    required: bool = False  # a column or a constant must be given for it in yjd.toml
    filled: bool = False  # and no row may leave it blank
    identifier: bool = False  # a value that comes twice is a duplicate
    values: tuple[str, ...] = ()  # the vocabulary of a label
    clean: str = ""  # its name in the clean table, where that differs


@dataclass(frozen=True)
class Table:
    """One kind of extract."""

    meaning: str
    counts: bool  # rows are counts (True) or records (False)
    columns: Mapping[str, Column]
    order: tuple[tuple[str, str], ...] = ()  # (earlier, later) dates that may not come the wrong way round
    ages: tuple[int, int] = (10, 17)  # ages outside are out of scope


SEXES = ("Female", "Male", UNKNOWN)
QUINTILES = ("1", "2", "3", "4", "5")  # of area deprivation: 1 is the most deprived fifth
DISPOSALS = (
    "community_resolution", "outcome_22", "triage", "youth_caution", "youth_conditional_caution", "reprimand",
    "final_warning", "charge", "absolute_discharge", "conditional_discharge", "fine", "referral_order",
    "reparation_order", "compensation", "youth_rehabilitation_order", "detention_training_order", "long_custody",
    "other_court",
)  # fmt: skip
OUTCOME_TYPES = (*map(str, range(23)), "1a", "2a", "3a")
SEARCH_OUTCOMES = (
    "arrest", "summons", "caution", "community_resolution", "warning", "penalty_notice", "no_further_action", "unknown",
)  # fmt: skip


def _record(date_meaning: str, identifier: str | None, **more: Column) -> Mapping[str, Column]:
    """The columns that every record has, and its own."""
    common: dict[str, Column] = {
        "child_id": Column("text", "the child's pseudonymous identifier, the same in every extract"),
        "date": Column("date", date_meaning, required=True, filled=True, clean="day"),
        "area": Column("area", "district or youth justice service", required=True),
        "sex": Column("sex", "Female, Male or Unknown"),
        "age": Column("age", "age in years at the date"),
        "birth_date": Column("date", "date of birth; gives the age where no age is given", clean="birth_day"),
        "age_band": Column("age_band", "where only a band is shared"),
        "deprivation": Column("deprivation", "fifth of area deprivation: 1 (most deprived) to 5; All where not given"),
        "ethnicity": Column("ethnicity", "self-defined ethnicity", clean="ethnicity_self"),
        "ethnicity_officer": Column("ethnicity", "officer-observed ethnicity"),
    }
    if identifier:
        common[identifier] = Column("text", "the record's own identifier", identifier=True)
    return MappingProxyType(common | more)


_COUNT_COLUMNS = {
    "area": Column("area", "district or youth justice service", required=True),
    "sex": Column("sex", "Female, Male, Unknown; All where not split"),
    "age_band": Column("age_band", "such as 10-14; All where not split"),
    "deprivation": Column("deprivation", "fifth of area deprivation: 1 (most deprived) to 5; All where not split"),
    "ethnicity": Column("ethnicity", "ethnic group", required=True),
    "n": Column("whole", "the count; a blank makes its area and period not available", required=True),
}

TABLES: Mapping[str, Table] = MappingProxyType({
    "searches": Table("one row a stop and search", False, _record(
        "date of the search", "search_id",
        outcome=Column("label", "what followed", values=SEARCH_OUTCOMES),
        object=Column("text", "what was searched for"),
        force=Column("text", "police force"),
    )),
    "arrests": Table("one row an arrest for a notifiable offence", False, _record(
        "date of the arrest", "arrest_id",
        offence_group=Column("text", "offence group"),
        force=Column("text", "arresting force"),
    )),
    "outcomes": Table("one row an outcome or disposal of a case", False, _record(
        "date of the outcome", "outcome_id",
        record_system=Column("label", "whose record", required=True, values=("police", "pnc", "yjs_case")),
        offence_date=Column("date", "date of the offence", clean="offence_day"),
        arrest_date=Column("date", "date of the arrest", clean="arrest_day"),
        hearing_date=Column("date", "date of the first hearing", clean="hearing_day"),
        outcome_type=Column("label", "Home Office outcome type", values=OUTCOME_TYPES),
        disposal=Column("label", "disposal by name", values=DISPOSALS),
        age_at_offence=Column("whole", "age at the offence or arrest"),
        age_at_hearing=Column("whole", "age at the first hearing"),
        offence_group=Column("text", "offence group"),
        gravity=Column("text", "gravity score"),
        gravity_scheme=Column("text", "whose gravity score"),
        quashed=Column("flag", "changed or quashed on appeal"),
        deleted=Column("flag", "the person's record was deleted"),
        shared_id=Column("text", "identifier shared between services"),
        breach=Column("flag", "breach or other offence that is not recordable"),
        release_date=Column("date", "release from custody", clean="release_day"),
        resident=Column("flag", "resident in the project's areas"),
        admission=Column("flag", "the child admitted the offence"),
        in_care=Column("flag", "looked after by a local authority"),
        assessed_reoffending=Column("text", "a practitioner's judgement: likelihood of re-offending"),
        assessed_harm=Column("text", "a practitioner's judgement: risk of serious harm"),
        assessed_safety=Column("text", "a practitioner's judgement: safety and wellbeing"),
    ), order=(("offence_date", "date"), ("arrest_date", "date"), ("date", "release_date")), ages=(10, 120)),
    "interventions": Table("one row an offer of an intervention", False, _record(
        "date of the offer", None,
        programme=Column("text", "name of the programme"),
        accepted_date=Column("date", "date accepted", clean="accepted_day"),
        started_date=Column("date", "date started", clean="started_day"),
        completed_date=Column("date", "date completed", clean="completed_day"),
    )),
    "population": Table("resident children, as counts", True, MappingProxyType(
        {**_COUNT_COLUMNS, "n": Column("whole", "the count", required=True, filled=True)}
    )),
    "counts": Table("a stage that a partner shares only as counts", True, MappingProxyType(
        {**_COUNT_COLUMNS, "stage": Column("text", "which stage is counted", required=True)}
    )),
})  # fmt: skip

SPLITS = ("area", "sex", "age_band", "deprivation")  # the dimensions that a margin may be split by

RESULT_KEYS = (
    "measure", "quantity", "period", *SPLITS, "level", "group", "reference",
    "rung",  # of a ladder of models; '' elsewhere
    "term",  # which part: a step of a pathway, an adjuster, the period a change is from; '' where there is one part
    "confidence",
)  # fmt: skip
RESULT_VALUES = (
    "numerator", "denominator", "reference_numerator", "reference_denominator",
    "estimate", "lower", "upper", "p_value", "q_value", "method", "status", "disclosure",
)  # fmt: skip
RESULT_COLUMNS = RESULT_KEYS + RESULT_VALUES

CELL_KEYS = ("stage", "period", *SPLITS, "level", "group")
CELL_COLUMNS = (*CELL_KEYS, "n", "status", "disclosure")
CUBE_COLUMNS = ("stage", "period", "area", "ethnicity", *SPLITS[1:], "n")
