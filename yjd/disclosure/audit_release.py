"""The audit of a bundle from its files alone: anyone can run it who holds the release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yjd.disclosure.audit import AUDIT_COLUMNS, audit
from yjd.disclosure.audit_invert import inverted_counts
from yjd.disclosure.published import PUBLISHED_COLUMNS, published_cells
from yjd.disclosure.rules import Links, Rules
from yjd.schema import ALL, CELL_KEYS, SPLITS, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.release import Release

_NUMBER = re.compile(r"(?<![\w.,-])\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.,-])\d+(?:\.\d+)?")
_WORDS = re.compile(r"<(?:text|title|desc|tspan)\b[^>]*>([^<]*)")
_LEAST_BASE = 10  # to which counts in model cards are rounded at least
_ENOUGH_DIGITS = 3  # one number of fewer digits can be anything, such as a mark of an axis


def audit_release(release: Release | Path, *, earlier: Sequence[Release | Path | pd.DataFrame] = ()) -> pd.DataFrame:
    """Attack a release with nothing but its own files, and those of earlier releases.

    Parameters
    ----------
    release : Release or Path
        As read by `yjd.release.read_release`, or its folder.
    earlier : sequence of Release, Path or DataFrame
        Earlier releases of the same project, the latest first; or their published cells.

    Returns
    -------
    DataFrame
        As from `yjd.disclosure.audit`, with more attacks: those of `yjd.disclosure.audit_invert`; and ``text``, a
        number in a chart or a model card that is not among those the release shows (`stage` is then the file, and
        low and high are the number). Empty if nothing was found.

    Raises
    ------
    DisclosureError
        A folder is not a release, or its files were changed.
    """
    import pandas as pd

    opened = _opened(release)
    rules, links = rules_of(opened.manifest), links_of(opened.manifest)
    published = bundle_cells(opened)
    inverted = inverted_counts(opened.results, opened.manifest["measures"], published)
    frames = [_with(published, inverted), *(_earlier(one) for one in earlier)]
    first, last = rules.smallest_hidden, rules.minimum_count - 1
    inside = (inverted["low"] >= first) & (inverted["high"] <= last)
    told = inverted[inside & (inverted["high"] - inverted["low"] + 1 < rules.interval_width)]
    told = told[~told["stage"].isin(links.public_stages)]
    found = [audit(frames, rules, links), told, strange_numbers(opened)]
    kept = [frame[list(AUDIT_COLUMNS)] for frame in found if len(frame)]
    return pd.concat(kept, ignore_index=True) if kept else found[0]


def rules_of(manifest: Mapping[str, Any]) -> Rules:
    """The data owner's rules as release.json states them."""
    given = manifest["disclosure"]["rules"]
    return Rules(**{field.name: given[field.name] for field in fields(Rules)})


def links_of(manifest: Mapping[str, Any]) -> Links:
    """How published cells are tied to each other, as release.json states it."""
    given = manifest["links"]
    return Links(
        subsets=given["subsets"],
        parts=[(whole, list(parts)) for whole, parts in given["parts"]],
        public_stages=frozenset(given["public_stages"]),
        related_periods=given["related_periods"],
        periods_add_up=frozenset(given["periods_add_up"]),
        headings=given["headings"],
        denominators=[(above, below) for above, below in given["denominators"]],
    )


def bundle_cells(release: Release) -> pd.DataFrame:
    """Every count that a bundle shows: of its results, and those that release.json adds.

    Returns
    -------
    DataFrame
        `yjd.disclosure.published.PUBLISHED_COLUMNS`. A count of release.json that differs from that of the results
        is one more row, and so a contradiction.
    """
    import pandas as pd

    cells = published_cells(release.results, release.manifest["measures"])
    further = pd.DataFrame(list(_of_manifest(release.manifest)), columns=[*CELL_KEYS, "n"])
    if further.empty:
        return cells
    rounded = bool(release.manifest["disclosure"]["rules"].get("round_to"))
    further = further.assign(disclosure="rounded" if rounded else "shown", low=np.nan, high=np.nan, terms=None)
    shown = further.merge(cells[[*CELL_KEYS, "n"]], on=[*CELL_KEYS, "n"], how="left", indicator=True)
    new = further[(shown["_merge"] == "left_only").to_numpy()]
    if new.empty:
        return cells
    keys = pd.MultiIndex.from_frame(new[list(CELL_KEYS)])
    now_shown = pd.MultiIndex.from_frame(cells[list(CELL_KEYS)]).isin(keys) & (cells["disclosure"] == "hidden")
    return pd.concat([cells[~now_shown], new[list(PUBLISHED_COLUMNS)]], ignore_index=True)


