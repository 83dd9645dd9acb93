# Quantiles that the exact limits of charts must be: Rscript control.R > control.csv
# Least and most events within limits that chance passes with at most `tail` on either side.
cat("distribution,base,rate,tail,lower,upper\n")
for (tail in c(0.00135, 0.025, 0.001)) for (rate in c(0.004, 0.05, 0.3, 0.7, 0.97)) for (base in c(7, 50, 333, 20000)) {
  cat(sprintf("poisson,%d,%.3f,%.5f,%.0f,%.0f\n", base, rate, tail, qpois(tail * (1 + 1e-12), base * rate), qpois(tail, base * rate, lower.tail = FALSE)))
  cat(sprintf("binomial,%d,%.3f,%.5f,%.0f,%.0f\n", base, rate, tail, qbinom(tail * (1 + 1e-12), base, rate), qbinom(tail, base, rate, lower.tail = FALSE)))
}
# of gaps, `base` is the mean gap
for (tail in c(0.00135, 0.025)) for (mean in c(0.5, 4, 39, 2500)) {
  p <- 1 / (1 + mean)
  cat(sprintf("geometric,%g,%.17g,%.5f,%.0f,%.0f\n", mean, p, tail, qgeom(tail * (1 + 1e-12), p), qgeom(tail, p, lower.tail = FALSE)))
}
