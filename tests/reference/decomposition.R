# Reference values for the decomposition and the doubly robust comparison:
# Rscript tests/reference/decomposition.R > tests/reference/decomposition.csv
# carData::Arrests: 5,226 arrests in Toronto for possession of marijuana; was the person released with a summons?
# One logistic model with the group in it; every pair of a Black and a White person; every order of the adjusters.
# Standard errors by the infinitesimal jackknife: the derivative of every value by the weight of each cell.
suppressMessages(library(carData))
options(digits = 17)
out <- data.frame()
add <- function(case, name, value) out <<- rbind(out, data.frame(case = case, name = name, value = sprintf("%.17g", value)))

d <- Arrests
d$checks <- ifelse(d$checks >= 4, "4 or more", as.character(d$checks))
d$age <- cut(d$age, c(0, 17, 24, 200), labels = c("under 18", "18 to 24", "25 or over"))
d$y <- as.numeric(d$released == "Yes")
names <- c("age", "sex", "employed", "citizen", "checks")
for (n in names) d[[n]] <- factor(as.character(d[[n]]))
d$group <- factor(as.character(d$colour), levels = c("White", "Black"))
cells <- aggregate(cbind(y, n = 1) ~ group + age + sex + employed + citizen + checks, d, sum)
for (i in seq_len(nrow(cells))) {
  key <- paste(as.matrix(cells[i, c("group", names)]), collapse = "/")
  add("arrests_events", key, cells$y[i]); add("arrests_base", key, cells$n[i])
}

orders <- function(v) if (length(v) <= 1) list(v) else do.call(c, lapply(v, function(x) lapply(orders(setdiff(v, x)), function(r) c(x, r))))
all_orders <- orders(seq_along(names))
parts <- function(events, base) {
  fit <- suppressWarnings(glm(cbind(events, base - events) ~ group + age + sex + employed + citizen + checks, binomial,
    cbind(cells[, c("group", names)], events = events, base = base), control = glm.control(epsilon = 1e-14, maxit = 100)))
  terms <- predict(fit, type = "terms", terms = names)
  linear <- rowSums(terms)
  white <- cells$group == "White"; black <- !white
  # predict() centres every term: the constant is what is left of the linear predictor of any White cell
  start <- unname((predict(fit) - linear)[white][1])
  w <- base[black] / sum(base[black]); u <- base[white] / sum(base[white])
  value <- function(inside) {
    a <- rowSums(terms[black, inside, drop = FALSE]); b <- rowSums(terms[white, setdiff(seq_along(names), inside), drop = FALSE])
    if (length(inside) == length(names)) return(sum(w * plogis(start + a)))
    if (length(inside) == 0) return(sum(u * plogis(start + b)))
    drop(w %*% plogis(outer(a, b, "+") + start) %*% u)
  }
  known <- new.env()
  look <- function(inside) {
    key <- paste0("s", paste(sort(inside), collapse = "_"))
    if (is.null(known[[key]])) known[[key]] <- value(sort(inside))
    known[[key]]
  }
  share <- setNames(numeric(length(names)), names)
  for (o in all_orders) for (k in seq_along(o))
    share[o[k]] <- share[o[k]] + (look(o[seq_len(k)]) - look(o[seq_len(k - 1)])) / length(all_orders)
  explained <- look(seq_along(names)) - look(integer(0))
  gap <- sum(events[black]) / sum(base[black]) - sum(events[white]) / sum(base[white])
  c(share, explained = explained, unexplained = gap - explained, gap = gap)
}
found <- parts(cells$y, cells$n)
for (n in names(found)) add("arrests_parts", n, found[n])
variance <- 0
step <- 1e-3
for (i in seq_len(nrow(cells))) for (has in c(0, 1)) {
  count <- if (has) cells$y[i] else cells$n[i] - cells$y[i]
  if (count == 0) next
  moved <- function(by) { y <- cells$y; n <- cells$n; y[i] <- y[i] + has * by; n[i] <- n[i] + by; parts(y, n) }
  slope <- (moved(step) - moved(-step)) / (2 * step)
  variance <- variance + count * slope^2
}
for (n in names(found)) add("arrests_parts_se", n, sqrt(variance[n]))

# stratification: Black against White people in the same cell, weighted as the Black people who have such a cell
wide <- merge(cells[cells$group == "Black", ], cells[cells$group == "White", ], by = names, suffixes = c("_b", "_w"))
add("arrests_matched", "difference", sum(wide$n_b * (wide$y_b / wide$n_b - wide$y_w / wide$n_w)) / sum(wide$n_b))
add("arrests_matched", "share", sum(wide$n_b) / sum(cells$n[cells$group == "Black"]))
write.csv(out, stdout(), row.names = FALSE, quote = TRUE)
