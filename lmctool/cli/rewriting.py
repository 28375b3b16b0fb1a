"""Checkpoints rewritten as others of the same function, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from lmctool.cli.example_input import example_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lmctool.checkpoint import Checkpoint
    from lmctool.config import Config
    from lmctool.plugin.settings import InputShape, Naming

EXAMPLES = 8
"""Examples of data that a rewritten network is compared with itself on."""


@dataclass(frozen=True, slots=True)
class Rewriter:
    """Writes a checkpoint as another of the same function, proved; else it writes nothing.

    Attributes:
        wanted: what is to be done, by the fields of ``Rewriting``.
        model: the model that the user names.
        arguments: its arguments.
        data: data that gives examples.
        inputs: the shapes of inputs in their place.
        standing: the standing choices.
        note: tells the user something.
    """

    wanted: Mapping[str, bool]
    model: str | None
    arguments: Mapping[str, str]
    data: str | None
    inputs: tuple[InputShape, ...]
    standing: Config
    note: Callable[[str], None]

    def __call__(
        self, source: Path, target: Path, naming: Naming, force: bool = False
    ) -> tuple[str, ...]:
        """Rewrite a checkpoint.

        Args:
            source: whatever ``open_checkpoint`` takes.
            target: a .safetensors file, or a folder for a folder.
            naming: which of its tensors count, and what they are called from then on.
            force: replace an existing file.

        Returns:
            The dotted names of what was left out, because it is in no tensor of the state dict.

        Raises:
            LmctoolError: the checkpoint or its model cannot be read, or nothing can be done.
            UnjudgedError: it would be another function.
        """
        from lmctool.checkpoint import write_checkpoint
        from lmctool.checkpoint.checkpoint import open_checkpoints
        from lmctool.checkpoint.writing import folder_names
        from lmctool.files.publish import refuse_existing_folder
        from lmctool.model.resolve import resolve_model
        from lmctool.model.rewriting import Rewriting, rewritten

        (opened,) = open_checkpoints([source], naming)
        checkpoint = _as_named(opened, naming)
        if target.suffix != ".safetensors":
            refuse_existing_folder(target, folder_names(checkpoint), force)
        model = resolve_model(
            checkpoint, spec=self.model, arguments=self.arguments, config=self.standing
        )
        given = (checkpoint, model.module, self.data, self.inputs, self.standing)
        example = partial(example_input, *given, examples=EXAMPLES, err=True)
        network = rewritten(checkpoint, model, example, Rewriting(**self.wanted))
        done = "; ".join(network.done)
        write_checkpoint(
            target,
            network.weights,
            like=network.form,
            metadata={**network.metadata, "lmctool.made": f"convert: {done}"},
            files=network.files,
            force=force,
        )
        for sentence in network.left:
            self.note(sentence)
        rounded = f"; rounding changes outputs by {network.difference:.1g} of the greatest"
        self.note(done + (rounded if network.difference else ""))
        return checkpoint.left_out


def _as_named(checkpoint: Checkpoint, naming: Naming) -> Checkpoint:
    """Return a checkpoint whose tensors are stored by the names that the user gives them."""
    if not (naming.strip or naming.rename or naming.ignore):
        return checkpoint
    own = {name: replace(place, name=name) for name, place in checkpoint.own.items()}
    return replace(checkpoint, own=own, locations=own, dropped={})
