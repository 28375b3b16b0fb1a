"""Arithmetic on weights, and networks that are made of others."""
