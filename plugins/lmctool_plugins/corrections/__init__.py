"""The built-in corrections: ``--repair NAME``; one module or package each."""
