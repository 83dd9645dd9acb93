"""In which period a measure is looked at: the one notion that headlines, verdicts, ranks and answers share.

It is the headline period, unless nothing can be judged there yet: re-offending is known only after children have been
followed up. Then it is the latest earlier period of the same kind that has a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yjd.schema import ALL, HIDDEN, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

_NOT_YET = ("censored", "not_available")
_WITH_NUMBERS = ("ok", "break", "no_events")


def judged_periods(results: pd.DataFrame, manifest: Mapping[str, Any], *, kind: str | None = None) -> dict[str, str]:
    """The period in which each measure is looked at.

    Parameters
    ----------
    results : DataFrame
        Of a release.
    manifest : mapping
        What release.json says.
    kind : str, optional
        Of the periods; the headline period's by default. None that ends after the headline period is taken.

    Returns
    -------
    dict of str to str
        By measure: the last period, unless the ratios of all groups to the headline's reference are censored, not
        available, or hidden beside such rows, and an earlier period has one that is not. Where every row is hidden
        that is a result, and the period stays. Empty where there is no such period.
    """
    names = _up_to_headline(manifest, kind)
    if not names:
        return {}
    head = manifest["headline"]
    rows = results[(results["quantity"] == "rri") & (results["area"] == ALL) & (results["rung"] == "")]
    for split in ("sex", "age_band", "deprivation"):
        rows = rows[rows[split] == ALL]
    rows = rows[(rows["level"] == head["level"]) & (rows["reference"] == head["reference"])]
    rows = rows[rows["period"].isin(names) & (rows["group"] != UNKNOWN)]
    hidden = rows["disclosure"].isin(HIDDEN) | (rows["status"] == "hidden")
    number = ~hidden & rows["status"].isin(_WITH_NUMBERS) & rows["estimate"].notna() & rows["lower"].notna()
    told = rows.assign(number=number, hidden=hidden, blank=hidden | rows["status"].isin(_NOT_YET))
    found = told.groupby(["measure", "period"], sort=False).agg(
        number=("number", "any"), hidden=("hidden", "all"), blank=("blank", "all")
    )
    stays = set(found.index[found["hidden"] | ~found["blank"]])
    numbers = set(found.index[found["number"]])
    return {
        measure: _latest(measure, names, stays, numbers)
        for measure in (str(one["id"]) for one in manifest.get("measures", ()))
    }


def _up_to_headline(manifest: Mapping[str, Any], kind: str | None) -> list[str]:
    """The periods of a kind that end with the headline period or before, in order."""
    headline, periods = str(manifest["headline"]["period"]), list(manifest.get("periods", ()))
    own = next((one for one in periods if one["period"] == headline), None)
    if own is None:
        return [headline] if kind is None else []
    ends = {str(one["period"]): str(one.get("end") or one.get("start") or "") for one in periods}
    same = [one for one in periods if one.get("kind") == (kind or own.get("kind"))]
    ordered = [str(one["period"]) for one in sorted(same, key=lambda one: str(one.get("start")))]
    return [name for name in ordered if ends[name] <= ends[headline]]


def _latest(measure: str, names: list[str], stays: set[tuple[str, str]], numbers: set[tuple[str, str]]) -> str:
    if (measure, names[-1]) in stays:
        return names[-1]
    return next((name for name in reversed(names[:-1]) if (measure, name) in numbers), names[-1])
