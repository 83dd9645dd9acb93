"""Ethnicity: what each label means, which source counts, and one value for each child.

The crosswalk is data with a version: `ethnicity_crosswalk.csv`, one row for each label of each scheme. A
label is looked up inside its own scheme and never in another, because the same code means different groups
in different schemes (O1 is Chinese in the police 16+1 codes and nothing in the 18+1). Case and white space
do not matter.

Everything that touches a record is SQL that runs in the warehouse. The functions here return its text in
DuckDB's dialect, from which sqlglot makes the engine's own. Labels travel only as rows of tables, never as
part of a statement.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, get_args

from yjd.errors import ConfigurationError
from yjd.schema import UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

CROSSWALK_VERSION: Final = "1"
CROSSWALK_DATE: Final = "2026-11-22"
CROSSWALK_SOURCE: Final = (
    "ONS Census 2021 table TS021 and the Government Statistical Service's harmonised standard; "
    "Home Office self-defined (18+1, 16+1) and officer-observed (IC) codes; labels of Home Office arrests "
    "tables, Youth Justice Board annual tables and data.police.uk"
)

Source = Literal["self", "self_then_officer", "officer"]
MissingReason = Literal["not_stated", "refused", "blank", "unmapped", "conflicting"]
MISSING_REASONS: Final[tuple[MissingReason, ...]] = get_args(MissingReason)

# The 19 groups of Census 2021 in the order in which every table shows them: headings alphabetically and
# Other last; inside a heading alphabetically, then any other, and then those of whom only the heading is
# known.
_DETAILED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "Asian": ("Bangladeshi", "Chinese", "Indian", "Pakistani", "Any other Asian background"),
    "Black": ("African", "Caribbean", "Any other Black background"),
    "Mixed": (
        "White and Asian", "White and Black African", "White and Black Caribbean",
        "Any other Mixed background",
    ),
    "White": (
        "Gypsy or Irish Traveller", "Roma", "White British", "White Irish",
        "Any other White background",
    ),
    "Other": ("Arab", "Any other ethnic group"),
})  # fmt: skip


@dataclass(frozen=True)
class Group:
    """One ethnic group as a record carries it.

    `code` is the detailed group or, where only the heading is known, the heading. `heading` and `detailed`
    are its names at the two levels of a table, and `position` its place in the order.
    """

    code: str
    heading: str
    detailed: str
    position: int


@dataclass(frozen=True)
class Label:
    """One label of one scheme, and the group that it stands for.

    `comparable` is 0 where the label joins groups that later labels keep apart, so that series break there.
    """

    scheme: str
    label: str
    group: str
    missing_reason: str = ""
    comparable: int = 1
    note: str = ""

    @property
    def key(self) -> str:
        """The label as it is looked up."""
        return label_key(self.label)


@dataclass(frozen=True)
class Field:
    """An extract's column of ethnicity: SQL for its text, and the scheme of its labels.

    Parameters
    ----------
    text : str
        An expression such as ``raw."Self-defined ethnicity"``; quoting the name is the caller's task.
    scheme : str
        One of `schemes`.
    """

    text: str
    scheme: str


@dataclass(frozen=True)
class Fragments:
    """Parts of a SELECT: joins to append to FROM, and an expression for each column of the clean table."""

    joins: str
    columns: Mapping[str, str]


def label_key(label: str) -> str:
    """Return the label without white space and capitals, with every dash a hyphen, as it is looked up."""
    return "".join(label.lower().replace("\u2013", "-").split())


@cache
def _groups() -> tuple[Group, ...]:
    found: list[tuple[str, str, str]] = []
    for heading, groups in _DETAILED.items():
        found += [(group, heading, group) for group in groups]
        found.append((heading, heading, f"{heading} (no detail)"))
    found.append((UNKNOWN, UNKNOWN, UNKNOWN))
    return tuple(Group(*names, position) for position, names in enumerate(found, start=1))


@cache
def _labels() -> tuple[Label, ...]:
    text = resources.files("yjd").joinpath("ethnicity_crosswalk.csv").read_text(encoding="utf-8")
    return tuple(
        Label(scheme, label, group, reason, int(comparable), note)
        for scheme, label, group, reason, comparable, note in itertools.islice(csv.reader(text.splitlines()), 1, None)
    )


def broad_groups() -> tuple[str, ...]:
    """Return the five headings in the order of every table, then Unknown."""
    return (*_DETAILED, UNKNOWN)


def detailed_groups() -> tuple[str, ...]:
    """Return the detailed groups in the order of every table: by heading, '(no detail)' last; Unknown."""
    return tuple(group.detailed for group in _groups())


def schemes() -> tuple[str, ...]:
    """Return the names of the schemes of labels."""
    return tuple(dict.fromkeys(label.scheme for label in _labels()))


def groups() -> pd.DataFrame:
    """Return the warehouse's table `ethnicity_group`.

    Returns
    -------
    DataFrame
        `code` (what a record carries), `heading` and `detailed` (its names at the broad and the detailed
        level) and `position`, one row a group in the order of every table.
    """
    import pandas as pd

    return pd.DataFrame(
        [(group.code, group.heading, group.detailed, group.position) for group in _groups()],
        columns=["code", "heading", "detailed", "position"],
    )


def crosswalk(own: Sequence[Label] = ()) -> pd.DataFrame:
    """Return the warehouse's table `ethnicity_crosswalk`.

    Parameters
    ----------
    own : sequence of Label
        Labels of single extracts, from `own_labels`.

    Returns
    -------
    DataFrame
        `scheme`, `label`, `label_key` (what the join compares), `ethnicity` (group code), `missing_reason`
        (None where the group is known), `comparable` (0 or 1) and `note`; no key comes twice in a scheme.
    """
    import pandas as pd

    return pd.DataFrame(
        [
            (row.scheme, row.label, row.key, row.group, row.missing_reason or None, row.comparable, row.note)
            for row in (*_labels(), *own)
        ],
        columns=["scheme", "label", "label_key", "ethnicity", "missing_reason", "comparable", "note"],
    )


def own_labels(extract: str, labels: Mapping[str, str]) -> tuple[Label, ...]:
    """Return an extract's own labels as rows of the crosswalk, under a scheme named after the extract.

    Parameters
    ----------
    extract : str
        Name of the extract in the configuration.
    labels : mapping of str to str
        From a label to a group, a heading, 'Unknown' (not stated) or a missing reason.

    Raises
    ------
    ConfigurationError
        Every target that is no group, and every label that comes twice but for case and white space.
    """
    targets = {name: group.code for group in _groups() for name in (group.code, group.detailed)}
    problems: list[str] = []
    found: dict[str, Label] = {}
    for label, target in labels.items():
        reason = "not_stated" if target == UNKNOWN else target if target in MISSING_REASONS else ""
        group = UNKNOWN if reason else targets.get(target, "")
        row = Label(own_scheme(extract), label, group, reason)
        if not group:
            problems.append(f"{label!r} is given {target!r}, neither a group nor a reason")
        elif not row.key:
            problems.append("a blank is always a missing ethnicity and cannot be given a group")
        elif row.key in found:
            problems.append(f"{label!r} comes twice; case and white space make no difference")
        found[row.key] = row
    if problems:
        raise ConfigurationError.of_all(f"extracts.{extract}.ethnicity.labels", problems)
    return tuple(found.values())


def own_scheme(extract: str) -> str:
    """Return the scheme that holds an extract's own labels; no built-in scheme's name has a full stop."""
    return f"extract.{extract}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def key_sql(text: str) -> str:
    """Return SQL for `label_key` of a text expression; REPLACE is the one tool that every engine has."""
    stripped = text
    for code in (32, 9, 10, 13, 160):
        stripped = f"REPLACE({stripped}, CHR({code}), '')"
    return f"LOWER(REPLACE({stripped}, CHR(8211), '-'))"


@dataclass(frozen=True)
class _Resolved:
    """SQL of one field after the look-up."""

    joins: str
    ethnicity: str
    reason: str


def _resolve(field: Field | None, alias: str, order: Sequence[str], own: str) -> _Resolved:
    """Join the field to its scheme and to the extract's own labels; the first of `order` to know it wins."""
    if field is None:
        return _Resolved("", _literal(UNKNOWN), "'blank'")
    if field.scheme not in schemes():
        raise ConfigurationError(
            f"There is no ethnicity scheme {field.scheme!r}.", f"The schemes are {', '.join(schemes())}."
        )
    key = key_sql(field.text)
    names = {"scheme": field.scheme} | ({"own": own_scheme(own)} if own else {})
    wanted = [which for which in order if which in names]
    joins = "\n".join(
        f"LEFT JOIN ethnicity_crosswalk AS {alias}_{which}"
        f" ON {alias}_{which}.scheme = {_literal(names[which])} AND {alias}_{which}.label_key = {key}"
        for which in wanted
    )
    found = ", ".join(f"{alias}_{which}.ethnicity" for which in wanted)
    ethnicity = f"COALESCE({found}, {_literal(UNKNOWN)})"
    known_missing = " ".join(
        f"WHEN {alias}_{which}.ethnicity IS NOT NULL THEN {alias}_{which}.missing_reason" for which in wanted
    )
    reason = (
        f"CASE WHEN {ethnicity} <> {_literal(UNKNOWN)} THEN NULL {known_missing} "
        f"WHEN {field.text} IS NULL OR {key} = '' THEN 'blank' ELSE 'unmapped' END"
    )
    return _Resolved(joins, ethnicity, reason)


