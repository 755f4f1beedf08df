"""Estates of other organisations: what a new one starts from, and how it is written."""
