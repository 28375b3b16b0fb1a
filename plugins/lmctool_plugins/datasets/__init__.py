"""The built-in data formats: ``--data NAME``; one module or package each."""
