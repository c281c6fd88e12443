"""``sqlorch.yml``, the environment and ``meta.sqlorch`` read into domain values; every refusal says where."""
