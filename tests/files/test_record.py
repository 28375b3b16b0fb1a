"""What a table is said to have wrong: the place, the value, and what there must be."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from lmctool.errors import LmctoolError
from lmctool.files.record import Record, as_record


class Shelf(Record, frozen=True):
    name: str
    wide_as: str | None = msgspec.field(name="wide-as", default=None)
    books: list[str] = msgspec.field(default_factory=list)


class Room(Record, frozen=True):
    kind: Literal["hall", "cellar"] = "hall"
    shelves: dict[str, Annotated[int | Shelf, Meta(description="a number or a shelf")]] = (
        msgspec.field(default_factory=dict)
    )
    shelf: list[Shelf] = msgspec.field(default_factory=list)
    notes: dict[str, Any] = msgspec.field(default_factory=dict)


class House(Record, frozen=True):
    version: Literal[1]
    room: Room = Room()


def sentence(**room: Any) -> str:
    with pytest.raises(LmctoolError) as caught:
        as_record({"version": 1, "room": room}, House, "file 'h'")
    return str(caught.value)


def test_a_table_that_fits_is_a_record() -> None:
    room = {"shelves": {"a": 3, "b": {"name": "x", "wide-as": "y"}}, "notes": {"any": [1, {}]}}
    house = as_record({"version": 1, "room": room}, House, "file 'h'")
    assert house.room.shelves == {"a": 3, "b": Shelf(name="x", wide_as="y")}
    assert (house.room.kind, house.room.shelf) == ("hall", [])


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        ({"kind": "hal"}, "'kind' in [room] of file 'h' is 'hal', but must be 'hall' or 'cellar'"),
        ({"kind": 3}, "'kind' in [room] of file 'h' is 3, but must be 'hall' or 'cellar'"),
        ({"knd": "hall"}, "[room] of file 'h' has an unknown key 'knd'; did you mean 'kind'? known:"
         " kind, notes, shelf, shelves"),
        ({"notes": 3}, "'notes' in [room] of file 'h' is 3, but must be a table"),
        ({"shelf": 3}, "'shelf' in [room] of file 'h' is 3, but must be a list"),
        ({"shelf": [{"name": "a"}, 3]}, "room.shelf 2 of file 'h' is 3, but must be a table"),
        ({"shelf": [{"name": True}]},
         "'name' in room.shelf 1 of file 'h' is True, but must be a text in quotes"),
        ({"shelf": [{}]}, "room.shelf 1 of file 'h' has no 'name', which must be a text in quotes"),
        ({"shelf": [{"name": "a", "wide_as": "b"}]}, "room.shelf 1 of file 'h' has an unknown key"
         " 'wide_as'; did you mean 'wide-as'? known: books, name, wide-as"),
        ({"shelf": [{"name": "a", "books": ["b", 1.5]}]},
         "room.shelf 1.books 2 of file 'h' is 1.5, but must be a text in quotes"),
        ({"shelves": {"a": 1, "b": "c"}},
         "'b' in [room.shelves] of file 'h' is 'c', but must be a number or a shelf"),
        ({"shelves": {"a": 1, "b c": {"name": 3}}},
         "'name' in [room.shelves.'b c'] of file 'h' is 3, but must be a text in quotes"),
        ({"kind": "x" * 500},
         "'kind' in [room] of file 'h' is 'xxxxxxxxxxxx...xxxxxxxxxxxxx', but must be 'hall' or"
         " 'cellar'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(room: dict[str, Any], expected: str) -> None:
    assert sentence(**room) == expected


@pytest.mark.parametrize(
    "key", ["x` - at `$.room", "x` - at `$.room.shelf[7]", "x` - at `$.none", "` - at `$[...]"]
)
def test_an_unknown_key_that_reads_like_a_place_is_named_where_it_is(key: str) -> None:
    with pytest.raises(LmctoolError) as caught:
        as_record({"version": 1, key: 1}, House, "file 'h'")
    assert str(caught.value).startswith(f"file 'h' has an unknown key {key!r};")
    assert sentence(**{key: 1}).startswith(f"[room] of file 'h' has an unknown key {key!r};")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["version", "room", "kind", "shelves", "shelf", "name"]) | st.text(), inner
    ),
    max_leaves=20,
)  # fmt: skip


@given(table=st.dictionaries(st.sampled_from(["version", "room"]) | st.text(), values))
def test_any_table_is_a_record_or_is_refused_in_one_sentence(table: dict[str, Any]) -> None:
    try:
        as_record({"version": 1, **table}, House, "file 'h'")
    except LmctoolError as error:
        assert "file 'h'" in str(error) and "\n" not in str(error)


def test_help_imports_no_msgspec() -> None:
    code = (
        "import sys\nfrom lmctool.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'msgspec' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
