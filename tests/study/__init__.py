"""Studies by repetition: too long for the default tests, run by name."""
