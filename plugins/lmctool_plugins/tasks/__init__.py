"""The built-in tasks: ``--task NAME``; one module or package each."""
