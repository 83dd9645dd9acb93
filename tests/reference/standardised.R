# Values for tests/metrics/test_standardised.py: Rscript tests/reference/standardised.R > tests/reference/standardised.csv
# from the folder of the project. Needs epitools and survey (R 4.2, epitools 0.5-10.1, survey 4.1-1). Inputs are in standardised_counts.csv.
#
# What epitools has (adjusted rates, the expected count and its ratio) comes from epitools. Intervals that it has
# not are computed here from their published definitions with R's own quantiles, stratum by stratum in loops:
#   dobson        Dobson and others 1991, with Byar's limits of the total as in PHEindicatormethods
#   korn_graubard Korn and Graubard 1998: the estimate and its variance are survey's, of a sample with a row for every
#                 child; all children over the design effect, which are taken to stats::qbeta
#   svyciprop     the same by survey itself (method beta), which leaves out N / (N - 1) and has a factor of t-quantiles
#                 with N - 1 and N - strata degrees of freedom in its place
#   binom.test    Clopper and Pearson's, where there is one stratum
#   log_delta     log ratio of two weighted sums, with a gradient taken numerically
suppressMessages(library(epitools))
suppressMessages(library(survey))
counts <- read.csv("tests/reference/standardised_counts.csv")
z <- qnorm(0.975)
rows <- list()
keep <- function(case, quantity, method, estimate, lower, upper)
  rows[[length(rows) + 1]] <<- data.frame(case, quantity, method, estimate = unname(estimate),
                                          lower = unname(lower), upper = unname(upper))

byar <- function(x) c(x * (1 - 1 / (9 * x) - z / (3 * sqrt(x)))^3,
                      (x + 1) * (1 - 1 / (9 * (x + 1)) + z / (3 * sqrt(x + 1)))^3)

# exp(log f +- z se), se from central differences of log f in every count
delta <- function(f, x, variance) {
  gradient <- sapply(seq_along(x), function(i) {
    # log f is smooth in x: Richardson's extrapolation of central differences
    step <- max(1, x[i]) * 1e-2
    d <- function(h) { up <- x; down <- x; up[i] <- up[i] + h; down[i] <- down[i] - h; (log(f(up)) - log(f(down))) / (2 * h) }
    table <- c(d(step), d(step / 2), d(step / 4), d(step / 8))
    for (k in 1:3) table <- (4^k * table[-1] - table[-length(table)]) / (4^k - 1)
    table
  })
  se <- sqrt(sum(gradient^2 * variance))
  f(x) * exp(c(0, -1, 1) * z * se)
}

for (case in unique(counts$case)) {
  t <- counts[counts$case == case, ]
  w <- t$weight / sum(t$weight)
  k <- nrow(t)
  # directly standardised, as a rate
  direct <- ageadjust.direct(t$a, t$A, stdpop = t$weight)[["adj.rate"]]
  v <- sum(w^2 * t$a / t$A^2)
  X <- sum(t$a)
  limits <- direct + sqrt(v / X) * (byar(X) - X)
  keep(case, "standardised_rate", "dobson", direct, limits[1], limits[2])
  # as a proportion
  child <- data.frame(stratum = rep(own_strata <- seq_len(k), t$A),
                      event = unlist(lapply(own_strata, function(i) rep(c(1, 0), c(t$a[i], t$A[i] - t$a[i])))))
  child$weight <- (w / t$A)[child$stratum]
  sample <- svydesign(ids = ~1, strata = ~stratum, weights = ~weight, data = child)
  m <- svymean(~event, sample)
  p <- coef(m)[["event"]]
  N <- sum(t$A)
  n <- p * (1 - p) / as.numeric(vcov(m)) * N / (N - 1)
  keep(case, "standardised_rate", "korn_graubard", p,
       qbeta(0.025, n * p, n * (1 - p) + 1), qbeta(0.975, n * p + 1, n * (1 - p)))
  near <- confint(svyciprop(~event, sample, method = "beta"))
  keep(case, "standardised_rate", "svyciprop", p, near[1], near[2])
  if (k == 1) {
    exact <- binom.test(t$a, t$A)
    keep(case, "standardised_rate", "binom.test", exact$estimate, exact$conf.int[1], exact$conf.int[2])
  }
  # ratio of two directly standardised, and observed over expected, each against the reference and everyone
  own <- seq_len(k); apart <- k + own
  x <- c(t$a, t$b)
  for (kind in c("rate", "proportion")) {
    variance <- if (kind == "rate") x else x * (1 - x / c(t$A, t$B))
    ratio <- delta(function(x) sum(w * x[own] / t$A) / sum(w * x[apart] / t$B), x, variance)
    keep(case, "standardised_rri", paste0("log_delta ", kind, " White"), ratio[1], ratio[2], ratio[3])
    ratio <- delta(function(x) sum(w * x[own] / t$A) / sum(w * (x[own] + x[apart]) / (t$A + t$B)), x, variance)
    keep(case, "standardised_rri", paste0("log_delta ", kind, " everyone"), ratio[1], ratio[2], ratio[3])
    ratio <- delta(function(x) sum(x[own]) / sum(t$A * x[apart] / t$B), x, variance)
    keep(case, "standardised_ratio", paste0("log_delta ", kind, " White"), ratio[1], ratio[2], ratio[3])
    ratio <- delta(function(x) sum(x[own]) / sum(t$A * (x[own] + x[apart]) / (t$A + t$B)), x, variance)
    keep(case, "standardised_ratio", paste0("log_delta ", kind, " everyone"), ratio[1], ratio[2], ratio[3])
  }
  # reference rates taken as fixed; epitools needs more strata than one
  if (k == 1) next
  sir <- ageadjust.indirect(t$a, t$A, t$b, t$B)$sir
  limits <- byar(sir[["observed"]]) / sir[["exp"]]
  keep(case, "standardised_ratio", "byar", sir[["sir"]], limits[1], limits[2])
  keep(case, "expected", "indirect", sir[["exp"]], NA, NA)
}
write.csv(do.call(rbind, rows), row.names = FALSE, quote = FALSE)
