"""CITATION.cff says of lmctool what pyproject.toml says, and cites the papers that are redone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REFERENCE = {"type", "title", "authors", "year", "journal", "conference", "identifiers", "url"}
"""Keys of a reference in version 1.2.0 of the format, of those that a paper needs."""


def test_the_software_is_the_one_that_is_built() -> None:
    assert CITATION["cff-version"] == "1.2.0" and CITATION["type"] == "software"
    assert {key: CITATION[key] for key in ("version", "license")} == {
        key: PROJECT[key] for key in ("version", "license")
    }
    assert CITATION["title"] == PROJECT["name"] and CITATION["message"]
    assert CITATION["authors"] == [{"name": "The lmctool developers"}]


def test_each_paper_that_is_redone_is_cited_with_its_authors() -> None:
    page = (ROOT / "docs/papers.md").read_text(encoding="utf-8")
    headings = sorted(re.findall(r"^## (.*)", page, re.MULTILINE))
    cited = {
        reference["authors"][0]["family-names"]: reference for reference in CITATION["references"]
    }
    assert len(headings) == len(cited)
    for heading, (_, reference) in zip(headings, sorted(cited.items()), strict=True):
        assert set(reference) <= REFERENCE and isinstance(reference["year"], int)
        names = [author["family-names"] for author in reference["authors"]]
        assert heading == f"{', '.join(names[:-1])} and {names[-1]}, {_short(reference['title'])}"


def test_arxiv_numbers_are_those_of_the_pages() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("docs/**/*.md"))
    numbers = [
        each["value"].removeprefix("arXiv:")
        for reference in CITATION["references"]
        for each in reference.get("identifiers", ())
    ]
    assert len(numbers) == 2
    assert all(f"https://arxiv.org/abs/{number}" in pages for number in numbers)


def _short(title: str) -> str:
    """Return a title without its subtitle, as headings have it."""
    return title.partition(":")[0]
