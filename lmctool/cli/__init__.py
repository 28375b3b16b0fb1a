"""The command line: one click group whose commands are the installed analyses."""

from lmctool.cli.group import main

__all__ = ["main"]
