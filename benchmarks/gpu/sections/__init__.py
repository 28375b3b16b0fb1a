"""The sections of the script, each of which runs in a process of its own."""
