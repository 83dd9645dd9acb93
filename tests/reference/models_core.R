# Reference values for the adjusted models: Rscript tests/reference/models_core.R > tests/reference/models_core.csv
# R's own data sets, glm, MASS::glm.nb, sandwich::vcovCL and brglm2 (Firth: type = "AS_mean").
# Marginal standardisation and its delta method are written out here with numerical derivatives (numDeriv).
suppressMessages({library(MASS); library(sandwich); library(brglm2); library(numDeriv)})
options(digits = 17)
out <- data.frame()
add <- function(case, name, value) out <<- rbind(out, data.frame(case = case, name = name, value = sprintf("%.17g", value)))
tight <- glm.control(epsilon = 1e-14, maxit = 100)

# average prediction with the group set to one level: estimates and covariance, for covariates taken as given
margins <- function(beta, V, data, group, formula, inverse, weights) {
  levels <- levels(data[[group]])
  theta <- function(b) sapply(levels, function(l) {
    set <- data; set[[group]] <- factor(l, levels = levels)
    X <- model.matrix(formula, set)
    sum(weights * inverse(drop(X %*% b))) / sum(weights)
  })
  D <- jacobian(theta, beta, method.args = list(r = 6))
  list(theta = theta(beta), V = D %*% V %*% t(D), levels = levels)
}
report <- function(case, m) {
  for (i in seq_along(m$levels)) {
    add(case, paste0("rate_", m$levels[i]), m$theta[i])
    add(case, paste0("rate_se_", m$levels[i]), sqrt(m$V[i, i]))
  }
  a <- m$theta[2]; b <- m$theta[1]
  g <- c(-1 / b, 1 / a)
  add(case, "log_rri", log(a / b)); add(case, "log_rri_se", sqrt(drop(g %*% m$V[1:2, 1:2] %*% g)))
  d <- c(-1, 1)
  add(case, "difference", a - b); add(case, "difference_se", sqrt(drop(d %*% m$V[1:2, 1:2] %*% d)))
}

# 1. UCBAdmissions: 4,526 applicants, admission by gender and department (Bickel, Hammel and O'Connell 1975)
ucb <- as.data.frame(UCBAdmissions)
wide <- reshape(ucb, idvar = c("Gender", "Dept"), timevar = "Admit", direction = "wide")
names(wide)[3:4] <- c("yes", "no")
for (rung in c("M0", "M1")) {
  f <- if (rung == "M0") ~ Gender else ~ Gender + Dept
  fit <- glm(update(f, cbind(yes, no) ~ .), binomial, wide, control = tight)
  case <- paste0("ucb_", rung)
  add(case, "coefficient", coef(fit)["GenderFemale"]); add(case, "se", sqrt(vcov(fit)["GenderFemale", "GenderFemale"]))
  add(case, "deviance", deviance(fit))
  add(case, "pearson", sum(residuals(fit, "pearson")^2) / df.residual(fit))
  report(case, margins(coef(fit), vcov(fit), wide, "Gender", f, plogis, wide$yes + wide$no))
}
# the same, rows as records, clustered by a made-up child: record number modulo 1,500
rows <- ucb[rep(seq_len(nrow(ucb)), ucb$Freq), ]
rows$y <- as.numeric(rows$Admit == "Admitted"); rows$child <- (seq_len(nrow(rows)) - 1) %% 1500
fit <- glm(y ~ Gender + Dept, binomial, rows, control = tight)
for (adjust in c(FALSE, TRUE)) {
  V <- vcovCL(fit, cluster = rows$child, type = "HC0", cadjust = adjust)
  case <- if (adjust) "ucb_children_adjusted" else "ucb_children"
  add(case, "coefficient", coef(fit)["GenderFemale"]); add(case, "se", sqrt(V["GenderFemale", "GenderFemale"]))
  report(case, margins(coef(fit), V, rows, "Gender", ~ Gender + Dept, plogis, rep(1, nrow(rows))))
}
V <- vcovCL(fit, cluster = rows$Dept, type = "HC0", cadjust = TRUE)
add("ucb_areas", "se", sqrt(V["GenderFemale", "GenderFemale"]))
V <- vcovHC(fit, type = "HC0")
add("ucb_rows", "se", sqrt(V["GenderFemale", "GenderFemale"]))

