"""The evidence pack for an equality impact assessment: what the numbers show of each group, and how sure that is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from yjd.reporting import eia_rows, facts, headlines, pathway, sentences, tables
from yjd.reporting.charts import forest_chart
from yjd.reporting.eia_voice import OTHER, SECTIONS, Voice, read_voice
from yjd.reporting.report import Report, open_report, points_list
from yjd.reporting.tables import Html
from yjd.reporting.words import CAUTION, and_list, counted, escape_html


def open_pack(release: str | Path | None = None, voice: str | Path = "") -> Pack:
    """The evidence pack on a release.

    Parameters
    ----------
    release : path, optional
        As for `yjd.reporting.report.open_report`.
    voice : path, optional
        A Markdown file of what communities said; without it the sections for it are blank.
    """
    return Pack(open_report(release), read_voice(voice))


class Pack:
    """Blocks of HTML for an evidence pack; what it shares with the summit report comes from `report`.

    Parameters
    ----------
    report : Report
        On the release.
    voice : Voice, optional
        What communities said.
    """

    def __init__(self, report: Report, voice: Voice | None = None) -> None:
        self.report, self.view = report, report.view
        self._voice = voice or Voice()

    def main_points(self) -> Html:
        """What is clear, what is not and what cannot be told, group by group."""
        return Html(points_list(eia_rows.group_points(self.view)) + f"<p><strong>{escape_html(CAUTION)}</strong></p>")

    def groups(self) -> Html:
        """The groups, how many children live in the areas, and how much can be shown of each."""
        return Html(eia_rows.groups_table(self.view))

    def characteristics(self) -> Html:
        """Which protected characteristics the release has evidence on."""
        return Html(eia_rows.characteristics_table(self.view))

    def evidence(self) -> Html:
        """Every comparison of the overview with all that bears on how sure it is, in one row each."""
        return Html(eia_rows.evidence_table(self.view))

    def family(self, name: str) -> Html:
        """A family of measures: a statement each, and the table of the first."""
        view = self.view
        shown = [m for m in view.measures if m.family == name and (view.has(m, "rri") or view.has(m, "rate"))]
        if not shown:
            return Html("<p>Not in this release [x]: no data were supplied for it.</p>")
        lead = headlines.lead_of(view, shown)
        items = view.compare(lead)
        lines = [sentences.measure_statement(view, items)] if items else []
        lines += [sentences.brief_statement(view, found) for m in shown if m is not lead and (found := view.compare(m))]
        said = "".join(f"<li>{escape_html(line)}</li>" for line in lines)
        caption = f"{lead.title}: rates and ratios by ethnic group, {facts.period_words(view, [lead])}"
        made = tables.forest_table(view, [lead], caption)
        return Html(f"<ul>{said}</ul>{made}")

    def chart(self) -> Html:
        """The forest chart of every main measure; its numbers are in the table of the evidence."""
        view = self.view
        title, alt = headlines.forest_headline(view), headlines.forest_alt(view)
        alt = alt.replace("in the table below the chart", "in the tables of this section")
        return Html(self.report.drawing("pack-forest", partial(forest_chart, view), title, alt) if view.pathway else "")

    def pathway(self) -> Html:
        """Where along each pathway a difference arises, in words."""
        lines = [
            pathway.way_sentence(self.view, way)
            for name in pathway.pathways(self.view)
            for way in pathway.ways(self.view, name)
        ]
        said = "".join(f"<li>{escape_html(line)}</li>" for line in lines)
        return Html(f"<ul>{said}</ul>" if said else "<p>No pathway can be followed in this release [x].</p>")

    def chance(self) -> Html:
        """How many comparisons there are, and how many of them chance alone would make clear."""
        said = "".join(f"<li>{escape_html(line)}</li>" for line in eia_rows.chance_points(self.view))
        return Html(f"<ul>{said}</ul>")

    def hidden(self) -> Html:
        """What is hidden, and of whom."""
        view = self.view
        items = [item for measure in view.pathway for item in view.compare(measure)]
        return Html(f"<p>{escape_html(sentences.hidden_statement(items))}</p>" + eia_rows.hidden_table(view))

    def questions(self) -> Html:
        """What to ask the communities whose children the numbers are about."""
        said = "".join(f"<li>{escape_html(line)}</li>" for line in eia_rows.community_questions(self.view))
        return Html(f"<ul>{said}</ul>")

    def voice(self, section: str) -> Html:
        """A section for what people said: what the file says, or a blank that is marked as one."""
        found = self._voice.sections.get(section, "")
        if found:
            return Html(f'<div class="yjd-voice">{found}</div>')
        hint = escape_html(SECTIONS[section])
        room = '<div class="yjd-room"><p>&nbsp;</p></div>'
        return Html(f'<div class="yjd-blank"><p><strong>{eia_rows.TO_FILL}</strong> {hint}</p>{room}</div>')

    def voice_source(self) -> Html:
        """Where the words of communities come from, and which sections are still blank."""
        blank = [name for name in SECTIONS if name not in self._voice.sections]
        lines = []
        if self._voice.sha256:
            lines.append(
                "What people said comes from a file of the office's. It is not part of the release and is not covered "
                f"by its signatures. SHA-256 of the file: {self._voice.sha256}."
            )
        if blank:
            names = and_list(f'"{name}"' for name in blank)
            count = f"{len(blank)} of {counted(len(SECTIONS), 'section')}"
            lines.append(f"Still blank, and to be filled in before the assessment is signed: {count}, {names}.")
        return Html("".join(f"<p>{escape_html(line)}</p>" for line in lines))

    def voice_other(self) -> str:
        """What the file says under none of the sections' headings, as Markdown with a heading; empty for nothing."""
        found = self._voice.sections.get(OTHER, "")
        if not found:
            return ""
        block = Html(f'<div class="yjd-voice">{found}</div>')._repr_markdown_()
        return f"### {OTHER}\n\n{block}\n"

    def actions(self) -> Html:
        """A row for every clear difference on the less favourable side, with room for an explanation or an action."""
        return Html(eia_rows.actions_table(self.view))
