"""A network of the library that takes one tensor, and has the names of its files."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from lmctool.api import LmctoolError
from lmctool_plugins.models.transformers.in_files import as_in_files

STATES = ("last_hidden_state", "hidden_states", "attentions", "model_output")
"""How the names of outputs end that are stages on the way to the others."""
MOST = 1 << 28
"""The most values that a network may keep beside its weights, such as a table of positions."""


def classifying(kind: Any, config: Any) -> nn.Module:
    """Return a network in its initial state whose forward returns what its heads give.

    A network of an encoder and a decoder takes token ids for each; any other takes one tensor, as
    ``kind.main_input_name`` says: token ids, pixels or features.  One head's tensor is returned
    alone, those of several by name; without logits, hidden states are among them.

    Args:
        kind: a class of the library.
        config: its config.

    Raises:
        LmctoolError: the network keeps too many values beside its weights.
    """
    network: nn.Module = _answering(kind)(config)
    if sum(buffer.numel() for buffer in network.buffers()) > MOST:
        raise LmctoolError(
            f"model {kind.__name__!r} with this config keeps more than {MOST} values beside its"
            " weights"
        )
    _keep_unsaved(network)
    return as_in_files(network)


def _keep_unsaved(network: Any) -> None:
    """Take out of the state what the library leaves out of files, as it computes it itself."""
    for name in sorted(network._keys_to_ignore_on_save & network.state_dict().keys()):
        path, _, last = name.rpartition(".")
        part = network.get_submodule(path)
        tensor = part._parameters.pop(last)
        part.register_buffer(last, tensor.detach(), persistent=False)


def _answering(kind: Any) -> Any:
    """Return a subclass of a class of the library whose forward returns what its heads give."""
    if "decoder_input_ids" in inspect.signature(kind.forward).parameters:

        def forward(self: Any, inputs: Tensor, decoder_inputs: Tensor) -> Any:
            _refuse_other_inputs(self, inputs)
            arguments = {kind.main_input_name: inputs, "decoder_input_ids": decoder_inputs}
            return _answer(kind.forward(self, **arguments, return_dict=True))
    else:

        def forward(self: Any, inputs: Tensor) -> Any:  # type: ignore[misc]
            _refuse_other_inputs(self, inputs)
            return _answer(kind.forward(self, **{kind.main_input_name: inputs}, return_dict=True))

    # the library looks its tables up by the name and the module of a class
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    parts = {"forward": forward, "check_inputs": _refuse_unknown_tokens}
    return type(kind.__name__, (kind,), {**parts, **names})


def _answer(outputs: Any) -> Any:
    """Return the outputs of a network that are no stages of others, or its only one alone."""
    heads = dict(outputs)
    if any("logits" in name for name in heads):
        heads = {name: value for name, value in heads.items() if not name.endswith(STATES)}
    tensors = [value for value in heads.values() if isinstance(value, Tensor)]
    return tensors[0] if len(tensors) == len(heads) == 1 else heads


def _refuse_other_inputs(network: Any, ids: Tensor) -> None:
    """Refuse what a language model does not know, before a kernel fails on it.

    A GPU's tokens are not looked at, which would be a wait for each batch: ``check_inputs`` has
    seen those of a split before.

    Raises:
        LmctoolError: the ids aren't int64, a token is none of the vocabulary, or the sequences
            are longer than the positions that the config has.
    """
    if network.main_input_name != "input_ids":
        return
    if ids.dtype != torch.int64:
        raise LmctoolError(f"a language model needs token ids, not inputs of {ids.dtype}")
    positions = getattr(network.config, "max_position_embeddings", None)
    if isinstance(positions, int) and 0 < positions < ids.shape[1]:
        raise LmctoolError(
            f"model {type(network).__name__!r} knows {positions} positions, but the sequences have"
            f" {ids.shape[1]}; pass data of shorter ones, such as text:PATH?length={positions}"
        )
    if not torch.compiler.is_compiling() and ids.device.type != "cuda":
        _refuse_unknown_tokens(network, ids)


def _refuse_unknown_tokens(network: Any, ids: Tensor) -> None:
    """Refuse tokens that a language model does not know; waits for the device.

    Raises:
        LmctoolError: a token is none of the vocabulary.
    """
    if network.main_input_name != "input_ids" or ids.dtype != torch.int64 or not ids.numel():
        return
    known = network.get_input_embeddings().num_embeddings
    lowest, highest = torch.stack(ids.aminmax()).tolist()
    if lowest < 0 or highest >= known:
        raise LmctoolError(
            f"the data has token {lowest if lowest < 0 else highest} but the model knows"
            f" {known} tokens; is it trained on other data?"
        )
