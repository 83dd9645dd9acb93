"""The measures that come with the package: two stages and a scale each, and the words for them."""

from __future__ import annotations

from dataclasses import replace

from yjd.measures import Measure


def _share(family: str, numerator: str, denominator: str, **words: str | bool) -> Measure:
    """Make a proportion per 100; `words` gives the rest."""
    template = Measure(
        id="", title="", family=family, numerator=numerator, denominator=denominator,
        kind="proportion", per=100, adverse="neither", unit="", per_words="",
    )  # fmt: skip
    return replace(template, **words)  # type: ignore[arg-type]


_POPULATION = "for every 1,000 {group} children aged 10 to 17"
_SEARCHES = "of every 100 searches of {group} children"
_OUTCOMES = "of every 100 outcomes for {group} children"
_ENTRANTS = "for every 100,000 {group} children aged 10 to 17"

MEASURES = (
    Measure(
        id="search_rate", title="Stop and search rate", family="search", numerator="searches",
        denominator="population", kind="rate", per=1000, adverse="higher", unit="searches",
        per_words=_POPULATION,
    ),
    _share(
        "search", "search_arrests", "searches", id="search_arrest_share",
        title="Searches followed by arrest", unit="searches followed by arrest", per_words=_SEARCHES,
        likely_to="be arrested after a search",
    ),
    _share(
        "search", "search_informal", "searches", id="search_informal_share",
        title="Searches followed by an informal outcome", unit="searches followed by an informal outcome",
        per_words=_SEARCHES, likely_to="be given an informal outcome after a search",
    ),
    _share(
        "search", "search_no_further_action", "searches", id="search_nfa_share", adverse="higher",
        title="Searches followed by no further action", unit="searches followed by no further action",
        per_words=_SEARCHES, likely_to="face no further action after a search",
    ),
    Measure(
        id="arrest_rate", title="Arrest rate", family="arrest", numerator="arrests",
        denominator="population", kind="rate", per=1000, adverse="higher", unit="arrests",
        per_words=_POPULATION, adjusted=True,
    ),
    Measure(
        id="children_arrested_rate", title="Children arrested at least once", family="arrest",
        numerator="children_arrested", denominator="population", kind="rate", per=1000, adverse="higher",
        unit="children arrested at least once", per_words=_POPULATION,
        likely_to="be arrested at least once", adjusted=True,
    ),
    _share(
        "precourt", "precourt", "outcomes", id="precourt_share", title="Pre-court share", adverse="lower",
        unit="pre-court outcomes", per_words=_OUTCOMES, likely_to="be dealt with before court", adjusted=True,
    ),
    _share(
        "precourt", "community_resolutions", "outcomes", id="community_resolution_share", adverse="lower",
        title="Community resolution share", unit="community resolutions", per_words=_OUTCOMES,
        likely_to="be given a community resolution",
    ),
    _share(
        "precourt", "outcome_22", "outcomes", id="outcome_22_share", title="Outcome 22 share",
        adverse="lower", unit="outcomes of type 22", per_words=_OUTCOMES, likely_to="be given outcome 22",
    ),
    _share(
        "precourt", "youth_cautions", "outcomes", id="youth_caution_share", title="Youth caution share",
        unit="youth cautions", per_words=_OUTCOMES, likely_to="be given a youth caution",
    ),
    _share(
        "precourt", "court", "outcomes", id="court_share", title="Court share", adverse="higher",
        unit="outcomes at court", per_words=_OUTCOMES, likely_to="be dealt with at court",
    ),
    Measure(
        id="precourt_per_arrest", title="Pre-court outcomes per 100 arrests", family="precourt",
        numerator="precourt", denominator="arrests", kind="rate", per=100, adverse="lower",
        unit="pre-court outcomes", per_words="for every 100 arrests of {group} children",
    ),
    Measure(
        id="fte_rate_pnc", title="First-time entrants (police records)", family="fte",
        numerator="first_time_entrants_pnc", denominator="population", kind="rate", per=100_000,
        adverse="higher", unit="first-time entrants", per_words=_ENTRANTS,
        likely_to="enter the youth justice system", adjusted=True,
    ),
    Measure(
        id="fte_rate_yjs", title="First-time entrants (youth justice service records)", family="fte",
        numerator="first_time_entrants_yjs", denominator="population", kind="rate", per=100_000,
        adverse="higher", unit="first-time entrants", per_words=_ENTRANTS,
        likely_to="enter the youth justice system", adjusted=True,
    ),
    _share(
        "reoffending", "reoffenders", "reoffending_cohort", id="reoffending_rate",
        title="Proven re-offending rate", adverse="higher", unit="children who re-offended",
        per_words="of every 100 {group} children in the cohort", likely_to="re-offend", adjusted=True,
    ),
    Measure(
        id="reoffences_per_reoffender", title="Re-offences for each child who re-offended",
        family="reoffending", numerator="reoffences", denominator="reoffenders", kind="rate", per=1,
        adverse="higher", unit="re-offences", per_words="for each {group} child who re-offended",
    ),
    Measure(
        id="reoffences_per_child", title="Re-offences for each child in the cohort", family="reoffending",
        numerator="reoffences", denominator="reoffending_cohort", kind="rate", per=1, adverse="higher",
        unit="re-offences", per_words="for each {group} child in the cohort",
    ),
    Measure(
        id="intervention_offered", title="Interventions offered", family="intervention",
        numerator="interventions_offered", denominator="outcomes", kind="rate", per=100, adverse="lower",
        unit="interventions offered", per_words="for every 100 outcomes for {group} children",
    ),
    _share(
        "intervention", "interventions_accepted", "interventions_offered", id="intervention_accepted",
        title="Interventions accepted", adverse="lower", unit="interventions accepted",
        per_words="of every 100 offered to {group} children",
        likely_to="accept an intervention that was offered",
    ),
    _share(
        "intervention", "interventions_started", "interventions_accepted", id="intervention_started",
        title="Interventions started", adverse="lower", unit="interventions started",
        per_words="of every 100 accepted by {group} children",
        likely_to="start an intervention that was accepted",
    ),
    _share(
        "intervention", "interventions_completed", "interventions_started", id="intervention_completed",
        title="Interventions completed", adverse="lower", unit="interventions completed",
        per_words="of every 100 started by {group} children",
        likely_to="complete an intervention that was started",
    ),
)  # fmt: skip
