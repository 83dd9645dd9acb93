"""What each text of a labelled column stands for: the declared vocabulary, and the extract's own labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yjd.schema import ALL, ELSEWHERE, QUINTILES, SEXES, TABLES, UNKNOWN, Column

if TYPE_CHECKING:
    from yjd.config import Settings
    from yjd.config_extract import Extract

_ABBREVIATED_SEX = {"f": "Female", "m": "Male"}
_TENTHS = set(map(str, range(1, 11)))
_FLAGS = {"1": "1", "0": "0", "y": "1", "n": "0", "yes": "1", "no": "0", "true": "1", "false": "0"}


def label_rows(extract: Extract, settings: Settings) -> list[tuple[str, str, str, str]]:
    """Rows (extract, name, label, value) of the table `label`: what each text of a labelled column stands for."""
    rows: list[tuple[str, str, str, str]] = []
    for name, column in TABLES[extract.table].columns.items():
        known = {value.casefold(): value for value in _vocabulary(column, settings)}
        if column.type == "sex":
            known |= _ABBREVIATED_SEX
        if column.type == "flag":
            known |= _FLAGS
        known |= {theirs.strip().casefold(): ours for theirs, ours in extract.labels.get(name, {}).items()}
        rows += [(extract.name, name, label, value) for label, value in known.items()]
    return rows


def bad_labels(extract: Extract, settings: Settings) -> list[str]:
    """Problems with `labels` in yjd.toml: values that are not in the declared vocabulary."""
    problems = []
    for name, mapping in extract.labels.items():
        column = TABLES[extract.table].columns[name]
        vocabulary = set(_vocabulary(column, settings)) | {""}
        given = {theirs.strip() for theirs in mapping}
        if column.type == "deprivation" and given & (_TENTHS - set(QUINTILES)) and not given >= _TENTHS:
            # otherwise the tenths 1 to 5 would pass for fifths
            problems.append(f"extracts.{extract.name}.labels.{name}: tenths need a label each, from 1 to 10")
        if column.type in {"area", "sex", "age_band", "deprivation", "label", "flag"} and (
            wrong := sorted(set(mapping.values()) - vocabulary)
        ):
            problems.append(
                f"extracts.{extract.name}.labels.{name}: {', '.join(map(repr, wrong))} is not a value of {name}"
            )
    return problems


def _vocabulary(column: Column, settings: Settings) -> tuple[str, ...]:
    match column.type:
        case "sex":
            return (*SEXES, ALL)
        case "area":
            return (*settings.project.areas, ELSEWHERE, UNKNOWN)
        case "age_band":
            return (*settings.analysis.age_bands, UNKNOWN, ALL)
        case "deprivation":
            return (*QUINTILES, UNKNOWN, ALL)
        case "flag":
            return ("0", "1")
        case _:
            return column.values
