"""What plugins are, how they are found, and what a user asks of one run."""
