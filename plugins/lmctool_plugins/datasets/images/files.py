"""Image files that are decoded one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.api.advanced import check_input, decoded_image, mask_without

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Files:
    """Images by their files.

    Attributes:
        paths: the files.
        in_threads: several may be decoded at once.
    """

    paths: tuple[Path, ...]
    in_threads: bool = True

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, place: int) -> Image:
        """Return one image, decoded.

        Raises:
            LmctoolError: its file is damaged, or no regular file.
        """
        path = self.paths[place]
        check_input(path, f"image '{path}'")
        return decoded_image(path, f"image '{path}'")


@dataclass(frozen=True, slots=True)
class Masks:
    """Images of the pixels' classes by their files.

    Attributes:
        paths: the files.
        ignored: the class that counts for nothing, which becomes -100; None for none.
    """

    paths: tuple[Path, ...]
    ignored: int | None

    def __len__(self) -> int:
        """Return the number of masks."""
        return len(self.paths)

    def __getitem__(self, place: int) -> Image:
        """Return one mask, decoded."""
        return mask_without(Files(self.paths)[place], self.ignored)
