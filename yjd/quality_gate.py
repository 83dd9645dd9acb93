"""The rule for shares of records, which lie outside of the system of cells: coarse enough to give nothing back.

1. A share leaves only as a multiple of a step (1, 2, 5 or 10 per cent), and only where one step is at least `unit`
   records of its base; no base leaves. `unit` is the largest of 10, the rounding base and twice the minimum count. So
   a share leaves at least `unit` different counts possible, or half as many at 0 and 100; and a part of fewer records
   than the minimum count prints as 0, so that none and few look alike.
2. Of parts that make up a whole one is never rounded by itself: it is what the others leave. Rounded by itself it
   could, with the others, leave a single way to make up a whole that somebody knows.
3. Areas and periods add up to all records. What somebody who knows every base to the record can work out of a count
   from all of its shares together is computed (`bounds`): its own share, and the whole less all others, each at its
   smallest and its largest. Unless every count keeps at least as many possible values as the minimum count (or as its
   base has), the part leaves for all records together and not by area or period.
4. A count that the cells hide is known to lie between 1 and the minimum, which no rounding of its total allows for. So
   a share of what the cells count too leaves only where they hide none of it, and then it tells nothing new, or where
   the two counts differ (see `yjd.quality`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yjd.config import Disclosure

STEPS = (1, 2, 5, 10)  # per cent
LEAST_UNIT = 10
LEAST_ABOUT = 1000
Share = tuple[int, int]  # per cent, and the step that it is a multiple of
Range = tuple[int, int]  # smallest and largest


@dataclass(frozen=True)
class Gate:
    """The rule with the numbers of one project.

    Attributes
    ----------
    unit : int
        How many records one step is at least.
    least : int
        The minimum count of the project.
    """

    unit: int
    least: int

    @classmethod
    def of(cls, rules: Disclosure) -> Gate:
        """The rule that goes with the data owner's."""
        return cls(max(LEAST_UNIT, rules.round_to, 2 * rules.minimum_count), rules.minimum_count)

    def share(self, part: int, base: int, *, allowed: bool = True) -> Share | None:
        """The share as (percent, step), both whole numbers; None where the base is too small or it is not allowed.

        Parameters
        ----------
        part, base : int
            Counts of records.
        allowed : bool
            False where the counts are linked with cells that may be hidden.
        """
        step = next((step for step in STEPS if step * base >= 100 * self.unit), None)
        if step is None or not allowed:
            return None
        # whole numbers throughout: halves go up, on every machine alike
        return step * ((200 * part + step * base) // (2 * step * base)), step

    def parts(self, counts: Mapping[str, int], *, rest: str, allowed: bool = True) -> dict[str, Share]:
        """The shares of parts that make up a whole; `rest` is what the others leave. Empty where none may leave."""
        base = sum(counts.values())
        rounded = {name: self.share(count, base, allowed=allowed) for name, count in counts.items() if name != rest}
        told = {name: share for name, share in rounded.items() if share is not None}
        if len(told) < len(rounded) or not told:
            return {}
        step = next(iter(told.values()))[1]
        told[rest] = max(0, 100 - sum(percent for percent, _ in told.values())), step
        return {name: told[name] for name in counts}

    def about(self, base: int) -> int | None:
        """A base of 1,000 or more to two figures, rounded down; None where it is smaller."""
        if base < max(LEAST_ABOUT, 10 * self.unit):
            return None
        size = int(10 ** (len(str(base)) - 2))
        return base // size * size

    def open_enough(self, ranges: Iterable[Range], bases: Iterable[int]) -> bool:
        """Whether every count keeps at least as many possible values as the minimum count, or all that its base has."""
        return all(high - low + 1 >= min(self.least, base + 1) for (low, high), base in zip(ranges, bases, strict=True))


def possible(share: Share | None, base: int) -> Range:
    """The counts that a share of a known base allows; every count where it did not leave."""
    if share is None:
        return 0, base
    percent, step = share
    low, high = -(-base * (2 * percent - step) // 200), -(-base * (2 * percent + step) // 200) - 1
    return max(0, low), min(base, high)


def within(ranges: Mapping[str, Range], base: int) -> dict[str, Range]:
    """What is possible of parts that, with one more, make up a known base: the others have to fit beside each."""
    lowest = sum(low for low, _ in ranges.values())
    return {name: (low, min(high, base - (lowest - low))) for name, (low, high) in ranges.items()}


def bounds(whole: Range, dimensions: Sequence[Sequence[Range]]) -> Iterator[Range]:
    """What can be worked out of the whole, and of each slice: the slices of each dimension add up to the whole.

    Parameters
    ----------
    whole : (int, int)
        What the share of the whole allows.
    dimensions : sequence of sequence of (int, int)
        What the share of every slice allows; those without a share are there too.
    """
    sums = [(sum(low for low, _ in slices), sum(high for _, high in slices)) for slices in dimensions]
    yield _both(whole, *sums)
    for place, slices in enumerate(dimensions):
        others = _both(whole, *(total for at, total in enumerate(sums) if at != place))
        low_sum, high_sum = sums[place]
        for low, high in slices:
            yield _both((low, high), (others[0] - (high_sum - high), others[1] - (low_sum - low)))


def _both(*ranges: Range) -> Range:
    return max(low for low, _ in ranges), min(high for _, high in ranges)
