"""Models of many families, each permuted by what was derived for it, and proved.

``python -m benchmarks.zoo`` runs them; ``--markdown docs/architectures.md`` writes the table.
"""
