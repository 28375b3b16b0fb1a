"""Results: their types, their file, and what is read from them."""
