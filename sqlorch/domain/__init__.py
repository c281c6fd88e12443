"""Pure values and rules: standard library and croniter, no clock, no I/O, no logging."""
