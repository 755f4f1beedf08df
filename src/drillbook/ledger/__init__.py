"""What lies in the git remote for all engineers: claims of changes, locks of items, and the log of runs."""
