"""The public surface for plugins."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lmctool import api


def test_all_is_sorted_and_has_a_home_for_each_name() -> None:
    assert list(api.__all__) == sorted(api.__all__)
    assert set(api.__all__) == set(api._HOMES)


@pytest.mark.parametrize("name", api.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(api, name)
    if name not in {"Weights", "hookimpl"}:  # a mapping type, and pluggy's marker
        assert value.__doc__


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"'lmctool.api' has no attribute 'torch'"):
        _ = api.torch


def test_importing_the_surface_is_light() -> None:
    code = (
        "import sys; from lmctool.api import Analysis, Group, Result, Table, hookimpl;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'h5py', 'rich')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
