"""The numbers that a figure of several results shows, as a table."""
