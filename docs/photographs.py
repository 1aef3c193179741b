"""Makes a folder of photographs of two classes: crops of the two pictures that scikit-learn installs.

python docs/photographs.py photographs

Training images are cropped from the left three fifths of a picture, test images from the rest.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES = {"pagoda": "china.jpg", "dahlia": "flower.jpg"}
COUNTS = {"train": 80, "test": 40}  # of each class
SIDES = (96, 161)  # pixels; height and width are drawn apart


def make(target: Path, counts: dict[str, int] = COUNTS) -> None:
    """Write ``target``/train and ``target``/test with a directory of JPEG files for each class."""
    package = find_spec("sklearn")
    assert package is not None and package.submodule_search_locations, "pip install scikit-learn"
    folder, rng = Path(package.submodule_search_locations[0]) / "datasets" / "images", np.random.default_rng(0)
    for name, file in PICTURES.items():
        with Image.open(folder / file) as picture:
            middle = picture.width * 3 // 5
            parts = {"train": (0, middle), "test": (middle, picture.width)}
            for split, (left, right) in parts.items():
                place = target / split / name
                place.mkdir(parents=True)
                for number in range(counts[split]):
                    height, width = rng.integers(*SIDES, 2)
                    width = min(width, right - left)
                    x, y = rng.integers(left, right - width + 1), rng.integers(picture.height - height + 1)
                    crop = picture.crop((int(x), int(y), int(x + width), int(y + height)))
                    crop.save(place / f"{number:03}.jpg", quality=95)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
