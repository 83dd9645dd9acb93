"""Measures of disparity: tidy counts in, rows of the results table out."""
