"""When which drill is due, and what runs them then."""
