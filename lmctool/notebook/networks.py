"""Networks that Python code asks for: that of a checkpoint, as a module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.plugin.settings import Naming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn


def load_model(
    path: str | Path,
    *,
    model: str | None = None,
    model_arg: Mapping[str, Any] | None = None,
    key: str | None = None,
    strip: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
    trust_config: bool = False,
) -> nn.Module:
    """Return the module that a checkpoint belongs to, with its weights, in evaluation mode.

    The model is found as a command finds it: by ``model``, ``$LMCTOOL_MODEL``, lmctool.toml, the
    folder's config.json, the file's metadata, or the names and shapes of its tensors.  Tensors keep
    the dtype that they are stored in, ties are those of the model, and parameters take gradients.

    Args:
        path: whatever a command takes as a checkpoint.
        model: the model, in the words of ``--model``.
        model_arg: arguments of the model, by name.
        key: which state dict of a PyTorch file, as ``--key``.
        strip: prefixes that are taken off names.
        rename: what stands in the place of names, or of how they begin.
        ignore: patterns of names that are left out.
        trust_config: whether lmctool.toml of the current folder may name code.

    Raises:
        LmctoolError: it cannot be read, its model is not known or does not fit, tied tensors
            differ, or a dtype is one that torch cannot compute in (float8, complex).
        UnjudgedError: a tensor holds NaN or infinite values.
    """
    from lmctool import config
    from lmctool.checkpoint.checkpoint import open_checkpoints
    from lmctool.evaluate.surroundings import as_on_a_command_line
    from lmctool.evaluate.switches import kept
    from lmctool.graph.module import adopt
    from lmctool.model.build import described
    from lmctool.model.fit import fitted
    from lmctool.model.resolve import resolve_model
    from lmctool.model.tied import once

    named = naming(key, strip, rename or {}, ignore)
    standing = config.load(trusted=trust_config)
    with as_on_a_command_line(), kept():  # what makes a model may set switches of torch
        (checkpoint,) = open_checkpoints([Path(path)], named)
        found = resolve_model(checkpoint, spec=model, arguments=model_arg or {}, config=standing)
        whole = fitted(checkpoint, found.module, described(found.spec, found.arguments))
        tensors = {name: whole.tensor(name, finite=True) for name in whole.names}
        adopt(found.module, once(tensors, found.module))
    for parameter in found.module.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    return found.module


def naming(
    key: str | None, strip: Sequence[str], rename: Mapping[str, str], ignore: Sequence[str]
) -> Naming:
    """Return how tensors are called, as the options of commands say it."""
    prefixes, patterns = ((each,) if isinstance(each, str) else each for each in (strip, ignore))
    return Naming(key, tuple(prefixes), tuple(rename.items()), tuple(patterns))
