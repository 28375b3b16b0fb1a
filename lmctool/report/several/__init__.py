"""One figure of several results: their curves, or else their metrics as bars."""
