"""State dicts in memory: the same as in files, whatever holds their values."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lmctool.checkpoint import open_checkpoint, write_checkpoint
from lmctool.checkpoint.adapters import read_adapter
from lmctool.checkpoint.checkpoint import Checkpoint, open_checkpoints
from lmctool.checkpoint.memory import held
from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.plugin.given import GivenNetwork
from lmctool.plugin.settings import Naming

if TYPE_CHECKING:
    from collections.abc import Iterator

A = Path("A")
PARTS: tuple[tuple[int, int | None], ...] = ((0, None), (3, 11), (29, None), (40, 50))


def opened(content: Mapping[str, Any], **naming: Any) -> Checkpoint:
    return open_checkpoint(A, Naming(**naming), GivenNetwork(held(content)))


def every_dtype() -> dict[str, Tensor]:
    torch.manual_seed(0)
    values = torch.randn(6, 5)
    return {
        "double": values.double(),
        "single": values,
        "half": values.half(),
        "brain": values.bfloat16(),
        "tiny": values.to(torch.float8_e4m3fn),
        "whole": (values * 9).long(),
        "truth": values > 0,
        "complex": torch.complex(values, values),
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
    }


def test_it_has_the_digest_the_names_and_the_values_of_the_same_in_a_file(tmp_path: Path) -> None:
    tensors = {f"module._orig_mod.{name}": tensor for name, tensor in every_dtype().items()}
    save_file(tensors, tmp_path / "a.safetensors")
    file, memory = open_checkpoint(tmp_path / "a.safetensors"), opened(tensors)
    assert memory.digest == file.digest
    assert (memory.names, memory.shapes, memory.dtypes) == (file.names, file.shapes, file.dtypes)
    assert (memory.sha256, memory.files, memory.metadata, memory.config) == (None, (), {}, None)
    for name in file.names:
        assert torch.equal(memory.tensor(name), file.tensor(name))
        for start, stop in PARTS:
            assert (
                memory.mapped(name, start, stop).tolist() == file.mapped(name, start, stop).tolist()
            )
            pieces = (
                [block.tolist() for block in each.blocks(name, start, stop, 4)]
                for each in (memory, file)
            )
            assert next(pieces) == next(pieces)
    floats = {"complex": None, "tiny": None}
    kept = (
        memory.without(floats).weights(torch.float64),
        file.without(floats).weights(torch.float64),
    )
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[1])


def test_however_values_lie_in_memory_they_are_the_same() -> None:
    values = torch.arange(12.0).reshape(3, 4)
    spread = torch.zeros(6, 8)[::2, ::2].copy_(values)
    forms = [
        values,
        values.T.contiguous().T,
        spread,
        nn.Parameter(values),
        values.clone().requires_grad_() * 1,
        values.clone().share_memory_(),  # type: ignore[no-untyped-call]
        torch.complex(values, -values).conj().imag,
        values.as_subclass(Plain),
    ]
    digests = {opened({"w": form}).digest for form in forms}
    assert len(digests) == 1
    assert opened({"w": torch.ones(2, dtype=torch.float32).expand(3, 2)}).tensor("w").sum() == 6


class Plain(Tensor):
    """A subclass that keeps its values like any tensor."""


def test_nothing_that_is_done_to_either_reaches_the_other() -> None:
    values = torch.zeros(4)
    content = held({"w": values})
    checkpoint = open_checkpoint(A, given=GivenNetwork(content))
    values.fill_(1)
    checkpoint.tensor("w").fill_(2)
    checkpoint.mapped("w").fill_(3)
    next(checkpoint.blocks("w")).fill_(4)
    next(checkpoint.numbers("w", torch.float32)).fill_(5)
    checkpoint.weights()["w"].fill_(6)
    assert checkpoint.tensor("w").tolist() == [0, 0, 0, 0]


def test_tied_tensors_are_kept_once_and_read_under_each_name() -> None:
    layer = nn.Linear(3, 3)
    checkpoint = opened({"a": layer.weight, "b": layer.weight, "c": layer.weight.clone()})
    kept = [checkpoint.locations[name].tensor().data_ptr() for name in "abc"]
    assert len(set(kept)) == 3
    content = held({"a": layer.weight, "b": layer.weight, "c": layer.weight.T})
    assert content["a"].storage is content["b"].storage is not content["c"].storage


class Lazy(Mapping[str, Tensor]):
    """A state dict whose tensors are made when they are asked for, and forgotten."""

    def __getitem__(self, name: str) -> Tensor:
        return torch.full((1000,), float(name))

    def __iter__(self) -> Iterator[str]:
        return iter("123456789")

    def __len__(self) -> int:
        return 9


def test_memory_that_is_used_again_ties_nothing() -> None:
    checkpoint = opened(Lazy())
    assert [float(checkpoint.tensor(name).mean()) for name in checkpoint.names] == [*range(1, 10)]
    values = torch.complex(torch.ones(2), torch.ones(2))
    both = opened({"a": values, "b": values.conj(), "c": values.imag, "d": values.conj().imag})
    assert both.tensor("b").tolist() == values.conj().tolist()
    assert (both.tensor("c").tolist(), both.tensor("d").tolist()) == ([1, 1], [-1, -1])


def unreadable() -> list[tuple[Any, str]]:
    freed = torch.ones(2)
    freed.untyped_storage().resize_(0)
    return [
        (torch.eye(2).to_sparse(), "sparse"),
        (torch.eye(2).to_mkldnn(), "of the layout torch._mkldnn"),
        (torch.ones(2, device="meta"), "without values, on the device meta"),
        (freed, "without values, which its owner has freed"),
        (nn.LazyLinear(2).weight, "of a lazy layer that has seen no example"),
        (torch.zeros(2, dtype=torch.complex128), "of the dtype complex128"),
        (Elsewhere(torch.ones(2)), "of a class that keeps its values elsewhere"),
    ]


class Elsewhere(Tensor):
    """A tensor around another one, as DTensor and FakeTensor are."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> Elsewhere:
        return Tensor._make_wrapper_subclass(cls, inner.shape)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return args[0] if func is torch.ops.aten.detach.default else NotImplemented


