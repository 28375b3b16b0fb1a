"""Reports: tables and figures of results; they read a result only, never a model."""
