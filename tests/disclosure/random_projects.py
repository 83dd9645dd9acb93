"""Small projects drawn by a seed: any structure that a project can have, with the counts behind all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain, combinations, product

import numpy as np
import pandas as pd

from tests.disclosure.leaves import Axis, Family, Project, Release
from yjd.disclosure import Links, Rules, related_periods
from yjd.schema import ALL, CELL_COLUMNS, CELL_KEYS, KNOWN, SPLITS, UNKNOWN

VALUES = {
    "area": ("Dudley", "Sandwell", "Walsall", "Wolverhampton"),
    "sex": ("Female", "Male"),
    "age_band": ("10-14", "15-17", "18+"),
    "deprivation": ("1", "2", "3"),
}
BROAD = ("Asian", "Black", "Mixed", "White")
DETAILED = {
    "Asian": ("Indian", "Pakistani"), "Black": ("African", "Caribbean"), "Mixed": ("Mixed",),
    "White": ("British", "Irish", "Roma"),
}  # fmt: skip
#: Names of the trees of stages that a project can have.
TREES = ("one", "chain", "long chain", "sum", "sum and chain", "kinds", "kinds of a part", "kinds that overlap")
YEAR = 365
MOST_LEAVES, MOST_CELLS = 1500, 420


@dataclass(frozen=True)
class Plan:
    """What one release publishes."""

    stages: tuple[tuple[str, ...], ...]
    periods: tuple[str, ...]
    splits: tuple[tuple[str, ...], ...]
    levels: tuple[str, ...]


def random_project(seed: int, *, small: bool = False) -> Project:
    """Draw a project. Smaller ones (`small`) take an attack some milliseconds."""
    random = np.random.default_rng([seed, 5])
    most = (300, 130) if small else (MOST_LEAVES, MOST_CELLS)
    while (project := _draw(random, seed, *most)) is None:
        pass
    return project


def _draw(random: np.random.Generator, seed: int, most_leaves: int, most_cells: int) -> Project | None:
    """Draw once; None where that came out too large or too small."""
    spans, days = _spans(random)
    values = _values(random)
    groups, levels = _groups(random)
    trees = [str(random.choice(TREES))]
    once = bool(random.random() < 0.25) and len(days) > 1 and max(map(len, spans.values())) <= 3
    families = [_family("", trees[0], spans, values, groups, adds_up=not once)]
    if random.random() < 0.15:
        trees.append(str(random.choice(TREES[:4])))
        families.append(_family("second ", trees[1], spans, values, groups, adds_up=True))
    if random.random() < 0.4:
        families.append(replace(_family("population", "one", spans, values, groups, adds_up=True), public=True))
    plan = _plan(random, families, spans, values, levels)
    if sum(int(np.prod(family.shape)) for family in families) > most_leaves:
        return None
    counts = tuple(_counts(random, family) for family in families)
    rules = _rules(random, public=families[-1].public)
    plans, every, ruled, how = _history(random, families, plan, counts, rules)
    if not all(12 <= sum(_sizes(families, one)) <= most_cells for one in plans):
        return None
    releases = tuple(
        _release(families, one, own, rule, spans) for one, own, rule in zip(plans, every, ruled, strict=True)
    )
    words = (*trees, *(["each child once"] if once else []), *(["public"] if families[-1].public else []), *how)
    return Project(seed, tuple(families), releases, words)


def _spans(random: np.random.Generator) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Published names of time to the short periods that they hold, and the names of these."""
    kind = random.choice(["one", "years", "rolling", "overlapping", "months"], p=[0.3, 0.2, 0.2, 0.15, 0.15])
    if kind == "one":
        names = ["2023-24"]
    elif kind == "months":
        names = ["2024-M04", "2024-M05", "2024-M06"]
    else:
        many = {"years": 2, "rolling": int(random.integers(2, 4)), "overlapping": 4}[str(kind)]
        names = [f"20{20 + year}-{21 + year}" for year in range(many)]
    spans = {name: (at,) for at, name in enumerate(names)}
    if kind == "rolling":
        spans["rolling"] = tuple(range(len(names)))
    if kind == "months":
        spans["2024-Q2"] = (0, 1, 2)
    if kind == "overlapping":
        spans |= {"rolling to 2022-23": (0, 1, 2), "rolling to 2023-24": (1, 2, 3)}
    return spans, names


