"""A hook of MkDocs: pages and files of the repository that lie outside docs/, and links to them.

Markdown stays where a code host shows it, with links from file to file.  A page that mkdocs.yml
names and docs/ lacks is the repository's; a file that a page links to comes along: source as a page
that shows it, everything else as it is.  A link to a folder leads to its README.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, InclusionLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LANGUAGES = {".py": "python", ".sh": "sh", ".toml": "toml", ".yml": "yaml", ".cff": "yaml"}
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of mkdocs.yml that are not in docs/, and what pages link to."""
    for uri in _pages(config.nav):
        if uri not in files.src_uris:
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / uri)))
    for page in files.documentation_pages():
        for path in _linked(page):
            uri = _uri(path)
            if uri not in files.src_uris:
                files.append(_file(config, uri, path))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where their files are in the site, and take backslashes from bars of tables."""
    folder = posixpath.dirname(page.file.src_uri)

    def led(link: re.Match[str]) -> str:
        path = _target(page.file, link[1])
        return link[1] if path is None else posixpath.relpath(_uri(path), folder or ".")

    lines = LINK.sub(led, markdown).split("\n")
    return "\n".join(CODE.sub(_bare, each) if each.startswith("|") else each for each in lines)


def _bare(code: re.Match[str]) -> str:
    """Return code with plain bars, which Python-Markdown takes for no ends of cells in it."""
    return code[0].replace(r"\|", "|")


def _pages(nav: object) -> Iterator[str]:
    """Yield the pages of a navigation."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        yield from _pages([*nav.values()])
    elif isinstance(nav, list):
        for each in nav:
            yield from _pages(each)


def _linked(page: File) -> Iterator[str]:
    """Yield the files of the repository that a page links to."""
    for link in LINK.findall(page.content_string):
        if (path := _target(page, link)) is not None:
            yield path


def _target(page: File, link: str) -> str | None:
    """Return the file of the repository that a link of a page leads to, or None."""
    home = page.src_uri if (ROOT / page.src_uri).is_file() else f"docs/{page.src_uri}"
    path = posixpath.normpath(posixpath.join(posixpath.dirname(home), link))
    if (ROOT / path / "README.md").is_file():
        path = f"{path}/README.md"
    return path if (ROOT / path).is_file() else None


def _uri(path: str) -> str:
    """Return where a file of the repository is among the sources of the site."""
    shown = Path(path).suffix in LANGUAGES
    return f"{path.removeprefix('docs/')}{'.md' if shown else ''}"


def _file(config: MkDocsConfig, uri: str, path: str) -> File:
    """Return a linked file: source as a page that shows it, everything else as it is."""
    language = LANGUAGES.get(Path(path).suffix)
    if language is None:
        return File.generated(config, uri, abs_src_path=str(ROOT / path))
    page = f"# {path}\n\n````{language}\n{(ROOT / path).read_text(encoding='utf-8')}````\n"
    return File.generated(config, uri, content=page, inclusion=InclusionLevel.NOT_IN_NAV)
