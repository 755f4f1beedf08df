"""What the organisation runs, as validated and frozen data."""