def _values(random: np.random.Generator) -> dict[str, tuple[str, ...]]:
    """The values of the dimensions that the project has, at most four."""
    many = int(random.choice([1, 2, 3, 4], p=[0.35, 0.4, 0.2, 0.05]))
    chosen = random.choice(list(VALUES), size=many, replace=False)
    return {
        name: VALUES[name][: int(random.integers(2, len(VALUES[name]) + 1))] for name in SPLITS if name in set(chosen)
    }


def _groups(random: np.random.Generator) -> tuple[dict[tuple[str, str], np.ndarray], tuple[str, ...]]:
    """What each group says about the leaves of ethnicity, and the levels that are published."""
    levels = (("broad",), ("detailed",), ("broad", "detailed"))[int(random.choice(3, p=[0.5, 0.15, 0.35]))]
    broad = BROAD[-int(random.integers(2, 4 if "detailed" in levels else 5)) :]
    leaves = [(name, detail) for name in broad for detail in (DETAILED[name] if "detailed" in levels else (name,))]
    # Some records say only the broad group, so that it is more than its detailed ones.
    if len(levels) == 2 and random.random() < 0.4:
        leaves.append((broad[-1], ""))
    leaves.append((UNKNOWN, UNKNOWN))
    headings = np.array([heading for heading, _ in leaves])
    details = np.array([detail for _, detail in leaves])
    found: dict[tuple[str, str], np.ndarray] = {("broad", name): headings == name for name in (*broad, UNKNOWN)}
    found |= {("detailed", name): details == name for name in dict.fromkeys(details) if name}
    for level in ("broad", "detailed"):
        found[level, KNOWN] = headings != UNKNOWN
        found[level, ALL] = np.ones(len(leaves), dtype=bool)
    return found, levels


#: Trees: exclusive parts as the set of stages that each is in; (part, whole); kinds; parts.
_TREES: dict[str, tuple[list[str], list[tuple[str, str]], list[tuple[str, str]], list[tuple[str, str]]]] = {
    "one": (["a"], [], [], []),
    "chain": (["a", "ab"], [("b", "a")], [], []),
    "long chain": (["a", "ab", "abc"], [("b", "a"), ("c", "b")], [], []),
    "sum": (["ab", "ac"], [("b", "a"), ("c", "a")], [], [("a", "bc")]),
    "sum and chain": (["ab", "abd", "ac"], [("b", "a"), ("c", "a"), ("d", "b")], [], [("a", "bc")]),
    "kinds": (["a", "ab", "ac"], [("b", "a"), ("c", "a")], [("a", "bc")], []),
    "kinds of a part": (["a", "ab", "abc", "abd"], [("b", "a"), ("c", "b"), ("d", "b")], [("b", "cd")], []),
    "kinds that overlap": (["a", "ab", "ac", "abc"], [("b", "a"), ("c", "a")], [], []),
}


def _family(prefix, tree, spans, values, groups, *, adds_up) -> Family:
    classes, nested, kinds, parts = _TREES[tree]

    def name(letter: str) -> str:
        return prefix if prefix == "population" else prefix + dict(zip("abcd", STAGES, strict=True))[letter]

    letters = sorted(set("".join(classes)))
    stages = {name(letter): np.array([letter in one for one in classes]) for letter in letters}
    short = max(chain.from_iterable(spans.values())) + 1
    if adds_up:
        times = {name: np.isin(np.arange(short), held) for name, held in spans.items()}
    else:
        seen = [set(one) for size in range(1, short + 1) for one in combinations(range(short), size)]
        times = {name: np.array([bool(one & set(held)) for one in seen]) for name, held in spans.items()}
    axes: dict[str, Axis] = {"stage": stages, "period": times}
    for split in SPLITS:
        own = values.get(split, ())
        width = max(len(own), 1)
        axes[split] = {ALL: np.ones(width, dtype=bool)} | {
            one: np.arange(width) == at for at, one in enumerate(own)
        }  # fmt: skip
    axes["group"] = groups
    return Family(
        axes=axes,
        nested=tuple((name(part), name(whole)) for part, whole in nested),
        kinds=tuple((name(whole), tuple(map(name, own))) for whole, own in kinds),
        parts=tuple((name(whole), tuple(map(name, own))) for whole, own in parts),
        adds_up=adds_up,
    )


