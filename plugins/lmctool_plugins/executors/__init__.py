"""The built-in executors: ``--executor NAME[:ARGUMENTS]``; one module or package each."""
