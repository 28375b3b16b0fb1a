"""Files of named arrays: which there are, and their examples, whole or in pieces."""
