"""Importing a library that an extra of lmctool installs."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from types import ModuleType

from lmctool.api import LmctoolError

OPERATORS = "torchvision._meta_registrations"
"""The part of torchvision that describes its compiled operators to torch."""


def library(name: str, spec: str) -> ModuleType:
    """Import a library.

    Args:
        name: the library, which is also the name of the extra.
        spec: the model that needs it, for the error.

    Raises:
        LmctoolError: it isn't installed, or cannot be imported.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _mend_torchvision()
            return import_module(name)
    except ModuleNotFoundError as cause:
        if cause.name != name:
            raise _broken(name, spec, cause) from cause
        raise LmctoolError(
            f"model {spec!r} needs the {name} library: pip install 'lmctool[{name}]'"
        ) from cause
    except Exception as cause:  # whatever the library's own code raises
        raise _broken(name, spec, cause) from cause


def _broken(name: str, spec: str, cause: Exception) -> LmctoolError:
    return LmctoolError(
        f"model {spec!r} needs the {name} library, which cannot be imported:"
        f" {type(cause).__name__}: {cause}; install it anew: pip install 'lmctool[{name}]'"
    )


def _mend_torchvision() -> None:
    """Let torchvision be imported where its compiled operators were built for another torch.

    Its wheel beside a torch for the CPU is such a pair, and timm and transformers import
    torchvision where it is installed.  Only describing the operators to torch fails; they are of
    object detection, and no network that puts out logits has one.
    """
    try:
        import_module("torchvision")
    except ImportError:
        return
    except RuntimeError:  # operator torchvision::nms does not exist
        sys.modules[OPERATORS] = ModuleType(OPERATORS)
