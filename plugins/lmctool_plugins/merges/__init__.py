"""The built-in ways to merge networks: ``--method NAME``; one module or package each."""
