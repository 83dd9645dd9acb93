"""The SQL that types, checks and harmonises one extract inside the warehouse, made from its declared columns.

A column of dates, numbers or labels has few different texts however many rows there are. So each different text is
typed once, in a small table (`Plan.maps`), and the rows are joined to it.

`typed_<extract>` has one row for each row of `raw_<extract>`: its typed columns, `in_scope` (1 or 0) and `failed`, the
rules that it breaks, each followed by a semicolon ('' for none). A date is typed by looking its YYYY-MM-DD text up in
the calendar, so 31 February fails on every engine alike; a label by looking it up in `label`.
"""

# ruff: noqa: S608 - the names put into SQL are the package's own or checked by the configuration, texts are literals

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yjd.ethnicity import Field, Source, record_sql
from yjd.schema import ALL, ELSEWHERE, TABLES, UNKNOWN, Column

if TYPE_CHECKING:
    from yjd.config_extract import Extract

LONGEST_TEXT = 200


@dataclass
class _Select:
    """The parts of one SELECT while it is put together."""

    columns: dict[str, str] = field(default_factory=dict)
    joins: list[str] = field(default_factory=list)
    rules: list[tuple[str, str]] = field(default_factory=list)  # name, condition under which the row fails
    failed: list[str] = field(default_factory=list)  # texts of rules that were checked in a map
    scope: list[str] = field(default_factory=list)  # conditions under which the row is in scope


def literal(text: str) -> str:
    """`text` as an SQL string: data, never code."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Plan:
    """How one extract is typed: small tables to make first (name: SELECT), then the SELECT of `typed_<extract>`."""

    maps: dict[str, str]
    typed: str


def plan(extract: Extract, *, source: Source, native_dates: bool) -> Plan:
    """How `raw_<extract>` becomes `typed_<extract>`, in DuckDB's dialect."""
    table = TABLES[extract.table]
    select, maps = _Select(), dict[str, str]()
    for name, column in table.columns.items():
        value = _value(extract, name)
        if name not in extract.columns or column.type in {"text", "ethnicity"}:
            _ADDERS[column.type](select, extract, name, column, value)
            _add_filled(select, name, column, value)
        else:
            maps |= _add_mapped(select, extract, name, column, native_dates=native_dates)
        if column.identifier and name in extract.columns:
            maps |= _add_duplicates(select, extract, name, value)
    for earlier, later in table.order:
        first, last = (_clean_name(table.columns[end], end) for end in (earlier, later))
        if {earlier, later} <= set(extract.columns):
            select.rules.append((f"{later}: lies before {earlier}", f"d_{last}.day < d_{first}.day"))
    maps |= _add_ethnicities(select, extract, source)
    _add_age(select, extract)
    _add_coverage(select, extract)
    _add_scope(select, extract)
    if table.counts:
        _add_count_period(select, extract)
    columns = ",\n  ".join(f"{expression} AS {name}" for name, expression in select.columns.items())
    scope = " AND ".join(f"({condition})" for condition in select.scope) or "1 = 1"
    joins = "\n".join(select.joins)
    typed = (
        f"SELECT r.line AS line,\n  {columns},\n  CASE WHEN {scope} THEN 1 ELSE 0 END AS in_scope,\n"
        f"  {_failed(select)} AS failed\nFROM raw_{extract.name} AS r\n{joins}"
    )
    return Plan(maps, typed)


def _failed(select: _Select) -> str:
    """The names of the rules broken, as one text."""
    own = [f"CASE WHEN {condition} THEN {literal(rule + ';')} ELSE '' END" for rule, condition in select.rules]
    return " || ".join([*select.failed, *own]) or literal("")


def _add_filled(select: _Select, name: str, column: Column, value: str) -> None:
    if column.filled:
        select.rules.append((f"{name}: is blank", f"{value} IS NULL"))


