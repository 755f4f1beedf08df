"""Effects on hosts: a permitted plan, step by step, with its journal ahead of it."""
