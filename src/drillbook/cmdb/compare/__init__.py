"""Entries of the CMDB compared: what differs field by field, what is one thing under two ids, and both in words."""
