"""Which data is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.config import Config
from lmctool.data.resolve import Data, open_spec, resolve_data
from lmctool.errors import LmctoolError, PluginError
from lmctool.plugin import registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.plugin.kinds import Kind

FACTORY = """
from dataclasses import dataclass
import numpy as np
from lmctool.api import Dataset, Examples

@dataclass
class Made:
    x: int = 3

def data():
    return Dataset({"test": lambda: Examples(np.zeros((2, 1)), np.zeros(2, int))}, "made", 2)

def wrong():
    return 3

def failing():
    raise RuntimeError("no luck")
"""


def resolved(
    spec: str | None = None, stamps: tuple[str, ...] = (), config: Config | None = None
) -> Data:
    """Resolve with these sources."""
    metadata = [{"lmctool.data": stamp} for stamp in stamps]
    return resolve_data(spec=spec, metadata=metadata, config=config or Config())


def test_the_sources_come_in_their_order() -> None:
    everything = Config(environment_data="spiral", data="digits")
    assert resolved("digits", ("spiral",), everything).origin == "--data"
    found = resolved(None, ("digits",), everything)
    assert (found.origin, found.spec) == ("$LMCTOOL_DATASET", "spiral")
    assert resolved(None, ("spiral",), Config(data="digits")).origin == "lmctool.toml"
    assert resolved(None, ("digits", "digits")).origin == "metadata"


def test_no_data_at_all_is_told_with_the_registered_words() -> None:
    with pytest.raises(LmctoolError, match=r"no data named: pass --data.*registered: .*digits"):
        resolved()


def test_checkpoints_that_disagree_are_refused() -> None:
    with pytest.raises(LmctoolError, match="different data, 'digits' and 'spiral'"):
        resolved(None, ("digits", "spiral"))


@pytest.mark.parametrize("stamp", ["./evil.py:data", "os:getcwd", "arrays:/etc/passwd", "."])
def test_metadata_may_name_neither_path_nor_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stamp: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("open('victim', 'w').close()")
    with pytest.raises(LmctoolError, match="a file may name only registered words"):
        resolved(None, (stamp,))
    assert not (tmp_path / "victim").exists()


def test_a_factory_in_a_file_is_called(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    path.write_text(FACTORY)
    assert resolved(f"{path}:data").dataset.source == "made"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("wrong", "is 'int', which holds no examples; give a data set"),
        ("failing", "failed: RuntimeError: no luck"),
        ("absent", "has no function 'absent'"),
    ],
)
def test_a_factory_that_fails_is_told(tmp_path: Path, name: str, told: str) -> None:
    path = tmp_path / "made.py"
    path.write_text(FACTORY)
    with pytest.raises(LmctoolError, match=told):
        resolved(f"{path}:{name}")


def test_a_factory_of_a_package_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_package_of_data").mkdir()
    (tmp_path / "my_package_of_data" / "made.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    assert resolved("my_package_of_data.made:data").dataset.source == "made"


@pytest.mark.parametrize("spec", ["no_such_package.made:data", "./none.py:data"])
def test_code_that_is_not_there_is_told(spec: str) -> None:
    with pytest.raises(LmctoolError, match=r"no_such_package|none\.py"):
        resolved(spec)


def test_a_path_is_told_by_its_content(save_npz: Callable[..., Path]) -> None:
    path = save_npz(x=np.zeros((2, 3)), y=np.array([0, 1]))
    assert resolved(str(path)).dataset.source == str(path)
    assert resolved(f"arrays:{path}").dataset.source == str(path)


def test_an_idx_folder_alone_is_ambiguous(idx_folder: Path) -> None:
    with pytest.raises(LmctoolError) as caught:
        resolved(str(idx_folder))
    assert str(caught.value) == (
        f"'{idx_folder}' could be fashion-mnist, kmnist, mnist; say"
        f" fashion-mnist:{idx_folder} or kmnist:{idx_folder} or mnist:{idx_folder}"
    )


def test_a_path_that_nobody_can_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match=r"no registered format .* can read"):
        resolved(str(tmp_path))


def test_another_s_broken_format_does_not_stop_the_search(
    save_npz: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load = registry.load

    def loading(kind: Kind[Any], name: str) -> object:
        if name == "spiral":
            raise PluginError("dataset 'spiral' cannot be used")
        return load(kind, name)

    monkeypatch.setattr(registry, "load", loading)
    path = save_npz(x=np.zeros((2, 3)), y=np.array([0, 1]))
    assert resolved(str(path)).dataset.source == str(path)
    with pytest.raises(LmctoolError, match="'spiral' cannot be used"):
        resolved(str(tmp_path))


@pytest.mark.parametrize("spec", ["digitz", "fashon-mnist:/data"])
def test_an_unknown_word_is_told_with_the_registered_ones(spec: str) -> None:
    with pytest.raises(LmctoolError, match=f"no dataset is called '{spec}'.*registered: .*digits"):
        resolved(spec)


def test_a_word_is_looked_for_where_the_configuration_says(idx_folder: Path) -> None:
    named = Config(data_paths={"mnist": idx_folder})
    assert open_spec("mnist", named).dataset.source == str(idx_folder)
    (idx_folder.parent / "mnist").symlink_to(idx_folder)
    below = Config(data_folder=idx_folder.parent)
    assert open_spec("mnist", below).dataset.source == str(idx_folder.parent / "mnist")
    wrong = Config(data_paths={"mnist": idx_folder / "none"}, data_folder=idx_folder.parent)
    with pytest.raises(LmctoolError, match=r"there is no '.*none' of lmctool.toml"):
        open_spec("mnist", wrong)


def test_a_path_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match="data 'mnist' was not found: there is no"):
        resolved(f"mnist:{tmp_path}/none")
    with pytest.raises(LmctoolError, match="names no path"):
        resolved("mnist:")
