"""Made-up extracts of seven districts with a known truth, for demonstrations, tests and the coverage study.

`generate` draws children, arrests, outcomes, interventions and searches from a small model whose ratios are
known exactly, writes them in the formats of five partners, adds the faults that real extracts have, and
writes the truth beside them. No row describes a real child. Facts used: residents of Census 2021 aged 10 to
17 by broad ethnic group, sex, age band and district (ONS, table RM032; `census_2021_children.csv`),
residents of all ages by 19 groups (ONS, table TS021; `census_2021_groups.csv`), and arrests of children by
West Midlands Police in the year ending March 2025 (Home Office), all under the Open Government Licence v3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from yjd.synthetic import dirt as dirty
from yjd.synthetic import events, files, model
from yjd.synthetic.truth import Ratio, as_dict, truth_of

__all__ = ["Ratio", "Truth", "generate"]

YEARS = (2020, 2021, 2022, 2023, 2024)  # financial years by the calendar year in which each begins
TRUTH_FILE = "truth.json"


@dataclass(frozen=True)
class Truth:
    """What is true of a set of made-up extracts; `truth.json` holds the same.

    Parameters
    ----------
    folder : Path
        Where the files are.
    seed, scale, years
        The arguments of `generate`.
    covers : tuple of str
        First and last day that the extracts cover.
    ratios : tuple of Ratio
        True relative rates of the model.
    expected : mapping
        Expected events by stage (arrests, children_arrested, searches), year and heading, before any dirt.
    rows : mapping
        Rows of each file.
    dirt : mapping
        For each kind of dirt, how many rows (or children, where the name says so) of each file have it.
    """

    folder: Path
    seed: int
    scale: float
    years: tuple[str, ...]
    covers: tuple[str, str]
    ratios: tuple[Ratio, ...]
    expected: Mapping[str, Mapping[str, Mapping[str, float]]]
    rows: Mapping[str, int]
    dirt: Mapping[str, Mapping[str, int]]

    def rri(self, measure: str, group: str, *, period: str = "every", adjusted: bool = False) -> float:
        """Return the true ratio of a group to White children, for a year such as 2024/25 or every period."""
        for one in self.ratios:
            if (one.measure, one.group, one.period, bool(one.adjusted_for)) == (
                measure,
                group,
                period,
                adjusted,
            ):
                return one.rri
        raise KeyError((measure, group, period, adjusted))


def generate(
    folder: Path, *, seed: int = 2025, scale: float = 1.0, years: Sequence[int] = YEARS, dirt: bool = True
) -> Truth:
    """Write made-up extracts and their truth to `folder`.

    Parameters
    ----------
    folder : Path
        Made if it is not there; files of the same names are replaced.
    seed : int
        The same seed, scale and years give the same bytes.
    scale : float
        How many times the children of the Census.
    years : sequence of int
        Consecutive financial years, each by the calendar year in which it begins.
    dirt : bool
        Whether to add the faults that real extracts have. Without them every ethnicity is known.

    Returns
    -------
    Truth
        Also written as truth.json.
    """
    span = sorted(years)
    if not span or span != list(range(span[0], span[-1] + 1)):
        raise ValueError("years must follow one another")
    if not scale > 0:
        raise ValueError("scale must be above 0")
    built = model.build(span[0], span[-1], scale)
    frames = files.render(events.simulate(built, seed), built.residents, seed)
    counts: dict[str, dict[str, int]] = {}
    if dirt:
        frames, counts = dirty.spoil(frames, built.calendar, scale, seed)
    files.write(folder, frames)
    truth = _truth(folder, seed, built, frames, counts)
    text = json.dumps(_plain(truth), indent=1, ensure_ascii=False)
    (folder / TRUTH_FILE).write_bytes(f"{text}\n".encode())
    return truth


def _truth(
    folder: Path,
    seed: int,
    built: model.Model,
    frames: Mapping[str, pd.DataFrame],
    counts: Mapping[str, Mapping[str, int]],
) -> Truth:
    calendar = built.calendar
    first, last = (str(day) for day in files.day_text(pd.Series([calendar.first_day, calendar.last_day])))
    rows = {name: len(frame) for name, frame in frames.items()}
    ratios, expected = truth_of(built)
    return Truth(folder, seed, built.scale, calendar.labels, (first, last), ratios, expected, rows, counts)


def _plain(truth: Truth) -> dict[str, object]:
    """Truth as JSON: the folder's name is left out, so that the bytes do not depend on it."""
    return {
        "format": 1, "seed": truth.seed, "scale": truth.scale, "years": list(truth.years),
        "covers": list(truth.covers),
        "made_up": "Nothing here describes a real child. Ratios are those of the model, not of a force.",
        "rows": truth.rows, "ratios": [as_dict(one) for one in truth.ratios], "expected": truth.expected,
        "dirt": truth.dirt,
    }  # fmt: skip