# 2. warpbreaks as a rate: breaks of wool at a tension, each row a loom, exposure made up (1 to 3)
w <- warpbreaks; w$base <- 1 + (seq_len(nrow(w)) - 1) %% 3
fit <- glm(breaks ~ wool + tension + offset(log(base)), poisson, w, control = tight)
add("warp", "coefficient", coef(fit)["woolB"]); add("warp", "se", sqrt(vcov(fit)["woolB", "woolB"]))
add("warp", "deviance", deviance(fit)); add("warp", "pearson", sum(residuals(fit, "pearson")^2) / df.residual(fit))
report("warp", margins(coef(fit), vcov(fit), w, "wool", ~ wool + tension, exp, w$base))
quasi <- summary(glm(breaks ~ wool + tension + offset(log(base)), quasipoisson, w, control = tight))
add("warp_quasi", "se", quasi$coefficients["woolB", "Std. Error"])
nb <- glm.nb(breaks ~ wool + tension + offset(log(base)), w, control = glm.control(epsilon = 1e-14, maxit = 200))
add("warp_nb", "coefficient", coef(nb)["woolB"]); add("warp_nb", "se", summary(nb)$coefficients["woolB", "Std. Error"])
add("warp_nb", "theta", nb$theta)
report("warp_nb", margins(coef(nb), summary(nb)$cov.unscaled, w, "wool", ~ wool + tension, exp, w$base))

# 3. Firth: infert (MASS/datasets: 248 women) with its counts as factors; and the same with a level emptied of events
inf <- infert
inf$group <- factor(ifelse(inf$spontaneous == 0, "a", ifelse(inf$spontaneous == 1, "b", "c")))
inf$ind <- factor(inf$induced); inf$par <- factor(pmin(inf$parity, 4))
profile <- function(X, y, column, level) { # limits of the profile of the penalised likelihood, by brute force
  value <- function(b) { p <- plogis(drop(X %*% b)); w <- p * (1 - p)
    sum(y * log(p) + (1 - y) * log1p(-p)) + 0.5 * determinant(crossprod(X * sqrt(w)))$modulus[1] }
  slope <- function(b) { p <- plogis(drop(X %*% b)); w <- p * (1 - p); Z <- X * sqrt(w)
    h <- rowSums((Z %*% solve(crossprod(Z))) * Z); drop(crossprod(X, y - p + h * (0.5 - p))) }
  top <- optim(rep(0, ncol(X)), value, slope, method = "BFGS", control = list(fnscale = -1, reltol = 1e-16, maxit = 5000))
  fall <- function(v) { rest <- top$par[-column]
    put <- function(r) { b <- numeric(ncol(X)); b[column] <- v; b[-column] <- r; b }
    best <- optim(rest, function(r) value(put(r)), function(r) slope(put(r))[-column], method = "BFGS",
                  control = list(fnscale = -1, reltol = 1e-16, maxit = 5000))
    2 * (top$value - best$value) }
  goal <- qchisq(level, 1)
  end <- function(sign) uniroot(function(d) fall(top$par[column] + sign * d) - goal, c(1e-3, 8), tol = 1e-11)$root
  c(top$par[column] - end(-1), top$par[column] + end(1), fall(0))
}
for (case in c("firth", "firth_separated")) {
  d <- inf
  if (case == "firth_separated") d$case[d$group == "b"] <- 0
  fit <- glm(case ~ group + ind + par, binomial, d, method = "brglmFit", type = "AS_mean",
             control = list(epsilon = 1e-13, maxit = 1000))
  for (g in c("b", "c")) {
    name <- paste0("group", g)
    add(case, paste0("coefficient_", g), coef(fit)[name]); add(case, paste0("se_", g), sqrt(vcov(fit)[name, name]))
    X <- model.matrix(~ group + ind + par, d)
    ends <- profile(X, d$case, which(colnames(X) == name), 0.95)
    add(case, paste0("lower_", g), ends[1]); add(case, paste0("upper_", g), ends[2]); add(case, paste0("lr_", g), ends[3])
  }
}
# Firth for rates: warpbreaks, few events: one for every whole dozen of breaks
w$few <- w$breaks %/% 12
fit <- glm(few ~ wool + tension + offset(log(base)), poisson, w, method = "brglmFit", type = "AS_mean",
           control = list(epsilon = 1e-13, maxit = 1000))
add("firth_rate", "coefficient", coef(fit)["woolB"]); add("firth_rate", "se", sqrt(vcov(fit)["woolB", "woolB"]))
# the data themselves, so that the tests need no R: events and base of each pattern
data <- function(case, keys, events, base) {
  name <- do.call(paste, c(lapply(keys, as.character), sep = "/"))
  for (i in seq_along(name)) { add(paste0(case, "_events"), name[i], events[i]); add(paste0(case, "_base"), name[i], base[i]) }
}
data("ucb", wide[c("Gender", "Dept")], wide$yes, wide$yes + wide$no)
loom <- sprintf("%02d", seq_len(nrow(w)))
data("warp", list(w$wool, w$tension, loom), w$breaks, w$base)
data("warp_few", list(w$wool, w$tension, loom), w$few, w$base)
both <- aggregate(cbind(case, 1) ~ group + ind + par, inf, sum)
data("infert", both[c("group", "ind", "par")], both[[4]], both[[5]])
write.csv(out, stdout(), row.names = FALSE, quote = FALSE)
