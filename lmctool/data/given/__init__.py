"""Data that somebody's code gives, as people have it in Python: taken at its word, and checked."""
