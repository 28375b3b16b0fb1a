"""Provenance as a record, and its stored form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmctool.results.provenance import Provenance
from lmctool.results.provenance_records import (
    CheckpointRecord,
    ChoiceRecord,
    CodeRecord,
    DataRecord,
    FileRecord,
    ModelRecord,
    ResultRecord,
    SeriesRecord,
    SplitRecord,
)
from lmctool.results.result import Result

if TYPE_CHECKING:
    from lmctool.results.result import Attribute

WHOLE = Provenance(
    command="lmctool barrier a b",
    options={"points": 5, "also": ["c"]},
    started="2026-01-31T12:00:00Z",
    finished="2026-01-31T12:01:00Z",
    key="01",
    probe=["0x1.8p+0"],
    code={"lmctool": CodeRecord("lmctool", "cf"), "my.net": CodeRecord("my/net.py", "df")},
    environment={"versions.torch": "2.9", "plugins.lmctool": "0.1.0", "platform.system": "Linux"},
    checkpoints={
        "0": CheckpointRecord("a", "1f", "cache", "2f"),
        "1": CheckpointRecord("b", "3f", None, "4f"),
    },
    series={"0": SeriesRecord("runs", [0, 40])},
    results={"0": ResultRecord("el2n.h5", "5f")},
    spec=FileRecord("spec.toml", "6f"),
    apply=FileRecord("align.h5", "7f"),
    example=DataRecord("3x3x32x32", "--input"),
    data=DataRecord(
        "digits", "metadata", "embedded", ["classes count from 1"], ["no", "yes"], "made grey"
    ),
    splits={"test": SplitRecord("8f", 40, 449), "a.b": SplitRecord("9f", 1, 2)},
    calibration=SplitRecord("af", 100, 1348),
    model=ModelRecord("mlp", {"width": 8}, "metadata", "ef"),
    aligner=ChoiceRecord("weight", {"restarts": 3}),
    correction=ChoiceRecord("repair", {"targets": "both"}),
    settings={"seed": 0, "task": "classification", "calibration.split": "train"},
)
STORED: dict[str, Attribute] = {
    "command": "lmctool barrier a b",
    "options": '{"points": 5, "also": ["c"]}',
    "started": "2026-01-31T12:00:00Z",
    "finished": "2026-01-31T12:01:00Z",
    "key": "01",
    "probe": ["0x1.8p+0"],
    "code.lmctool.path": "lmctool",
    "code.lmctool.sha256": "cf",
    "code.my.net.path": "my/net.py",
    "code.my.net.sha256": "df",
    "versions.torch": "2.9",
    "plugins.lmctool": "0.1.0",
    "platform.system": "Linux",
    "checkpoint.0.path": "a",
    "checkpoint.0.sha256": "1f",
    "checkpoint.0.sha256_from": "cache",
    "checkpoint.0.digest": "2f",
    "checkpoint.1.path": "b",
    "checkpoint.1.sha256": "3f",
    "checkpoint.1.digest": "4f",
    "series.0.path": "runs",
    "series.0.steps": [0, 40],
    "result.0.path": "el2n.h5",
    "result.0.sha256": "5f",
    "spec": "spec.toml",
    "spec.sha256": "6f",
    "apply": "align.h5",
    "apply.sha256": "7f",
    "example": "3x3x32x32",
    "example.origin": "--input",
    "data": "digits",
    "data.origin": "metadata",
    "data.source": "embedded",
    "data.read_as": ["classes count from 1"],
    "data.class_names": ["no", "yes"],
    "data.images": "made grey",
    "split.test.digest": "8f",
    "split.test.examples": 40,
    "split.test.of": 449,
    "split.a.b.digest": "9f",
    "split.a.b.examples": 1,
    "split.a.b.of": 2,
    "calibration.digest": "af",
    "calibration.examples": 100,
    "calibration.of": 1348,
    "model": "mlp",
    "model.arguments": '{"width": 8}',
    "model.origin": "metadata",
    "model.graph": "ef",
    "aligner": "weight",
    "aligner.options": '{"restarts": 3}',
    "correction": "repair",
    "correction.options": '{"targets": "both"}',
    "seed": 0,
    "task": "classification",
    "calibration.split": "train",
}


def test_it_is_stored_under_the_keys_of_version_0_1_0() -> None:
    assert WHOLE.attributes() == STORED


def test_what_is_stored_is_read_back() -> None:
    assert Provenance.read(STORED) == WHOLE


def test_a_result_without_provenance_has_an_empty_one() -> None:
    assert Provenance.of(Result("x", {})) == Provenance()
    assert Provenance().attributes() == {}


def test_unknown_keys_are_settings() -> None:
    assert Provenance.read({"colour": "red", "split.of": 3}).settings == {
        "colour": "red",
        "split.of": 3,
    }


@pytest.mark.parametrize("options", ["[" * 100_000, "{", "[1]", "7", 7])
def test_options_that_are_no_table_stay_what_they_are(options: str | int) -> None:
    provenance = Provenance.read({"options": options})
    assert provenance.options is None
    assert provenance.settings == {"options": options}
    assert provenance.attributes() == {"options": options}


def test_options_are_entries_by_themselves() -> None:
    entries = WHOLE.option_entries()
    assert [(entry.key, entry.text) for entry in entries] == [
        ("options.points", "5"),
        ("options.also", '["c"]'),
    ]


def test_paths_are_those_that_the_command_names() -> None:
    assert WHOLE.paths() == ["a", "b", "runs", "el2n.h5"]


VALUES = st.one_of(
    st.text(max_size=9), st.integers(), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2).map(json.dumps),
)  # fmt: skip
KEYS = st.one_of(st.sampled_from(sorted(STORED)), st.text(".0acdehilopst", max_size=9))


@given(st.dictionaries(KEYS, VALUES, max_size=12))
def test_no_attribute_of_any_file_is_lost(attributes: dict[str, Attribute]) -> None:
    assert Provenance.read(attributes).attributes() == attributes
