"""Models that other libraries define: ``--model LIBRARY:NAME``."""
