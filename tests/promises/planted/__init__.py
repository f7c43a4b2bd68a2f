"""The faults, by group of promises."""
