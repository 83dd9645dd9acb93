"""A real browser for tests: what axe-core finds, what a page asks for, how wide it is."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

WIDTHS = (1280, 375)
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")

# The contrast of every text with what is painted behind it: in a chart with white and the grey of its bands, elsewhere
# with the nearest background. axe leaves these open where text lies in a drawing or under a column that stays in place.
_CONTRASTS = """() => {
  const part = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  const light = c => 0.2126 * part(c[0] / 255) + 0.7152 * part(c[1] / 255) + 0.0722 * part(c[2] / 255)
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) }
  const colour = text => (text.match(/[\\d.]+/g) || []).map(Number)
  const low = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (!walker.currentNode.data.trim() || !element || ['STYLE', 'title', 'desc'].includes(element.tagName)) continue
    const style = getComputedStyle(element), drawn = element.closest('svg')
    const ink = colour(drawn ? style.fill : style.color)
    let behind = drawn ? [[255, 255, 255], [242, 242, 242]] : null
    for (let up = element; !behind && up; up = up.parentElement) {
      const found = colour(getComputedStyle(up).backgroundColor)
      if (found.length === 3 || found[3] === 1) behind = [found]
    }
    for (const paper of behind || [[255, 255, 255]])
      if (ink.length < 3 || ratio(ink, paper) < 4.5)
        low.push([element.outerHTML.slice(0, 80), ink.length < 3 ? 0 : ratio(ink, paper)])
  }
  return low
}"""


@dataclass(frozen=True)
class Seen:
    """What was found on one page at one width."""

    violations: list[str]
    unsure: list[str]
    faint: list[Any]  # text with too little contrast, with its ratio
    asked: list[str]  # every request but for the page itself
    wide: int  # how wide the page is laid out


def missing() -> str:
    """Why no browser test can run here, or ''."""
    if browser() is None:
        return "there is no Chromium on this machine"
    if importlib.util.find_spec("playwright") is None or axe() is None:
        return "playwright or axe-core is not installed"
    return ""


@cache
def browser() -> str | None:
    """The browser's program."""
    named = os.environ.get("YJD_BROWSER", "")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)


@cache
def axe() -> str | None:
    """The text of axe-core, from the package that carries it for tests."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        return None
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@contextmanager
def looking() -> Iterator[Any]:
    """A browser that reaches nothing: every name leads nowhere."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.launch(
            executable_path=browser(), args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        )
        try:
            yield found
        finally:
            found.close()


def look(found: Any, page: Path, width: int) -> Seen:
    """Open a page at a width, unfold all that is folded, and let axe-core look at it."""
    tab = found.new_page(viewport={"width": width, "height": 900})
    try:
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.resolve().as_uri())
        tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
        tab.evaluate(axe())
        told = tab.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations', 'incomplete']})", list(RULES)
        )
        return Seen(
            violations=[_said(entry) for entry in told["violations"]],
            unsure=[str(entry["id"]) for entry in told["incomplete"]],
            faint=tab.evaluate(_CONTRASTS),
            asked=[url for url in asked if url != page.resolve().as_uri() and not url.startswith("data:")],
            wide=tab.evaluate("document.documentElement.scrollWidth"),
        )
    finally:
        tab.close()


def _said(entry: Any) -> str:
    places = "; ".join(str(node["target"][0]) for node in entry["nodes"][:3])
    return f"{entry['id']} ({len(entry['nodes'])}): {places}"
