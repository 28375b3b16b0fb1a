"""Curves along a path: where they are measured, their barriers, their shapes."""
