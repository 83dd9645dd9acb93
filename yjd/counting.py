"""What a project counts: every stage that its measures need, rolled up to cells, and what goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yjd.errors import ConfigurationError
from yjd.schema import ELSEWHERE, SEXES, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.analysis import Evidence
    from yjd.config import Settings
    from yjd.disclosure import Links
    from yjd.measures import Measure, Stage
    from yjd.quality_counts import QualityCounts
    from yjd.warehouse import Warehouse


@dataclass(frozen=True)
class Counted:
    """What was counted: the cube, its cells, what goes with them, and the measures, stages and periods concerned.

    `earlier` is what release.json of each earlier release of the project says.
    """

    cube: pd.DataFrame
    cells: pd.DataFrame
    evidence: Evidence
    measures: list[Measure]
    stages: dict[str, Stage]
    periods: pd.DataFrame
    findings: list[dict[str, str]] = field(default_factory=list)
    quality: QualityCounts | None = None
    earlier: Sequence[Mapping[str, Any]] = ()


def count(settings: Settings, warehouse: Warehouse, *, fed: set[str]) -> Counted:
    """Count every stage that the project's measures need, and roll the counts up to cells.

    Parameters
    ----------
    settings, warehouse
        The project, and the warehouse with its clean tables.
    fed : set of str
        The clean tables that some extract feeds.
    """
    from yjd import cube as cubes
    from yjd.analysis import gather
    from yjd.measures import measures, stages
    from yjd.quality_counts import measure_quality

    registry = stages()
    supplied = set(warehouse.query("SELECT DISTINCT stage FROM counts")["stage"])
    fed_stages = {name: stage for name, stage in registry.items() if name in supplied or set(stage.reads) <= fed}
    nameless = _without_identifiers(warehouse, [stage for name, stage in fed_stages.items() if name not in supplied])
    available = set(fed_stages) - {name for name, share in nameless.items() if share == 1}
    named = settings.analysis.measures
    chosen = [
        measure
        for measure in measures().values()
        if (named is None or measure.id in named) and {measure.numerator, measure.denominator} <= available
    ]
    if absent := sorted(set(named or ()) - {measure.id for measure in chosen}):
        raise ConfigurationError(
            f"No extract feeds the stages of {', '.join(absent)}, or they count children and no record says whom.",
            "Add the extract or its column for child_id, or leave the measure out.",
        )
    if not chosen:
        raise ConfigurationError("The extracts allow no measure.", "`yjd measures` lists what each of them needs.")
    wanted = {name: registry[name] for measure in chosen for name in (measure.numerator, measure.denominator)}
    cube = cubes.build_cube(warehouse, wanted.values())
    cells = cubes.cells(cube, warehouse, list(wanted.values()), settings)
    evidence = gather(warehouse, chosen, wanted, settings)
    findings = [
        {
            "severity": "warning",
            "text": f"{wanted[name].title}: some records do not say whom they are about, so the count is not sure.",
        }
        for name, share in nameless.items()
        if name in wanted and share > 0
    ]
    findings += base_gaps(cube, [stage for stage in wanted.values() if stage.public], settings.analysis.age_bands)
    quality = measure_quality(warehouse, settings)
    return Counted(cube, cells, evidence, chosen, wanted, _periods(settings), findings, quality)


def base_gaps(cube: pd.DataFrame, stages: Sequence[Stage], age_bands: Sequence[str]) -> list[dict[str, str]]:
    """Warn of ages and sexes that a public base lacks where it has others: the rates of the whole are then too high.

    Nothing is said of whether there are events of them: the text is released, and counts of events may be hidden.
    """
    known: dict[str, tuple[str, Sequence[str]]] = {
        "age_band": ("age band", age_bands), "sex": ("sex", [name for name in SEXES if name != UNKNOWN]),
    }  # fmt: skip
    found = []
    for stage in stages:
        base = cube[(cube["stage"] == stage.id) & (cube["n"] > 0) & (cube["area"] != ELSEWHERE)]
        places = set(zip(base["period"], base["area"], strict=True))
        for name, (words, values) in known.items():
            held = {value: set(zip(rows["period"], rows["area"], strict=True)) for value, rows in base.groupby(name)}
            if not set(values) & set(held):
                continue  # it is not split by this
            lacks = [
                f"{value} (in some areas or periods)" if value in held else value
                for value in values if places - held.get(value, set())
            ]  # fmt: skip
            if lacks:
                text = (
                    f"{stage.title}: there are none of {words} {', '.join(lacks)}. What happened to such children is "
                    "counted all the same, so that there the rates of all together are too high and theirs are blank."
                )
                found.append({"severity": "warning", "text": text})
    return found


def _without_identifiers(warehouse: Warehouse, stages: Sequence[Stage]) -> dict[str, float]:
    """The share of records without a child's identifier, of every stage that counts children of one table."""
    shares = {}
    for stage in stages:
        if stage.unit == "child" and not stage.public and len(stage.reads) == 1:
            lacks = "CAST(SUM(CASE WHEN child_id IS NULL THEN 1 ELSE 0 END) AS DOUBLE)"
            (found,) = warehouse.query(f"SELECT {lacks} / COUNT(*) AS share FROM {stage.reads[0]}")["share"]  # noqa: S608
            shares[stage.id] = float(found) if found == found and found is not None else 0.0
    return shares