def _add_mapped(select: _Select, extract: Extract, name: str, column: Column, *, native_dates: bool) -> dict[str, str]:
    """A column of which each different text is typed and checked once, and the table in which that is done."""
    inner, value = _Select(), _value(extract, name)
    _ADDERS[column.type](inner, extract, name, column, value)
    _add_filled(inner, name, column, value)
    clean = _clean_name(column, name)
    alias = f"m_{name}"
    if column.type == "date":
        alias = f"d_{clean}"
        _add_date(inner, extract, name, value, native_dates=native_dates)
        inner.columns |= {"day": f"{alias}.day", "iso": f"{alias}.iso"}
        select.columns[clean] = f"{alias}.day"
    else:
        inner.columns["typed"] = inner.columns[clean]
        select.columns[clean] = f"{alias}.typed"
    if column.type != "date" or clean not in ("day", "iso"):
        inner.columns.pop(clean, None)
    select.failed.append(f"{alias}.failed")
    return _mapped(select, extract, alias, [f"c_{name}"], inner)


def _mapped(select: _Select, extract: Extract, alias: str, texts: list[str], inner: _Select) -> dict[str, str]:
    """Join the rows to the table that holds `inner` for each different combination of texts; a blank is ''."""
    table = f"{alias}_{extract.name}"
    different = ", ".join(f"COALESCE({text}, '') AS {text}" for text in texts)
    columns = ", ".join(f"{expression} AS {name}" for name, expression in inner.columns.items())
    matched = " AND ".join(f"{alias}.{text} = COALESCE(r.{text}, '')" for text in texts)
    select.joins.append(f"LEFT JOIN {table} AS {alias} ON {matched}")
    return {
        table: f"SELECT {', '.join(f'r.{text}' for text in texts)}, {columns}, {_failed(inner)} AS failed\n"
        f"FROM (SELECT DISTINCT {different} FROM raw_{extract.name}) AS r\n" + "\n".join(inner.joins)
    }


def _add_duplicates(select: _Select, extract: Extract, name: str, value: str) -> dict[str, str]:
    """An identifier that comes twice: every row but the first breaks the rule."""
    table = f"twice_{name}_{extract.name}"
    select.joins.append(f"LEFT JOIN {table} AS twice ON twice.identifier = {value}")
    select.rules.append((f"{name}: comes twice", "r.line > twice.first_line"))
    return {
        table: f"SELECT {value} AS identifier, MIN(r.line) AS first_line FROM raw_{extract.name} AS r "
        f"WHERE {value} IS NOT NULL GROUP BY {value} HAVING COUNT(*) > 1"
    }


def _clean_name(column: Column, name: str) -> str:
    return column.clean or name


def _value(extract: Extract, name: str) -> str:
    """The column's text without surrounding blanks; NULL where it is blank or not given."""
    if name in extract.constants:
        return literal(extract.constants[name])
    if name not in extract.columns:
        return "CAST(NULL AS VARCHAR)"
    trimmed = f"NULLIF(TRIM(r.c_{name}), '')"
    for blank in extract.blanks:
        trimmed = f"NULLIF({trimmed}, {literal(blank.strip())})"
    return trimmed


def _add_text(select: _Select, extract: Extract, name: str, column: Column, value: str) -> None:
    select.columns[_clean_name(column, name)] = value
    if name in extract.columns:
        select.rules.append((f"{name}: is longer than {LONGEST_TEXT} characters", f"LENGTH({value}) > {LONGEST_TEXT}"))


def _add_whole(select: _Select, extract: Extract, name: str, column: Column, value: str) -> None:
    mapped = value
    if name in extract.labels:
        join = _label_join(extract, name, value)
        select.joins.append(join)
        mapped = f"(CASE WHEN l_{name}.label IS NULL THEN {value} ELSE NULLIF(l_{name}.value, '') END)"
    matches = f"regexp_matches({mapped}, '^[0-9]{{1,9}}([.]0+)?$')"
    select.columns[_clean_name(column, name)] = (
        f"CASE WHEN {matches} THEN CAST(SPLIT_PART({mapped}, '.', 1) AS BIGINT) END"
    )
    if name in {*extract.columns, *extract.constants}:
        select.rules.append((f"{name}: is not a whole number", f"{mapped} IS NOT NULL AND NOT {matches}"))


