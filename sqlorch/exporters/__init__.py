"""Where results leave for dashboards: files that are swapped whole, tables that keep their types."""