STAGES = ("outcomes", "precourt", "court", "caution")


def _counts(random: np.random.Generator, family: Family) -> np.ndarray:
    """Counts of the leaves: uneven between groups and places, and none at all in some."""
    shape = family.shape
    # The mean of what the finest published cells hold matters, not that of the leaves.
    mean = float(random.choice([3.0, 8.0, 20.0, 60.0])) / max(1, shape[0])
    shares = [random.gamma(1.5, 1 / 1.5, size) for size in shape]
    rate = reduce(np.multiply.outer, shares) * mean
    if family.public:
        rate = rate * 20
    counts = random.poisson(random.gamma(2.0, rate / 2.0))
    return np.where(random.random(shape) < random.choice([0.0, 0.1, 0.35]), 0, counts)


def _rules(random: np.random.Generator, *, public: bool) -> Rules:
    minimum = int(random.integers(3, 11))
    zero_safe = bool(random.random() < 0.75)
    widest = minimum - int(zero_safe)
    events = random.random() < 0.15
    method = "hide_and_round" if random.random() < 0.1 else "hide"
    denominator = int(random.choice([0, 0, minimum + 4, 30 if public else 0]))
    children = int(random.integers(2, minimum + 1)) if events else 0
    share = int(random.choice([50, 80])) if events else 100
    width = int(min(widest, random.integers(2, 6)))
    return Rules(
        minimum_count=minimum,
        zero_safe=zero_safe,
        minimum_denominator=denominator,
        minimum_children=_allowed(children, minimum, width),
        largest_share_percent=share,
        interval_width=width,
        method=method,
        round_to=0 if method == "hide" else int(random.choice([3, 5, 10])),
    )


def _allowed(children: int, minimum: int, width: int) -> int:
    """As many children, or more where counts of events would narrow those of their children: such rules are refused."""
    return children if children == 0 or minimum - children >= width else max(minimum, children)


def _plan(random, families, spans, values, levels) -> Plan:
    periods = [name for name in spans if random.random() < 0.85 or len(spans[name]) > 1] or list(spans)
    return Plan(
        stages=tuple(_stages(random, family) for family in families),
        periods=tuple(periods),
        splits=_splits(random, tuple(values)),
        levels=levels,
    )


def _stages(random: np.random.Generator, family: Family) -> tuple[str, ...]:
    """The stages that are published: now and then a part is not."""
    stages = list(family.axes["stage"])
    if len(stages) > 2 and not family.parts and random.random() < 0.2:
        stages.remove(str(random.choice(stages[1:])))
    return tuple(stages)


