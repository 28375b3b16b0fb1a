"""What is left of runs that are killed."""
