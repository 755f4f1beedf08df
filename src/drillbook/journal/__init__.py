"""The append-only, hash-chained, durable record of one run."""