def _splits(random: np.random.Generator, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """What is published: margins, crossings, crossings whose margins are left out."""
    every = [combo for size in range(len(names) + 1) for combo in combinations(names, size)]
    kind = random.choice(["margins", "full", "crossed only", "any"], p=[0.35, 0.25, 0.15, 0.25])
    if kind == "margins":
        return tuple(combo for combo in every if len(combo) < 2)
    if kind == "full":
        return tuple(combo for combo in every if len(combo) < 3)
    if kind == "crossed only":
        return ((), every[-1])
    chosen = tuple(combo for combo in every if random.random() < 0.5)
    return chosen or (every[-1],)


def _history(random, families, plan, counts, rules):
    """Plans, counts and rules of each release, the last being the present one, and words on how they differ."""
    plans, every, ruled, how = [plan], [counts], [rules], []
    while len(plans) < 3 and random.random() < 0.4:
        change = str(random.choice(["other splits", "fewer periods", "revised", "other rules", "fewer stages"]))
        before, own, old = plans[0], every[0], ruled[0]
        if change == "other splits":
            names = tuple(name for name in SPLITS if len(families[0].axes[name]) > 1)
            before = replace(before, splits=_splits(random, names))
        elif change == "fewer periods" and len(before.periods) > 1:
            gone = random.choice(before.periods)
            before = replace(before, periods=tuple(name for name in before.periods if name != gone))
        elif change == "fewer stages" and len(before.stages[0]) > 1 and not families[0].parts:
            before = replace(before, stages=(before.stages[0][:-1], *before.stages[1:]))
        elif change == "revised":
            own = tuple(_revised(random, one, family) for one, family in zip(own, families, strict=True))
        elif change == "other rules":
            least = int(random.integers(3, 11))
            width = min(rules.interval_width, least - rules.smallest_hidden)
            children = _allowed(rules.minimum_children, least, width)
            old = replace(rules, minimum_count=least, interval_width=width, minimum_children=children)
        else:
            continue
        plans, every, ruled, how = [before, *plans], [own, *every], [old, *ruled], [change, *how]
    return plans, every, ruled, how


def _revised(random: np.random.Generator, counts: np.ndarray, family: Family) -> np.ndarray:
    """Counts as they were thought to be: one exclusive stage of one short period differs."""
    if family.public:
        return counts
    old = counts.copy()
    block = (int(random.integers(counts.shape[0])), int(random.integers(counts.shape[1])))
    change = random.poisson(1.0, counts.shape[2:]) * random.choice([-1, 0, 1], size=counts.shape[2:])
    old[block] = np.maximum(old[block] + change, 0)
    return old


def _release(families, plan, counts, rules, spans) -> Release:
    frames, behind = [], []
    for family, own, stages in zip(families, counts, plan.stages, strict=True):
        cells = pd.DataFrame(_keys(family, stages, plan), columns=list(CELL_KEYS))
        rows, leaves = family.rows(cells), own.ravel()
        frames.append(cells.assign(n=(rows @ leaves).astype(float), status="ok", disclosure="shown"))
        if family.adds_up and not family.public:
            # Three events a child at most: of 5 events in a leaf, 2 children with 3 and 2.
            behind.append(
                cells.assign(children=rows @ -(-leaves // 3), largest=(rows * np.minimum(leaves, 3)).max(axis=1))
            )
    published = [stage for stages in plan.stages for stage in stages]
    asked = rules.minimum_children > 0 or rules.largest_share_percent < 100
    return Release(
        cells=pd.concat(frames, ignore_index=True)[list(CELL_COLUMNS)],
        rules=rules,
        links=_links(families, published, plan.periods, spans),
        counts=tuple(counts),
        children=pd.concat(behind, ignore_index=True) if asked and behind else None,
        periods=_days(plan.periods, spans),
    )


def _sizes(families: Sequence[Family], plan: Plan) -> Iterator[int]:
    """How many cells of each family are published."""
    for family, stages in zip(families, plan.stages, strict=True):
        places = sum(int(np.prod([len(family.axes[name]) - 1 for name in split])) for split in plan.splits)
        groups = sum(level in plan.levels for level, _ in family.axes["group"])
        yield len(stages) * len(plan.periods) * places * groups


def _keys(family: Family, stages: Sequence[str], plan: Plan) -> Iterator[tuple[str, ...]]:
    groups = [label for label in family.axes["group"] if label[0] in plan.levels]
    for stage, period, split in product(stages, plan.periods, plan.splits):
        places = product(*([one for one in family.axes[d] if (one == ALL) != (d in split)] for d in SPLITS))
        for place, (level, group) in product(list(places), groups):
            yield (stage, period, *place, level, group)


def _days(periods, spans) -> pd.DataFrame:
    return pd.DataFrame(
        [(name, len(spans[name]), YEAR * spans[name][0], YEAR * (spans[name][-1] + 1)) for name in periods],
        columns=["period", "kind", "start_day", "end_day"],
    )


def _links(families, published, periods, spans) -> Links:
    known = set(published)
    subsets = {}
    for family in families:
        direct = dict(family.nested)
        for part in direct:
            whole = direct[part]
            # Where the stage that holds it is not published, the next one that is holds it too.
            while whole not in known and whole in direct:
                whole = direct[whole]
            if part in known and whole in known:
                subsets[part] = whole
    return Links(
        subsets=subsets,
        parts=[(whole, own) for family in families for whole, own in family.parts if {whole, *own} <= known],
        public_stages=frozenset(stage for family in families if family.public for stage in family.axes["stage"]),
        related_periods=related_periods(_days(periods, spans)),
        periods_add_up=frozenset(stage for family in families if family.adds_up for stage in family.axes["stage"]),
        headings={name: heading for heading, names in DETAILED.items() for name in names},
        denominators=list(subsets.items()) + ([("outcomes", "population")] if families[-1].public else []),
    )
