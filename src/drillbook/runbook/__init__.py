"""What to do in one situation, as validated and frozen data."""
