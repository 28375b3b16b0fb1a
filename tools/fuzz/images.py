"""Spoiled images in folders, and spoiled tables of parquet and of Arrow."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet

from tools.fuzz.checkpoints import FEW
from tools.fuzz.data import EXAMPLES, LABELS, PAIR, images, prepare_pair
from tools.fuzz.mutation import changed_bytes
from tools.fuzz.target import Target

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

FORMATS = ("png", "jpeg", "webp", "tiff", "bmp", "ppm")
QUERY = "?resize=4x4"


def _encoded(number: int) -> bytes:
    """Return one image of noise in one of the formats."""
    stream = BytesIO()
    Image.fromarray(images(9, 8, 3)[number]).save(stream, FORMATS[number % len(FORMATS)])
    return stream.getvalue()


def prepare_folder(folder: Path) -> None:
    """Write a folder of images for each class."""
    prepare_pair(folder, 48)
    for number, label in enumerate(LABELS):
        place = folder / "images" / f"class{label}"
        place.mkdir(parents=True, exist_ok=True)
        name = FORMATS[number % len(FORMATS)].replace("tiff", "tif")
        (place / f"{number}.{name}").write_bytes(_encoded(number))


def spoil_folder(folder: Path, rng: Random) -> None:
    """Change bytes of an image of each of several classes, or what its name says that it is."""
    paths = sorted((folder / "images").glob("*/*"))
    for path in rng.sample(paths, 3):
        path.write_bytes(changed_bytes(path.read_bytes(), rng))
    if rng.random() < 0.2:
        paths[0].write_bytes(rng.choice(BOMBS))


def prepare_tables(folder: Path) -> None:
    """Write a table as parquet, with images and with arrays, and as ``save_to_disk`` does."""
    prepare_pair(folder, 48)
    encoded: list[dict[str, Any]] = [
        {"bytes": _encoded(number), "path": None} for number in range(EXAMPLES)
    ]
    features = {"label": {"names": list("abcdefghij"), "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    arrays = images(3, 4, 4)
    pictures = pyarrow.table({"image": encoded, "label": LABELS.astype(np.int64)})
    numbers = pyarrow.table({"x": arrays.tolist(), "y": [str(label) for label in LABELS]})
    parquet.write_table(
        pictures.replace_schema_metadata(metadata), folder / "images.parquet", row_group_size=6
    )
    parquet.write_table(numbers, folder / "arrays.parquet", row_group_size=6)
    (folder / "saved").mkdir()
    with pyarrow.OSFile(str(folder / "saved/data.arrow"), "wb") as file:
        table = pictures.replace_schema_metadata(metadata)
        with pyarrow.ipc.new_stream(file, table.schema) as out:
            out.write_table(table, max_chunksize=6)
    listed = {"_data_files": [{"filename": "data.arrow"}]}
    (folder / "saved/state.json").write_text(json.dumps(listed))


def spoil_parquet(folder: Path, rng: Random) -> None:
    """Change bytes of both files of parquet."""
    for name in ("images.parquet", "arrays.parquet"):
        path = folder / name
        path.write_bytes(changed_bytes(path.read_bytes(), rng))


def spoil_saved(folder: Path, rng: Random) -> None:
    """Change bytes of the table, or the list of its files."""
    path = folder / "saved" / rng.choice(["data.arrow"] * 4 + ["state.json"])
    path.write_bytes(changed_bytes(path.read_bytes(), rng))


BOMBS = (
    b"P6 60000 60000 255\n",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
    b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\xff\xff\xff\xff" * 2 + b"\x08\x02\0\0\0",
)

TARGETS = (
    Target(
        "images",
        prepare_folder,
        spoil_folder,
        [("interpolate", *PAIR, "--data", f"images:images{QUERY}", *FEW)],
    ),
    Target(
        "parquet",
        prepare_tables,
        spoil_parquet,
        [
            ("interpolate", *PAIR, "--data", f"parquet:images.parquet{QUERY}", *FEW),
            ("interpolate", *PAIR, "--data", "arrays.parquet", *FEW),
        ],
    ),
    Target(
        "saved table",
        prepare_tables,
        spoil_saved,
        [("interpolate", *PAIR, "--data", f"parquet:saved{QUERY}", *FEW)],
    ),
)