def _of_manifest(manifest: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """Counts of release.json: rows by stage of the headline period, and children of unknown ethnicity."""
    level = str(manifest["headline"]["level"])
    titles = {
        str(one["definition"][side]["title"]): str(one[side])
        for one in manifest["measures"]
        for side in ("numerator", "denominator")
        if "definition" in one
    }
    everywhere = (ALL,) * len(SPLITS)
    for row in manifest.get("attrition", ()):
        if row.get("step") in titles and isinstance(row.get("rows"), int):
            yield (titles[row["step"]], row["period"], *everywhere, level, ALL, float(row["rows"]))
    for row in manifest.get("ethnicity", {}).get("unknown", ()):
        for name, group in (("unknown", UNKNOWN), ("total", ALL)):
            if isinstance(row.get(name), int):
                yield (row["stage"], row["period"], *everywhere, level, group, float(row[name]))


def _with(published: pd.DataFrame, inverted: pd.DataFrame) -> pd.DataFrame:
    """Bounds that were worked back, put beside the cells."""
    import pandas as pd

    if inverted.empty:
        return published
    told = inverted.groupby(list(CELL_KEYS), as_index=False).agg(low=("low", "max"), high=("high", "min"))
    # two numbers that no one count can have given say nothing together
    told = told[told["low"] <= told["high"]].assign(n=np.nan, disclosure="hidden", terms=None)
    return pd.concat([published, told[list(PUBLISHED_COLUMNS)]], ignore_index=True)


def _opened(release: Release | Path) -> Release:
    from yjd.release import read_release

    return read_release(release) if isinstance(release, Path) else release


def _earlier(one: Release | Path | pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return one if isinstance(one, pd.DataFrame) else bundle_cells(_opened(one))


def strange_numbers(release: Release) -> pd.DataFrame:
    """Numbers of charts and model cards that are not among those the release shows.

    A number is known if, to as many digits as it has, it is a number of the results or stands in release.json.
    Numbers that stand alone with one or two digits are marks of an axis. Counts in model cards must be rounded
    to 10, or to the project's base where that is larger.
    """
    import pandas as pd

    shown = _shown_values(release)
    texts = set(_NUMBER.findall(" ".join(_strings(release.manifest))))
    base = max(_LEAST_BASE, rules_of(release.manifest).round_to)
    found = []
    for path in sorted(release.path.rglob("*.svg")):
        for words in _WORDS.findall(path.read_text(encoding="utf-8")):
            found += [(path.name, value) for value in _strange(words, shown, texts)]
    for path in sorted(release.path.glob("models/*.md")):
        for number in re.findall(r"\|\s*([\d,]+)\s*\|\s*$", path.read_text(encoding="utf-8"), re.MULTILINE):
            value = float(number.replace(",", ""))
            if value % base:
                found.append((path.name, value))
    rows = [(name, *[""] * (len(CELL_KEYS) - 1), "text", value, value) for name, value in dict.fromkeys(found)]
    return pd.DataFrame(rows, columns=list(AUDIT_COLUMNS))


def _shown_values(release: Release) -> np.ndarray:
    numbers = release.results.select_dtypes("number").drop(columns="confidence").to_numpy(dtype=np.float64)
    values = np.abs(numbers[~np.isnan(numbers)])
    return np.unique(np.concatenate([values, *([100 * values[values <= 1]])]))


def _strings(value: object) -> Iterator[str]:
    """All texts and numbers of release.json."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield str(name)
            yield from _strings(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _strings(one)
    else:
        yield str(value)


def _strange(words: str, shown: np.ndarray, texts: set[str]) -> Iterator[float]:
    alone = _NUMBER.fullmatch(words.strip()) is not None
    for number in _NUMBER.findall(words):
        digits = len(re.sub(r"\D", "", number).strip("0"))
        if number in texts or (alone and digits < _ENOUGH_DIGITS):
            continue
        # so many of so many: periods, comparisons, or "6 of every 100"
        if re.search(rf"\b{re.escape(number)} of \b|\bof (?:every )?{re.escape(number)}\b", words):
            continue
        value = float(number.replace(",", ""))
        decimals = len(number.partition(".")[2])
        step = 10.0**-decimals if decimals else 10.0 ** (len(number) - len(number.rstrip("0")))
        place = np.searchsorted(shown, value - 0.5 * step - 1e-9)
        if place == len(shown) or shown[place] > value + 0.5 * step + 1e-9:
            yield value
