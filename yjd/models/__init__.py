"""Adjusted models. Empty for now: they read the cube's counts and write the same results table."""
