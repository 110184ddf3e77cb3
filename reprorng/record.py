# SPDX-License-Identifier: Apache-2.0
"""The record of which words of which stream made the noise of an image, to make it again.

`docs/provenance.md` defines the fields of a record and its hash. How files carry one is in
`carriers`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

import torch

from reprorng import carriers
from reprorng.generator import Generator
from reprorng.plan import STREAM_WORDS
from reprorng.state import as_integer, as_uint64

if TYPE_CHECKING:
    from PIL import Image

FORMAT: Final = 1
"""The version of the fields of a record."""

_CHUNK: Final = 1 << 20
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_PACKAGES: Final = ("reprorng", "torch", "numpy", "diffusers")


@dataclass(frozen=True)
class Record:
    """What made the noise of one image, and the hash of that noise.

    Attributes:
        algorithm: The algorithm id. One that is not known can be held, but not made again.
        seed: In [0, 2^64).
        stream: In [0, 2^64).
        start: The position of the generator before, in [0, 2^64].
        stop: Its position afterwards, from `start` to 2^64.
        sha256: The SHA-256 of the words from `start` to `stop` as float32 normals, in hexadecimal
            digits.
        versions: Package names with their versions; they decide no number.

    Raises:
        TypeError: an attribute is of the wrong type.
        ValueError: one is out of range.

    Examples:
        >>> generator = Generator(7, position=3)
        >>> record = Record.of(generator, 5)
        >>> record.start, record.stop, record.sha256[:8]
        (3, 8, '903fd454')
        >>> record.recreate(backend="reference") == record.sha256
        True
        >>> record.generator() == generator
        True
    """

    algorithm: str
    seed: int
    stream: int
    start: int
    stop: int
    sha256: str
    versions: dict[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Check every attribute."""
        _check_text(self.algorithm, "algorithm")
        for name in ("seed", "stream", "start", "stop"):
            object.__setattr__(self, name, as_integer(getattr(self, name), name))
        as_uint64(self.seed, "seed")
        as_uint64(self.stream, "stream")
        if not 0 <= self.start <= self.stop <= STREAM_WORDS:
            raise ValueError(
                f"0 <= start <= stop <= 2**64 must hold, not {self.start} and {self.stop}"
            )
        _check_text(self.sha256, "sha256")
        if not _DIGEST.fullmatch(self.sha256):
            raise ValueError(f"sha256 must be 64 hexadecimal digits, not {self.sha256!r}")
        if not isinstance(self.versions, dict):
            raise TypeError(f"versions must be a dict, not {type(self.versions).__name__}")
        for name, version in self.versions.items():
            _check_text(name, "a name in versions")
            _check_text(version, "a version")

    @classmethod
    def of(cls, generator: Generator, words: int) -> Record:
        """The record of the next words of a generator, which stays as it is.

        Args:
            generator: The generator.
            words: How many words, at least 0.

        Raises:
            ValueError: there are fewer than 0, or the stream has not so many left.
        """
        record = cls(
            algorithm=generator.algorithm,
            seed=generator.initial_seed(),
            stream=generator.stream,
            start=generator.position,
            stop=generator.position + words,
            sha256=hashlib.sha256().hexdigest(),
            versions=_versions(),
        )
        return replace(record, sha256=record.recreate())

    @property
    def words(self) -> int:
        """How many words the generator moved on."""
        return self.stop - self.start

    def generator(self) -> Generator:
        """A new generator as it was before: it draws this noise again.

        Raises:
            ValueError: the algorithm is not known to this version of the package.
        """
        return Generator(
            self.seed, stream=self.stream, position=self.start, algorithm=self.algorithm
        )

    def recreate(
        self,
        *,
        device: torch.device | str = "cpu",
        backend: str | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> str:
        """The hash of the noise, made anew: equal to `sha256` wherever it is made.

        It takes time in proportion to `words`, and 4 MiB of memory.

        Args:
            device: Where to make the noise.
            backend: The name of a backend to force.
            progress: Called with the number of words each time some are done.

        Raises:
            ValueError: the algorithm or the backend is not known.
            RuntimeError: the backend or the device cannot be used here.
        """
        return _noise_hash(self.generator(), self.words, device, backend, progress)

    def to_dict(self) -> dict[str, Any]:
        """The record as a dictionary that JSON holds exactly."""
        return {"format": FORMAT, **asdict(self)}

    def to_json(self) -> str:
        """The record as JSON: one object."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: Any) -> Record:
        """The record that `to_dict` gave.

        Raises:
            TypeError: `data` is no dictionary, or a value is of the wrong type.
            ValueError: the format is another one, a key is missing or foreign, or a value is out of
                range.
        """
        if not isinstance(data, dict):
            raise TypeError(f"a record must be an object of JSON, not {type(data).__name__}")
        if type(data.get("format")) is not int or data["format"] != FORMAT:
            raise ValueError(
                f"this version of reprorng reads records of format {FORMAT}, and this one has "
                f"format {data.get('format')!r}; a newer version may read it"
            )
        keys = {"format", *(f.name for f in fields(cls))}
        if data.keys() != keys:
            raise ValueError(f"a record has the keys {sorted(keys)}, not {sorted(map(str, data))}")
        return cls(**{name: data[name] for name in keys - {"format"}})

    def save(self, image: Image.Image, path: str | os.PathLike[str]) -> None:
        """Save an image as a PNG file that carries this record, in place of one it has.

        Args:
            image: An image of Pillow's. Its other texts (`image.info`) are kept, and so are EXIF
                data, the resolution and the colour profile.
            path: A file name that ends in `.png`. The file is replaced as a whole, or not at all.

        Raises:
            ImportError: there is no Pillow.
            TypeError: `image` is none of Pillow's.
            ValueError: `path` does not end in `.png`, or a text has a name that PNG does not allow.
            OSError: PNG does not have the mode of this image, or the file cannot be written.
        """
        carriers.save_png(image, path, self.to_json())


def read(path: str | os.PathLike[str]) -> list[Record]:
    """The records that a PNG, safetensors or JSON file carries.

    Args:
        path: The file. What it is, its content says.

    Raises:
        OSError: the file cannot be read.
        TypeError: a value in a record is of the wrong type.
        ValueError: the file is of another format or damaged or carries no record, or the record is
            not valid.
    """
    text = carriers.read_text(path)
    try:
        data = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"the record is not JSON: {error}") from None
    if data == []:
        raise ValueError("the list of records is empty")
    return [Record.from_dict(item) for item in (data if isinstance(data, list) else [data])]


def _noise_hash(
    generator: Generator,
    words: int,
    device: torch.device | str = "cpu",
    backend: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> str:
    """The SHA-256 of the next float32 normals, each as four bytes, the lowest first."""
    digest = hashlib.sha256()
    buffer = torch.empty(min(words, _CHUNK), dtype=torch.float32, device=device)
    for done in range(0, words, _CHUNK):
        part = buffer[: words - done]
        generator.normal_(part, backend=backend)
        digest.update(part.cpu().numpy().astype("<f4", copy=False).data)
        if progress is not None:
            progress(part.numel())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    """The versions of those packages that are loaded: what is not had no part in it."""
    loaded = {name: sys.modules[name] for name in _PACKAGES if name in sys.modules}
    return {name: str(getattr(module, "__version__", "unknown")) for name, module in loaded.items()}


def _check_text(value: Any, name: str) -> None:
    """Raise unless it is text that may be shown on a terminal."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {value!r}")
    if not value or not value.isprintable():
        raise ValueError(f"{name} must be printable text, not {value!r}")
