"""Signatures of people, made and checked by ssh-keygen: whose key, for what, and when it counts."""
