"""From cells to results: every metric of every measure and pathway, as the project configures it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from yjd.measures import Measure, Stage

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.metrics import Plan
    from yjd.metrics.complete import Completed
    from yjd.metrics.counts import Counts, Kind
    from yjd.pathways import Pathway
    from yjd.warehouse import Warehouse

_YEARS = ("financial_year", "calendar_year")
_PARTS_OF_YEARS = ("quarter", "month")
_DAYS = 365.25
_EPOCH = 1970.0


@dataclass(frozen=True)
class Evidence:
    """What intervals and imputation need and no cell holds; made in the warehouse, before disclosure control.

    It reaches results only for rows whose own cells are shown.

    Attributes
    ----------
    sums, shared : DataFrame
        Sums over children: see `yjd.repeats`.
    strata : DataFrame
        Known and unknown children at the finest split: see `yjd.unknowns`.
    seed : int
        Of imputation: from the project's key, so that nobody outside can try all seeds on a table that is public and
        then all counts on one that is not. What was imputed stays as it was where the counts are.
    sources : dict
        Level of ethnic groups to stage to whose ethnicity its records carry: see `yjd.pathways.sources`.
    """

    sums: pd.DataFrame
    shared: pd.DataFrame
    strata: pd.DataFrame
    seed: int
    sources: dict[str, dict[str, str]]
    _drawn: dict[tuple[str, ...], Completed] = field(default_factory=dict, compare=False, repr=False)

    def drawn(self, strata: pd.DataFrame, counts: Counts, *, kind: Kind, plan: Plan) -> Completed | None:
        """Draws for some measures' strata, made once: those for cells that are not released serve the released."""
        from yjd.metrics.complete import impute
        from yjd.metrics.counts import STRATUM

        if strata.empty or not plan.imputations:
            return None
        asked = (kind, str(plan.imputations), *strata["measure"].unique())
        kept = self._drawn.get(asked)
        if kept is None or not kept.keys.equals(counts.frame[[*STRATUM]].drop_duplicates(ignore_index=True)):
            kept = impute(strata, counts, kind=kind, imputations=plan.imputations, seed=plan.seed)
            self._drawn[asked] = kept
        return kept


def gather(warehouse: Warehouse, measures: Sequence[Measure], stages: dict[str, Stage], settings: Settings) -> Evidence:
    """Make the evidence, after the cube."""
    import pandas as pd

    from yjd.folders import keyed
    from yjd.metrics.counts import CHILD_SUMS
    from yjd.pathways import sources
    from yjd.repeats import child_sums
    from yjd.unknowns import imputation_counts

    levels = list(settings.analysis.splits)
    sums, shared = child_sums(warehouse, measures, stages, settings, pairs=pairs(settings))
    if base := settings.disclosure.round_to:  # exact squares would tell what rounding a count takes away
        sums[list(CHILD_SUMS)] = (sums[list(CHILD_SUMS)] / base).round() * base
    strata = pd.DataFrame(columns=["measure"])
    if settings.analysis.imputations:
        strata = imputation_counts(warehouse, measures, stages, areas=settings.project.areas, levels=levels)
    on_the_way = {name: stages[name] for way in pathways(settings, stages) for name in way.steps}
    return Evidence(
        sums,
        shared,
        strata,
        int(keyed(settings, "imputation"), 16),
        {level: sources(warehouse, on_the_way.values(), settings.extracts, level=level) for level in levels},
    )


def analyse(
    cells: pd.DataFrame,
    measures: Sequence[Measure],
    stages: dict[str, Stage],
    settings: Settings,
    evidence: Evidence | None = None,
    *,
    released: bool = False,
) -> pd.DataFrame:
    """Compute every metric of every measure and pathway.

    Parameters
    ----------
    cells : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`; released or not. What is computed from released cells can show
        nothing that they do not.
    measures, stages, settings
        The project's.
    evidence : Evidence, optional
        Without it events are taken as independent, and nothing is imputed. Its sums are made coarse: see
        `yjd.repeats_coarse`.
    released : bool
        Whether the results may leave. Allocation within strata then stays out: it is exact arithmetic on counts
        that are not protected, and in a small table gives them back. Imputation draws from a seed that nobody
        outside knows.

    Returns
    -------
    DataFrame
        Columns of `yjd.schema.RESULT_COLUMNS`.
    """
    import pandas as pd

    from yjd.measures import counts
    from yjd.metrics import adjust, all_results
    from yjd.metrics.counts import Counts
    from yjd.repeats_coarse import coarse_shared, coarse_sums, open_shared

    plan, least = replace(_plan(settings), allocated=not released), settings.disclosure.minimum_count
    sums, beside = None, dict[str, pd.DataFrame]()
    if evidence is not None:
        plan, sums = replace(plan, seed=evidence.seed), evidence.sums
        beside = {"shared": coarse_shared(evidence.shared, minimum=least), "strata": evidence.strata}
        if released:
            once = {
                one.id: [name for name in (one.numerator, one.denominator) if stages[name].unit == "child"]
                for one in measures
            }
            beside["shared"] = open_shared(beside["shared"], cells, once, _spans(settings))
    alike: dict[tuple[Kind, int], list[Measure]] = {}
    for measure in measures:
        alike.setdefault((measure.kind, measure.per), []).append(measure)
    tables = []
    for (kind, per), together in alike.items():  # one call for many measures is far quicker than one for each
        frame = pd.concat([_with_breaks(counts(cells, one, sums), settings) for one in together], ignore_index=True)
        if evidence is not None:
            frame = coarse_sums(frame, kind=kind, minimum=least)
        names = [one.id for one in together]
        own = {name: table[table["measure"].isin(names)] for name, table in beside.items()}
        prepared = Counts.of(frame)
        drawn = None if evidence is None else evidence.drawn(own["strata"], prepared, kind=kind, plan=plan)
        tables.append(all_results(prepared, kind=kind, per=per, plan=plan, drawn=drawn, **own))
    for way in pathways(settings, stages):
        tables += _along(way, cells, stages, settings, evidence)
    results = pd.concat(tables, ignore_index=True)
    return adjust(results, families=settings.analysis.families)


