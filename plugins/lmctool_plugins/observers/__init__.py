"""Observers that come with lmctool."""
