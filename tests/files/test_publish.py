"""Publishing: all of a file, or nothing."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NoReturn

import pytest

from lmctool.errors import LmctoolError
from lmctool.files.publish import publish, refuse_existing


def test_a_file_appears_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    with publish(path, force=False) as draft:
        draft.write_text("text")
        assert not path.exists()
        assert (draft.parent, draft.suffix) == (path.parent, ".h5")
    assert path.read_text() == "text"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_a_failure_leaves_the_old_file(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "out.h5"
    path.write_text("old")
    with pytest.raises(failure), publish(path, force=True) as draft:
        draft.write_text("half")
        raise failure
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_replaced_by_force_only(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    path.write_text("old")
    message = f"^output '{path}' exists; choose another with -o, or pass --force$"
    with pytest.raises(LmctoolError, match=message), publish(path, force=False):
        pytest.fail("the body ran")
    with publish(path, force=True) as draft:
        draft.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse_link)
    path = tmp_path / "out.h5"
    with pytest.raises(LmctoolError, match="exists"), publish(path, force=False) as draft:
        draft.write_text("mine")
        path.write_text("theirs")
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def refuse_link(path: Path, target: Path) -> NoReturn:
    """Fail as on a filesystem without hard links."""
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_filesystem_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", refuse_link)
    with publish(tmp_path / "out.h5", force=False) as draft:
        draft.write_text("text")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["text"]


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    with (
        pytest.raises(LmctoolError, match="cannot be written: No space left on device"),
        publish(path, force=False),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match=r"folder '.*/no' of output .* create it"):
        refuse_existing([tmp_path / "no" / "out.h5"], force=True)


def test_an_unwritable_folder_is_told() -> None:
    with pytest.raises(LmctoolError, match="folder '/proc' cannot be written to"):
        refuse_existing([Path("/proc/out.h5")], force=False)  # where even root may not write


def test_a_device_is_never_replaced() -> None:
    with pytest.raises(LmctoolError, match="'/dev/null' is not a regular file"):
        refuse_existing([Path("/dev/null")], force=True)


def test_a_name_that_cannot_be_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(LmctoolError, match="cannot be written"),
        publish(tmp_path / ("x" * 300), force=False) as draft,
    ):
        pytest.fail(f"the body ran with {draft}")
