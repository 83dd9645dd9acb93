# Slopes by R's glm: Rscript trend.R > trend.csv
# Poisson: log-linear slope. Logistic: mean yearly change of the log of the fitted proportion from the first to the
# last period, with its standard error by the delta method. Ratio: difference of the slopes of two groups in one
# quasi-likelihood fit, which has one dispersion. `error` is with dispersion 1.
options(digits = 17)
cases <- list(
  list("rise", c(2018, 2019, 2020, 2021), c(12, 15, 14, 22), c(300, 310, 305, 320), c(80, 75, 71, 60), c(900, 905, 910, 890)),
  list("gaps in time", c(2015, 2016, 2018.5, 2020, 2021), c(3, 0, 4, 9, 11), c(50, 40, 45, 60, 61), c(20, 22, 30, 31, 29), c(99, 120, 111, 100, 105)),
  list("near one", c(1, 2, 3, 4, 5, 6), c(70, 75, 80, 83, 90, 96), c(100, 100, 99, 98, 99, 100), c(51, 52, 40, 48, 45, 44), c(60, 61, 59, 60, 58, 60)),
  list("over-dispersed", 2011:2020, c(900, 700, 950, 600, 820, 640, 700, 500, 640, 480), rep(20000, 10), c(90, 70, 60, 95, 77, 50, 62, 81, 40, 44), seq(1500, 1950, 50))
)
tight <- glm.control(epsilon = 1e-12, maxit = 100)
# the covariance that glm gives is of the weights one step before the last: a fit that starts where it ended has it right
settled <- function(formula, family, data) {
  once <- glm(formula, family, data, control = tight)
  glm(formula, family, data, start = coef(once), control = tight)
}
write_row <- function(...) cat(paste(..., sep = ","), sep = "\n")
num <- function(x) format(x, digits = 17)
write_row("case,quantity,kind,times,events,base,reference_events,reference_base,value,error,dispersion,df")
yearly <- function(fit, times, terms) {
  # value and its gradient for rows first and last of the model matrix
  beta <- coef(fit); p1 <- plogis(sum(beta * terms[1, ])); p2 <- plogis(sum(beta * terms[2, ])); span <- diff(range(times))
  list(value = (log(p2) - log(p1)) / span, gradient = ((1 - p2) * terms[2, ] - (1 - p1) * terms[1, ]) / span)
}
for (case in cases) {
  t <- case[[2]]; a <- case[[3]]; A <- case[[4]]; b <- case[[5]]; B <- case[[6]]
  inputs <- sapply(list(t, a, A, b, B), paste, collapse = " ")
  row <- function(quantity, kind, value, error, fit)
    write_row(case[[1]], quantity, kind, inputs[1], inputs[2], inputs[3], inputs[4], inputs[5], num(value), num(error),
              num(sum(residuals(fit, "pearson")^2) / df.residual(fit)), df.residual(fit))
  fit <- settled(a ~ t + offset(log(A)), poisson, data.frame(a, A, t))
  row("trend_rate", "rate", coef(fit)[2], sqrt(vcov(fit)[2, 2]), fit)
  fit <- settled(cbind(a, A - a) ~ t, binomial, data.frame(a, A, t))
  y <- yearly(fit, t, rbind(c(1, min(t)), c(1, max(t))))
  row("trend_rate", "proportion", y$value, sqrt(drop(y$gradient %*% vcov(fit) %*% y$gradient)), fit)
  long <- data.frame(y = c(a, b), n = c(A, B), t = c(t, t), g = rep(c(1, 0), each = length(t)))
  fit <- settled(y ~ g * t + offset(log(n)), poisson, long)
  row("trend_rri", "rate", coef(fit)[4], sqrt(vcov(fit)[4, 4]), fit)
  fit <- settled(cbind(y, n - y) ~ g * t, binomial, long)
  own <- yearly(fit, t, rbind(c(1, 1, min(t), min(t)), c(1, 1, max(t), max(t))))
  ref <- yearly(fit, t, rbind(c(1, 0, min(t), 0), c(1, 0, max(t), 0)))
  g <- own$gradient - ref$gradient
  row("trend_rri", "proportion", own$value - ref$value, sqrt(drop(g %*% vcov(fit) %*% g)), fit)
}
