"""The built-in analyses: ``lmctool NAME``; one module or package each."""
