"""Roll a cube up to its published margins: a pure function on frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from yjd.measures import STATUS_ORDER, Stage
from yjd.schema import ALL, CELL_COLUMNS, ELSEWHERE, KNOWN, QUINTILES, SEXES, SPLITS, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

_WITHOUT_VALUE = (
    "not_available",
    "censored",
)  # a count under these statuses would be a part taken for a whole


def roll_up(
    cube: pd.DataFrame,
    *,
    stages: Sequence[Stage],
    available: pd.DataFrame,
    groups: pd.DataFrame,
    areas: Sequence[str],
    age_bands: Sequence[str],
    splits: Mapping[str, Sequence[Sequence[str]]],
) -> pd.DataFrame:
    """Count every cell of every margin.

    Parameters
    ----------
    cube : DataFrame
        Columns of ``yjd.schema.CUBE_COLUMNS``.
    stages : sequence of Stage
        The stages to show.
    available : DataFrame
        stage, period, area, status, from :func:`yjd.availability.availability`.
    groups : DataFrame
        code, heading, detailed, in the order of groups.
    areas, age_bands : sequence of str
        As configured.
    splits : mapping
        Level of ethnic groups ('broad', 'detailed') to what it is split by: each a subset of
        ``yjd.schema.SPLITS``; empty for no split.

    Returns
    -------
    DataFrame
        Columns of ``yjd.schema.CELL_COLUMNS``. A combination without a row in the cube is a true zero. A cell
        whose status is not_available or censored has no value: it would be a part taken for a whole. Area
        ``All`` is every configured area and Unknown, never Elsewhere, and only as available as the worst of
        the configured areas. Where a partner did not split by sex, age or deprivation, the cells that do are
        not available. A public stage has no cells for Unknown.
    """
    import pandas as pd

    cube = _in_scope(cube, areas)
    counted = cube[cube["n"] != 0]
    seen = set(counted["ethnicity"].unique())
    unknown = {name for name in SPLITS if (counted[name] == UNKNOWN).any()}
    frames = []
    for stage in stages:
        own = cube[cube["stage"] == stage.id]
        status = available[available["stage"] == stage.id]
        for level, splits_of_level in splits.items():
            names = _group_names(groups, level)
            grouped = own.assign(group=own["ethnicity"].map(names).fillna(UNKNOWN))
            order = _group_order(names, seen, stage, level)
            for split in splits_of_level:
                values = _values(unknown, stage, split, areas, age_bands)
                margin = _margin(grouped, stage, split, values, order, status)
                if stage.public and level == "detailed":
                    margin["status"] = _without_detail(margin, own, groups, split)
                frames.append(margin.assign(level=level))
    if not frames:
        return pd.DataFrame(columns=list(CELL_COLUMNS))
    result = pd.concat(frames, ignore_index=True).assign(disclosure="shown")
    result["n"] = result["n"].mask(result["status"].isin(_WITHOUT_VALUE))
    return result[list(CELL_COLUMNS)]


def _in_scope(cube: pd.DataFrame, areas: Sequence[str]) -> pd.DataFrame:
    kept = cube[cube["area"] != ELSEWHERE]
    return kept.assign(area=kept["area"].where(kept["area"].isin(areas), UNKNOWN))


def _group_names(groups: pd.DataFrame, level: str) -> dict[str, str]:
    column = "heading" if level == "broad" else "detailed"
    return {str(code): str(name) for code, name in zip(groups["code"], groups[column], strict=True)}


def _group_order(names: dict[str, str], seen: set[str], stage: Stage, level: str) -> list[str]:
    """The groups in their order; the one for records without detail only where some record lacks it."""
    order = [name for name in dict.fromkeys(names.values()) if name != UNKNOWN]
    if level == "detailed":
        held = set() if stage.public else seen
        dropped = {name for code, name in names.items() if name.startswith(f"{code} (") and code not in held}
        order = [name for name in order if name not in dropped]
    return order if stage.public else [*order, UNKNOWN]


def _values(
    unknown: set[str], stage: Stage, split: Sequence[str], areas: Sequence[str], age_bands: Sequence[str]
) -> dict[str, list[str]]:
    """The values of each dimension; Unknown only where some record needs it, and never for a public stage."""
    named = {
        "area": list(areas),
        "sex": [sex for sex in SEXES if sex != UNKNOWN],
        "age_band": list(age_bands),
        "deprivation": list(QUINTILES),
    }
    values = {}
    for name in SPLITS:
        needed = not stage.public and name in unknown
        values[name] = [*named[name], *([UNKNOWN] if needed else [])] if name in split else [ALL]
    return values


def _margin(
    own: pd.DataFrame,
    stage: Stage,
    split: Sequence[str],
    values: dict[str, list[str]],
    order: Sequence[str],
    available: pd.DataFrame,
) -> pd.DataFrame:
    """Count one stage at one split and level."""
    import pandas as pd

    keys = ["period", *SPLITS]
    periods = list(dict.fromkeys(available["period"]))
    index = pd.MultiIndex.from_product([periods, *(values[name] for name in SPLITS)], names=keys)
    rolled = own.assign(**{name: ALL for name in SPLITS if name not in split})
    wide = rolled.pivot_table(index=keys, columns="group", values="n", aggfunc="sum")
    columns = list(dict.fromkeys([*order, *wide.columns, UNKNOWN]))
    wide = wide.reindex(index=index, columns=columns).fillna(0).astype("float64")
    everyone = wide.sum(axis=1)
    wide[KNOWN], wide[ALL] = everyone - wide[UNKNOWN], everyone
    stacked = wide[[*order, KNOWN, ALL]].rename_axis(columns="group").stack()
    long = pd.Series(stacked, name="n").reset_index()
    return long.assign(stage=stage.id, status=_status(long, own, split, available))


def _status(long: pd.DataFrame, own: pd.DataFrame, split: Sequence[str], available: pd.DataFrame) -> pd.Series[str]:
    """Give each cell its area's status, or the worst of all areas' where it is not of one configured area."""
    rank = {name: place for place, name in enumerate(STATUS_ORDER)}
    ranked = available.assign(rank=available["status"].map(rank))[["period", "area", "rank"]]
    # a partner's count that was not split cannot be shared out; nor can one of an area that is not known
    is_unsplit = (own[list(split)] == ALL).any(axis=1) & (own["n"] != 0)
    unsplit = own.loc[is_unsplit, ["period", "area"]].drop_duplicates()
    ranked = ranked.merge(unsplit, on=["period", "area"], how="outer", indicator="unsplit")
    ranked["rank"] = ranked["rank"].mask(ranked.pop("unsplit") != "left_only", rank["not_available"])
    worst = ranked.groupby("period")["rank"].max()
    of_area = long[["period", "area"]].merge(ranked, on=["period", "area"], how="left")
    overall = long["period"].map(worst)
    names = dict(enumerate(STATUS_ORDER))
    return of_area["rank"].fillna(overall).astype(int).map(names)


def _without_detail(
    frame: pd.DataFrame, own: pd.DataFrame, groups: pd.DataFrame, split: Sequence[str]
) -> pd.Series[str]:
    """Give the status of a public stage's detailed groups, some of whose children are known by heading only.

    How many belong to each group is then not known: otherwise a rate would set the arrests of Indian
    children in two areas against the Indian residents of one.
    """
    keys = ["period", *SPLITS, "heading"]
    rolled = own.assign(**{name: ALL for name in SPLITS if name not in split}, heading=own["ethnicity"])
    headings = set(groups["heading"]) - {UNKNOWN}
    bare = rolled.loc[rolled["heading"].isin(headings) & (rolled["n"] != 0), keys].drop_duplicates()
    heading_of = dict(zip(groups["detailed"], groups["heading"], strict=True))
    found = frame.assign(heading=frame["group"].map(heading_of)).merge(bare, on=keys, how="left", indicator=True)
    return frame["status"].mask((found["_merge"] == "both").to_numpy(), "not_available")
