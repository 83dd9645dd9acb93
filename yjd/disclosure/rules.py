"""The data owner's rules, and what an outsider knows about how published cells add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from yjd.errors import ConfigurationError

Method = Literal["hide", "round", "hide_and_round"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The data owner's disclosure rules. Nothing has a default: the configuration must state each one.

    Parameters
    ----------
    minimum_count : int
        A count above 0 and below this is hidden.
    zero_safe : bool
        Whether a count of 0 may be shown.
    minimum_denominator : int
        A count that other counts are divided by is hidden below this; where the denominator is public, the
        counts divided by it are hidden instead. 0 asks for nothing beyond `minimum_count`.
    minimum_children : int
        A count of events is hidden when fewer children than this stand behind it. 0 asks for nothing.
    largest_share_percent : int
        A count of events is hidden when one child has more than this share of them. 100 asks for nothing.
    interval_width : int
        How many different counts, of those that the rules hide, must stay possible for every cell that is hidden for
        its own sake, whatever an outsider adds up.
    method : {"hide", "round", "hide_and_round"}
        Whether small counts are hidden, or all counts rounded, or both.
    round_to : int
        The base of rounding; 0 where the method is to hide.

    Raises
    ------
    ConfigurationError
        When the rules would protect nothing, or contradict each other.
    """

    minimum_count: int
    zero_safe: bool
    minimum_denominator: int
    minimum_children: int
    largest_share_percent: int
    interval_width: int
    method: Method
    round_to: int

    def __post_init__(self) -> None:
        """Refuse rules that only look like rules."""
        problems = []
        # A hidden cell is marked as hidden: where only 1 is hidden, the mark itself says 1.
        least = 3 if self.zero_safe else 2
        if self.minimum_count < least:
            problems.append(
                f"minimum_count is {self.minimum_count}; at least {least} is needed, because the mark of a hidden "
                "cell would otherwise give its value away"
            )
        if self.minimum_denominator < 0:
            problems.append("minimum_denominator is negative; use 0 to ask for nothing beyond minimum_count")
        if self.minimum_children < 0:
            problems.append("minimum_children is negative; use 0 to ask for nothing")
        if not 1 <= self.largest_share_percent <= 100:
            problems.append("largest_share_percent is not between 1 and 100; use 100 to ask for nothing")
        possible = self.minimum_count - self.smallest_hidden
        if not 2 <= self.interval_width <= max(possible, 2):
            problems.append(
                f"interval_width is {self.interval_width}; the rule hides {possible} different counts, so it can be 2 "
                f"to {possible}"
            )
        left = self.minimum_count - self.minimum_children
        if self.minimum_children > 0 and 0 < left < self.interval_width:
            problems.append(
                f"minimum_children is {self.minimum_children}: events that are shown would tell that a hidden count of "
                f"their children is one of {left}, fewer than interval_width; use minimum_count or more, or at most "
                f"{self.minimum_count - self.interval_width}"
            )
        if self.method == "hide" and self.round_to:
            problems.append('round_to is given, and the method is "hide"; use "hide_and_round", or round_to = 0')
        if self.method != "hide" and self.round_to < 2:
            problems.append(
                f'round_to is {self.round_to}, which rounds nothing; the method "{self.method}" needs 2 or more'
            )
        if problems:
            raise ConfigurationError.of_all("The disclosure rules", problems)

    @property
    def smallest_hidden(self) -> int:
        """The smallest count that a cell hidden for its own size can have."""
        return 1 if self.zero_safe else 0


@dataclass(frozen=True)
class Links:
    """How published cells are tied to each other beyond the totals that the columns of the table show.

    Parameters
    ----------
    subsets : mapping of str to str
        Stage to the stage it is part of: ``{"precourt": "outcomes"}``.
    parts : sequence of (str, sequence of str)
        A stage and the stages that add up to it: ``[("outcomes", ["precourt", "court"])]``.
    public_stages : frozenset of str
        Stages that are published elsewhere (population): never hidden, never rounded.
    related_periods : mapping of str to sequence of str
        Rolling period to the single periods that it sums.
    periods_add_up : frozenset of str
        Stages whose counts add up over periods. A child is counted once in a rolling period and perhaps in two
        of its years, so that an outsider cannot subtract years from it, unless at most one of them counts
        anybody.
    headings : mapping of str to str
        Detailed ethnic group to its broad group.
    denominators : sequence of (str, str)
        (numerator stage, denominator stage) of every measure that is published.
    """

    subsets: Mapping[str, str]
    parts: Sequence[tuple[str, Sequence[str]]]
    public_stages: frozenset[str]
    related_periods: Mapping[str, Sequence[str]]
    periods_add_up: frozenset[str]
    headings: Mapping[str, str]
    denominators: Sequence[tuple[str, str]]

    def nested(self) -> Iterator[tuple[str, str]]:
        """Yield every (stage, stage that holds it), at any depth: all that can be subtracted from each other."""
        for part in self.subsets:
            seen, whole = {part}, self.subsets.get(part)
            while whole is not None and whole not in seen:
                yield part, whole
                seen.add(whole)
                whole = self.subsets.get(whole)

    def together(self, periods: Sequence[str]) -> dict[str, str]:
        """Give each of some periods a label: the first of those that it hangs together with."""
        head = {name: name for name in periods}
        for whole, inside in self.related_periods.items():
            some = {head[name] for name in (whole, *inside) if name in head}
            head = {name: min(some) if label in some else label for name, label in head.items()}
        return head

    def as_json(self) -> dict[str, Any]:
        """The links as release.json holds them, in an order of their own."""
        return {
            "subsets": dict(sorted(self.subsets.items())),
            "parts": [[whole, list(parts)] for whole, parts in self.parts],
            "public_stages": sorted(self.public_stages),
            "related_periods": {whole: list(parts) for whole, parts in self.related_periods.items()},
            "periods_add_up": sorted(self.periods_add_up),
            "headings": dict(sorted(self.headings.items())),
            "denominators": [list(pair) for pair in self.denominators],
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Links:
        """Read them back from release.json."""
        return cls(
            subsets=given["subsets"],
            parts=[(whole, tuple(parts)) for whole, parts in given["parts"]],
            public_stages=frozenset(given["public_stages"]),
            related_periods=given["related_periods"],
            periods_add_up=frozenset(given["periods_add_up"]),
            headings=given["headings"],
            denominators=[(numerator, denominator) for numerator, denominator in given["denominators"]],
        )
