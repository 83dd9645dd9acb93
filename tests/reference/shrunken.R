# Gamma-Poisson and beta-binomial fits, written from their densities. Run: Rscript shrunken.R > shrunken.csv
# R 4.2.2, MASS 7.3-58.2, numDeriv, lme4 1.1-31 (cbpp), epiR 2.0.57 (epi.SClip).
# t, u: log or logit of the mean, log of the reciprocal of the gamma shape or of the sum of the beta parameters.
# estimate: posterior mean at the greatest likelihood. lower, upper: 95% limits from a posterior of t and u on a
# grid of 600 by 600 points, by the rule that yjd.metrics.shrunken_rate documents.
suppressWarnings(suppressMessages({library(MASS); library(numDeriv); library(lme4); library(epiR)}))
data(cbpp, package = "lme4"); data(epi.SClip, package = "epiR")
herds <- subset(cbpp, period == 1)
examples <- list(
  # numbers of failures of ten pumps and thousands of hours: Gaver and O'Muircheartaigh 1987, Technometrics 29:1-15
  list("pumps", "rate", c(5, 1, 5, 14, 3, 19, 1, 1, 4, 22),
       c(94.320, 15.720, 62.880, 125.760, 5.240, 31.440, 1.048, 1.048, 2.096, 10.480)),
  # lip cancer in Scotland: Clayton and Kaldor 1987, Biometrics 43:671-681, with person-years for a base
  list("lip_cancer", "rate", epi.SClip$cases, epi.SClip$population),
  list("alike", "rate", c(10, 12, 9, 11, 10), c(100, 110, 95, 105, 102)),
  list("seven", "rate", c(0, 3, 12, 4, 30, 1, 7), c(150, 420, 1300, 700, 2100, 90, 1000)),
  # serological cases in herds of zebu: Lesnoff and others 2004, in lme4
  list("herds", "proportion", herds$incidence, herds$size),
  # litters of treated rats, Weil 1970, as in Williams 1975, Biometrics 31:949-952
  list("litters", "proportion", c(12, 11, 10, 9, 10, 9, 9, 8, 8, 4, 7, 4, 5, 3, 3, 0),
       c(12, 11, 10, 9, 11, 10, 10, 9, 9, 5, 9, 7, 10, 6, 10, 7)),
  list("shares_alike", "proportion", c(10, 12, 9, 11, 10), c(30, 33, 28, 32, 31)),
  list("shares_seven", "proportion", c(0, 3, 12, 4, 30, 1, 7), c(15, 42, 90, 70, 110, 9, 10))
)
log_likelihood <- function(kind, a, n, t, u) {
  if (kind == "rate") return(sum(dnbinom(a, size = exp(-u), mu = exp(t) * n, log = TRUE)))
  s <- exp(-u); p <- plogis(t)
  sum(lchoose(n, a) + lbeta(a + s * p, n - a + s * (1 - p)) - lbeta(s * p, s * (1 - p)))
}
posterior <- function(kind, a, n, t, u) {
  if (kind == "rate") {
    nu <- exp(-u); base <- n + nu / exp(t)
    return(list(mean = (a + nu) / base, variance = (a + nu) / base^2))
  }
  s <- exp(-u); m <- (a + s * plogis(t)) / (n + s)
  list(mean = m, variance = m * (1 - m) / (n + s + 1))
}
log_prior <- function(kind, a, n, t, u) {
  typical <- if (kind == "rate") sum(a) / length(a) else mean(n)
  v <- exp(u) * typical / 10
  of_u <- log(v) - 2 * log1p(v)
  if (kind == "proportion") return(of_u + 0.5 * (plogis(t, log.p = TRUE) + plogis(-t, log.p = TRUE)))
  information <- function(rate) sum(rate * n / (1 + exp(u) * rate * n))
  of_u + 0.5 * log(information(exp(t)) / information(sum(a) / sum(n)))
}
cat("example,kind,a,n,t,u,estimate,lower,upper\n")
for (example in examples) {
  name <- example[[1]]; kind <- example[[2]]; a <- example[[3]]; n <- example[[4]]
  common <- sum(a) / sum(n)
  start <- if (kind == "rate") log(common) else qlogis(common)
  f <- function(x) -log_likelihood(kind, a, n, x[1], x[2])
  best <- nlminb(c(start, -1), f, control = list(rel.tol = 1e-15), lower = c(-Inf, -14), upper = c(Inf, 10))$par
  pooled <- best[2] < -13
  if (pooled) {
    best <- c(start, -Inf); estimate <- rep(common, length(a))
  } else {
    for (i in 1:6) best <- best - solve(hessian(f, best), grad(f, best))
    estimate <- posterior(kind, a, n, best[1], best[2])$mean
  }
  if (kind == "rate" && !pooled) {
    fitted <- suppressWarnings(glm.nb(a ~ 1 + offset(log(n)), control = glm.control(epsilon = 1e-12, maxit = 200)))
    stopifnot(abs(coef(fitted) - best[1]) < 1e-5, abs(log(fitted$theta) + best[2]) < 1e-4)
  }
  spread <- sqrt(1 / (sum(a) / (1 + sum(a) / length(a) * exp(max(best[2], -5)))))
  if (kind == "proportion") spread <- spread / sqrt(1 - common)
  ts <- seq(start - 12 * spread - 1, start + 12 * spread + 1, length.out = 600)
  typical <- if (kind == "rate") sum(a) / length(a) else mean(n)
  us <- seq(-9, 14, length.out = 600) - log(typical)
  height <- outer(ts, us, Vectorize(function(t, u) log_likelihood(kind, a, n, t, u) + log_prior(kind, a, n, t, u)))
  weight <- exp(height - max(height)); weight <- weight / sum(weight)
  variance <- rep(0, length(a))
  for (i in which(rowSums(weight) > 1e-12)) for (j in which(weight[i, ] > 1e-14)) {
    p <- posterior(kind, a, n, ts[i], us[j])
    variance <- variance + weight[i, j] * (p$variance + (p$mean - estimate)^2)
  }
  if (kind == "rate") {
    lower <- qgamma(0.025, estimate^2 / variance, estimate / variance)
    upper <- qgamma(0.975, estimate^2 / variance, estimate / variance)
  } else {
    size <- estimate * (1 - estimate) / variance - 1
    lower <- qbeta(0.025, estimate * size, (1 - estimate) * size)
    upper <- qbeta(0.975, estimate * size, (1 - estimate) * size)
  }
  cat(sprintf("%s,%s,%s,%s,%.12g,%.12g,%.12g,%.12g,%.12g\n",
              name, kind, a, n, best[1], best[2], estimate, lower, upper), sep = "")
}
