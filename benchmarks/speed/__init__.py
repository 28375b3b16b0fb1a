"""How fast lmctool is, against the textbook procedure and against the bare forward loop."""
