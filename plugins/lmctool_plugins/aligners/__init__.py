"""The built-in aligners: ``--align NAME``; one module or package each."""
