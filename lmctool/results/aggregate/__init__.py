"""Averages over results: which may be averaged, their arrays side by side, what these sum up to."""
