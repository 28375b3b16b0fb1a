"""What lmctool does on a GPU: one script of at most eight minutes, which installs nothing."""
