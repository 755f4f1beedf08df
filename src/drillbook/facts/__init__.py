"""What the hosts say of themselves: read, recorded, never changed."""
