"""The callbacks as lmctool offers them."""

from __future__ import annotations

import sys

import pytest

import lmctool
from lmctool.errors import LmctoolError
from tests.libraries import needs


@needs("transformers")
def test_they_are_names_of_lmctool_and_not_listed() -> None:
    from lmctool.notebook.training.trainer_callback import TrainerCallback

    assert lmctool.TrainerCallback is TrainerCallback
    assert not {"LightningCallback", "TrainerCallback"} & set(dir(lmctool))


def test_without_its_library_a_callback_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lightning", None)
    monkeypatch.delitem(sys.modules, "lmctool.notebook.training.lightning_callback", raising=False)
    monkeypatch.delitem(vars(lmctool), "LightningCallback", raising=False)
    with pytest.raises(LmctoolError, match=r"needs the lightning library: pip install 'lmctool\["):
        lmctool.LightningCallback  # noqa: B018
