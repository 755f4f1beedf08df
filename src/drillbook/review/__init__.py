"""What a pull request would bring, read as data by the base's engine, in words for whoever approves it."""
