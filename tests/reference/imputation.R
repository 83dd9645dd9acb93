# Rubin's rules by mice 3.15.0 (R 4.2): pool.scalar, and Student's interval and p-value by R itself.
# mice takes no share of variance below 1 in 10,000, which moves its degrees of freedom and nothing else, so every
# case here lies above.
# Run: Rscript tests/reference/imputation.R > tests/reference/imputation.csv
suppressPackageStartupMessages(library(mice))
set.seed(20240401)
cases <- list(
  list(q = c(0.70, 0.75, 0.68, 0.72, 0.81), u = c(0.020, 0.022, 0.019, 0.021, 0.025)),
  list(q = c(-0.1, 0.4), u = c(0.01, 0.02)),
  list(q = rnorm(20, 0.3, 0.02), u = runif(20, 0.03, 0.04)),
  list(q = rnorm(20, -1.2, 0.5), u = runif(20, 0.03, 0.04)),
  list(q = rnorm(100, 0.05, 0.05), u = runif(100, 0.5, 0.6))
)
text <- function(x) paste(sprintf("%.17g", x), collapse = ";")
cat("case,estimates,variances,estimate,variance,degrees,missing_information,lower,upper,p_value\n")
for (i in seq_along(cases)) {
  p <- pool.scalar(cases[[i]]$q, cases[[i]]$u, n = Inf, k = 1)
  reach <- qt(0.975, p$df) * sqrt(p$t)
  cat(i, text(cases[[i]]$q), text(cases[[i]]$u),
      sprintf("%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g", p$qbar, p$t, p$df, p$fmi, p$qbar - reach, p$qbar + reach,
              2 * pt(-abs(p$qbar) / sqrt(p$t), p$df)), sep = ",")
  cat("\n")
}
