"""Modes that see every operation, and leave the compiler alone."""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode


class DispatchMode(TorchDispatchMode):
    """A ``TorchDispatchMode`` that is never met by compiled code.

    torch wraps the others for its compiler, which is imported as a whole when the first operation
    is seen, and takes longer than most runs.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Say that the compiler need not be told."""
        return False
