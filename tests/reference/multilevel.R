# Reference values for models with random intercepts: Rscript multilevel.R > multilevel.csv
# R 4.2.2, lme4 1.1-31, numDeriv. The deviance is lme4's own (glmer, nAGQ = 25); glmer's optimisers stop at about 1e-4,
# so its optimum is improved by Newton's method on that deviance. Limits and averages are written out from their
# definitions. strata: counts that were made up once, and are written down here.
suppressMessages({library(lme4); library(numDeriv)})
out <- data.frame()
add <- function(case, name, value) out <<- rbind(out, data.frame(case = case, name = name, value = sprintf("%.17g", value)))
tight <- glmerControl(tolPwrss = 1e-13, check.conv.grad = "ignore", check.conv.singular = "ignore")

fit <- function(case, formula, family, data, weights = NULL) {
  data$w__ <- if (is.null(weights)) rep(1, nrow(data)) else weights
  call <- list(formula, data = data, family = family, nAGQ = 25, control = tight)
  first <- suppressWarnings(do.call(glmer, call))
  dev <- suppressWarnings(do.call(glmer, c(call, devFunOnly = TRUE)))
  at <- c(getME(first, "theta"), fixef(first))
  if (at[1] > 1e-3) for (i in 1:5) at <- at - solve(hessian(dev, at), grad(dev, at))
  names(at) <- c("sd", names(fixef(first)))
  H <- hessian(dev, at) / 2
  V <- matrix(0, length(at), length(at))
  if (at[1] > 1e-3) V <- solve(H) else V[-1, -1] <- solve(H[-1, -1])
  add(case, "sd", if (at[1] > 1e-3) at[1] else 0)
  add(case, "glmer_sd", getME(first, "theta"))
  for (n in names(at)[-1]) { add(case, n, at[n]); add(case, paste0("se_", n), sqrt(V[which(names(at) == n), which(names(at) == n)])) }
  # the profile: coefficients at their best for each standard deviation
  last <- at[-1]
  best <- function(s, kind) {
    b <- last; f <- function(x) dev(c(s, x)); rest <- 1
    while (rest > 1e-6) { step <- solve(hessian(f, b), grad(f, b)); b <- b - step; rest <- max(abs(step)) }
    last <<- b
    if (kind == "plain") f(b) else f(b) + as.numeric(determinant(hessian(f, b) / 2)$modulus)
  }
  for (kind in c("plain", "adjusted")) {
    top <- optimize(function(s) best(s, kind), c(0, 2 * at[1] + 1), tol = 1e-6)
    if (best(0, kind) <= top$objective) top <- list(minimum = 0, objective = best(0, kind))
    goal <- top$objective + qchisq(0.95, 1)
    f <- function(s) best(s, kind) - goal
    add(case, paste0("lower_", kind), if (top$minimum == 0 || f(0) <= 0) 0 else uniroot(f, c(0, top$minimum), tol = 1e-7)$root)
    add(case, paste0("upper_", kind), uniroot(f, c(top$minimum, 4 * top$minimum + 3), tol = 1e-7)$root)
    drop <- best(0, kind) - top$objective
    add(case, paste0("p_", kind), if (top$minimum == 0) 1 else pchisq(max(drop, 0), 1, lower.tail = FALSE) / 2)
  }
  list(at = at, V = V)
}
# predictions averaged over the sample and over the distribution of areas, with the group set to each level
averages <- function(case, f, data, group, formula, inverse, weights) {
  levels <- levels(data[[group]])
  theta <- function(p) sapply(levels, function(l) {
    set <- data; set[[group]] <- factor(l, levels = levels)
    eta <- drop(model.matrix(formula, set) %*% p[-1])
    each <- tapply(weights, round(eta, 12), sum); at <- as.numeric(names(each))
    z <- seq(-9, 9, length.out = 1801) # the trapezium rule: exact to all figures for such a function
    sum(each * sapply(tapply(eta, round(eta, 12), mean), function(e) sum(inverse(e + p[1] * z) * dnorm(z)) * 0.01)) / sum(weights)
  })
  D <- jacobian(theta, f$at); value <- theta(f$at); C <- D %*% f$V %*% t(D)
  for (i in seq_along(levels)) { add(case, paste0("rate_", levels[i]), value[i]); add(case, paste0("rate_se_", levels[i]), sqrt(C[i, i])) }
  for (i in seq_along(levels)[-1]) {
    g <- c(1 / value[i], -1 / value[1])
    add(case, paste0("log_rri_", levels[i]), log(value[i] / value[1]))
    add(case, paste0("log_rri_se_", levels[i]), sqrt(drop(g %*% C[c(i, 1), c(i, 1)] %*% g)))
  }
}
data <- function(case, keys, events, base) {
  name <- do.call(paste, c(lapply(keys, as.character), sep = "/"))
  for (i in seq_along(name)) { add(paste0(case, "_events"), name[i], events[i]); add(paste0(case, "_base"), name[i], base[i]) }
}

# 1. contagious bovine pleuropneumonia in zebu herds (Lesnoff and others 2004): the example of lme4's help page
cbpp$rest <- cbpp$size - cbpp$incidence
f <- fit("cbpp", cbind(incidence, rest) ~ period + (1 | herd), binomial, cbpp)
averages("cbpp", f, cbpp, "period", ~ period, plogis, cbpp$size)
data("cbpp", cbpp[c("period", "herd")], cbpp$incidence, cbpp$size)
# 2. admissions to Berkeley by department (Bickel, Hammel and O'Connell 1975)
ucb <- reshape(as.data.frame(UCBAdmissions), idvar = c("Gender", "Dept"), timevar = "Admit", direction = "wide")
names(ucb)[3:4] <- c("yes", "no")
f <- fit("ucb", cbind(yes, no) ~ Gender + (1 | Dept), binomial, ucb)
averages("ucb", f, ucb, "Gender", ~ Gender, plogis, ucb$yes + ucb$no)
data("ucb", ucb[c("Gender", "Dept")], ucb$yes, ucb$yes + ucb$no)
# 3. strata that are made up: group x sex x age_band, as proportions and as rates
strata <- expand.grid(age_band = c("10-14", "15-17"), sex = c("F", "M"), group = c("White", "Asian", "Black", "Mixed"),
                      area = c("north", "south", "west"))
