"""What changed between two runs besides the children: definitions, extracts, recording, rules. First of all.

Each difference either is only told (`note`), stands beside every comparison that it touches (`mark`), or forbids to
compare figures of the one run with figures of the other (`refuse`). Two periods of one run were counted alike, so that
only what changed within the records (a declared break, the share of unknown ethnicity) can spoil those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from yjd.reporting.words import counted
from yjd.schema import ALL

Weight = Literal["note", "mark", "refuse"]
REVISED_PERCENT = 5.0  # a count that was revised by more is marked
UNKNOWN_POINTS = 2.0  # percentage points by which the share of unknown ethnicity may differ
SET_ASIDE_POINTS = 2.0  # and the share of rows that were set aside


@dataclass(frozen=True)
class Difference:
    """One thing that differs between two runs.

    Attributes
    ----------
    aspect : str
        Such as definition, extracts, areas.
    weight : {"note", "mark", "refuse"}
        What it does to figures of the two runs.
    text : str
        A sentence.
    measures : tuple of str
        Which measures; all where empty.
    """

    aspect: str
    weight: Weight
    text: str
    measures: tuple[str, ...] = ()


def compare(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[Difference]:
    """Everything that differs between two runs, from the manifests of their releases.

    Parameters
    ----------
    now, then : mapping
        What release.json of the later and of the earlier run says. What the earlier does not say (a run that was
        recorded by an older version) cannot be compared, and that is a difference of its own.
    """
    parts = (_version, _definitions, _areas, _ethnicity, _extracts, _rules, _set_aside, _unknown)
    return [difference for part in parts for difference in part(now, then)]


def revisions(now: pd.DataFrame, then: pd.DataFrame) -> list[Difference]:
    """Counts of the same period that the two runs give differently: revised, which is no change of what happened.

    Parameters
    ----------
    now, then : DataFrame
        From `yjd.progress.changes.released_rows`.
    """
    keys = ["measure", "period"]
    whole = [
        rows[(rows["quantity"] == "rate") & (rows["area"] == ALL) & (rows["group"] == ALL)].drop_duplicates(keys)
        for rows in (now, then)
    ]
    both = (
        whole[0][[*keys, "numerator"]].merge(whole[1][[*keys, "numerator"]], on=keys, suffixes=("", "_then")).dropna()
    )
    moved = both[(both["numerator"] != both["numerator_then"]) & (both["numerator_then"] > 0)]
    found = []
    for measure, rows in moved.groupby("measure", sort=True):
        percent = 100 * (rows["numerator"] / rows["numerator_then"] - 1)
        place = int(percent.abs().to_numpy().argmax())
        most, period = float(percent.iloc[place]), str(rows["period"].iloc[place])
        text = (
            f"{measure}: counts of {counted(len(rows), 'period')} were revised since the earlier run, "
            f"most of all {period} (by {most:+.1f}%). A revision is not a change in what happened."
        )
        found.append(Difference("revision", "mark" if abs(most) > REVISED_PERCENT else "note", text, (str(measure),)))
    return found


def refused(differences: Sequence[Difference], measure: str) -> list[Difference]:
    """What forbids to compare this measure between the two runs."""
    return [one for one in differences if one.weight == "refuse" and (not one.measures or measure in one.measures)]


def _version(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[Difference]:
    new, old = (manifest["created_from"].get("version", "") for manifest in (now, then))
    if new != old:
        yield Difference(
            "version", "mark", f"The earlier run was made by yjd {old or 'of unknown version'}, this by {new}."
        )


def _definitions(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[Difference]:
    if "measures" not in then:
        yield Difference("definition", "refuse", "The definitions of the earlier run are not on record.")
        return
    old = {measure["id"]: measure for measure in then["measures"]}
    for measure in now["measures"]:
        name = measure["id"]
        if name not in old:
            yield Difference("measures", "note", f"{measure['title']}: the earlier run did not compute it.", (name,))
            continue
        for side in ("numerator", "denominator"):
            new_stage, old_stage = (one["definition"][side] for one in (measure, old[name]))
            if new_stage.get("sha256") != old_stage.get("sha256"):
                yield Difference(
                    "definition", "refuse",
                    f"{measure['title']}: the definition of what is counted ({new_stage['title']}) changed.", (name,),
                )  # fmt: skip
            elif new_stage.get("counts") != old_stage.get("counts"):
                yield Difference(
                    "definition", "mark", f"{measure['title']}: its definition is worded differently.", (name,)
                )
        for key in ("numerator", "denominator", "kind", "per", "adverse"):
            if measure[key] != old[name][key]:
                yield Difference(
                    "definition",
                    "refuse",
                    f"{measure['title']}: its {key} is another than in the earlier run.",
                    (name,),
                )
    gone = sorted(set(old) - {measure["id"] for measure in now["measures"]})
    if gone:
        yield Difference("measures", "note", f"No longer computed: {', '.join(gone)}.", tuple(gone))


def _areas(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[Difference]:
    new, old = (set(manifest.get("areas", ())) for manifest in (now, then))
    if new != old:
        words = [
            f"{verb} {', '.join(sorted(names))}"
            for verb, names in (("added", new - old), ("left out", old - new))
            if names
        ]
        yield Difference("areas", "refuse", f"The areas differ: {'; '.join(words)}.")
    if now.get("groups") != then.get("groups"):
        yield Difference("groups", "refuse", "The ethnic groups differ.")


def _ethnicity(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[Difference]:
    words = {
        "crosswalk_version": "the crosswalk of ethnicity codes",
        "source": "whose record of ethnicity counts",
        "rule": "the rule that picks one ethnicity for each child",
    }
    for key, what in words.items():
        if now["ethnicity"].get(key) != then.get("ethnicity", {}).get(key):
            yield Difference("ethnicity", "refuse", f"Recording changed: {what} is another than in the earlier run.")


def _extracts(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[Difference]:
    new, old = ({entry["extract"]: entry for entry in manifest.get("extracts", ())} for manifest in (now, then))
    if not old:
        if new:
            yield Difference("extracts", "mark", "Which extracts fed the earlier run is not on record.")
        return
    if gone := sorted(set(old) - set(new)):
        yield Difference("extracts", "mark", f"No longer read: {', '.join(gone)}.")
    if added := sorted(set(new) - set(old)):
        yield Difference("extracts", "mark", f"Read for the first time: {', '.join(added)}.")
    for name in sorted(set(new) & set(old)):
        if new[name]["table"] != old[name]["table"] or new[name].get("schemes") != old[name].get("schemes"):
            yield Difference("extracts", "refuse", f"{name}: its table or its ethnicity codes are others than before.")
        begins = [(entry.get("covers") or [""])[0] for entry in (new[name], old[name])]
        if begins[0] != begins[1]:
            yield Difference(
                "coverage",
                "mark",
                f"{name} covers records from {_day(begins[0])}; before, from {_day(begins[1])}.",
            )
    same = {entry["extract"]: entry["fingerprint"] for entry in now["created_from"]["inputs"]}
    if same == {entry["extract"]: entry["fingerprint"] for entry in then["created_from"]["inputs"]}:
        text = "Both runs read the same records, so every difference is of how they were counted."
        yield Difference("extracts", "note", text)


def _day(day: str) -> str:
    return day or "an unstated day"


def _rules(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[Difference]:
    new, old = (manifest.get("disclosure", {}).get("rules", {}) for manifest in (now, then))
    if changed := sorted(key for key in {*new, *old} if new.get(key) != old.get(key)):
        rounding = {"round_to", "method"} & set(changed)
        text = f"The disclosure rules differ ({', '.join(changed)}), so other cells are hidden or rounded."
        yield Difference("disclosure", "mark" if rounding else "note", text)


def _set_aside(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[Difference]:
    old = {entry["extract"]: entry for entry in then.get("accounting", ())}
    for entry in now.get("accounting", ()):
        shares = [_share(one, "set_aside", "read") for one in (entry, old.get(entry["extract"], {}))]
        if None not in shares and abs(shares[0] - shares[1]) > SET_ASIDE_POINTS:  # type: ignore[operator]
            yield Difference(
                "coverage", "mark",
                f"{entry['extract']}: {shares[0]:.1f} of every 100 rows break a rule and were set aside; "
                f"in the earlier run {shares[1]:.1f}.",
            )  # fmt: skip


def _unknown(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[Difference]:
    tables = [
        {(entry["stage"], entry["period"]): entry for entry in manifest.get("ethnicity", {}).get("unknown", ())}
        for manifest in (now, then)
    ]
    users: dict[str, tuple[str, ...]] = {}
    for measure in now["measures"]:
        for stage in (measure["numerator"], measure["denominator"]):
            users[stage] = (*users.get(stage, ()), measure["id"])
    for stage in sorted({stage for stage, _ in set(tables[0]) & set(tables[1])}):
        moved = [
            (period, *shares)
            for name, period in sorted(set(tables[0]) & set(tables[1]))
            if name == stage
            and None not in (shares := tuple(_share(table[stage, period], "unknown", "total") for table in tables))
            and abs(shares[0] - shares[1]) > UNKNOWN_POINTS  # type: ignore[operator]
        ]
        if moved:
            period, new, old = max(moved, key=lambda one: abs(one[1] - one[2]))
            text = (
                f"{stage}: in {period} ethnicity is unknown for {new:.1f} of every 100, and was for {old:.1f} "
                "in the earlier run: recording of the same period was changed afterwards."
            )
            yield Difference("unknown ethnicity", "refuse", text, users.get(stage, ()))


def _share(entry: Mapping[str, Any], part: str, whole: str) -> float | None:
    """In 100; None where a number is hidden, rounded away or not there."""
    numbers = [entry.get(name) for name in (part, whole)]
    if not all(isinstance(number, int | float) for number in numbers) or not numbers[1]:
        return None
    return 100 * float(numbers[0]) / float(numbers[1])  # type: ignore[arg-type]
