# Values for tests/metrics/test_mantel_haenszel.py, from the folder of the project:
# Rscript tests/reference/mantel_haenszel.R > tests/reference/mantel_haenszel.csv
# R 4.2 with metafor 3.8 and epiR 2.0.57; inputs are in standardised_counts.csv.
suppressMessages({library(metafor); library(epiR)})
counts <- read.csv("tests/reference/standardised_counts.csv")
counts <- counts[counts$case != "one", ]
counts[-(1:3)] <- lapply(counts[-(1:3)], as.double)  # whole numbers of R overflow
rows <- list()
keep <- function(case, kind, source, quantity, estimate, lower = NA, upper = NA, p = NA, df = NA)
  rows[[length(rows) + 1]] <<- data.frame(case, kind, source, quantity, estimate, lower, upper, p, df)

for (case in unique(counts$case)) {
  t <- counts[counts$case == case, ]
  # no cell is changed: `to = "none"`, and no continuity correction of the score test
  rate <- rma.mh(measure = "IRR", x1i = a, t1i = A, x2i = b, t2i = B, data = t, add = 0, to = "none", drop00 = FALSE,
                 correct = FALSE, level = 95)
  keep(case, "rate", "metafor", "mh_ratio", exp(rate$beta[1]), exp(rate$ci.lb), exp(rate$ci.ub), rate$MHp)
  risk <- suppressWarnings(rma.mh(measure = "RR", ai = a, n1i = A, ci = b, n2i = B, data = t, add = 0, to = "none",
                                  drop00 = FALSE, correct = FALSE, level = 95))
  chi <- mantelhaen.test(array(rbind(t$a, t$b, t$A - t$a, t$B - t$b), c(2, 2, nrow(t))), correct = FALSE)
  keep(case, "proportion", "metafor", "mh_ratio", exp(risk$beta[1]), exp(risk$ci.lb), exp(risk$ci.ub), chi$p.value)
  # Breslow-Day for rates: Pearson's statistic of the share of events that is the group's, with one ratio fitted;
  # the score test of that ratio is the Mantel-Haenszel test again
  fit <- glm(cbind(a, b) ~ 1 + offset(log(A / B)), family = binomial, data = t[t$a + t$b > 0, ],
             control = list(epsilon = 1e-15, maxit = 100))
  pearson <- sum(residuals(fit, type = "pearson")^2)
  df <- sum(t$a + t$b > 0) - 1
  keep(case, "rate", "glm", "mh_homogeneity", pearson, p = pchisq(pearson, df, lower.tail = FALSE), df = df)
  # Woolf's for risk ratios, in the strata where the variance of the log exists and is above 0
  some <- t[t$a > 0 & t$b > 0 & (t$a < t$A | t$b < t$B), ]
  tables <- array(rbind(some$a, some$b, some$A - some$a, some$B - some$b), c(2, 2, nrow(some)))
  woolf <- epi.2by2(as.table(tables), method = "cohort.count")$massoc.detail$wRR.homog
  keep(case, "proportion", "epiR", "mh_homogeneity", woolf$test.statistic, p = woolf$p.value, df = woolf$df)
}
write.csv(do.call(rbind, rows), row.names = FALSE, quote = FALSE)
