"""What ``import lmctool`` offers to Python code: a function for each analysis, and its result."""
