"""Sensors: what looks at one thing outside, once, in short, without side effects."""
