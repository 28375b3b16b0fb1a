"""Data: what formats there are, which one a spec means, and splits on the device."""
