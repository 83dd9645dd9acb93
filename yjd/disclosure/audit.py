"""An attack on what is about to leave, written without the protector's code.

It reads published cells and nothing else of a release, writes every sum that an outsider knows as an equation, and asks
a linear programme how far each hidden count is known. The true counts, where the auditor has them, only say which
hidden counts matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from yjd.disclosure.alternatives import Alternatives
from yjd.disclosure.audit_borne import borne_out
from yjd.disclosure.audit_keys import Codes
from yjd.disclosure.audit_reach import Targets, reach
from yjd.disclosure.audit_relations import relations
from yjd.disclosure.audit_system import Flags, Floats, Ints, Rows, System, activity, rows_of, system_of, tightened
from yjd.disclosure.audit_table import Table
from yjd.disclosure.audit_tables import check
from yjd.disclosure.rules import Links, Rules
from yjd.parallel import in_parallel
from yjd.schema import CELL_KEYS, HIDDEN

if TYPE_CHECKING:
    import pandas as pd

AUDIT_COLUMNS = (*CELL_KEYS, "attack", "low", "high")
SHOWN_EARLIER = "shown_earlier"  # a finding that no protection can mend
NOT_SETTLED = "not settled"
_CELL = np.uint64(0)  # no sum: a count that is printed
_OF_A_CELL = ["shown", "sums", "interval", NOT_SETTLED]  # the others are of counts that nobody prints


def audit(
    releases: pd.DataFrame | Sequence[pd.DataFrame],
    rules: Rules,
    links: Links,
    *,
    cells: pd.DataFrame | None = None,
    children: pd.DataFrame | None = None,
    alternatives: Alternatives | None = None,
) -> pd.DataFrame:
    """Return what an outsider who holds all releases can work out; empty means safe.

    Parameters
    ----------
    releases : DataFrame or sequence of DataFrame
        Published cells of each release, the newest first: `CELL_KEYS`, n (blank where hidden) and disclosure, as
        released cells have them or as `yjd.disclosure.published.published_cells` reads them off results. Columns
        low and high may bound a count that is known only roughly; `terms` may make a row a sum of cells.
    rules : Rules
        The data owner's rules.
    links : Links
        How stages, periods and groups are tied to each other.
    cells : DataFrame, optional
        The true counts behind the newest release (`yjd.schema.CELL_COLUMNS`). With them exactly the counts that
        the rules hide are held to the guarantee; without them every hidden count that can only be such a count is.
    children : DataFrame, optional
        `CELL_KEYS`, children and largest (how many stand behind the events of a cell, and the most of one of them).
        With them and `cells` the rules on children are held to as well.
    alternatives : Alternatives, optional
        Tables that are said to agree with everything published. Those that do, by the audit's own relations, spare it
        the search for others.

    Returns
    -------
    DataFrame
        `CELL_KEYS`, attack, low and high (what the count is known to lie between). Attacks: ``shown`` (a count that
        the rules hide can be read), ``sums`` (hidden, and known exactly), ``interval`` (hidden, and known to be one
        of fewer than `interval_width` counts that the rules hide); the same of counts that nobody prints:
        ``complement`` (a stage less a part of it; the key is the part's), ``residual`` (less several parts; the
        key is the whole's), ``rest`` (a total less the parts of it that are published), ``others`` (all known
        children but a group), ``remainder`` (a broad group less its detailed ones) and ``left-out margin``;
        ``contradiction`` (published counts that cannot all be true), ``not settled`` (no programme could say) and
        ``shown_earlier`` (what earlier releases give away already, and nothing can take back).

    Notes
    -----
    An outsider is taken to know all sums, that no count is negative and that no part exceeds its whole. A relation
    that the true counts do not bear out is not used. Bounds are those of the linear programme, so that what an
    outsider could add from counts being whole numbers all at once is left out.
    """
    import pandas as pd

    frames = [releases] if isinstance(releases, pd.DataFrame) else list(releases)
    amount = sum(len(frame) for frame in frames)
    given = _Given(frames, cells, children, alternatives)
    # Sums that were published with others may be of any periods.
    stated = any("terms" in frame and frame["terms"].notna().any() for frame in frames)
    apart = [given] if stated else given.by_period(links)
    found = pd.concat(in_parallel(partial(_found, rules=rules, links=links), apart, amount), ignore_index=True)
    found = found.drop_duplicates([*CELL_KEYS, "attack"]).sort_values([*CELL_KEYS, "attack"], ignore_index=True)
    return found[list(AUDIT_COLUMNS)]


@dataclass(frozen=True)
class _Given:
    """What the auditor has: see `audit`."""

    frames: Sequence[pd.DataFrame]
    cells: pd.DataFrame | None
    children: pd.DataFrame | None
    alternatives: Alternatives | None

    def by_period(self, links: Links) -> list[_Given]:
        """Part it by periods that have nothing to do with each other."""
        label = links.together(sorted({str(name) for frame in self.frames for name in frame["period"].unique()}))
        if len(set(label.values())) < 2:
            return [self]
        return [
            _Given(
                [_of(frame, label, one) for frame in self.frames],
                None if self.cells is None else _of(self.cells, label, one),
                None if self.children is None else _of(self.children, label, one),
                None if self.alternatives is None else self.alternatives.of(label, one),
            )
            for one in dict.fromkeys(label.values())
        ]


def _of(frame: pd.DataFrame, label: Mapping[str, str], one: str) -> pd.DataFrame:
    """The rows of the periods that have a label."""
    return frame[(frame["period"].astype(str).map(label) == one).to_numpy(dtype=bool)]


def _found(given: _Given, rules: Rules, links: Links) -> pd.DataFrame:
    frames, cells, children = given.frames, given.cells, given.children
    found = _attacked(frames, rules, links, cells, children, alternatives=given.alternatives)
    if len(frames) > 1 and len(found):
        before = _attacked([_unsaid(frames[0]), *frames[1:]], rules, links, cells, children, among=found)
        found = _less_earlier(found, before)
    return found


def _unsaid(newest: pd.DataFrame) -> pd.DataFrame:
    """A release as it would be if it said nothing: a part that it alone has is no more than what was shown earlier."""
    cells = newest[newest["n"].notna() | newest["disclosure"].isin(HIDDEN)]
    cells = cells[cells["terms"].isna()] if "terms" in cells else cells
    return cells[list(CELL_KEYS)].assign(n=float("nan"), disclosure=HIDDEN[0])


def _attacked(
    frames: Sequence[pd.DataFrame],
    rules: Rules,
    links: Links,
    cells: pd.DataFrame | None,
    children: pd.DataFrame | None,
    among: pd.DataFrame | None = None,
    alternatives: Alternatives | None = None,
) -> pd.DataFrame:
    """What can be worked out, and which sum it is (0 for a cell); `among` are the only counts that are asked for."""
    import pandas as pd

    table = Table.of(frames, rules, links, cells, children)
    wanted = None if among is None else table.keys.codes(among)
    plain, system, targets, told = _posed(table, rules, links, wanted, alternatives)
    reach(system, targets)
    found = pd.concat([_read_off(frames[0], table, rules, links), plain, _narrowed(table, targets, told)])
    return found.drop_duplicates([*CELL_KEYS, "attack", "sum"], ignore_index=True)


def _less_earlier(found: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Rename what the earlier releases gave away by themselves, as closely as all of them together do."""
    keys = [*CELL_KEYS, "kind", "sum"]
    found, before = (one.assign(kind=one["attack"].replace(_OF_A_CELL, "")) for one in (found, before))
    known = before.groupby(keys, as_index=False, dropna=False).agg(low_then=("low", "max"), high_then=("high", "min"))
    joined = found.merge(known, on=keys, how="left")
    as_close = (joined["low_then"] >= joined["low"] - 0.5) & (joined["high_then"] <= joined["high"] + 0.5)
    return found.assign(attack=found["attack"].mask(as_close.to_numpy(dtype=bool), SHOWN_EARLIER))