def pathways(settings: Settings, stages: dict[str, Stage]) -> list[Pathway]:
    """The configured pathways, over the stages that are counted."""
    from yjd.pathways import PATHWAYS, Pathway

    given = settings.analysis.pathways
    wanted = PATHWAYS if given is None else [Pathway(str(name), tuple(steps)) for name, steps in given.items()]
    return [way for one in wanted if (way := one.among(stages)) is not None]


def pairs(settings: Settings) -> list[tuple[str, str]]:
    """The configured changes; else each year with the one before it, and the last with the first."""
    if settings.periods.changes is not None:
        return list(settings.periods.changes)
    found = []
    for times in _series(settings, _YEARS):
        names = list(times)
        found += [*itertools.pairwise(names), *([(names[0], names[-1])] if len(names) > 2 else [])]
    return found


def _plan(settings: Settings) -> Plan:
    from yjd.metrics import Plan

    analysis = settings.analysis
    return Plan(
        references=settings.ethnicity.references,
        confidence=analysis.confidence,
        rate_method=analysis.rate_method,
        ratio_method=analysis.ratio_method,
        over=analysis.standardise_over,
        areas=any(tuple(split) == ("area",) for given in analysis.splits.values() for split in given),
        series=[times for times in _series(settings, _YEARS) if len(times) > 2],
        charts=_series(settings, _PARTS_OF_YEARS),
        pairs=pairs(settings),
        imputations=analysis.imputations,
    )


def _spans(settings: Settings) -> dict[str, tuple[float, float]]:
    """For every period its first day and the day after its last."""
    table = settings.periods.table()
    return {
        str(period): (float(start), float(end))
        for period, start, end in zip(table["period"], table["start_day"], table["end_day"], strict=True)
    }


def _series(settings: Settings, kinds: Sequence[str]) -> list[dict[str, float]]:
    """For every kind, its periods in order with their first day in years."""
    table = settings.periods.table().sort_values("start_day")
    return [
        dict(zip(own["period"].astype(str), _EPOCH + own["start_day"] / _DAYS, strict=True))
        for kind, own in table.groupby("kind", sort=False)
        if kind in kinds
    ]


def _along(
    way: Pathway, cells: pd.DataFrame, stages: dict[str, Stage], settings: Settings, evidence: Evidence | None
) -> list[pd.DataFrame]:
    """One pathway against every reference, at the levels in which the reference is a group."""
    from yjd.metrics import pathway
    from yjd.metrics.pathway_stages import PathwayCells
    from yjd.pathways import part_of, units
    from yjd.schema import KNOWN

    on_the_way = [stages[name] for name in way.steps]
    own = cells[cells["stage"].isin(way.steps)]
    tables = []
    for level, frame in own.groupby("level", sort=False):
        groups, prepared = {*frame["group"].unique()} - {KNOWN}, PathwayCells.of(frame)
        tables += [
            pathway(
                prepared,
                steps=way.steps,
                name=way.name,
                reference=reference,
                confidence=settings.analysis.confidence,
                part_of=part_of(on_the_way),
                units=units(on_the_way),
                sources=None if evidence is None else evidence.sources[str(level)],
            )
            for reference in dict.fromkeys(settings.ethnicity.references)
            if reference in groups or reference in ("others", "everyone")
        ]
    return tables


def _with_breaks(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Mark the periods from which a measure is not comparable with earlier ones."""
    import pandas as pd

    broken = {
        (measure, entry.period)
        for entry in settings.periods.breaks
        for measure in (entry.measures or frame["measure"].unique())
    }
    keys = pd.MultiIndex.from_frame(frame[["measure", "period"]])
    here = keys.isin(list(broken)) & (frame["status"] == "ok").to_numpy()
    return frame.assign(status=frame["status"].mask(here, "break"))
