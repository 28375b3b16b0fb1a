"""The built-in model families: ``--model NAME``; one module or package each."""
