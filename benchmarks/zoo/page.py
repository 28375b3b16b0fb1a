"""The page of the zoo, and the record of what was found that it is written from."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from benchmarks.zoo.table import markdown
from benchmarks.zoo.trial import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.zoo.entry import Entry

LIBRARIES = ("torch", "torchvision", "timm", "transformers")


def write(page: Path, entries: Mapping[str, Entry], found: Mapping[str, Outcome | str]) -> None:
    """Write the page, and beside it what was found; earlier outcomes of other models stay.

    They stay where the versions of the libraries are the same, and the catalogue has the model.
    """
    record = page.with_suffix(".json")
    versions = {library: version(library) for library in LIBRARIES}
    earlier = json.loads(record.read_text()) if record.exists() else {}
    kept = earlier.get("found", {}) if earlier.get("versions") == versions else {}
    table = {name: value for name, value in kept.items() if name in entries}
    table |= {n: o if isinstance(o, str) else o.record() for n, o in found.items()}
    record.write_text(json.dumps({"versions": versions, "found": table}, indent=1) + "\n")
    outcomes = {name: _outcome(value) for name, value in table.items()}
    page.write_text(markdown(entries, outcomes, versions))


def _outcome(value: Any) -> Outcome | str:
    return value if isinstance(value, str) else Outcome(**value)