def links_of(counted: Counted) -> Links:
    """How what is published is tied together, beyond the totals that a table itself shows.

    Stages and periods that only an earlier release has belong to it: whoever kept it can subtract them.
    """
    from yjd import ethnicity
    from yjd.disclosure import Links, related_periods
    from yjd.measures import stages as registry

    groups, known = ethnicity.groups(), registry()
    named = {measure[side] for one in counted.earlier for measure in one.get("measures", ())
             for side in ("numerator", "denominator")}  # fmt: skip
    stages = counted.stages | {name: known[name] for name in sorted(named & set(known) - set(counted.stages))}
    return Links(
        subsets={name: stage.part_of for name, stage in stages.items() if stage.part_of in stages},
        parts=[(name, stage.sums) for name, stage in stages.items() if stage.sums and set(stage.sums) <= set(stages)],
        public_stages=frozenset(name for name, stage in stages.items() if stage.public),
        related_periods=related_periods(every_period(counted)),
        periods_add_up=frozenset(name for name, stage in stages.items() if stage.adds_up),
        headings=dict(zip(groups["detailed"], groups["heading"], strict=True)),
        denominators=[(measure.numerator, measure.denominator) for measure in counted.measures],
    )


def every_period(counted: Counted) -> pd.DataFrame:
    """The periods of this release, and those that only earlier ones have: period, kind, start_day, end_day."""
    import pandas as pd

    columns = ["period", "kind", "start_day", "end_day"]
    before = [one for manifest in counted.earlier for one in manifest.get("periods", ())]
    if not before:
        return counted.periods[columns]
    table = pd.DataFrame(before)[["period", "kind", "start", "end"]]
    start, end = ((pd.to_datetime(table[name]) - pd.Timestamp(0)).dt.days for name in ("start", "end"))
    table = table.assign(start_day=start, end_day=end + 1)[columns]
    every = pd.concat([counted.periods[columns], table], ignore_index=True).drop_duplicates("period")
    return every.sort_values(["kind", "start_day"], ignore_index=True)


def _periods(settings: Settings) -> pd.DataFrame:
    """period, label, kind, and the first and the last day as YYYY-MM-DD."""
    import pandas as pd

    table = settings.periods.table()
    epoch = pd.Timestamp(0)

    def iso(days: pd.Series[int]) -> pd.Series[str]:
        return (epoch + pd.to_timedelta(days, unit="D")).dt.strftime("%Y-%m-%d")

    return table.assign(start=iso(table["start_day"]), end=iso(table["end_day"] - 1))
