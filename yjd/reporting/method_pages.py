"""The parts of the document on methods: definitions, formulas, choices, limits, from the release and the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yjd.measures import Stage
from yjd.reporting import facts
from yjd.reporting.gap_data import SYSTEMS
from yjd.reporting.method_words import QUANTITIES, STATUSES, method_words
from yjd.reporting.tables import Cell, Html, details, table, text
from yjd.reporting.view import View
from yjd.reporting.words import CAUTION, Measure, and_list, capital, children, escape_html, escape_markdown, lower_first

_UNITS = {"child": "Children: each once in a period, at the first row", "event": "Events: every one"}


def citation(view: View) -> str:
    """How to cite the numbers, for inline code."""
    office = (view.manifest.get("office") or {}).get("name") or "Office name not given"
    made = view.manifest.get("created_from", {})
    said = (
        f"{office}, {view.title}, {view.period_label()}, release {view.manifest.get('run')}, "
        f"made with yjd {made.get('version')}"
    )
    state = "" if view.manifest.get("signed") else " (draft)"
    return escape_markdown(f"{said}{state}.")


# --- definitions --------------------------------------------------------------------------------------------


def stages(view: View) -> Html:
    """Every stage of the release from its own definition file: what counts, as what, from where."""
    names = dict.fromkeys(name for measure in view.measures for name in (measure.denominator, measure.numerator))
    registry = _registry()
    parts = [_stage(view, name, registry.get(name)) for name in names]
    return Html(f'<dl class="yjd-glossary">{"".join(parts)}</dl>' if parts else "<p>Not in this release [x].</p>")


def _registry() -> dict[str, Stage]:
    from yjd.measures import stages as every

    return every()


def _released(view: View, stage: str) -> Mapping[str, Any]:
    """The definition that the release itself carries."""
    for measure in view.measures:
        for part, name in (("numerator", measure.numerator), ("denominator", measure.denominator)):
            if name == stage and measure.definition.get(part):
                return dict(measure.definition[part])
    return {}


def _stage(view: View, name: str, held: Stage | None) -> str:
    told = _released(view, name)
    counts = f"{str(told.get('counts') or '').rstrip('.')}. {_UNITS.get(str(told.get('unit')), 'Rows')}."
    note = str(told.get("note") or "").rstrip(".")
    more = [
        *_relations(held),
        f"{note}." if note else "",
        f"Source: {told.get('source')}{f', read {held.date}' if held else ''}.",
        f"File: sql/stages/{name}.sql.",
    ]
    said = " ".join(line for line in more if line)
    return (
        f"<dt>{escape_html(told.get('title') or name)}</dt><dd>{escape_html(counts)}</dd>"
        f'<dd class="yjd-note">{escape_html(said)}</dd>'
    )


def _relations(held: Stage | None) -> list[str]:
    if held is None:
        return []
    titles = _registry()

    def title(name: str) -> str:
        return lower_first(titles[name].title) if name in titles else name

    lines = []
    if held.part_of:
        lines.append(f"Part of {title(held.part_of)}.")
    if held.sums:
        lines.append(f"The sum of {and_list(title(name) for name in held.sums)}.")
    if held.systems:
        systems = ", ".join(SYSTEMS.get(system, system) for system in held.systems)
        lines.append(f"Counted from the first of these records that there are any of: {systems}.")
    if held.follow_up_months:
        lines.append(f"Judged only where the records reach {held.follow_up_months} months past the period.")
    if held.once:
        lines.append("A child can be counted once in a lifetime.")
    if held.public:
        lines.append("Published by others, so not protected here.")
    return lines


def measures(view: View) -> Html:
    """Every measure: how it is computed from two stages, and which side is less favourable."""
    side = {"higher": "Higher", "lower": "Lower"}
    bodies: dict[str, list[list[Cell]]] = {}
    for measure in view.measures:
        scale = f"{measure.per:,.0f} × " if measure.per != 1 else ""
        above, below = (lower_first(view.stage_title(name)) for name in (measure.numerator, measure.denominator))
        formula = f"{scale}{above} ÷ {below}"
        bodies.setdefault(measure.family, []).append(
            [text(measure.title), text(formula), text(_kind(measure)), text(side.get(measure.adverse, "Neither"))]
        )
    if not bodies:
        return Html("<p>Not in this release [x].</p>")
    titles = {"search": "Stop and search", "arrest": "Arrests", "precourt": "Pre-court outcomes", "fte": "First-time "
              "entrants", "reoffending": "Proven re-offending", "intervention": "Intervention support"}  # fmt: skip
    grouped = [(titles.get(family, capital(family)), rows) for family, rows in bodies.items()]
    columns = ("Measure", "Computed as", "Kind", "Less favourable side")
    return Html(table("Measures and how they are computed", columns, grouped))


def _kind(measure: Measure) -> str:
    return "Proportion: part of its base" if measure.kind == "proportion" else "Rate: may exceed its base"


# --- quantities, methods, statuses --------------------------------------------------------------------------


def quantities(view: View) -> Html:
    """Every quantity that the release has rows of: its question, its formula, and the methods found on its rows."""
    frame = view.results[["quantity", "method"]].drop_duplicates()
    used: dict[str, list[str]] = {}
    for quantity, method in frame.itertuples(index=False):
        found = used.setdefault(str(quantity), [])
        if isinstance(method, str) and method:
            found.append(method)
    order = [*(name for name in QUANTITIES if name in used), *sorted(set(used) - set(QUANTITIES))]
    plain, methods = [], []
    for name in order:
        question, formula = QUANTITIES.get(name, ("[x]", "[x]"))
        plain.append([text(name), text(question), text(capital(formula))])
        methods += [(name, method) for method in sorted(used[name])]
    written = table("Quantities of the results table", ("Quantity", "Answers", "Computed as"), [("", plain)])
    by_method: dict[str, list[str]] = {}
    for name, method in methods:
        by_method.setdefault(method, []).append(name)
    rows = [
        [text(method), text(capital(method_words(method))), text(", ".join(names))]
        for method, names in sorted(by_method.items())
    ]
    if rows:
        listed = table("Methods found on the rows", ("Method", "What it is", "Of which quantities"), [("", rows)])
        written += details("Every method, as the rows name it", listed)
    return Html(written)


def statuses(view: View) -> Html:
    """Every status with its meaning and how many rows of the release have it."""
    counts = view.results["status"].value_counts()
    names = [*STATUSES, *sorted(set(map(str, counts.index)) - set(STATUSES))]
    rows = [
        [text(name), text(capital(STATUSES.get(name, "[x]"))), Cell(f"{int(counts.get(name, 0)):,}", number=True)]
        for name in names
        if name in counts.index
    ]
    caption = "Why a row has no estimate: one reason each, the most binding"
    return Html(table(caption, ("Status", "What it means", "Rows"), [("", rows)]))


# --- choices and limits -------------------------------------------------------------------------------------

_CHOICES: Mapping[tuple[str, str], str] = {
    ("periods", "kinds"): "Kinds of period",
    ("periods", "breaks"): "Breaks declared",
    ("periods", "named"): "Periods of the project's own",
    ("periods", "changes"): "Changes between which periods",
    ("ethnicity", "source"): "Whose word on ethnicity counts",
    ("ethnicity", "per_child"): "Which of a child's recorded values counts",
    ("ethnicity", "references"): "Comparison groups",
    ("analysis", "confidence"): "Confidence of intervals",
    ("analysis", "splits"): "Splits that are published",
    ("analysis", "age_bands"): "Age bands",
    ("analysis", "standardise_over"): "Standardised over",
    ("analysis", "rate_method"): "Method for rates",
    ("analysis", "ratio_method"): "Method for ratios",
    ("analysis", "families"): "Comparisons that q-values are corrected among, by",
    ("analysis", "imputations"): "Imputations of unknown ethnicity",
    ("analysis", "measures"): "Measures",
    ("analysis", "pathways"): "Pathways",
    ("models", "measures"): "Measures with adjusted models",
    ("models", "periods"): "Latest judged periods modelled",
    ("models", "rungs"): "What each rung of adjusted models adds",
    ("quality", "tolerance_percent"): "Rows of an extract, of every 100, that may break a rule",
}


def choices(view: View) -> Html:
    """What the office chose in its yjd.toml, in words; the rules of disclosure control have a table of their own."""
    chosen = view.manifest.get("choices") or {}
    rows = [
        [text(words), text(_setting(chosen[section][name]))]
        for (section, name), words in _CHOICES.items()
        if name in chosen.get(section, {})
    ]
    if not rows:
        return Html("<p>This release does not say what was chosen [x].</p>")
    return Html(table("What was chosen for this release", ("Choice", "Setting"), [("", rows)]))


def _setting(value: object) -> str:
    """A setting as words: lists and tables are written out, nothing is code."""
    if value is None or value in ([], {}, ""):
        return "As the package has it" if value is None else "None"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Mapping):
        return "; ".join(f"{_plain(name)}: {_setting(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        if all(isinstance(part, list | tuple) for part in value):
            return ", ".join(" by ".join(map(_plain, part)) or "whole" for part in value)
        return ", ".join(_setting(part) if isinstance(part, Mapping) else _plain(part) for part in value)
    return _plain(value)


def _plain(value: object) -> str:
    return str(value).replace("_", " ")


def limits(view: View) -> Html:
    """What the numbers cannot show: from the measures, the rows and the rules of this release."""
    from yjd.reporting.limits import limits as of_measures

    lines = [CAUTION, *(line for line in of_measures(view.measures) if CAUTION not in line)]
    lines.append(
        "An interval covers chance alone: not errors of recording, of population estimates, or of who is counted."
    )
    hidden = int((view.results["status"] == "hidden").sum())
    if hidden:
        lines.append(
            f"{hidden:,} of {len(view.results):,} rows are hidden so that no child can be identified; most are of "
            "small groups and areas, so what can be shown is not a fair sample of all."
        )
    if view.by_child:
        lines.append("Intervals marked by_child allow for children who come again; others take events as independent.")
    lines.append(
        f"The main comparison is with {children(view.reference)}. Another comparison group gives other ratios; all "
        "that were chosen are in results.csv."
    )
    return Html(f"<ul>{''.join(f'<li>{escape_html(line)}</li>' for line in lines)}</ul>")


def glossary() -> Html:
    """The words of all reports, and the shorthand."""
    from yjd.reporting.words import SHORTHAND

    rows = [[text(mark), text(capital(meaning))] for mark, meaning in SHORTHAND.items()]
    marks = table("Shorthand", ("Mark", "What it means"), [("", rows)])
    return Html(facts.glossary_list() + marks)
