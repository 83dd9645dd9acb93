"""The verb `yjd progress`: the register of recommendations beside a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yjd import terminal
from yjd.cli_options import DEFAULT_CONFIG, Config, Json, NamedRelease, newest_release, settings_of
from yjd.errors import ConfigurationError, HistoryError

if TYPE_CHECKING:
    from yjd.progress.overview import Progress

VERDICT_COLUMNS = ("recommendation", "owner", "verdict", "why")


def progress(
    release: NamedRelease = None,
    earlier: Annotated[
        str | None, typer.Option("--earlier", help="An earlier run. [default: the one before]", show_default=False)
    ] = None,
    register: Annotated[
        Path | None,
        typer.Option("--register", help="Another register. [default: recommendations.toml]", show_default=False),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Judge the register of recommendations by a release."""
    found = _progress(release, earlier, register, config)
    if json:
        terminal.say(terminal.as_json(found.as_json() | {"run": found.run, "comparable": found.comparable}))
    else:
        _tell(found)
    if found.earlier and not found.comparable and not any(found.comparisons["status"] == "ok"):
        raise HistoryError(
            f"The runs {found.run} and {found.earlier} cannot be compared, and the newer alone allows no verdict.",
            "Run the earlier extracts again with today's definitions, or name another run with --earlier.",
        )


def _progress(release: Path | None, earlier: str | None, register: Path | None, config: Path) -> Progress:
    from yjd import recommendations
    from yjd.folders import history_url
    from yjd.history import History
    from yjd.progress import earlier_run
    from yjd.progress.overview import Run
    from yjd.progress.overview import progress as judge
    from yjd.release import read_release

    settings = settings_of(config)
    now = Run.of(read_release(release or newest_release(settings)))
    given = recommendations.load(register, settings) if register else recommendations.find(settings)
    if given is None:
        raise ConfigurationError(
            "This project has no recommendations.toml.",
            "Write one beside yjd.toml: `yjd init` elsewhere gives an example.",
        )
    with History.open(history_url(settings)) as history:
        before = history.before(now.run, settings.project.areas)
        wanted = earlier or given.baseline_run or next(iter(reversed(before)), None)
        then: Run | None = None if wanted is None else earlier_run(history, wanted)
    return judge(now, given, earlier=then)


def _tell(found: Progress) -> None:
    terminal.say(f"Run {found.run}" + (f", held against {found.earlier}" if found.earlier else ", the first"))
    for difference in found.differences:
        terminal.say(f"{difference.weight}: {difference.text}")
    terminal.say()
    rows = [
        {
            "recommendation": one.recommendation.id, "owner": one.recommendation.owner, "verdict": one.verdict,
            "why": one.reasons[0],
        }
        for one in found.recommendations
    ]  # fmt: skip
    terminal.say(terminal.table(rows, VERDICT_COLUMNS))
    terminal.say()
    judging = found.register.judging
    promise = (
        f"At most {judging.error_percent:g} of 100 registers without any change hold a false verdict."
        if judging.correction == "holm"
        else f"At most {judging.error_percent:g} of 100 verdicts of a change are false."
    )
    terminal.say(promise)
    signals = found.signals
    if signals.charts:
        terminal.say(
            f"Control charts: {signals.found} signals in {signals.charts} charts; chance alone gives about "
            f"{signals.expected:.1f}."
        )
    unanswered = int((found.answers["state"] == "unanswered").sum())
    terminal.say(f"Explain or reform: {len(found.answers)} ratios stand out, {unanswered} of them without an answer.")
