"""Provenance names the programs without importing them."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np

from lmctool.run.environment import command, environment, now


def test_the_environment_has_versions_and_platform() -> None:
    found = environment()
    assert found["versions.numpy"] == np.__version__
    assert found["versions.python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["plugins.lmctool"] == found["versions.lmctool"]
    assert all(isinstance(value, str) and value for value in found.values())


def test_the_environment_imports_nothing_heavy() -> None:
    code = (
        "import sys; from lmctool.run.environment import environment; environment();"
        "sys.exit(bool({'torch', 'h5py', 'scipy', 'safetensors'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_can_be_typed_again() -> None:
    assert command(["barrier", "my a.safetensors", "--align"]) == (
        "lmctool barrier 'my a.safetensors' --align"
    )


def test_the_time_is_utc() -> None:
    time = datetime.fromisoformat(now())
    assert time.utcoffset() == timedelta(0)
