"""What every quantity and every method of the results table is, in words: data for the document on methods."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# quantity: (the question that it answers, how it is computed)
QUANTITIES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "rate": ("How many for every 100, 1,000 or 100,000 of the base?", "events divided by base, times the scale"),
    "composition": (
        "Of 100 at this stage, how many are of this group?",
        "the group's events divided by those of all known groups, times 100; Unknown: divided by all",
    ),
    "representation": (
        "Is the group's share of the stage larger than its share of the base?",
        "share of the stage less share of the base, in points of 100",
    ),
    "representation_ratio": ("How many times its share of the base is its share of the stage?",
                             "share of the stage divided by share of the base"),
    "rri": ("How many times the comparison group's rate is the group's?",
            "the group's rate divided by that of the comparison group (relative rate index)"),
    "difference": ("How many more for every 100, 1,000 or 100,000?", "the group's rate less the comparison group's"),
    "excess": ("How many fewer would there be at the comparison group's rate?",
               "events less base times the comparison group's rate"),
    "standardised_rate": ("What would the rate be with everyone's ages and sexes?",
                          "sum over strata of the stratum's share of everyone times the group's rate there"),
    "standardised_rri": ("The ratio, both groups with the same ages and sexes?",
                         "one standardised rate divided by the other"),
    "standardised_ratio": ("How many times as many as expected?",
                           "events divided by those expected at the comparison group's rates"),
    "mh_ratio": ("One ratio common to all strata?", "Mantel and Haenszel's ratio"),
    "mh_homogeneity": ("Do the strata agree on one ratio?", "a chi-square; small p-values say that they do not"),
    "shrunken_rate": ("What is the area's rate likely to be, knowing the other areas?",
                      "the area's rate drawn towards that of all areas, the more so the fewer events it has"),
    "funnel": ("Is an area further from all areas than chance would put it?",
               "the area's rate beside limits about the rate of all areas"),
    "trend_rate": ("By how much is the rate multiplied each year?", "slope of a log-linear or logistic regression"),
    "trend_rri": ("By how much is the ratio multiplied each year?",
                  "the group's yearly factor divided by the comparison group's"),
    "change_rate": ("How many times as high is the rate as in the earlier period?", "later rate divided by earlier"),
    "change_rri": ("How many times as high is the ratio as in the earlier period?", "later ratio divided by earlier"),
    "control": ("Is a month or quarter out of line?", "its rate beside limits of chance about the centre line"),
    "signal": ("Does a rule of the control chart fire?", "1 where it does"),
    "pathway_rri": ("The ratio to the base, at each stage of the pathway?",
                    "the stage's events over the base's, the group's divided by the comparison group's"),
    "pathway_step": ("Which factor does this stage add?", "the ratio at this stage divided by that at the one before"),
    "pathway_share": ("What part of the whole arises at this stage?",
                      "log of the step divided by log of the last ratio, times 100"),
    "rri_bounds": ("The smallest and largest ratio that the unknown children could make?",
                   "every way to give each of them a group"),
    "missing_explains": (
        "Could missing ethnicity alone explain a clear difference?",
        "1 where some way to give every unknown child a group leaves no difference, else 0",
    ),
    "rri_imputed": ("The ratio with a group drawn for each unknown child?",
                    "drawn again and again from area, sex, age, deprivation and officers' view, and averaged"),
    "missing_information": ("What part of the information is missing?", "by Rubin's rules"),
    "adjusted_rate": ("What would the rate be if the sample were all of this group?",
                      "average prediction of a model with every record's group set to it"),
    "adjusted_rri": ("The ratio once the listed factors are alike?", "one adjusted rate divided by the other"),
    "marginal_difference": ("The difference once the listed factors are alike?", "one adjusted rate less the other"),
    "odds_ratio": ("For the technical table only", "of a coefficient of the logistic model"),
    "rate_ratio": ("For the technical table only", "of a coefficient of the log-linear model"),
    "rung_change": ("What does one more set of factors do to the ratio?",
                    "the adjusted ratio divided by that of the rung below"),
    "aipw_rri": ("The adjusted ratio by another method?", "augmented inverse-probability weighting, cross-fitted"),
    "aipw_difference": ("The adjusted difference by another method?",
                        "augmented inverse-probability weighting, cross-fitted"),
    "ipw_difference": ("The same, by weighting alone?", "inverse-probability weighting"),
    "matched_difference": ("The same, among children with the very same factors?", "exact matching"),
    "overlap": (
        "How far can the two groups be compared at all?",
        "effective size, share trimmed and share matched, in three terms",
    ),
    "decomposition": (
        "How much of the gap goes with each factor?",
        "the change of the gap as factors are made alike, averaged over all orders",
    ),
    "decomposition_share": ("What part of the gap is that?", "divided by the whole gap"),
    "e_value": (
        "How strong would something unrecorded have to be to explain it?",
        "ratio + square root of (ratio × (ratio - 1)), as a risk ratio",
    ),
    "benchmark": (
        "How strong is a recorded factor, on the same scale?",
        "the E-value of the change that leaving it out makes",
    ),
    "benchmark_times": (
        "How many times as strong would something unrecorded have to be?",
        "log of the adjusted ratio over log of that change",
    ),
    "calibration": (
        "Does the model predict what happened?",
        "of each fifth by what was expected, how many of 100 re-offended",
    ),
    "dispersion": (
        "Do counts vary more than chance?",
        "Pearson's chi-square for each degree of freedom, or a test for extra variation",
    ),
    "count_ratio": ("How many times as many re-offences?", "of a model of their number"),
    "hazard_ratio": ("How much sooner do children re-offend?", "of Cox's model of the time"),
    "ph_test": ("Is that ratio the same over the year?", "a test on Schoenfeld's residuals"),
    "survival": (
        "How many of 100 had re-offended by each month?",
        "100 less Kaplan and Meier's estimate",
    ),
    "observed_expected": (
        "How many re-offended beside those expected without regard to ethnicity?",
        "observed divided by predicted",
    ),
    "stratum_rate": (
        "The rate of a small stratum, knowing the others?",
        "drawn towards what a model with random intercepts expects of it",
    ),
    "stratum_rri": (
        "The ratio of a small stratum, knowing the others?",
        "its rate over that of the comparison group of the same sex, age and area, both drawn in",
    ),
    "between_share": (
        "How much of the variation lies between strata?",
        "share of the variance, of 100, on the scale of the model",
    ),
    "area_effects_sd": (
        "How much do areas differ beyond chance?",
        "standard deviation of the random intercepts, on the log or logit scale",
    ),
    "gap": ("How much of the base lies between two rare events?", "beside limits of the geometric distribution"),
    "gap_signal": ("Does a rule fire for gaps?", "1 where it does"),
    "rri_allocated": ("The ratio with unknown children shared out as known ones are?", "within area, sex and age"),
})  # fmt: skip

# the beginning of a method's name: what it is; the longest that fits counts
METHODS: Mapping[str, str] = MappingProxyType({
    "garwood": "exact Poisson limits (Garwood 1936)",
    "byar": "Byar's limits (Breslow and Day 1987)",
    "wilson": "Wilson's limits (1927)",
    "clopper_pearson": "exact binomial limits (Clopper and Pearson 1934)",
    "midp": "mid-P limits",
    "exact": "exact limits, conditional on the total (Przyborowski and Wilenski 1940)",
    "exact_att": "matching on the very same labels",
    "score": "score limits (Miettinen and Nurminen 1985)",
    "score_km": "score test",
    "katz": "log limits (Katz 1978)",
    "mover": "limits made of the two rates' own (MOVER)",
    "newcombe": "limits made of two Wilson intervals (Newcombe 1998)",
    "dobson": "Dobson and others 1991",
    "korn_graubard": "Korn and Graubard 1998",
    "log_delta": "delta method on the log",
    "log_delta_shared": "delta method on the log, children in both periods allowed for",
    "log_normal": "normal on the log scale",
    "greenland_robins": "Greenland and Robins 1985",
    "breslow_day": "Breslow and Day's test",
    "wald": "Woolf's test",
    "gamma_poisson": "empirical Bayes, gamma and Poisson (Clayton and Kaldor 1987)",
    "beta_binomial": "empirical Bayes, beta and binomial",
    "poisson_mid_p": "Poisson mid-P limits about the target (Spiegelhalter 2005)",
    "binomial_mid_p": "binomial mid-P limits about the target (Spiegelhalter 2005)",
    "quasi_poisson": "log-linear, widened where years vary more than chance",
    "quasi_logistic": "logistic, widened where years vary more than chance",
    "fieller": "Fieller's limits (1954)",
    "allocation": "every allocation of the unknown: bounds, not an interval",
    "bounds": "from the bounds",
    "rubin": "multiple imputation (Rubin 1987)",
    "logit": "logistic model",
    "poisson": "log-linear model",
    "poisson_quasi": "log-linear model, widened for extra variation",
    "negative_binomial": "negative binomial model",
    "firth": "penalised likelihood, for few events (Firth 1993)",
    "aipw": "augmented inverse-probability weighting",
    "ipw": "inverse-probability weighting",
    "fairlie": "decomposition after Fairlie (2005), free of order",
    "leave_one_out": "leaving one factor out",
    "e_value": "VanderWeele and Ding 2017",
    "logistic": "logistic model",
    "cox": "Cox's model, ties by Efron",
    "kaplan_meier": "Kaplan and Meier's limits",
    "mixed_logit": "logistic model with random intercepts",
    "mixed_poisson": "log-linear model with random intercepts",
    "agq": "random intercepts, adaptive quadrature",
    "pearson": "Pearson's chi-square",
    "dean_lawless": "Dean and Lawless's test (1989)",
})  # fmt: skip

ENDINGS: Mapping[str, str] = MappingProxyType({
    "_by_child": "children who come again allowed for",
    "_by_area": "areas as the unit",
    "_by_row": "each record by itself",
    "_pooled": "areas differ no more than by chance",
    "_boundary": "no differences found beyond chance",
})  # fmt: skip

STATUSES: Mapping[str, str] = MappingProxyType({
    "ok": "estimated",
    "break": "estimated, but the definition or the recording changed: not to be compared across it [b]",
    "hidden": "a count that the row needs is hidden so that no child can be identified [c]",
    "not_available": "the counts were not supplied [x]",
    "censored": "the time that children are followed up is not over [x]",
    "no_denominator": "there is no base: Unknown has no residents [z]",
    "no_reference": "the comparison group has no events or no base: the ratio would be infinite [z]",
    "no_events": "no events on either side, or the method needs some [z]",
    "inconsistent": "the counts contradict each other [z]",
    "too_few": "too few events, areas, strata or periods for the method [z]",
    "not_comparable": "the stages differ in whose ethnicity they record or in what they count [z]",
    "not_converged": "the search for the estimate did not end [z]",
    "parity_possible": "the whole ratio may be 1: there may be nothing to share out [z]",
    "no_difference": "there is no clear difference to explain [z]",
    "no_overlap": "too few children of one group have a counterpart in the other [z]",
    "separated": "no events in the group, or nothing but events [z]",
    "collinear": "another factor says the same as the group [z]",
})  # fmt: skip


def method_words(method: str) -> str:
    """A method of a row in words; its own name where nothing is known of it."""
    rest: str = method
    said: list[str] = []
    while ending := next((name for name in ENDINGS if rest.endswith(name)), ""):
        said.insert(0, ENDINGS[ending])
        rest = rest.removesuffix(ending)
    known = max((name for name in METHODS if rest == name or rest.startswith(f"{name}_")), key=len, default="")
    return "; ".join([METHODS.get(known, rest.replace("_", " ")), *said])