def _label_join(extract: Extract, name: str, value: str) -> str:
    return (
        f"LEFT JOIN label AS l_{name} ON l_{name}.extract = {literal(extract.name)} "
        f"AND l_{name}.name = {literal(name)} AND l_{name}.label = LOWER({value})"
    )


def _add_label(
    select: _Select, extract: Extract, name: str, column: Column, value: str, *, blank: str = "NULL"
) -> None:
    """A column with a vocabulary. What is not in it fails, unless the extract says that other areas are elsewhere."""
    clean = _clean_name(column, name)
    if name not in {*extract.columns, *extract.constants}:
        select.columns[clean] = blank if blank != "NULL" else "CAST(NULL AS VARCHAR)"
        return
    select.joins.append(_label_join(extract, name, value))
    unmatched = f"{value} IS NOT NULL AND l_{name}.label IS NULL"
    found = f"NULLIF(l_{name}.value, '')"
    if column.type == "area" and extract.other_areas == "elsewhere":
        select.columns[clean] = f"CASE WHEN {unmatched} THEN {literal(ELSEWHERE)} ELSE COALESCE({found}, {blank}) END"
        return
    select.columns[clean] = found if blank == "NULL" else f"COALESCE({found}, {blank})"
    select.rules.append((f"{name}: is not a known label", unmatched))


def _add_flag(select: _Select, extract: Extract, name: str, column: Column, value: str) -> None:
    _add_label(select, extract, name, column, value)
    clean = _clean_name(column, name)
    select.columns[clean] = f"CAST({select.columns[clean]} AS INTEGER)"


def _add_named(select: _Select, extract: Extract, name: str, column: Column, value: str) -> None:
    _add_label(select, extract, name, column, value, blank=literal(UNKNOWN))


def _add_band(select: _Select, extract: Extract, name: str, column: Column, value: str) -> None:
    _add_label(select, extract, name, column, value)


def _add_sex(select: _Select, extract: Extract, name: str, column: Column, value: str) -> None:
    absent = literal(ALL if TABLES[extract.table].counts and name not in extract.columns else UNKNOWN)
    _add_label(select, extract, name, column, value, blank=absent)


def _add_deprivation(select: _Select, extract: Extract, name: str, column: Column, value: str) -> None:
    """Records too are All, not Unknown, where nobody gives it: few extracts have it, and no fifth is then a true 0."""
    absent = literal(UNKNOWN if name in extract.columns else ALL)
    _add_label(select, extract, name, column, value, blank=absent)


def _no_column(select: _Select, extract: Extract, name: str, column: Column, value: str) -> None:
    """Both columns of ethnicity are added together, by `_add_ethnicities`."""


def ethnicity_fields(extract: Extract) -> dict[str, Field]:
    """The extract's columns of ethnicity as `yjd.ethnicity` wants them: self_defined, officer."""
    schemes = {"ethnicity": ("self_defined", extract.ethnicity.self_defined),
               "ethnicity_officer": ("officer", extract.ethnicity.officer)}  # fmt: skip
    found = {}
    for name, (role, scheme) in schemes.items():
        if scheme is not None and (name in extract.columns or name in extract.constants):
            found[role] = Field(_value(extract, name), scheme)
    return found