strata$base <- c(120, 90, 160, 140, 8, 14, 30, 22, 25, 31, 40, 18, 9, 12, 33, 27, 88, 102, 150, 95, 16, 7, 21, 19,
                 44, 36, 51, 60, 5, 11, 13, 17, 70, 64, 110, 131, 12, 20, 9, 15, 28, 24, 37, 46, 6, 10, 8, 23)
strata$yes <- c(30, 31, 62, 70, 0, 4, 9, 10, 9, 14, 22, 11, 1, 5, 9, 15, 18, 40, 49, 51, 2, 3, 6, 5,
                12, 17, 30, 29, 0, 5, 4, 11, 9, 22, 36, 60, 3, 5, 1, 8, 9, 6, 20, 31, 1, 4, 0, 12)
strata$additive <- strata$yes
strata$yes[c(12, 13, 17, 25, 36, 40, 42, 47)] <- c(16, 0, 35, 31, 44, 1, 19, 6)
strata$no <- strata$base - strata$yes; strata$exposure <- 20 * strata$base + 7; strata$row <- factor(seq_len(nrow(strata)))
data("strata", strata[c("group", "sex", "age_band", "area")], strata$yes, strata$base)
main <- ~ group + sex + age_band + area
shrunken <- function(case, f, formula, family) {
  eta <- drop(model.matrix(formula, strata) %*% f$at[-1]); s <- f$at[1]
  for (i in seq_len(nrow(strata))) {
    like <- function(u) (if (family == "binomial") dbinom(strata$yes[i], strata$base[i], plogis(eta[i] + u))
                         else dpois(strata$yes[i], strata$exposure[i] * exp(eta[i] + u))) * dnorm(u, 0, s)
    rate <- if (family == "binomial") plogis else exp
    over <- function(g) integrate(g, -8 * s, 8 * s, rel.tol = 1e-11, subdivisions = 1000)$value
    value <- over(function(u) like(u) * rate(eta[i] + u)) / over(like)
    add(case, paste(strata$group[i], strata$sex[i], strata$age_band[i], strata$area[i], sep = "/"), value)
  }
}
for (term in c("null", "main")) {
  rhs <- if (term == "null") ~ 1 else main
  f <- fit(paste0("strata_logit_", term), update(rhs, cbind(yes, no) ~ . + (1 | row)), binomial, strata)
  if (f$at[1] > 1e-3) shrunken(paste0("shrunken_logit_", term), f, rhs, "binomial")
  f <- fit(paste0("strata_poisson_", term), update(rhs, yes ~ . + offset(log(exposure)) + (1 | row)), poisson, strata)
  if (f$at[1] > 1e-3) shrunken(paste0("shrunken_poisson_", term), f, rhs, "poisson")
}
# 4. rates with random areas
of_areas <- transform(strata, area = paste0(area, sex))
of_areas$exposure <- of_areas$exposure * exp(c(-0.4, 0.3, 0, 0.5, -0.2, 0.1))[as.integer(factor(of_areas$area))]
f <- fit("area_poisson", additive ~ group + age_band + offset(log(exposure)) + (1 | area), poisson, of_areas)
averages("area_poisson", f, of_areas, "group", ~ group + age_band, exp, of_areas$exposure)
data("area_poisson", of_areas[c("group", "age_band", "area")], of_areas$additive, of_areas$exposure)
# 5. limits of the strata of the null model: the posterior of mean and standard deviation, flat, on a grid by brute force
first <- strata[strata$area == "north", ]
for (family in c("binomial", "poisson")) {
  n <- if (family == "binomial") first$base else first$exposure; y <- first$yes
  rate <- if (family == "binomial") plogis else exp
  centre <- if (family == "binomial") qlogis(sum(y) / sum(n)) else log(sum(y) / sum(n))
  theta <- centre + seq(-6, 6, length.out = 1201)
  like <- sapply(seq_along(y), function(i) if (family == "binomial") dbinom(y[i], n[i], rate(theta)) else dpois(y[i], n[i] * rate(theta)))
  mass <- matrix(0, length(theta), length(y)); total <- 0; squares <- 0
  for (s in seq(0.02, 3, by = 0.02)) for (b in centre + seq(-1.5, 1.5, by = 0.03)) {
    prior <- dnorm(theta, b, s); prior <- prior / sum(prior)
    joint <- like * prior; each <- colSums(joint); w <- prod(each / colMeans(like))
    total <- total + w; mass <- mass + w * sweep(joint, 2, each, "/")
  }
  for (i in seq_along(y)) {
    below <- cumsum(mass[, i]) / sum(mass[, i]) - mass[, i] / sum(mass[, i]) / 2
    limits <- rate(approx(below, theta, c(0.025, 0.975))$y)
    name <- paste(first$group[i], first$sex[i], first$age_band[i], sep = "/")
    add(paste0("limits_", family, "_lower"), name, limits[1]); add(paste0("limits_", family, "_upper"), name, limits[2])
  }
}
write.csv(out, stdout(), row.names = FALSE, quote = FALSE)
