"""A page in a real browser, without a network: it is drawn, and its figure is in it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread

from lmctool.testing import invoke

if TYPE_CHECKING:
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


@pytest.mark.slow  # starts whatever browser this machine has
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed to take a screenshot with")
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_browser_shows_text_and_figure(scheme: str, curved_file: Path, tmp_path: Path) -> None:
    page, image = tmp_path / "page.html", tmp_path / "page.png"
    assert invoke("report", curved_file, "-o", page).exit_code == 0
    words = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    words += [f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}"]
    words += [f"--screenshot={image}", page.as_uri()]
    subprocess.run(words, check=True, capture_output=True)
    seen = imread(image)[..., :3]
    corner = seen[:5, :5].mean()
    assert corner == pytest.approx(1) if scheme == "light" else corner < 0.2
    assert (abs(seen - seen[0, 0]).max(axis=2) > 0.4).mean() > 0.01  # text and lines on the ground
    assert (abs(seen - BLUE).max(axis=2) < 0.02).sum() > 100  # the line of the first variant
