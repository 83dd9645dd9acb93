"""Progress: the register beside a release, as a report reads it and as release.json keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from yjd.progress import comparability
from yjd.progress.answers import explain_or_reform
from yjd.progress.changes import Periods, changes, released_rows
from yjd.progress.comparability import Difference
from yjd.progress.priorities import priorities
from yjd.progress.sentences import reasons
from yjd.progress.signals import Signals, early_signals
from yjd.progress.verdicts import (
    IMPROVING,
    INSUFFICIENT,
    MET,
    NO_CHANGE,
    NOT_MEASURABLE,
    WORSENING,
    judge,
    with_detectable,
)
from yjd.progress.wanted import comparisons
from yjd.progress.years import with_year_variation
from yjd.recommendations import Recommendation, Register, from_json

if TYPE_CHECKING:
    from yjd.release import Release

_KEPT = (
    "recommendation", "track", "measure", "area", "level", "group", "reference", "baseline", "period", "verdict",
    "reason", "reasons", "status", "rate_then", "rate_then_lower", "rate_then_upper", "rate", "rate_lower",
    "rate_upper", "ratio_then", "ratio_then_lower", "ratio_then_upper", "ratio", "ratio_lower", "ratio_upper",
    "rate_change", "rate_change_lower", "rate_change_upper", "ratio_change", "ratio_change_lower",
    "ratio_change_upper", "ratio_change_method", "p_value", "q_value", "q_target", "target_rate", "target_ratio",
    "target_date", "better", "detectable", "needed", "visible_by", "tests",
    "year_dispersion", "year_freedom", "year_factor",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One run as progress reads it: what was released, and nothing else."""

    run: str
    results: pd.DataFrame
    manifest: Mapping[str, Any]

    @classmethod
    def of(cls, release: Release) -> Run:
        """A release as read back."""
        return cls(release.run, release.results, release.manifest)


@dataclass(frozen=True)
class Judged:
    """A recommendation with its verdict, which sums up those of its comparisons, and why in a few sentences."""

    recommendation: Recommendation
    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Verdicts:
    """The register judged by one release, or two.

    Attributes
    ----------
    run, earlier : str
        The release, and the run that it was held against ('' where there is none).
    register : Register
        As it was then.
    recommendations : tuple of Judged
        In the order of the register.
    comparisons : DataFrame
        One row a comparison: what tracks which recommendation, its verdict, `reasons` (sentences, the deciding one
        first), rates and ratios then and now, changes (changes and limits are ratios), and what could have been shown.
    differences : tuple of Difference
        What changed since the earlier run besides the children.
    """

    run: str
    earlier: str
    register: Register
    recommendations: tuple[Judged, ...]
    comparisons: pd.DataFrame
    differences: tuple[Difference, ...]

    @property
    def comparable(self) -> bool:
        """Whether the two runs can be compared at all: False where something refuses it for every measure."""
        return not any(one.weight == "refuse" and not one.measures for one in self.differences)

    def counts(self) -> dict[str, int]:
        """How many recommendations have each verdict."""
        return dict(Counter(one.verdict for one in self.recommendations))

    def as_json(self) -> dict[str, Any]:
        """What release.json keeps: the rest is made of the release's own results again."""
        table = self.comparisons.astype(object).where(self.comparisons.notna(), None)
        return {
            "register": self.register.as_json(),
            "earlier": self.earlier,
            "differences": [asdict(one) | {"measures": list(one.measures)} for one in self.differences],
            "comparisons": [
                {name: _plain(value) for name, value in row.items()} for row in table.to_dict(orient="records")
            ],
            "verdicts": [
                {"recommendation": one.recommendation.id, "verdict": one.verdict, "reasons": list(one.reasons)}
                for one in self.recommendations
            ],
        }