def record_sql(
    *, self_defined: Field | None = None, officer: Field | None = None, source: Source = "self", own: str = ""
) -> Fragments:
    """Return the joins and the columns that turn an extract's ethnicity labels into groups.

    Parameters
    ----------
    self_defined, officer : Field or None
        The columns that the extract has.
    source : {'self', 'self_then_officer', 'officer'}
        Whose value a record counts under. Officers' schemes have no Mixed, so falling back shifts shares.
    own : str
        Name of the extract, if the configuration gives it labels of its own. In the self-defined column
        they come before the scheme's; in the officer's column only where the scheme is silent, because
        codes such as 1 recur.

    Returns
    -------
    Fragments
        `columns` has `ethnicity_self`, `ethnicity_officer`, `ethnicity_recorded`, `ethnicity_source`
        ('self', 'officer', 'none') and `ethnicity_missing` (why the recorded value is Unknown, or NULL).
    """
    by_self = _resolve(self_defined, "eth_self", ("own", "scheme"), own)
    by_officer = _resolve(officer, "eth_officer", ("scheme", "own"), own)
    unknown = _literal(UNKNOWN)
    self_known, officer_known = f"{by_self.ethnicity} <> {unknown}", f"{by_officer.ethnicity} <> {unknown}"
    if source == "self":
        recorded, reason = by_self.ethnicity, by_self.reason
        used = f"CASE WHEN {self_known} THEN 'self' ELSE 'none' END"
    elif source == "officer":
        recorded, reason = by_officer.ethnicity, by_officer.reason
        used = f"CASE WHEN {officer_known} THEN 'officer' ELSE 'none' END"
    else:
        recorded = f"CASE WHEN {self_known} THEN {by_self.ethnicity} ELSE {by_officer.ethnicity} END"
        first = by_officer.reason if self_defined is None else by_self.reason
        reason = f"CASE WHEN {officer_known} THEN NULL ELSE {first} END"
        used = f"CASE WHEN {self_known} THEN 'self' WHEN {officer_known} THEN 'officer' ELSE 'none' END"
    columns = {
        "ethnicity_self": by_self.ethnicity,
        "ethnicity_officer": by_officer.ethnicity,
        "ethnicity_recorded": recorded,
        "ethnicity_source": used,
        "ethnicity_missing": reason,
    }
    joins = "\n".join(part for part in (by_self.joins, by_officer.joins) if part)
    return Fragments(joins, MappingProxyType(columns))


