"""One run of one analysis: its inputs, what it may ask for, and the record of it."""
