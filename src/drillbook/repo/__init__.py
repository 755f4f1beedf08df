"""A git repository taken as data: read by object, never checked out, and nothing of it is run."""
