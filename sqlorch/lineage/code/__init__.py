"""What code a node is made by: a fingerprint, the text behind it, and what differs between two such texts.

A fingerprint is cheap and exact: any byte that may matter changes it. Whether a change is more than
formatting is decided when somebody asks, by :mod:`sqlorch.lineage.code.compare`, which alone needs sqlglot.
"""