@dataclass(frozen=True)
class Progress(Verdicts):
    """What a report of progress shows: the verdicts, and what the release says beside them.

    Attributes
    ----------
    signals : Signals
        Of the control charts.
    priorities : DataFrame
        Where more work is needed: `yjd.progress.priorities`.
    answers : DataFrame
        Explain or reform: `yjd.progress.answers`.
    """

    signals: Signals
    priorities: pd.DataFrame
    answers: pd.DataFrame


def progress(
    release: Release | Run, register: Register | None = None, *, earlier: Release | Run | None = None
) -> Progress:
    """Judge a register by what was released.

    Parameters
    ----------
    release : Release or Run
        The run to be judged.
    register : Register, optional
        Without it, all is read back from the release as it was judged when the release was made.
    earlier : Release or Run, optional
        An earlier run: what changed since is said, and baselines that the register takes from it are looked up there.

    Raises
    ------
    ConfigurationError
        No register is given, and the release holds none.
    """
    now = release if isinstance(release, Run) else Run.of(release)
    found = _kept(now) if register is None else verdicts(now, register, earlier=earlier)
    return Progress(
        found.run, found.earlier, found.register, found.recommendations, found.comparisons, found.differences,
        early_signals(now.results, now.manifest), priorities(now.results, now.manifest),
        explain_or_reform(found.register, now.results, now.manifest),
    )  # fmt: skip


def verdicts(release: Release | Run, register: Register, *, earlier: Release | Run | None = None) -> Verdicts:
    """Judge a register by what was released: as `progress`, without charts, ranks and answers."""
    now = release if isinstance(release, Run) else Run.of(release)
    then = earlier if isinstance(earlier, Run) or earlier is None else Run.of(earlier)
    rows = released_rows(now.results)
    differences: list[Difference] = []
    earlier_rows = None
    if then is not None:
        earlier_rows = released_rows(then.results)
        differences = comparability.compare(now.manifest, then.manifest) + comparability.revisions(rows, earlier_rows)
    wanted = comparisons(register, rows, now.manifest)
    frame = _judged(wanted, rows, then, earlier_rows, now.manifest, differences, register)
    titles = {measure["id"]: measure["title"] for measure in now.manifest["measures"]}
    judged = tuple(_summed(one, frame[frame["recommendation"] == one.id], titles) for one in register.recommendations)
    return Verdicts(now.run, then.run if then else "", register, judged, frame, tuple(differences))


def _kept(now: Run) -> Verdicts:
    from yjd.errors import ConfigurationError

    kept = now.manifest.get("progress")
    if not kept:
        raise ConfigurationError(
            "This release was made without a register of recommendations.",
            "Write recommendations.toml beside yjd.toml and run again.",
        )
    register = from_json(kept["register"])
    by_id = {one.id: one for one in register.recommendations}
    judged = tuple(
        Judged(by_id[one["recommendation"]], one["verdict"], tuple(one["reasons"])) for one in kept["verdicts"]
    )
    frame = pd.DataFrame(kept["comparisons"], columns=list(_KEPT))
    differences = [Difference(**{**one, "measures": tuple(one["measures"])}) for one in kept["differences"]]
    return Verdicts(now.run, kept["earlier"], register, judged, frame, tuple(differences))


