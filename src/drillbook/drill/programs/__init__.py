"""Programs that run on the probe host, in processes of their own; data of the package, never imported."""
