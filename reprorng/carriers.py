# SPDX-License-Identifier: Apache-2.0
"""Files that carry a text of ours: PNG images, safetensors and JSON.

Reading takes no package and decodes no image, so that a file from anywhere costs no more than the
text it may hold, and a file that is cut short still gives what it holds. What the text says is for
`records` to know.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

KEYWORD: Final = "reprorng"
"""The name of our text among the others of a PNG or safetensors file."""

MAX_BYTES: Final = 1 << 20
"""The longest text that is read, which is thousands of records."""

MAX_HEADER_BYTES: Final = 1 << 24
"""The longest header of a safetensors file that is read."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_NAME: Final = KEYWORD.encode() + b"\0"
_TEXT_CHUNKS: Final = (b"tEXt", b"zTXt", b"iTXt")
_MAX_PNG_KEYWORD: Final = 79


def read_text(path: str | os.PathLike[str]) -> str:
    """The text that a PNG, safetensors or JSON file carries; its content says which of them it is.

    Args:
        path: The file.

    Returns:
        The text under `KEYWORD`, or a whole JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is of another format, is damaged, or carries no such text.
    """
    with Path(path).open("rb") as file:
        start = file.read(9)
        if start.startswith(_SIGNATURE):
            file.seek(len(_SIGNATURE))
            return _read_png(file)
        # The length of a header, and its first character.
        if start[4:8] == bytes(4) and start[8:] == b"{":
            return _read_safetensors(file, int.from_bytes(start[:8], "little"))
        if start.lstrip()[:1] in {b"{", b"["}:
            return _checked(start + file.read(MAX_BYTES + 1))
    if start.startswith(_JPEG):
        raise ValueError("a JPEG file carries no record: it has to be saved as PNG")
    raise ValueError(f"this is no PNG, safetensors or JSON file: it starts with {start!r}")


def save_png(image: Image.Image, path: str | os.PathLike[str], text: str) -> None:
    """Save an image as a PNG file with a text under `KEYWORD`, and with what it carries itself.

    Args:
        image: The image. What of its `info` is text is kept, and so are EXIF data, the resolution
            and the colour profile.
        path: The file, which ends in `.png`. It is replaced as a whole, or stays as it is.
        text: The text.

    Raises:
        ImportError: there is no Pillow.
        TypeError: `image` is none of Pillow's.
        ValueError: `path` does not end in `.png`, or a text has a name that PNG does not allow.
        OSError: PNG does not have the mode of this image, or the file cannot be written.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("saving an image needs Pillow: pip install pillow") from None
    if not isinstance(image, Image.Image):
        raise TypeError(
            f"image must be a PIL.Image.Image, not {type(image).__name__}; "
            "PIL.Image.fromarray makes one of an array"
        )
    target = Path(path)
    if target.suffix.lower() != ".png":
        raise ValueError(f"a record is saved in a PNG file, and {target.name!r} does not end so")
    image.load()  # texts may lie behind the pixels
    options: dict[str, Any] = {"pnginfo": _png_info(image, text), "dpi": image.info.get("dpi")}
    exif = image.getexif()
    if exif:
        options["exif"] = exif
    with _replacing(target) as file:
        image.save(file, format="PNG", **options)


def _png_info(image: Image.Image, text: str) -> PngInfo:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt(KEYWORD, text)
    for name, value in image.info.items():
        if isinstance(name, str) and isinstance(value, str) and name != KEYWORD:
            if not 1 <= len(name.encode("latin-1", "replace")) <= _MAX_PNG_KEYWORD:
                raise ValueError(
                    f"image.info has a text named {name!r}, and PNG allows a name of 1 to "
                    f"{_MAX_PNG_KEYWORD} characters; rename or delete it"
                )
            info.add_text(name, value)
    return info


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` once the block has ended, and vanishes if it raises.

    Raises:
        OSError: it cannot be written; `path` is what it names, as nobody knows of another file.
    """
    target = path.resolve()
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            raise type(error)(error.errno, error.strerror, str(path)) from None
        raise


def _read_png(file: IO[bytes]) -> str:
    """The first of our texts among the chunks of a PNG file; what comes behind it is not read."""
    while True:
        header = file.read(8)
        if len(header) < 8:
            raise ValueError("this PNG file is cut short, and what is left carries no record")
        length, kind = struct.unpack(">I4s", header)
        if kind == b"IEND":
            raise ValueError(
                "this PNG file carries no record: it was saved without one, or again by a program "
                "that drops what it does not know"
            )
        name = file.read(min(length, len(_NAME))) if kind in _TEXT_CHUNKS else b""
        if name == _NAME:
            return _checked(_chunk_text(kind, _chunk_rest(file, kind, length)))
        file.seek(length - len(name) + 4, os.SEEK_CUR)


def _chunk_rest(file: IO[bytes], kind: bytes, length: int) -> bytes:
    """What follows the name in a chunk of ours."""
    if length > MAX_BYTES:
        raise ValueError(f"the record takes {length} bytes; at most {MAX_BYTES} are read")
    rest = file.read(length - len(_NAME))
    if file.read(4) != struct.pack(">I", zlib.crc32(kind + _NAME + rest)):
        raise ValueError("the record in this PNG file is damaged: its checksum is off")
    return rest


def _chunk_text(kind: bytes, rest: bytes) -> bytes:
    """The text of a chunk, see the PNG specification, 11.3.3."""
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _inflated(rest[1:])
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3:
        raise ValueError("the record in this PNG file is damaged: its chunk lacks a part")
    return _inflated(parts[2]) if rest[0] else parts[2]


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise ValueError(f"the record in this PNG file is damaged: {error}") from None


def _read_safetensors(file: IO[bytes], length: int) -> str:
    """Our text in the metadata of a safetensors file, whose header is JSON of this length."""
    if length > MAX_HEADER_BYTES:
        raise ValueError(
            f"the header of this safetensors file takes {length} bytes; "
            f"at most {MAX_HEADER_BYTES} are read"
        )
    file.seek(8)
    try:
        header = json.loads(file.read(length))
    except (RecursionError, ValueError) as error:
        raise ValueError(f"the header of this safetensors file is damaged: {error}") from None
    metadata = header.get("__metadata__")
    text = metadata.get(KEYWORD) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ValueError("this safetensors file carries no record in its metadata")
    return _checked(text.encode())


def _checked(text: bytes) -> str:
    if len(text) > MAX_BYTES:
        raise ValueError(f"the record takes more than the {MAX_BYTES} bytes that are read")
    return text.decode()
