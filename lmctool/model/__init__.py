"""Models: the built-in families, and finding out which one a checkpoint belongs to."""
