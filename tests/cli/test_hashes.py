"""What results record of files and tensors, and what becomes of digests of earlier versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from lmctool.checkpoint import file_sums, open_checkpoint
from lmctool.results.file import read, write
from lmctool.results.provenance import GROUP, Provenance
from lmctool.results.provenance_diff import causes
from lmctool.run.identity import in_words_of
from lmctool.testing import invoke

if TYPE_CHECKING:
    from lmctool.results.result import Attribute, Result


@pytest.fixture(autouse=True)
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two checkpoints into the current folder."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate("ab"):
        numbers = torch.Generator().manual_seed(seed)
        save_file({"w": torch.randn(5, 3, generator=numbers)}, f"{name}.safetensors")


def distance(*words: str) -> Result:
    done = invoke(
        "distance", "a.safetensors", "b.safetensors", *words, "-o", "r.h5", "--force", "-q"
    )
    assert done.exit_code == 0, done.output
    return read(Path("r.h5"))


def told(result: Result, **changes: Attribute) -> Result:
    """Return a result with other attributes of its provenance; None takes one out."""
    group = result.groups[GROUP]
    new = {key.replace("__", "."): value for key, value in changes.items()}
    attributes = {k: v for k, v in {**group.attributes, **new}.items() if v != ""}
    return replace(result, groups={**result.groups, GROUP: replace(group, attributes=attributes)})


def earlier(result: Result) -> Result:
    """Return a result as an earlier version told its checkpoints."""
    a, b = (open_checkpoint(Path(f"{name}.safetensors")).earlier_digest for name in "ab")
    return told(result, checkpoint__0__digest=a, checkpoint__1__digest=b)


def test_without_a_hash_the_record_has_the_digest_of_the_tensors_alone() -> None:
    record = Provenance.of(distance("--no-hash")).checkpoints["0"]
    assert (record.sha256, record.sha256_from) == (None, "skipped")
    assert record.digest == open_checkpoint(Path("a.safetensors")).digest


def test_a_sum_of_the_cache_is_said_to_be_and_no_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_sums, "SETTLED", -3_600_000_000_000)
    results = [distance(), distance(), distance("--no-cache")]
    records = [Provenance.of(result).checkpoints["0"] for result in results]
    assert [record.sha256_from for record in records] == ["file", "cache", "file"]
    assert len({record.sha256 for record in records}) == 1
    assert causes(results[0], results[1]) == []


def test_rerun_knows_the_digests_of_earlier_versions_again() -> None:
    write(earlier(distance()), Path("old.h5"))
    done = invoke("rerun", "old.h5", "-q")
    assert done.exit_code == 0, done.output
    assert "Inputs, versions and settings are the same" in done.stdout
    save_file({"w": torch.ones(5, 3)}, "b.safetensors")
    done = invoke("rerun", "old.h5", "-q")
    assert done.exit_code == 3, done.output
    assert "checkpoint.1.digest" in done.stdout
    assert "checkpoint.0.digest" not in done.stdout


def test_digests_of_two_versions_are_told_apart_only_where_nothing_tells_the_files() -> None:
    result = distance()
    assert causes(earlier(result), result) == []
    unsummed = told(earlier(result), checkpoint__0__sha256="")
    (cause,) = causes(unsummed, result)
    assert cause.name == "checkpoint.0.digest"
    assert "by sha256, which tells nothing of the other" in cause.one
    assert "by blake3" in cause.other


def test_resuming_names_no_checkpoint_for_its_digest_s_algorithm() -> None:
    class Opened:
        checkpoints = (open_checkpoint(Path("a.safetensors")),)

    now = {"checkpoint.0.digest": f'"{Opened.checkpoints[0].digest}"'}
    then = {"checkpoint.0.digest": f'"{Opened.checkpoints[0].earlier_digest}"'}
    other = {"checkpoint.0.digest": f'"{"0" * 64}"'}
    assert in_words_of(then, now, Opened) == then  # type: ignore[arg-type]
    assert in_words_of(other, now, Opened) == now  # type: ignore[arg-type]
    assert in_words_of({}, now, Opened) == now  # type: ignore[arg-type]