def _from_unmapped(raw: str, field: Field, own: str) -> str:
    """Return FROM and WHERE for the rows whose label neither the scheme nor the extract's own labels know."""
    found = _resolve(field, "eth", ("own", "scheme"), own)
    return f"FROM {raw}\n{found.joins}\nWHERE {found.reason} = 'unmapped'"


def unmapped_sql(raw: str, field: Field, *, line: str, own: str = "") -> str:
    """Return SQL that counts the labels that no scheme knows, without showing any.

    Parameters
    ----------
    raw : str
        What to select from, such as ``raw_arrests AS raw``.
    field : Field
        The column of ethnicity.
    line : str
        Expression of the line number.
    own : str
        Name of the extract, if it has labels of its own.

    Returns
    -------
    str
        A query of `n` (rows) and `first_line`, one row for each label, most frequent first.
    """
    return (
        f"SELECT COUNT(*) AS n, MIN({line}) AS first_line\n{_from_unmapped(raw, field, own)}\n"
        f"GROUP BY {key_sql(field.text)}\nORDER BY n DESC, first_line"
    )


def unmapped_values_sql(raw: str, field: Field, *, line: str, own: str = "") -> str:
    """Return `unmapped_sql` with the `label` itself: for the sensitive folder only, never for a message."""
    return (
        f"SELECT COUNT(*) AS n, MIN({line}) AS first_line, MIN({field.text}) AS label\n"
        f"{_from_unmapped(raw, field, own)}\nGROUP BY {key_sql(field.text)}\nORDER BY n DESC, first_line"
    )


def not_comparable_sql(raw: str, field: Field) -> str:
    """Return SQL that counts the rows whose label joins groups that later labels keep apart: `note`, `n`.

    No row comes back if all is well. Those rows count under the heading Other; a finding has to say that
    the series breaks there.
    """
    found = _resolve(field, "eth", ("scheme",), "")
    return (
        f"SELECT eth_scheme.note AS note, COUNT(*) AS n\nFROM {raw}\n{found.joins}\n"
        "WHERE eth_scheme.comparable = 0\nGROUP BY eth_scheme.note\nORDER BY eth_scheme.note"
    )
