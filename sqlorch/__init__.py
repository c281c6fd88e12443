"""sqlorch orchestrates dbt SQL models, interval by interval, with memory of what is done."""

__version__ = "0.1.0"
