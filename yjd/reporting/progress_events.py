"""What is on record about recommendations, in order of date."""

from __future__ import annotations

from yjd.measures import measures
from yjd.recommendations import Register
from yjd.reporting.words import capital

Event = tuple[str, str, str, str]  # date, what, in words, whose


def events(register: Register) -> list[Event]:
    """What was published, done, explained and aimed at; what has no date is left out."""
    found: list[Event] = []
    for one in register.recommendations:
        if one.date:
            found.append((one.date, "Published", f"{one.source}: {one.gist}", one.owner))
        found += [(item.date, "Evidence", item.what, one.owner) for item in one.evidence]
        found += [
            (track.target.date, "Target", f"{registered(track.measure)}, {', '.join(track.groups)}", one.owner)
            for track in one.tracks
            if track.target
        ]
    found += [(item.date, capital(item.kind), item.text, item.owner) for item in register.answers]
    return sorted(found)


def registered(measure: str) -> str:
    """The title of a measure as this version names it, which the release may not hold."""
    known = measures()
    return known[measure].title if measure in known else measure
