"""Files that a command reads: what they must be, and that nothing is written over them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lmctool.errors import LmctoolError
from lmctool.files.input_files import check_input, inputs_noted, is_input, note_input, refuse_inputs
from lmctool.files.publish import publish, publish_folder, refuse_existing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file."""
    path = tmp_path / "input"
    path.write_text("mine")
    return path


def test_a_link_to_an_input_is_the_input(path: Path, tmp_path: Path) -> None:
    (tmp_path / "hard").hardlink_to(path)
    (tmp_path / "soft").symlink_to(path)
    with inputs_noted():
        check_input(path, "it")
        for name in ("input", "hard", "soft", "../" + tmp_path.name + "/input"):
            assert is_input(tmp_path / name)
            for force in (True, False):
                with pytest.raises(LmctoolError, match="is an input of this very command"):
                    refuse_existing([tmp_path / name], force)


def test_what_one_command_reads_another_may_replace(path: Path) -> None:
    with inputs_noted():
        note_input(path)
        with inputs_noted():
            assert not is_input(path)
        assert is_input(path)
    assert not is_input(path)
    note_input(path)  # outside of a command
    refuse_inputs([path])


def test_what_is_first_read_while_an_output_is_made_is_kept(path: Path) -> None:
    with (
        inputs_noted(),
        pytest.raises(LmctoolError, match="is an input"),
        publish(path, force=True) as draft,
    ):
        draft.write_text("new")
        check_input(path, "it")
    assert path.read_text() == "mine"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_with_an_input_is_kept(path: Path) -> None:
    with inputs_noted():
        note_input(path)
        with (
            pytest.raises(LmctoolError, match="is an input"),
            publish_folder(path.parent, ["input"], force=True),
        ):
            pytest.fail("the body ran")


def test_two_outputs_of_one_place_are_refused(tmp_path: Path) -> None:
    places = [tmp_path / "x.json", tmp_path / ".." / tmp_path.name / "x.json"]
    with pytest.raises(LmctoolError, match="is named twice"):
        refuse_existing(places, force=False)


def test_what_is_no_regular_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # the path of a socket must be short
        server.bind("socket")
        kinds = {
            "pipe": "a named pipe",
            "socket": "a socket",
            "/dev/zero": "a device",
            ".": "a fol",
        }
        for name, kind in kinds.items():
            with pytest.raises(LmctoolError, match=f"^it cannot be read: it is {kind}"):
                check_input(tmp_path / name, "it")
    for name, told in {"none": "it does not exist", "x" * 300: "File name too long"}.items():
        with pytest.raises(LmctoolError, match=told):
            check_input(tmp_path / name, "it")
    with pytest.raises(LmctoolError, match="null"):
        check_input(Path("\0"), "it")