@dataclass(frozen=True)
class _Told:
    """What targets are called: what is left of what, their keys, and which sum each is."""

    name: NDArray[np.object_]
    code: Codes
    mark: NDArray[np.uint64]


def _finding(table: Table, codes: Codes, attack: Any, low: Any, high: Any, mark: Any = _CELL) -> pd.DataFrame:
    return table.keys.frame(codes).assign(attack=attack, low=low, high=high, sum=mark)


def _marks(table: Table, rows: Rows) -> NDArray[np.uint64]:
    """A number for each sum, the same whatever else was published: two sums can have the same key and name."""
    import pandas as pd

    words = pd.util.hash_pandas_object(table.keys.frame(table.code), index=False).to_numpy(dtype=np.uint64)
    times = np.rint(2 * rows.factor).astype(np.int64).astype(np.uint64)
    found = np.zeros(len(rows.low), dtype=np.uint64)
    np.add.at(found, rows.row, times * words[rows.variable])
    return found


def _hidden_range(rules: Rules) -> tuple[int, int]:
    return rules.smallest_hidden, rules.minimum_count - 1


def _sensitive(table: Table, rules: Rules, links: Links, counts: Floats) -> tuple[Flags, Flags]:
    """Which counts the rules hide for their own size, and which for another reason."""
    first, last = _hidden_range(rules)
    small = table.protected & (counts >= first) & (counts <= last)
    divides = table.keys.among(table.code, "stage", [below for _, below in links.denominators])
    other = divides & (counts >= first) & (counts < rules.minimum_denominator)
    return small, table.protected & (other | (table.few & ~np.isnan(counts))) & ~small


