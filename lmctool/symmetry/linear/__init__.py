"""Linear maps beyond permutations that keep a model's function, and networks in canonical form."""
