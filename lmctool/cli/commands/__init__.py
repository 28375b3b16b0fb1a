"""The host's own commands, one module each."""
