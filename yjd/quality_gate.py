"""The rule for shares of records, which lie outside of the system of cells: coarse enough to give nothing back.

A share leaves only as a multiple of a step (1, 2, 5 or 10 per cent), and only where one step is at least `unit`
records of its base; no base leaves. `unit` is the largest of 10, the rounding base and twice the minimum count. Then:

- A part of fewer records than the minimum count always prints as 0, so that none and few look alike, and a part that
  lacks fewer than that to the whole prints as 100.
- Every share leaves at least `unit` different counts possible (at 0 and 100, half as many). Take any sum or difference
  of shares and of counts that somebody knows exactly, that singles out one number of records: all areas less the
  others, a whole less its other parts. It is uncertain by at least the counts that a single one of its shares leaves
  open. Uncertain upwards or downwards: where the true counts lie at the upper ends of what their shares leave open, the
  number may be larger; at the lower ends, smaller, down to none. A number of one or more is therefore never the only
  one possible.
- This needs that nothing more is known of the number. A count that the cells hide is known to lie between 1 and the
  minimum; so a share of what the cells count too leaves only where they hide none of it, and then it tells nothing
  new, or where the two counts differ (see `yjd.quality`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yjd.config import Disclosure

STEPS = (1, 2, 5, 10)  # per cent
LEAST_UNIT = 10
LEAST_ABOUT = 1000


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

    def share(self, part: int, base: int, *, allowed: bool = True) -> tuple[int, int] | None:
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

    def about(self, base: int) -> int | None:
        """A base of 1,000 or more to two figures, rounded down; None where it is smaller."""
        if base < max(LEAST_ABOUT, 10 * self.unit):
            return None
        size = int(10 ** (len(str(base)) - 2))
        return base // size * size
