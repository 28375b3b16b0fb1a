"""The tables of a permutation spec's TOML file, as ``spec_file`` describes them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lmctool.files.record import Record

Units = Annotated[int, Meta(ge=1, description="a size of 1 or more")]
Forms = Annotated[str, Meta(description="one text, with a comma between axes")]
Patterns = Annotated[list[str], Meta(description="a list of names or patterns in quotes")]


class InnerGroup(Record, frozen=True):
    """``{ size = 4, per = "heads" }``: a group under each unit of an outer one."""

    size: Units
    per: str | None = None


GroupSize = Annotated[
    Units | InnerGroup,
    Meta(description='a size of 1 or more, or { size = 4, per = "heads" }'),
]


class Rules(Record, frozen=True):
    """``[rules]``: which tensors stay, and which buffers may move."""

    fix: Patterns = msgspec.field(default_factory=list)
    move: Patterns = msgspec.field(default_factory=list)


class SpecTable(Record, frozen=True):
    """What a spec file may have."""

    version: Literal[1]
    mode: Literal["extend", "replace"]
    groups: dict[str, GroupSize] = msgspec.field(default_factory=dict)
    tensors: dict[str, Forms] = msgspec.field(default_factory=dict)
    rules: Rules = Rules()
