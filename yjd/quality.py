"""How well ethnicity is recorded: counted in the warehouse, released only as coarse shares.

The counts are of records and lie outside of the system of cells, so they have a rule of their own
(`yjd.quality_gate`). `release.json` carries them as ``quality``; no count of records is in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yjd import ethnicity
from yjd.quality_gate import Gate, Share, bounds, possible, within
from yjd.schema import ALL, HIDDEN, SPLITS, TABLES, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.config_extract import Extract
    from yjd.measures import Stage
    from yjd.quality_counts import QualityCounts

_REST: ethnicity.MissingReason = "not_stated"  # what the other reasons leave: never rounded by itself


def quality_section(
    counts: QualityCounts | None, settings: Settings, released: pd.DataFrame, stages: Mapping[str, Stage]
) -> dict[str, Any]:
    """What ``release.json`` says of data quality: coarse shares, and what each extract can and cannot tell.

    Parameters
    ----------
    counts : QualityCounts
        From :func:`yjd.quality_counts.measure_quality`; unprotected. Nothing is said where nothing was counted.
    settings : Settings
        The project: its extracts, areas and rules of disclosure control.
    released : DataFrame
        Cells after disclosure control (`yjd.schema.CELL_COLUMNS`).
    stages : mapping of str to Stage
        The stages of the cells.

    Returns
    -------
    dict
        ``extracts`` (who records what), ``recorded`` (for each extract and system, slices with `percent`: part to
        (percent, step)), ``agreement`` and ``schemes`` (the groups that each scheme of labels can express). A share
        that may not be shown is not there.
    """
    if counts is None:
        return {}
    gate = Gate.of(settings.disclosure)
    hidden = _hidden_slices(released, stages)
    covered = counts.coverage
    days = {
        name: (int(first), int(last))
        for name, first, last in zip(covered["extract"], covered["first_day"], covered["last_day"], strict=True)
    }
    about = {extract.name: _about(extract, days.get(extract.name)) for extract in settings.extracts}
    can = _all_expressible(settings.extracts, about)
    spread = [
        _agreement(str(name), table, gate, can[about[str(name)]["officer_scheme"]])
        for name, table in counts.agreement.groupby("extract", sort=True)
        if about[str(name)]["officer_scheme"]
    ]
    return {
        "unit": gate.unit,
        "extracts": list(about.values()),
        "recorded": [
            {"extract": extract, "system": system, "slices": _slices(found, gate, settings, about[extract], hidden)}
            for (extract, system), found in _by_source(counts)
        ],
        "agreement": [found for found in spread if found],
        "schemes": can,
    }


def _by_source(counts: QualityCounts) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """The records of each extract and, of outcomes, of each record system in it."""
    for (extract, system), found in counts.records.groupby(["extract", "system"], sort=True):
        yield (str(extract), str(system)), found


def _hidden_slices(released: pd.DataFrame, stages: Mapping[str, Stage]) -> set[tuple[str, str, str, str]]:
    """(table, what, by, slice) of which some cell is hidden: of unknown ethnicity, or of a heading without detail."""
    found: set[tuple[str, str, str, str]] = set()
    narrow = (released[list(SPLITS[1:])] == ALL).all(axis=1) & released["disclosure"].isin(HIDDEN)
    for what, chosen in (
        ("known", released["group"] == UNKNOWN),
        ("detailed", released["group"].str.endswith("(no detail)")),
    ):
        cells = released.loc[narrow & chosen, ["stage", "period", "area"]].drop_duplicates()
        for stage, period, area in cells.itertuples(index=False):
            for table in stages[stage].reads:
                if area == ALL:
                    found |= {(table, what, "all", ALL), (table, what, "period", period)}
                else:
                    found.add((table, what, "area", area))
    return found


@dataclass(frozen=True)
class _Part:
    """One part of one slice: its count, what it is a share of, and whether the cells allow it."""

    count: int
    base: int
    allowed: bool


def _slices(
    found: pd.DataFrame,
    gate: Gate,
    settings: Settings,
    about: Mapping[str, Any],
    hidden: Collection[tuple[str, str, str, str]],
) -> list[dict[str, Any]]:
    """The shares of one source: of all its records, by area and by period."""
    listed = {"all": [ALL], "area": list(settings.project.areas), "period": list(settings.periods.table()["period"])}
    parts: dict[str, dict[str, dict[str, _Part]]] = {}
    for by in listed:
        groups = {ALL: found} if by == "all" else dict(iter(found.groupby(by)))
        parts[by] = {
            str(name): _parts(
                group, gate, settings.ethnicity.source, about,
                {what for what in ("known", "detailed") if (about["table"], what, by, name) in hidden},
            )
            for name, group in groups.items()
        }  # fmt: skip
    shares = {by: {name: _shares(one, gate) for name, one in named.items()} for by, named in parts.items()}
    closed = _not_by_slice(parts, shares, gate)
    return [
        {
            "by": by,
            "slice": name,
            "percent": {part: share for part, share in shares[by][name].items() if by == "all" or part not in closed},
        }
        for by, names in listed.items()
        for name in names
        if name in shares[by]
    ]


def _parts(
    group: pd.DataFrame, gate: Gate, source: str, about: Mapping[str, Any], closed: Collection[str]
) -> dict[str, _Part]:
    """The counts of one slice.

    How many have no known ethnicity, or no detail, is counted by the system of cells as well, where such a count may
    be hidden (`closed`). Then a share leaves only if enough records count under another value than they carry: no sum
    of cells then equals what is shared out here.
    """
    n, recorded = group["n"].to_numpy(), group["recorded"].to_numpy(dtype=str)
    total, known = int(n.sum()), int(n[recorded == "known"].sum())

    def of(*columns: str) -> int:
        chosen = n
        for column in columns:
            chosen = chosen * group[column].to_numpy()
        return int(chosen.sum())

    apart = "known" not in closed or of("filled") >= gate.least
    found = {
        "known": _Part(known, total, apart),
        "detailed": _Part(of("detailed"), known, "detailed" not in closed or of("changed") >= gate.least),
    }
    if about["identifier"]:
        found["identified"] = _Part(of("identified"), total, True)
    if about["officer_scheme"]:
        both = of("self_known", "officer_known")
        found["officer"] = _Part(of("officer_known"), total, apart or source == "self")
        found["both"] = _Part(both, total, apart or of("self_known") - both >= gate.least)
    for reason in ethnicity.MISSING_REASONS:
        found[reason] = _Part(int(n[recorded == reason].sum()), total - known, apart)
    return found


def _shares(parts: Mapping[str, _Part], gate: Gate) -> dict[str, Share]:
    """The shares of one slice that its own counts allow; reasons are of the records without a known ethnicity."""
    reasons: dict[str, int] = {name: parts[name].count for name in ethnicity.MISSING_REASONS}
    found = {
        name: share
        for name, one in parts.items()
        if name not in reasons and (share := gate.share(one.count, one.base, allowed=one.allowed)) is not None
    }
    told = gate.parts(reasons, rest=_REST, allowed=parts[_REST].allowed)
    ranges = {name: possible(share, parts[name].base) for name, share in told.items() if name != _REST}
    base = parts[_REST].base
    return found | told if gate.open_enough(within(ranges, base).values(), [base] * len(ranges)) else found


def _not_by_slice(
    parts: Mapping[str, Mapping[str, Mapping[str, _Part]]],
    shares: Mapping[str, Mapping[str, Mapping[str, Share]]],
    gate: Gate,
) -> set[str]:
    """The parts whose shares by area and period, with that of the whole, would leave too few counts possible."""
    closed = set()
    for name in parts["all"][ALL]:
        ranges = {
            by: [possible(shares[by][at].get(name), one[name].base) for at, one in named.items()]
            for by, named in parts.items()
        }
        bases = [one[name].base for by in ("all", "area", "period") for one in parts[by].values()]
        if name != _REST and not gate.open_enough(bounds(ranges["all"][0], [ranges["area"], ranges["period"]]), bases):
            closed.add(name)
    return closed | set(ethnicity.MISSING_REASONS) if closed & set(ethnicity.MISSING_REASONS) else closed


def _agreement(extract: str, table: pd.DataFrame, gate: Gate, scheme: Mapping[str, Any]) -> dict[str, Any] | None:
    """How officers' headings are spread over each self-defined heading, and how the headings are spread.

    `weight` is a heading's share of those that officers' labels can express. If officers' views were on all records,
    a heading's number would be the sum of cells: so how many there are leaves only where enough lack one. The spread
    within a heading does not tell.
    """
    headings = [name for name in ethnicity.broad_groups() if name != UNKNOWN]
    comparable = [name for name in headings if name in scheme["under"]]
    wide = table.pivot_table(index="self_heading", columns="officer_heading", values="n", aggfunc="sum", fill_value=0)
    wide = wide.reindex(index=headings, columns=[*headings, UNKNOWN], fill_value=0).astype("int64")
    bases = wide[headings].sum(axis=1)
    total = int(bases[comparable].sum())
    apart = bool((wide.loc[comparable, UNKNOWN] >= gate.least).all())
    weights = gate.parts({name: int(bases[name]) for name in comparable}, rest=comparable[0], allowed=apart)
    rows = []
    for heading in headings:
        rest = heading if heading in comparable else comparable[0]
        spread = gate.parts({other: int(wide[other][heading]) for other in comparable}, rest=rest)
        if spread:
            rows.append({"heading": heading, "weight": weights.get(heading), "officer": spread})
    if not rows:
        return None
    agree = sum(int(wide[heading][heading]) for heading in comparable)
    return {
        "extract": extract,
        "comparable": comparable,
        "about": gate.about(total) if apart else None,
        "agree": gate.share(agree, total, allowed=apart),
        "rows": rows,
    }


def _about(extract: Extract, days: tuple[int, int] | None) -> dict[str, Any]:
    """What the configuration says of one extract; nothing here is counted but the days, and those coarsely."""
    given = {*extract.columns, *extract.constants}
    stated = extract.covers
    return {
        "extract": extract.name,
        "table": extract.table,
        "counts": TABLES[extract.table].counts,
        "self_scheme": _named(extract, extract.ethnicity.self_defined) if "ethnicity" in given else None,
        "officer_scheme": _named(extract, extract.ethnicity.officer) if "ethnicity_officer" in given else None,
        "identifier": "child_id" in given,
        "first": stated[0] if stated else _month(days[0]) if days else None,
        "last": stated[1] if stated else _month(days[1]) if days else None,
        "stated": stated is not None,
    }


def _month(day: int) -> str:
    """YYYY-MM: the exact first and last day of records could be those of a child."""
    import pandas as pd

    return (pd.Timestamp(0) + pd.Timedelta(days=day)).strftime("%Y-%m")


def _named(extract: Extract, scheme: str | None) -> str | None:
    """A scheme, and whose own labels are added to it: 'police_16plus1+arrests'."""
    return f"{scheme}+{extract.name}" if scheme and extract.ethnicity.labels else scheme


def _all_expressible(extracts: Sequence[Extract], about: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    own = {extract.name: ethnicity.own_labels(extract.name, extract.ethnicity.labels) for extract in extracts}
    named = {
        (name, extract)
        for extract, entry in about.items()
        for name in (entry["self_scheme"], entry["officer_scheme"])
        if name
    }
    return {name: _expressible(name.partition("+")[0], own[extract]) for name, extract in sorted(named)}


def _expressible(scheme: str, labels: Sequence[ethnicity.Label] = ()) -> dict[str, Any]:
    """The groups that a scheme can express, the headings that it can give without detail, and what it joins."""
    table = ethnicity.crosswalk()
    own = table[(table["scheme"] == scheme) & table["missing_reason"].isna()]
    listed = ethnicity.groups()
    groups = dict(zip(listed["code"], listed["heading"], strict=True))
    found = {*own["ethnicity"], *(label.group for label in labels if not label.missing_reason)}
    return {
        "detailed": [code for code, heading in groups.items() if code in found and code != heading],
        "headings": [code for code, heading in groups.items() if code in found and code == heading],
        "under": list(dict.fromkeys(groups[code] for code in groups if code in found)),
        "joined": sorted({str(note) for note in own.loc[own["comparable"] == 0, "note"]}),
    }
