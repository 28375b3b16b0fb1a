"""The callback of transformers' Trainer, in trainings of a few steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import nn

from tests.libraries import needs
from tests.notebook.training.conftest import Net, example, made

if TYPE_CHECKING:
    from tests.notebook.training.conftest import Arrays


pytestmark = needs("transformers", "accelerate")


class Trained(nn.Module):
    """The network as transformers calls it: with its labels, from which it takes the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.net(x)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def prepared(arrays: Arrays, **options: Any) -> dict[str, Any]:
    """Return a model, arguments for a training of 6 steps, and its examples."""
    from transformers import TrainingArguments

    model = Trained()
    model.net.load_state_dict(made(0).state_dict())
    arguments = TrainingArguments(
        per_device_train_batch_size=10,
        max_steps=6,
        logging_steps=2,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        **{"output_dir": "out", "save_strategy": "no", **options},
    )
    x, y = map(torch.from_numpy, arrays)
    rows = [{"x": one, "labels": label} for one, label in zip(x, y, strict=True)]
    return {"model": model, "arguments": arguments, "rows": rows}


def trained(arrays: Arrays, twin: Any = None, **options: Any) -> tuple[Any, Any]:
    """Train a network; return the trainer, and the callback if there is a twin."""
    from transformers import Trainer

    from lmctool.notebook.training.trainer_callback import TrainerCallback

    model, arguments, rows = prepared(arrays, **options).values()
    trainer = Trainer(model, arguments, train_dataset=rows)
    measured = None
    if twin is not None:
        measured = TrainerCallback(trainer, twin, every=4, network="net", data=arrays, points=3)
        trainer.add_callback(measured)
    trainer.train()
    return trainer, measured


def test_a_training_is_the_same_bit_for_bit_with_the_callback_and_logs_both(
    arrays: Arrays,
) -> None:
    alone, _ = trained(arrays)
    beside, measured = trained(arrays, made(1))
    for name, tensor in alone.model.state_dict().items():
        assert torch.equal(beside.model.state_dict()[name], tensor), name

    def losses(trainer: Any) -> list[tuple[int, float]]:
        return [(e["step"], e["loss"]) for e in trainer.state.log_history if "loss" in e]

    assert losses(alone) == losses(beside)
    assert [step for step, _ in losses(beside)] == [2, 4, 6]
    logged = {e["step"]: e for e in beside.state.log_history if "lmc/barrier.loss" in e}
    assert [*logged] == [*measured.history] == [0, 4, 6]
    for step, found in measured.history.items():
        assert found.items() <= logged[step].items()


def test_the_twin_may_be_the_checkpoints_that_it_saved(arrays: Arrays) -> None:
    trained(arrays, save_strategy="steps", save_steps=2, output_dir="twin")
    _, measured = trained(arrays, "twin")
    twins = {step: found["lmc/twin_step"] for step, found in measured.history.items()}
    assert twins == {4: 4, 6: 6}
    for found in measured.history.values():  # the same training again
        assert found["lmc/distance.l2"] == found["lmc/barrier.loss"] == 0


def test_the_example_of_the_page_runs(arrays: Arrays) -> None:
    save_file(made(1).state_dict(), "twin-step1.safetensors")
    names = {**prepared(arrays), "x": arrays[0], "y": arrays[1]}
    exec(example("transformers").replace('"twin"', '"twin-*"'), names)
    logged = [e["step"] for e in names["trainer"].state.log_history if "lmc/gain.error" in e]
    assert logged == [2, 4, 6]
