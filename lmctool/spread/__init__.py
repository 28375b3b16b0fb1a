"""One run on several workers: what travels to them, who did what, and what is left."""