def _add_ethnicities(select: _Select, extract: Extract, source: Source) -> dict[str, str]:
    """Group codes by way of the crosswalk, and why one is missing where it is."""
    counts = TABLES[extract.table].counts
    own = extract.name if extract.ethnicity.labels else ""
    # a count has one label, whoever chose it
    fragments = record_sql(**ethnicity_fields(extract), source="self" if counts else source, own=own)
    wanted = dict(fragments.columns)
    if counts:
        wanted = {"ethnicity": wanted["ethnicity_recorded"], "ethnicity_missing": wanted["ethnicity_missing"]}
    texts = [f"c_{name}" for name in ("ethnicity", "ethnicity_officer") if name in extract.columns]
    if not texts:
        select.joins.append(fragments.joins)
        select.columns |= wanted
        return {}
    select.columns |= {name: f"m_ethnicity.{name}" for name in wanted}
    return _mapped(select, extract, "m_ethnicity", texts, _Select(columns=wanted, joins=[fragments.joins]))


def _skip(select: _Select, extract: Extract, name: str, column: Column, _: str) -> None:
    """Dates are added by themselves: those that are not given are NULL."""
    if name not in extract.columns:
        select.columns[_clean_name(column, name)] = "CAST(NULL AS INTEGER)"


_Adder = Callable[[_Select, "Extract", str, Column, str], None]
_ADDERS: dict[str, _Adder] = {
    "text": _add_text, "whole": _add_whole, "age": _add_whole, "label": _add_label, "flag": _add_flag,
    "area": _add_named, "sex": _add_sex, "age_band": _add_band, "deprivation": _add_deprivation,
    "ethnicity": _no_column, "date": _skip,
}  # fmt: skip


def _add_date(select: _Select, extract: Extract, name: str, value: str, *, native_dates: bool) -> None:
    clean = TABLES[extract.table].columns[name].clean or name
    pattern = extract.dates.get(name, extract.dates.get("date", "YYYY-MM-DD"))
    if pattern == "excel":
        shape = f"regexp_matches({value}, '^[0-9]{{5}}([.][0-9]+)?$')"
        day = f"CASE WHEN {shape} THEN CAST(SPLIT_PART({value}, '.', 1) AS INTEGER) - 25569 END"
        select.joins.append(f"LEFT JOIN calendar AS d_{clean} ON d_{clean}.day = {day}")
    else:
        iso = iso_expression(value, pattern)
        if native_dates and pattern != "YYYY-MM-DD":
            iso = f"COALESCE({iso_expression(value, 'YYYY-MM-DD')}, {iso})"
        select.joins.append(f"LEFT JOIN calendar AS d_{clean} ON d_{clean}.iso = {iso}")
    select.columns[clean] = f"d_{clean}.day"
    serial = f"regexp_matches({value}, '^[0-9]{{5}}([.][0-9]+)?$')"
    missing = f"{value} IS NOT NULL AND d_{clean}.day IS NULL"
    if pattern == "excel":
        select.rules.append((f"{name}: is not an Excel date number", missing))
        return
    select.rules.append(
        (
            f"{name}: is an Excel date number, not {pattern} (set dates.{name} to excel)",
            f"{missing} AND {serial}",
        )
    )
    select.rules.append((f"{name}: is not a date as {pattern}", f"{missing} AND NOT {serial}"))


def iso_expression(value: str, pattern: str) -> str:
    """The text of a date in `pattern` as YYYY-MM-DD; NULL where it has another shape. A time after it is left off."""
    order = sorted(("YYYY", "MM", "DD"), key=pattern.index)
    marks = [mark for mark in pattern.replace("YYYY", "").replace("MM", "").replace("DD", "") if mark]
    if not marks:
        sizes = {"YYYY": 4, "MM": 2, "DD": 2}
        part = {token: f"SUBSTR({value}, {pattern.index(token) + 1}, {sizes[token]})" for token in order}
        shape = "^[0-9]{8}$"
    else:
        shape = "".join(
            ("[0-9]{4}" if token == "YYYY" else "[0-9]{1,2}") + (f"[{mark}]" if place < 2 else "")
            for place, (token, mark) in enumerate(zip(order, [*marks, ""][:3], strict=False))
        )
        shape = f"^{shape}([ T].*)?$"
        date_only = f"SPLIT_PART(SPLIT_PART({value}, ' ', 1), 'T', 1)"
        # Both separators may differ: read all as the first one.
        for mark in set(marks[1:]) - {marks[0]}:
            date_only = f"REPLACE({date_only}, {literal(mark)}, {literal(marks[0])})"
        part = {token: f"SPLIT_PART({date_only}, {literal(marks[0])}, {place})" for place, token in enumerate(order, 1)}
        part |= {token: f"LPAD({part[token]}, 2, '0')" for token in ("MM", "DD")}
    return (
        f"CASE WHEN regexp_matches({value}, {literal(shape)}) "
        f"THEN {part['YYYY']} || '-' || {part['MM']} || '-' || {part['DD']} END"
    )


