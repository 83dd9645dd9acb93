"""Disclosure control: what may be shown is decided on cells, before anything is computed from them.

`protect` hides, `audit` attacks the result with its own code, and `guard` lets nothing out that does not pass both.
There is no switch that turns it off.
"""

from yjd.disclosure.audit import audit
from yjd.disclosure.guard import guard
from yjd.disclosure.periods import overlapping, related_periods
from yjd.disclosure.protect import protect
from yjd.disclosure.published import published_cells
from yjd.disclosure.rules import Links, Rules

__all__ = ["Links", "Rules", "audit", "guard", "overlapping", "protect", "published_cells", "related_periods"]
