"""Measuring a network while it trains, against a twin."""