def _add_age(select: _Select, extract: Extract) -> None:
    """Without an age, the age on the day of the event from the date of birth."""
    if "birth_date" not in extract.columns or TABLES[extract.table].counts:
        return
    day, birth = "d_day.iso", "d_birth_day.iso"
    full = f"CAST(SUBSTR({day}, 1, 4) AS INTEGER) - CAST(SUBSTR({birth}, 1, 4) AS INTEGER)"
    had_birthday = f"CASE WHEN SUBSTR({day}, 6) < SUBSTR({birth}, 6) THEN 1 ELSE 0 END"
    select.columns["age"] = f"COALESCE({select.columns['age']}, {full} - {had_birthday})"
    select.rules.append(("birth_date: lies after the date", "d_birth_day.day > d_day.day"))


def _add_coverage(select: _Select, extract: Extract) -> None:
    if extract.covers is None or "date" not in extract.columns:
        return
    first, last = (literal(day) for day in extract.covers)
    select.rules.append(("date: lies after the last day that the extract covers", f"d_day.iso > {last}"))
    if extract.table != "outcomes":  # earlier outcomes are history that first-time entrants need
        select.scope.append(f"d_day.iso IS NULL OR d_day.iso >= {first}")


def _add_scope(select: _Select, extract: Extract) -> None:
    for number, values in enumerate(extract.scope.values()):
        listed = ", ".join(literal(value.strip()) for value in values)
        select.scope.append(f"TRIM(COALESCE(r.s_{number}, '')) IN ({listed})")
    if not TABLES[extract.table].counts:
        low, high = TABLES[extract.table].ages
        age = select.columns["age"]
        select.scope.append(f"{age} IS NULL OR {age} BETWEEN {low} AND {high}")


def _add_count_period(select: _Select, extract: Extract) -> None:
    """First day and the day after the last; NULL for a population that stands for every period."""
    if "age_band" not in {*extract.columns, *extract.constants}:
        select.columns["age_band"] = literal(ALL)
    if extract.period is None:
        select.columns |= {"start_day": "CAST(NULL AS INTEGER)", "end_day": "CAST(NULL AS INTEGER)"}
        return
    given = extract.period
    value = literal(given.value) if given.value is not None else "TRIM(r.c_period)"
    matches = f"regexp_matches({value}, '^[0-9]{{4}}(-03)?$')"
    year = f"CASE WHEN {matches} THEN CAST(SUBSTR({value}, 1, 4) AS INTEGER) END"
    starts, ends = {
        "year_ending_march": (
            f"CAST({year} - 1 AS VARCHAR) || '-04-01'",
            f"CAST({year} AS VARCHAR) || '-04-01'",
        ),
        "calendar_year": (f"CAST({year} AS VARCHAR) || '-01-01'", f"CAST({year} + 1 AS VARCHAR) || '-01-01'"),
    }[given.kind]
    select.joins.append(f"LEFT JOIN calendar AS p_start ON p_start.iso = {starts}")
    select.joins.append(f"LEFT JOIN calendar AS p_end ON p_end.iso = {ends}")
    select.columns |= {"start_day": "p_start.day", "end_day": "p_end.day"}
    select.rules.append(("period: is not a year", "p_start.day IS NULL"))
