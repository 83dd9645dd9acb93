# Makes pathway.csv: steps of a pathway, their standard errors on the log scale, and Fieller's limits of their shares.
# R 4.2, no packages. Run in this folder: Rscript pathway.R
#
# Nothing here uses the covariance matrix of yjd.metrics.pathway_gap. Each group's counts are cut into parts that do not
# overlap (those of a stage that went on to the next one, and those that did not), glm() fits the log mean of every part
# as a Poisson, and a step is a function of those log means. Its variance comes from the model's own covariance
# matrix and from derivatives taken numerically (Richardson extrapolation); the limits of a share are the two places
# where the test of step - share x whole = 0 turns, found by uniroot().

stages <- c("population", "searches", "arrests", "outcomes", "court")
white <- list(c(30000, 900, 400, 300, 90), c(10000, 800, 610, 590, 210), c(21034, 312, 118, 90, 61))
black <- list(c(3000, 250, 140, 100, 50), c(900, 260, 110, 70, 35), c(12510, 88, 30, 14, 6))

# Which stage is cut out of which: none; court out of outcomes; the same on a base that is
# itself a count; every stage out of the one before.
kinds <- list(
  separate = c(0, 0, 0, 0, 0),
  court = c(0, 0, 0, 0, 4),
  counted = c(0, 0, 0, 0, 4),
  chain = c(0, 1, 2, 3, 4)
)

parts_of <- function(n, parent) {
  left <- n
  for (k in seq_along(n)) if (parent[k] > 0) left[parent[k]] <- left[parent[k]] - n[k]
  left
}

# log n_k from the log means of the parts: a stage is its own part and all that was cut out of it
log_counts <- function(theta, parent) {
  n <- exp(theta)
  for (k in rev(seq_along(n))) if (parent[k] > 0) n[parent[k]] <- n[parent[k]] + n[k]
  log(n)
}

gradient <- function(f, x) {
  sapply(seq_along(x), function(i) {
    at <- function(h) { e <- replace(numeric(length(x)), i, h); (f(x + e) - f(x - e)) / (2 * h) }
    h <- 1e-3
    first <- (4 * at(h / 2) - at(h)) / 3
    second <- (4 * at(h / 4) - at(h / 2)) / 3
    (16 * second - first) / 15
  })
}

side <- function(n, parent, known) {
  left <- parts_of(n, parent)
  d <- data.frame(y = left, part = factor(seq_along(left)))
  # as far as floating point goes: the warning that the last digit does not settle is not wanted, the fit is checked
  fit <- suppressWarnings(
    glm(y ~ 0 + part, family = poisson, data = d, control = glm.control(epsilon = 1e-14, maxit = 100))
  )
  stopifnot(max(abs(fitted(fit) / left - 1)) < 1e-11)
  v <- vcov(fit)
  if (known) v[1, ] <- v[, 1] <- 0 # a population is known
  list(theta = unname(coef(fit)), v = unname(v))
}

rows <- list()
for (kind in names(kinds)) for (case in seq_along(white)) {
  parent <- kinds[[kind]]
  w <- white[[case]]; b <- black[[case]]
  # in a chain, whether the base is known makes no difference to what follows it, and its rest must vary
  known <- kind %in% c("separate", "court")
  W <- side(w, parent, known); B <- side(b, parent, known)
  theta <- c(B$theta, W$theta)
  v <- rbind(cbind(B$v, matrix(0, 5, 5)), cbind(matrix(0, 5, 5), W$v))
  gap <- function(t) log_counts(t[1:5], parent) - log_counts(t[6:10], parent)
  whole <- function(t) { g <- gap(t); g[5] - g[1] }
  for (k in 2:5) {
    step <- function(t) { g <- gap(t); g[k] - g[k - 1] }
    gs <- gradient(step, theta)
    se <- sqrt(drop(t(gs) %*% v %*% gs))
    share <- step(theta) / whole(theta)
    test <- function(s) {
      f <- function(t) step(t) - s * whole(t)
      g <- gradient(f, theta)
      f(theta)^2 - qnorm(0.975)^2 * drop(t(g) %*% v %*% g)
    }
    turn <- function(sign) {
      far <- 0.5
      while (test(share + sign * far) < 0 && far < 1e4) far <- far * 2
      if (far >= 1e4) return(NA)
      uniroot(test, sort(c(share, share + sign * far)), tol = 1e-13)$root
    }
    limits <- c(turn(-1), turn(1))
    rows[[length(rows) + 1]] <- data.frame(
      kind = kind, case = case, term = stages[k],
      black = b[k], black_before = b[k - 1], white = w[k], white_before = w[k - 1],
      step = exp(step(theta)), se = se, share = 100 * share, lower = 100 * limits[1], upper = 100 * limits[2]
    )
  }
}
out <- do.call(rbind, rows)
numeric <- c("step", "se", "share", "lower", "upper")
out[numeric] <- lapply(out[numeric], function(x) sprintf("%.12g", x))
write.csv(out, "pathway.csv", row.names = FALSE, quote = FALSE)
