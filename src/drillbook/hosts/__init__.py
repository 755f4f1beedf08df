"""How hosts are reached: connections, what runs on them, and their power."""
