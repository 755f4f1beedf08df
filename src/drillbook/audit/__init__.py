"""What an auditor asks: who did what, when, why, and approved by whom; and how an entry came to be as it is."""
