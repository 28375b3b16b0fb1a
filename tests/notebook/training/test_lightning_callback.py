"""The callback of Lightning, in trainings of a few steps."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lmctool.plugin.library import import_library
from tests.libraries import needs
from tests.notebook.training.conftest import Net, example, made

if TYPE_CHECKING:
    from tests.notebook.training.conftest import Arrays

pytestmark = [
    needs("lightning"),
    pytest.mark.filterwarnings(
        "ignore:`isinstance:FutureWarning",  # Lightning asks torch's pytrees in an older way
        "ignore:The number of training batches:UserWarning",  # its advice on when to log
        "ignore:The `srun` command:UserWarning",  # and on machines that have Slurm
    ),
]


@pytest.fixture(autouse=True, scope="module")
def importable() -> None:
    """Let Lightning be imported where torchvision was built for another torch."""
    import_library("lightning", "test")


def module() -> Any:
    """Return a LightningModule of the network, and torch's random state at the same place."""
    import lightning.pytorch as pl

    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

        def training_step(self, batch: Any) -> torch.Tensor:
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), 0.02)

    state = made(0).state_dict()
    torch.manual_seed(7)
    new = Module()
    new.net.load_state_dict(state)
    return new


def loader(arrays: Arrays) -> DataLoader[Any]:
    """Return 6 batches of the arrays in random order."""
    return DataLoader(TensorDataset(*map(torch.from_numpy, arrays)), 10, shuffle=True)


def trained(arrays: Arrays, callbacks: list[Any], **options: Any) -> Any:
    """Train a network for 6 steps; return the LightningModule."""
    import lightning.pytorch as pl

    new = module()
    trainer = pl.Trainer(
        max_epochs=1,
        callbacks=callbacks,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"enable_checkpointing": False, "logger": False, **options},
    )
    trainer.fit(new, loader(arrays))
    return new


def callback(arrays: Arrays, twin: Any) -> Any:
    from lmctool.notebook.training.lightning_callback import LightningCallback

    return LightningCallback(twin, every=4, network="net", data=arrays, points=3)


def test_a_training_is_the_same_bit_for_bit_with_the_callback(arrays: Arrays) -> None:
    alone = trained(arrays, [])
    measured = callback(arrays, made(1))
    beside = trained(arrays, [measured])
    assert [*measured.history] == [0, 4, 6]
    for name, tensor in alone.state_dict().items():
        assert torch.equal(beside.state_dict()[name], tensor), name


def test_its_loggers_get_what_was_measured_at_each_step(arrays: Arrays) -> None:
    from lightning.pytorch.loggers import CSVLogger

    measured = callback(arrays, made(1))
    trained(arrays, [measured], logger=CSVLogger("logs", "", ""), accumulate_grad_batches=2)
    (path,) = Path("logs").rglob("metrics.csv")
    with path.open(encoding="utf-8") as file:
        rows = {int(row.pop("step")): row for row in csv.DictReader(file)}
    assert [*rows] == [*measured.history] == [0, 3]
    for step, found in measured.history.items():
        assert {name: float(text) for name, text in rows[step].items()} == pytest.approx(found)
    assert rows[0]["lmc/distance.l2"] != rows[3]["lmc/distance.l2"]


def test_the_twin_may_be_the_checkpoints_that_lightning_saved(arrays: Arrays) -> None:
    from lightning.pytorch.callbacks import ModelCheckpoint

    saving = ModelCheckpoint("twin", every_n_train_steps=2, save_top_k=-1, save_last=False)
    trained(arrays, [saving], enable_checkpointing=True)
    measured = callback(arrays, "twin")
    trained(arrays, [measured])
    twins = {step: found["lmc/twin_step"] for step, found in measured.history.items()}
    assert twins == {4: 4, 6: 6}
    for found in measured.history.values():  # the same training again
        assert found["lmc/distance.l2"] == found["lmc/barrier.loss"] == 0


@pytest.mark.filterwarnings("ignore::UserWarning")  # a plain Trainer's advice
def test_the_example_of_the_page_runs(arrays: Arrays) -> None:
    save_file(made(1).state_dict(), "twin-step1.safetensors")
    names = {"module": module(), "loader": loader(arrays), "x": arrays[0], "y": arrays[1]}
    exec(example("lightning").replace('"twin"', '"twin-*"'), names)
    assert [*names["callback"].history] == [2, 4, 6]


def test_only_the_first_process_measures(arrays: Arrays) -> None:
    class Rank:
        is_global_zero = False

    measured = callback(arrays, made(1))
    measured.on_train_start(Rank, made(0))
    measured.on_train_batch_end(Rank, made(0), None, None, 0)
    measured.on_train_end(Rank, made(0))
    assert measured.history == {}