def _judged(
    wanted: pd.DataFrame,
    rows: pd.DataFrame,
    then: Run | None,
    earlier_rows: pd.DataFrame | None,
    manifest: Mapping[str, Any],
    differences: Sequence[Difference],
    register: Register,
) -> pd.DataFrame:
    """Every comparison with its verdict and reasons; columns `_KEPT`."""
    if not len(wanted):
        return pd.DataFrame(columns=list(_KEPT))
    periods = Periods(*({entry["period"]: entry[end] for entry in manifest["periods"]} for end in ("start", "end")))
    if then is not None:
        known = {entry["period"]: entry for entry in then.manifest.get("periods", ())}
        periods = Periods(
            *({name: entry[end] for name, entry in known.items()} | dict(table)
              for end, table in (("start", periods.start), ("end", periods.end)))
        )  # fmt: skip
    from_run = (wanted["baseline_run"] != "").to_numpy(dtype=bool)
    found = [changes(wanted[~from_run], rows, periods=periods)]
    if from_run.any():
        there = then is not None and earlier_rows is not None
        own = changes(wanted[from_run], rows, earlier_rows if there else rows, periods=periods)
        other = (own["baseline_run"] != (then.run if then else "")).to_numpy(dtype=bool)
        spoiled = np.array([bool(comparability.refused(differences, name)) for name in own["measure"]])
        own["status"] = np.where(other, "no_earlier_run", np.where(spoiled, "incomparable", own["status"]))
        found.append(own)
    frame = pd.concat(found, ignore_index=True)
    confidence = float(rows["confidence"].min()) if len(rows) else 0.95
    frame = with_year_variation(frame, rows, manifest["periods"])
    frame = with_detectable(judge(frame, register.judging, confidence=confidence), register.judging)
    frame = _dated(frame, periods)
    measures = {measure["id"]: measure for measure in manifest["measures"]}
    frame["reasons"] = [list(reasons(row, measures.get(row["measure"]), register.judging)) for row in _dicts(frame)]
    for name in ("rate", "ratio"):
        columns = [f"{name}_change{word}" for word in ("", "_lower", "_upper")]
        frame[columns] = np.exp(frame[columns].to_numpy(dtype=np.float64))
    frame = frame.sort_values("recommendation", key=_places(register), kind="stable", ignore_index=True)
    return frame[list(_KEPT)]


def _places(register: Register) -> Any:
    place = {one.id: number for number, one in enumerate(register.recommendations)}
    return lambda names: names.map(place)


def _dated(frame: pd.DataFrame, periods: Periods) -> pd.DataFrame:
    """Add when a target's change would be visible, and whether its date has passed at the end of the period."""
    ends = frame["period"].map(dict(periods.end)).fillna("")
    starts = frame["period"].map(dict(periods.start)).fillna("")
    visible = [
        _after(start, end, times)
        for start, end, times in zip(starts, ends, frame["periods_until_visible"], strict=True)
    ]
    late = (frame["target_date"] != "") & (frame["target_date"] <= ends)
    return frame.assign(visible_by=visible, late=late)


def _after(start: str, end: str, periods: float) -> str:
    """The last day of the last of so many periods that follow; '' where there is none."""
    if not (start and end and np.isfinite(periods)):
        return ""
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    months = round(((last - first).days + 1) / 30.4375 * periods)
    following = last + timedelta(days=1)
    month = following.month - 1 + months
    try:
        return (date(following.year + month // 12, month % 12 + 1, following.day) - timedelta(days=1)).isoformat()
    except ValueError:  # a day that the month does not have
        return (last + timedelta(days=round(30.4375 * months))).isoformat()


def _summed(recommendation: Recommendation, rows: pd.DataFrame, titles: Mapping[str, str]) -> Judged:
    """The verdict of a recommendation from those of its comparisons."""
    count = Counter(rows["verdict"])
    if not len(rows):
        shown = len(recommendation.evidence)
        text = f"It has evidence of process ({shown} on record)." if shown else "No evidence of process is on record."
        return Judged(recommendation, NOT_MEASURABLE, ("No number tracks this recommendation.", text))
    # met only where all are: a target that one group never missed is no progress of the others
    order = (WORSENING, IMPROVING, NO_CHANGE, INSUFFICIENT, NOT_MEASURABLE, MET)
    verdict = next(one for one in order if count[one])
    listed = ", ".join(f"{count[one]} {one}" for one in order if count[one])
    why = [f"Of {len(rows)} comparison{'s' if len(rows) > 1 else ''}: {listed}."]
    for row in rows[rows["verdict"] == verdict].head(3).to_dict(orient="records"):
        where = "" if row["area"] == "All" else f", {row['area']}"
        why.append(f"{titles.get(row['measure'], row['measure'])}, {row['group']}{where}: {row['reasons'][0]}")
    return Judged(recommendation, verdict, tuple(why))


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _dicts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict(orient="records")]
