"""Composition: the only room that names concrete adapters, one use of the program a module."""
