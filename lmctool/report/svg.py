"""An SVG figure as a part of an HTML page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}"
REFERENCE = re.compile(r"url\(#([^)]+)\)")
LEFT_OUT = {f"{{{SVG}}}metadata", f"{{{SVG}}}style"}
"""Elements that a page has no use for: a style would hold for the whole page."""


def embedded(svg: bytes, prefix: str, title: str, description: str) -> str:
    """Return an SVG image, as Matplotlib writes it, as an element of an HTML page.

    Args:
        svg: the file.
        prefix: what each of its ids begins with, so that no two on a page are the same.
        title: its name.
        description: what it shows, for those who do not see it.
    """
    root = ElementTree.fromstring(svg)  # our own file: Matplotlib has escaped every name in it
    for element in root.iter():
        for child in [child for child in element if child.tag in LEFT_OUT]:
            element.remove(child)
    for element in root.iter():
        _prefix(element, prefix)
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
    width, height = root.attrib.pop("width", ""), root.attrib.pop("height", "")
    root.set("style", f"--width: {_pixels(width)}; --height: {_pixels(height)}")
    names = {"title": f"{prefix}title", "desc": f"{prefix}description"}
    root.attrib |= {"role": "img", "aria-labelledby": " ".join(names.values())}
    for place, (tag, text) in enumerate(zip(names, (title, description), strict=True)):
        element = ElementTree.Element(tag, {"id": names[tag]})
        element.text, element.tail = text, "\n"
        root.insert(place, element)
    return ElementTree.tostring(root, encoding="unicode")


def _prefix(element: Element, prefix: str) -> None:
    """Let an element have and refer to ids with a prefix, and name its links without XLink."""
    for name, value in list(element.attrib.items()):
        new = REFERENCE.sub(rf"url(#{prefix}\1)", value)
        if name == "id":
            new = prefix + value
        elif name.removeprefix(XLINK) == "href":
            del element.attrib[name]
            name, new = "href", f"#{prefix}{value[1:]}" if value.startswith("#") else value
        element.set(name, new)


def _pixels(length: str) -> str:
    """Return a length in points, of 72 an inch, in a page's pixels, of 96."""
    return f"{float(length.removesuffix('pt')) * 4 / 3:.0f}px"
