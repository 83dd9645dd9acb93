"""What every test shares."""

from __future__ import annotations

from hypothesis import settings

# The same examples every time, so that a change is judged by what it changed; no deadline on a busy machine.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("quick")
