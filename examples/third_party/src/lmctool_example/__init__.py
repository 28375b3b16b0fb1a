"""An example of plugins for lmctool."""
