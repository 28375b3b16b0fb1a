"""What people are told of the linear groups of a model."""

from __future__ import annotations

from lmctool.symmetry.linear.describe import describe_linear
from tests.symmetry.linear.models import MODELS
from tests.symmetry.linear.test_derive import found


def test_the_table_has_each_group_and_notes_why_no_larger_one_acts() -> None:
    model = next(each for each in MODELS if each.name == "parallel_branches")
    table = describe_linear(found(model).spec, {"head": "first"})
    assert ("first", "orthogonal", "6, keeping ones", "11") in table.rows
    assert ("q[1]", "invertible", "4 in each of 2", "4") in table.rows
    assert any(note.startswith("up: gelu acts on each unit by itself") for note in table.notes)
    assert "2 norms folded into what reads them, 1 streams centred" in table.notes[-2]
    assert table.notes[-1] == "head is untied from first (lmctool convert --untie)"


def test_a_model_without_norms_has_nothing_to_fold() -> None:
    model = next(each for each in MODELS if each.name == "batch_norm_net")
    table = describe_linear(found(model).spec, {})
    assert {row[1] for row in table.rows} <= {"scale"}
    assert not any("canonical" in note for note in table.notes)
    assert any("batch_norm" in note for note in table.notes)
