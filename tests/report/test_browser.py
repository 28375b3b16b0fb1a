"""A page in a real browser, without a network: as it is seen, as it prints, in any window."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHROMIUM = next((name for name in ("chromium", "google-chrome") if shutil.which(name)), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1000,1600",
)
BLUE = np.array([0x00, 0x72, 0xB2]) / 255
"""The first colour of the palette."""


MOST_PAGES = 15
in_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium is installed to show a page with"
)


def browse(page: Path, *flags: str) -> str:
    """Start the browser on a page; return what it prints."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    words = [str(CHROMIUM), *FLAGS, profile, *flags, page.as_uri()]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow  # starts whatever browser this machine has
@in_chromium
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_browser_shows_text_and_figure(scheme: str, curved_file: Path, tmp_path: Path) -> None:
    page, image = tmp_path / "page.html", tmp_path / "page.png"
    assert invoke("report", curved_file, "-o", page).exit_code == 0
    preferred = f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}"
    browse(page, preferred, f"--screenshot={image}")
    seen = imread(image)[..., :3]
    corner = seen[:5, :5].mean()
    assert corner == pytest.approx(1) if scheme == "light" else corner < 0.2
    assert (abs(seen - seen[0, 0]).max(axis=2) > 0.4).mean() > 0.01  # text and lines on the ground
    assert (abs(seen - BLUE).max(axis=2) < 0.02).sum() > 100  # the line of the first variant


@pytest.fixture(scope="module")
def whole(made: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a result of each analysis, eleven of them."""
    page = tmp_path_factory.mktemp("whole") / "page.html"
    results = [made(name) for name in registry.names(ANALYSES)][:11]
    assert invoke("report", *results, "-o", page).exit_code == 0
    return page


@pytest.mark.slow
@in_chromium
def test_eleven_results_print_on_few_pages(whole: Path) -> None:
    printed = whole.with_name("printed.html")
    style = whole.read_text(encoding="utf-8").replace("@page {", "@page { size: A4;")
    printed.write_text(style, encoding="utf-8")
    browse(printed, "--no-pdf-header-footer", f"--print-to-pdf={printed.with_suffix('.pdf')}")
    content = printed.with_suffix(".pdf").read_bytes()
    assert 0 < len(re.findall(rb"/Type\s*/Page\b", content)) <= MOST_PAGES


@pytest.mark.slow
@in_chromium
@pytest.mark.parametrize("width", [400, 800, 1400])
def test_no_window_is_too_narrow_for_a_page(width: int, whole: Path) -> None:
    """A copy that may run scripts measures itself, in a frame: windows have a least width."""
    framed, window = whole.with_name("framed.html"), whole.with_name(f"{width}.html")
    content = re.sub("<meta http-equiv.*?>", "", whole.read_text(encoding="utf-8"))
    size = "document.documentElement.scrollWidth"
    framed.write_text(f"{content}<script>parent.postMessage({size}, '*')</script>", "utf-8")
    window.write_text(
        "<!DOCTYPE html><script>onmessage = event => { document.title = event.data }</script>"
        f"<iframe width={width} height=900 frameborder=0 src=framed.html></iframe>",
        "utf-8",
    )
    shown = browse(window, "--dump-dom", "--virtual-time-budget=5000")
    assert f"<title>{width}</title>" in shown
