"""Saved checkpoints: reading them lazily, and writing them whole."""

from lmctool.checkpoint.checkpoint import Checkpoint, open_checkpoint
from lmctool.checkpoint.writing import write_checkpoint

__all__ = ["Checkpoint", "open_checkpoint", "write_checkpoint"]
