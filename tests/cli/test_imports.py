"""Imports: what they make is not looked through for garbage, in lmctool's own process alone."""

from __future__ import annotations

import gc
import subprocess
import sys

from lmctool.cli.imports import uncollected


def test_what_a_run_imports_is_left_out_of_collections() -> None:
    code = (
        "import gc; from lmctool.cli.imports import uncollected\n"
        "with uncollected():\n"
        "    assert not gc.isenabled()\n"
        "    kept = [[] for _ in range(1000)]\n"
        "assert gc.isenabled() and gc.get_freeze_count() > 1000\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_process_that_has_torch_already_is_left_alone() -> None:
    import torch  # noqa: F401

    before = gc.get_freeze_count()
    with uncollected():
        assert gc.isenabled()
    assert gc.get_freeze_count() == before


def test_collecting_goes_on_after_an_import_that_fails() -> None:
    code = (
        "import gc; from lmctool.cli.imports import uncollected\n"
        "try:\n"
        "    with uncollected():\n"
        "        import no_such_module\n"
        "except ImportError:\n"
        "    assert gc.isenabled()\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
