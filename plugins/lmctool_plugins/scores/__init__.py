"""The built-in scores: ``--score NAME``; one module each."""
