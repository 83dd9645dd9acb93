"""Roll a cube up to its published margins: a pure function on frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from yjd.measures import STATUS_ORDER, Stage
from yjd.schema import ALL, CELL_COLUMNS, ELSEWHERE, KNOWN, QUINTILES, SEXES, SPLITS, UNKNOWN

if TYPE_CHECKING:
    import numpy as np
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
    import numpy as np
    import pandas as pd

    periods = list(dict.fromkeys(available["period"]))
    columns = list(dict.fromkeys([*order, *own["group"], UNKNOWN]))
    labels = {"period": periods, **values, "group": columns}
    rolled = own.assign(**{name: ALL for name in SPLITS if name not in split})
    places = np.array([pd.Index(wanted).get_indexer(pd.Index(rolled[name])) for name, wanted in labels.items()])
    table = np.zeros([len(wanted) for wanted in labels.values()])
    within = (places >= 0).all(axis=0)  # what a partner did not split by sex, say, is in no split by sex
    np.add.at(table, tuple(places[:, within]), rolled["n"].to_numpy(np.float64)[within])
    everyone = table.sum(axis=-1)
    known = everyone - table[..., columns.index(UNKNOWN)]
    shown = {name: table[..., place] for place, name in enumerate(columns)} | {KNOWN: known, ALL: everyone}
    named = [*order, KNOWN, ALL]
    index = pd.MultiIndex.from_product([periods, *values.values(), named], names=list(labels))
    long = index.to_frame(index=False).assign(n=np.stack([shown[name] for name in named], axis=-1).ravel())
    ranks = _ranks(own, split, periods, values["area"], available)
    status = np.array(STATUS_ORDER, dtype=object)[ranks.ravel()].repeat(len(long) // max(ranks.size, 1))
    return long.assign(stage=stage.id, status=pd.Series(status, dtype="str"))


def _ranks(
    own: pd.DataFrame, split: Sequence[str], periods: Sequence[str], areas: Sequence[str], available: pd.DataFrame
) -> np.ndarray:
    """The place in `STATUS_ORDER` of each period and area: the worst of all where it is not a configured area."""
    import numpy as np

    rank = {name: place for place, name in enumerate(STATUS_ORDER)}
    found = {
        (period, area): rank[status]
        for period, area, status in available[["period", "area", "status"]].itertuples(index=False)
    }
    # a partner's count that was not split cannot be shared out; nor can one of an area that is not known
    unsplit = own[(own[list(split)] == ALL).any(axis=1) & (own["n"] != 0)]
    found |= dict.fromkeys(zip(unsplit["period"], unsplit["area"], strict=True), rank["not_available"])
    worst = dict[str, int]()
    for (period, _), place in found.items():
        worst[period] = max(place, worst.get(period, 0))
    return np.array([[found.get((period, area), worst[period]) for area in areas] for period in periods], dtype=int)


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
