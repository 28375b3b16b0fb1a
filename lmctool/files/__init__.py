"""Files: published whole or not at all, and read as what they are, untrusted."""