def _read_off(newest: pd.DataFrame, table: Table, rules: Rules, links: Links) -> pd.DataFrame:
    """Counts that the rules hide and anyone can read, now or in an earlier release, and those that clash."""
    import pandas as pd

    seen = table.low == table.high
    small, other = _sensitive(table, rules, links, np.where(seen, table.low, np.nan))
    shown = (small | other) & ~table.earlier & table.now
    before = (small | other) & table.earlier & table.now
    parts = [
        _finding(table, table.code[which], attack, table.low[which], table.high[which])
        for which, attack in ((shown, "shown"), (before, SHOWN_EARLIER))
    ]
    parts.append(_finding(table, table.code[table.clash], "contradiction", np.nan, np.nan))
    marked = newest[newest["disclosure"].isin(HIDDEN) & newest["n"].notna()]
    if len(marked):
        parts.append(marked[list(CELL_KEYS)].assign(attack="shown", low=marked["n"], high=marked["n"], sum=_CELL))
    return pd.concat(parts, ignore_index=True)


def _posed(
    table: Table, rules: Rules, links: Links, wanted: Codes | None, alternatives: Alternatives | None
) -> tuple[pd.DataFrame, System, Targets, _Told]:
    """Write the problem down: findings that need no programme, the equations, and the counts to be settled."""
    families = [
        family
        for world in table.worlds
        for family in relations(table.keys, world, links, protected=table.protected[world.variable], truth=table.truth)
    ]
    unknown = table.low < table.high
    place = np.where(unknown, np.cumsum(unknown) - 1, -1)
    rows = borne_out(rows_of(families, table), table) if families or table.statements else None
    if rows is None:
        none, no, own = np.zeros(0), np.zeros(0, dtype=bool), np.flatnonzero(unknown)
        nothing = System(
            sparse.csr_array((0, len(own))), none, none, no, none, table.low[own], table.high[own], table.truth[own],
            np.zeros(len(own), dtype=bool),
        )  # fmt: skip
        posed = _targets(table, None, np.zeros(0, dtype=bool), nothing, rules, links, wanted)
        return _finding(table, table.code[:0], "", np.nan, np.nan), nothing, *posed
    open_ = np.zeros(len(rows.low), dtype=bool)
    open_[rows.row[unknown[rows.variable]]] = True
    plain = _plain(table, rows, ~open_, rules)
    system = system_of(rows, table, open_, place)
    posed = _targets(table, rows, open_, system, rules, links, wanted)
    if alternatives is not None:
        check(system, posed[0], table, place, alternatives)
    if not posed[0].safe().all():  # bounds that follow for whole numbers are for the search
        seen, system = posed[0], tightened(system)
        posed = _targets(table, rows, open_, system, rules, links, wanted)
        posed[0].least, posed[0].most = seen.least, seen.most
    return plain, system, *posed


