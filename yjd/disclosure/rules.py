"""The data owner's rules, and what an outsider knows about how published cells add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from yjd.errors import ConfigurationError


@dataclass(frozen=True)
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
    round_to : int or None
        Shown counts are rounded to the nearest multiple of this, or not at all.

    Raises
    ------
    ConfigurationError
        When the rules would protect nothing.
    """

    minimum_count: int
    zero_safe: bool
    minimum_denominator: int
    round_to: int | None

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
        if self.round_to is not None and self.round_to < 2:
            problems.append("round_to is below 2, which rounds nothing; leave rounding out instead")
        if problems:
            raise ConfigurationError.of_all("The disclosure rules", problems)

    @property
    def smallest_hidden(self) -> int:
        """The smallest count that a cell hidden for its own size can have."""
        return 1 if self.zero_safe else 0

    @property
    def width(self) -> int:
        """How many different values must stay possible for a cell hidden for its own size."""
        return min(self.minimum_count - self.smallest_hidden, max(2, -(-self.minimum_count // 2)))


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
