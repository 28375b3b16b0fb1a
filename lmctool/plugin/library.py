"""Libraries that extras of lmctool install: importing one, and what one of models may be asked."""

from __future__ import annotations

import re
import sys
import warnings
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = {"cache_dir", "checkpoint_path"}
"""Arguments that name files."""
OPERATORS = "torchvision._meta_registrations"
"""The part of torchvision that describes its compiled operators to torch."""


def import_library(name: str, spec: str, kind: str = "model", extra: str = "") -> ModuleType:
    """Import a library.

    Args:
        name: the library.
        spec: what needs it, for the error, such as the model.
        kind: what that is.
        extra: what installs the library; by default the extra of the same name.

    Raises:
        LmctoolError: it isn't installed, or cannot be imported.
    """
    needs, extra = f"{kind} {spec!r} needs the {name} library", extra or name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind not in {"observer", "executor"}:  # none of theirs imports torchvision
                _mend_torchvision()
            return import_module(name)
    except ModuleNotFoundError as cause:
        if cause.name != name:
            raise _broken(extra, needs, cause) from cause
        raise LmctoolError(f"{needs}: pip install 'lmctool[{extra}]'") from cause
    except Exception as cause:  # whatever the library's own code raises
        raise _broken(extra, needs, cause) from cause


def _broken(extra: str, needs: str, cause: Exception) -> LmctoolError:
    return LmctoolError(
        f"{needs}, which cannot be imported: {type(cause).__name__}: {cause}; install it anew:"
        f" pip install 'lmctool[{extra}]'"
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


def library_model(spec: str) -> str:
    """Return NAME of ``LIBRARY:NAME``.

    Raises:
        LmctoolError: there is none, or it could name a file or a place on a hub.
    """
    library, _, name = spec.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
        raise LmctoolError(f"model {spec!r} must be {library}:NAME, with a name as in resnet18")
    return name


def may_load_files(name: str) -> bool:
    """Tell whether an argument of this name could make a library fetch or load a file."""
    return name in FILES or name.startswith(("pretrained", "use_pretrained", "weights"))


def refuse_file_arguments(spec: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that could make a library fetch or load a file.

    Raises:
        LmctoolError: there is such an argument.
    """
    for name in filter(may_load_files, arguments):
        raise LmctoolError(
            f"model {spec!r} takes no argument {name!r}: the weights come from the checkpoints"
        )
