"""Custom image folders."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evonas.data.source import SIDE, Source, pixel_statistics, sources
from spaces.errors import EvonasError, UsageError, shorten

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "PPM", "TIFF")  # no other formats, whatever the suffix
MAX_PIXELS = 2**26
TESTING = 0.2  # of the images, unless they are divided already
STATISTICS_SAMPLE = 5000  # images that mean and std are computed from, evenly spaced


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError as error:
        raise EvonasError(f"{directory} cannot be read: {error.strerror or error}") from error


def _colours(image: Image.Image) -> Image.Image:
    """The image in RGB: 16-bit grey scaled to 8 bits, transparency blended with white."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(f"it has 32 bits per pixel (mode {image.mode}); save it with 8 or 16")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _place(*names: str) -> float:
    """A number from 0 to 1, by the hash of the names."""
    from fitness import stable_hash

    return stable_hash(*map(ascii, names)) / 2**63


@sources.register("folder")
class Folder(Source):
    """One directory of images per class, inside ``train`` and ``test`` or, without these, directly.

    Without ``train`` and ``test`` about a fifth of each class is for testing, see `_division`. Images are resized
    (shorter side) and cropped (centre) to ``image_size``, see `_colours` for those that are not 8-bit RGB.
    """

    def __init__(self, rest: str, directory: Path, image_size: int | None) -> None:
        self.root = Path(rest).expanduser()
        self.image_size = image_size or SIDE
        if not self.root.is_dir():
            raise UsageError(f"{self.root} is not a directory; folder:PATH needs one directory per class inside")
        self._divided = (self.root / "train").is_dir() and (self.root / "test").is_dir()
        top = self.root / "train" if self._divided else self.root
        self.classes = tuple(sorted(path.name for path in _listed(top) if path.is_dir()))
        if len(self.classes) < 2:
            raise EvonasError(f"{top} holds {len(self.classes)} class directories; at least 2 are needed")

    @cached_property
    def _files(self) -> dict[str, list[tuple[Path, int]]]:
        files: dict[str, list[tuple[Path, int]]] = {"train": [], "test": []}
        for label, name in enumerate(self.classes):
            if self._divided:
                for split in files:
                    files[split] += [(path, label) for path in self._images_in(self.root / split / name)]
            else:
                for split, paths in self._division(name).items():
                    files[split] += [(path, label) for path in paths]
        if not files["train"]:
            raise EvonasError(f"no images found in {self.root} (looked for {', '.join(IMAGE_ENDINGS)})")
        return files

    def _division(self, name: str) -> dict[str, list[Path]]:
        """The images of a class: for testing where the hash of class and file name is in the lowest fifth.

        So is the lowest of the class, that none goes untested; a single image is for training. Whatever is added
        to two images or more, none moves from training to testing. Raises `EvonasError` if none is for training.
        """
        paths = self._images_in(self.root / name)
        if len(paths) < 2:
            return {"train": paths, "test": []}
        places = {path: _place(name, path.name) for path in paths}
        up_to = max(TESTING, min(places.values()))
        test = [path for path in paths if places[path] <= up_to]
        if len(test) == len(paths):
            raise EvonasError(
                f"by the hash of their names all {len(paths)} images of {self.root / name} are for testing; add "
                "images, or divide them into train and test directories"
            )
        return {"train": [path for path in paths if places[path] > up_to], "test": test}

    @staticmethod
    def _images_in(directory: Path) -> list[Path]:
        if not directory.is_dir():
            return []
        return sorted(path for path in _listed(directory) if path.suffix.lower() in IMAGE_ENDINGS)

    def labels(self, split: str) -> Tensor:
        import torch

        return torch.tensor([label for _, label in self._files[split]], dtype=torch.int64)

    def images(self, split: str, indices: Tensor | None = None) -> Tensor:
        import torch

        files = self._files[split]
        chosen = range(len(files)) if indices is None else indices.tolist()
        images = torch.empty((len(chosen), 3, self.image_size, self.image_size), dtype=torch.uint8)
        for row, i in enumerate(chosen):
            images[row] = self._decode(files[i][0])
        return images

    def _decode(self, path: Path) -> Tensor:
        from torchvision.transforms import functional as F

        if not path.is_file():  # a cycle of links, or a pipe without a writer
            raise EvonasError(f"{path} is not a file")
        try:
            with warnings.catch_warnings(action="ignore"):  # about tags unrelated to the pixels
                resized = self._resized(path)
        except Exception as error:  # decoders raise anything on invalid data
            text = shorten(" ".join(str(error).split()) or type(error).__name__, 200)
            raise EvonasError(f"{path} cannot be read as an image: {text}") from error
        return F.center_crop(resized, [self.image_size, self.image_size])  # (3, H, W)

    def _resized(self, path: Path) -> Tensor:
        """Its shorter side is as long as it is asked for."""
        from PIL import Image
        from torchvision.transforms import functional as F

        with Image.open(path, formats=FORMATS) as image:
            self._require_room(*image.size)
            return F.resize(F.pil_to_tensor(_colours(image)), [self.image_size], antialias=True)

    def _require_room(self, width: int, height: int) -> None:
        """A small file may contain a huge image, or one so narrow that resizing makes it huge."""
        shorter, longer = sorted((width, height))
        if width * height > MAX_PIXELS or self.image_size**2 * longer > MAX_PIXELS * max(1, shorter):
            raise ValueError(f"{width} x {height} pixels; at most {MAX_PIXELS} pixels are allowed")

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        import torch

        count = len(self._files["train"])
        indices = torch.linspace(0, count - 1, min(count, STATISTICS_SAMPLE)).long()
        return pixel_statistics(self.images("train", indices))
