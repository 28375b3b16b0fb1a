"""The default values of the options that all analyses share."""

from __future__ import annotations

from lmctool.plugin.settings import Settings

STANDARD = Settings(checkpoints=())
