"""The history of a drill: its runs that count, their trend, and how they are drawn."""