def _plain(table: Table, rows: Rows, closed: Flags, rules: Rules) -> pd.DataFrame:
    """What sums of seen counts alone give away, or contradict."""
    import pandas as pd

    value = np.bincount(rows.row, rows.factor * np.where(table.low == table.high, table.low, 0.0)[rows.variable],
                        len(rows.low))  # fmt: skip
    first, last = _hidden_range(rules)
    closed = closed & _of_today(table, rows)
    told = closed & rows.derived & (value >= first - 1e-6) & (value <= last + 1e-6)
    wrong = closed & ((value < rows.low - 1e-6) | (value > rows.high + 1e-6))
    return pd.concat(
        [
            _finding(table, rows.code[told], rows.name[told], value[told], value[told], _marks(table, rows)[told]),
            _finding(table, rows.code[wrong], "contradiction", np.nan, np.nan),
        ],
        ignore_index=True,
    )


def _of_today(table: Table, rows: Rows) -> Flags:
    """Which sums are of counts as they are now: what was revised since is no longer anybody's count."""
    revised = np.bincount(rows.row, ~table.present[rows.variable], len(rows.low)) > 0
    return np.asarray(~revised)


def _targets(
    table: Table, rows: Rows | None, open_: Flags, system: System, rules: Rules, links: Links, wanted: Codes | None
) -> tuple[Targets, _Told]:
    """The counts that must stay in doubt: hidden cells, and the derived counts that rest on them."""
    unknown = np.flatnonzero(table.low < table.high)
    true = table.truth[unknown]
    small, other = (flags[unknown] for flags in _sensitive(table, rules, links, table.truth))
    cells = np.flatnonzero((small | other | np.isnan(true)) & (table.protected & table.present)[unknown])
    if wanted is not None:
        cells = cells[np.isin(table.code[unknown[cells]], wanted)]
    whole = other[cells] | ~table.hidden[unknown[cells]]  # any so many counts, not those below the minimum
    first, last = _hidden_range(rules)
    derived = np.zeros(0, dtype=np.int64)
    offset, row_truth, row_code = np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64)
    row_name, row_mark = np.zeros(0, dtype=object), np.zeros(0, dtype=np.uint64)
    if rows is not None:
        of_rows = np.flatnonzero(open_)
        with np.errstate(invalid="ignore"):
            matters = np.isnan(rows.truth[of_rows]) | ((rows.truth[of_rows] >= first) & (rows.truth[of_rows] <= last))
        derived = np.flatnonzero((rows.derived & _of_today(table, rows))[of_rows] & matters)
        if wanted is not None:
            derived = derived[np.isin(rows.code[of_rows][derived], wanted)]
        offset, row_truth = system.offset[derived], rows.truth[of_rows][derived]
        row_name, row_code = rows.name[of_rows][derived], rows.code[of_rows][derived]
        row_mark = _marks(table, rows)[of_rows][derived]
    least, most = activity(system)
    low = np.maximum(least, system.row_low)[derived] + offset
    high = np.minimum(most, system.row_high)[derived] + offset
    loose = np.concatenate([whole, np.full(len(derived), bool(rules.round_to))])
    targets = Targets(
        sparse.vstack([_unit(cells, len(unknown)), system.matrix[derived]]).tocsr(),
        np.concatenate([np.zeros(len(cells)), offset]),
        np.where(loose, 0, first).astype(np.int64),
        np.where(loose, np.iinfo(np.int64).max // 2, last).astype(np.int64),
        rules.interval_width,
        np.concatenate([true[cells], row_truth]),
        np.concatenate([system.low[cells], low]),
        np.concatenate([system.high[cells], high]),
    )
    told = _Told(
        np.concatenate([np.full(len(cells), "", dtype=object), row_name]),
        np.concatenate([table.code[unknown[cells]], row_code]),
        np.concatenate([np.zeros(len(cells), dtype=np.uint64), row_mark]),
    )
    return targets, told


def _unit(columns: Ints, width: int) -> sparse.csr_array:
    count = len(columns)
    return sparse.csr_array((np.ones(count), (np.arange(count), columns)), shape=(count, width))


def _narrowed(table: Table, targets: Targets, told: _Told) -> pd.DataFrame:
    """Put what was found into words."""
    bad = targets.failed | ~targets.enough(targets.low, targets.high)
    low, high = np.ceil(targets.low[bad] - 1e-6) + 0.0, np.floor(targets.high[bad] + 1e-6)
    exact = np.where(low >= high, "sums", "interval").astype(object)
    attack = np.where(told.name[bad] == "", exact, told.name[bad])
    attack = np.where(targets.failed[bad], NOT_SETTLED, attack)
    return _finding(table, told.code[bad], attack, low, high, told.mark[bad])
