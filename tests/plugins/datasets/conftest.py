"""The files of images that the tests of data have."""

from tests.data.conftest import idx_folder, images, labels, save_npz

__all__ = ["idx_folder", "images", "labels", "save_npz"]
