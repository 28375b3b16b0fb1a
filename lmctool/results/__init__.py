"""Results: the file they are kept in, and the forms they are read in."""
