"""Figures within a page: their ids, links and words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

from lmctool.report.figure import inline
from lmctool.report.svg import embedded
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@pytest.fixture
def image(curved: Result) -> bytes:
    """A figure with clip paths, markers and an image."""

    def draw(result: Result, figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        left.plot(result.groups["curve"].variables["loss"].values[0, 0])
        right.imshow(np.eye(3))

    svg, _ = inline(curved, draw)
    return svg


def test_ids_are_unlike_those_of_another_figure_and_all_links_lead_to_one(image: bytes) -> None:
    first, second = (embedded(image, prefix, "title", "words") for prefix in ("f1-", "f2-"))
    ids = [re.findall(r' id="([^"]+)"', text) for text in (first, second)]
    assert not set(ids[0]) & set(ids[1])
    assert len(set(ids[0])) == len(ids[0])
    links = re.findall(r'(?:href="#|url\(#)([^")]+)', first)
    assert links
    assert set(links) <= set(ids[0])


def test_it_is_an_image_with_a_title_and_a_description(image: bytes) -> None:
    root = ElementTree.fromstring(embedded(image, "f-", "a <b>", "words & more"))
    assert root.get("role") == "img"
    words = {child.get("id"): child.text for child in root[:2]}
    assert list(words.values()) == ["a <b>", "words & more"]
    assert str(root.get("aria-labelledby")).split() == list(words)


def test_it_refers_to_nothing_outside(image: bytes) -> None:
    text = embedded(image, "f-", "title", "words")
    assert "<style" not in text
    assert "metadata" not in text
    assert re.findall(r"https?://[^\"\s]+", text) == ["http://www.w3.org/2000/svg"] * text.count(
        "http"
    )
    assert all(
        link.startswith(("#", "data:image/png")) for link in re.findall(r'href="([^"]+)', text)
    )


def test_names_are_text_whatever_they_hold() -> None:
    name = '</text><script>alert("x")</script>&amp;\x1b\u202e]]>-->'
    group = {
        "step": Variable(np.arange(3), ("step",)),
        "layer": Variable(np.array([name, "b"], dtype=object), ("layer",)),
        "v": Variable(np.ones((2, 3)), ("layer", "step"), name, name),
    }
    svg, panels = inline(Result(name, {"g": Group(group)}), None)
    root = ElementTree.fromstring(embedded(svg, "f-", name[:30], "words"))
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    shown = name.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert shown in set(root.itertext())
    assert panels == [f"{shown} [{shown}] over step"]
