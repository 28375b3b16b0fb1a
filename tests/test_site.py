"""The documentation site: built strictly, whole, and nothing of it comes from elsewhere."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from lmctool import api, testing
from lmctool.api import advanced

ROOT = Path(__file__).parents[1]
LOADS = {"script", "img", "iframe", "source", "object", "embed", "video", "audio"}
REMOTE = re.compile(r"\s*(?:\w+:)?//")


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors in it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attributes}
        self.anchors |= {given[key] for key in ("id", "name") if key in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") not in {"next", "prev", "canonical"}:
            self.loaded.append(given["href"])
        self.loaded += [given[key] for key in ("src", "data") if key in given and tag in LOADS]


class Site(NamedTuple):
    """A folder with the site, and its pages by path."""

    folder: Path
    pages: dict[Path, Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Build the site as `make docs` does, with no network to be found."""
    folder = tmp_path_factory.mktemp("site")
    nowhere = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "all")}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)],
        cwd=ROOT, env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    return Site(folder, pages)


def test_every_page_of_markdown_is_in_the_site(site: Site) -> None:
    expected = {
        path.relative_to(ROOT / "docs").with_suffix(".html") for path in ROOT.glob("docs/**/*.md")
    }
    assert expected <= {path.relative_to(site.folder) for path in site.pages}
    assert len(site.pages) > len(expected) + 10


def test_every_link_and_anchor_resolves(site: Site) -> None:
    wrong = []
    for path, page in site.pages.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if path.name == "404.html":  # it may be shown at any depth, so its links are absolute
                place = site.folder / unquote(parts.path).lstrip("/")
            if place.is_dir():
                place /= "index.html"
            anchor = unquote(parts.fragment)
            if not place.is_file() or (
                anchor and place in site.pages and anchor not in site.pages[place].anchors
            ):
                wrong.append(f"{path.relative_to(site.folder)}: {link}")
    assert not wrong


def test_nothing_is_loaded_from_elsewhere(site: Site) -> None:
    for page in site.pages.values():
        assert not [place for place in page.loaded if REMOTE.match(place)]
    for path in site.folder.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", text), path


def test_no_diagram_asks_the_theme_to_load_a_library(site: Site) -> None:
    """The theme's script fetches Mermaid where a page has such a diagram."""
    assert not [path for path in site.pages if 'class="mermaid"' in path.read_text("utf-8")]


def test_the_reference_has_every_public_class_and_function(site: Site) -> None:
    assert "lmctool.barrier" in site.pages[site.folder / "reference/lmctool.html"].anchors
    for module, name in ((api, "api"), (advanced, "advanced"), (testing, "testing")):
        page = site.pages[site.folder / f"reference/{name}.html"]
        names = {
            f"{module.__name__}.{each}"
            for each in module.__all__
            if inspect.isroutine(value := getattr(module, each)) or isinstance(value, type)
        }
        assert names <= page.anchors, sorted(names - page.anchors)