def test_what_is_no_plain_array_is_told_in_one_sentence_if_it_is_asked_for() -> None:
    for tensor, what in unreadable():
        with pytest.raises(LmctoolError, match=f"tensor 'w' of 'A' is {what}, which no weights"):
            opened({"w": tensor})
        beside = opened({"net": {"v": torch.ones(2)}, "w": tensor}, key="net")
        assert beside.names == ("v",)


def test_what_no_arithmetic_can_be_done_on_names_the_network() -> None:
    with pytest.raises(UnjudgedError, match="tensor 'w' of 'A' holds 1 values that are NaN"):
        opened({"w": torch.tensor([1.0, torch.nan])}).weights()
    with pytest.raises(LmctoolError, match="tensor 'w' of 'A' is stored as C64"):
        opened({"w": torch.zeros(2, dtype=torch.complex64)}).weights()


def test_dictionaries_are_read_as_a_file_of_pytorch_with_this_content(tmp_path: Path) -> None:
    state = OrderedDict(w=torch.ones(2, 2), b=torch.zeros(2))
    steps = {"state": {0: {"momentum": torch.ones(9)}}, "param_groups": [{"lr": 0.1}]}
    contents: list[tuple[dict[str, Any], str | None]] = [
        ({"state_dict": state, "optimizer": steps, "epoch": 3}, None),
        ({"model": state, "ema": {**state, "n_averaged": torch.tensor(1)}}, "ema"),
        ({**state, "_extra_state": {"version": 1}, "fc._extra_state": None}, None),
        ({"net.w": torch.ones(2), "other.w": torch.ones(3)}, "net"),
        ({"model": state, "twin": state}, None),
        ({"epoch": 3}, None),
        ({**state}, "nowhere"),
    ]
    for content, key in contents:
        torch.save(content, tmp_path / "a.pt")
        told: list[tuple[Any, ...]] = []
        for path, given in ((tmp_path / "a.pt", None), (A, GivenNetwork(held(content)))):
            try:
                found = open_checkpoint(path, Naming(key=key), given)
                told.append((found.digest, found.names, found.left_out))
            except LmctoolError as error:
                told.append((str(error).replace(str(path), "IT"), type(error), ()))
        assert told[0] == told[1]


def test_options_on_names_say_the_same_of_all_that_is_opened(tmp_path: Path) -> None:
    save_file({"net.w": torch.ones(2), "head": torch.ones(1)}, tmp_path / "a.safetensors")
    given = {A: GivenNetwork(held({"net.w": torch.ones(2), "head": torch.ones(1)}))}
    naming = Naming(strip=("net",), rename=(("head", "out"),), ignore=("x*",))
    with pytest.raises(LmctoolError, match="--ignore 'x\\*' fits no tensor of any checkpoint"):
        open_checkpoints([tmp_path / "a.safetensors", A], naming, given)
    naming = Naming(strip=("net",), rename=(("head", "out"),))
    for each in open_checkpoints([tmp_path / "a.safetensors", A], naming, given):
        assert each.names == ("out", "w")


def test_a_folder_of_the_stand_ins_name_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    A.mkdir()
    (A / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 2}')
    state = {"x.lora_A.weight": torch.ones(2, 3), "x.lora_B.weight": torch.ones(3, 2)}
    checkpoint = opened(state)
    assert not checkpoint.is_folder
    with pytest.raises(LmctoolError, match=r"adapter 'A' has no adapter_config\.json"):
        read_adapter(checkpoint)


def test_a_checkpoint_is_written_like_one_in_memory(tmp_path: Path) -> None:
    state = {"module.w": torch.ones(2, dtype=torch.float16), "module.count": torch.tensor(3)}
    like = opened({**state, "n_averaged": torch.tensor(5)})
    weights = {"w": torch.full((2,), 2.0), "count": torch.tensor(3)}
    write_checkpoint(tmp_path / "new.safetensors", weights, like=like)
    written = open_checkpoint(tmp_path / "new.safetensors")
    assert set(written.stored) == {"module.w", "module.count", "n_averaged"}
    assert written.tensor("w").tolist() == [2, 2]
    assert written.dtypes["w"] == "F16"
    with pytest.raises(LmctoolError, match=r"must be a file whose name ends in \.safetensors"):
        write_checkpoint(tmp_path / "new", weights, like=like)
