# SPDX-License-Identifier: Apache-2.0
"""Files that carry a record: as other programs write them, damaged, and hostile."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

import reprorng
from reprorng import Generator, carriers
from reprorng.record import Record, read

MADE = Record.of(Generator(7), 3)
TEXT = MADE.to_json().encode()
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


HEAD = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
TAIL = chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
PLAIN = chunk(b"iTXt", b"reprorng\0\0\0\0\0" + TEXT)


def carried(data: bytes, folder: Path) -> list[Record]:
    """The records in a file of these bytes, whose name says nothing."""
    file = folder / "file"
    file.write_bytes(data)
    return read(file)


def saved() -> bytes:
    """A PNG file as we save it."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt("reprorng", MADE.to_json())
    file = BytesIO()
    Image.effect_noise((64, 64), 50).save(file, format="PNG", pnginfo=info)
    return file.getvalue()


AS_OTHERS_WRITE_IT = {
    "tEXt": chunk(b"tEXt", b"reprorng\0" + TEXT),
    "zTXt": chunk(b"zTXt", b"reprorng\0\0" + zlib.compress(TEXT)),
    "iTXt": PLAIN,
    "iTXt compressed": chunk(b"iTXt", b"reprorng\0\1\0\0\0" + zlib.compress(TEXT)),
    "iTXt in a language": chunk(b"iTXt", b"reprorng\0\0\0en\0name\0" + TEXT),
    "behind others": chunk(b"tEXt", b"reprorng2\0x") + chunk(b"tEXt", b"re\0x") + PLAIN,
    "before another": PLAIN
    + chunk(b"tEXt", b"reprorng\0" + Record.of(Generator(8), 3).to_json().encode()),
}


@pytest.mark.parametrize("chunks", AS_OTHERS_WRITE_IT.values(), ids=AS_OTHERS_WRITE_IT)
def test_a_record_is_read_from_each_text_chunk_of_png(chunks: bytes, tmp_path: Path) -> None:
    image = HEAD + chunks + TAIL
    with Image.open(BytesIO(image)) as opened:
        opened.load()  # so it is a PNG file
    assert carried(image, tmp_path) == [MADE]
    assert carried(HEAD + TAIL[:-12] + chunks + TAIL[-12:], tmp_path) == [MADE]


def test_a_png_file_that_is_cut_short_gives_its_record_or_says_so(tmp_path: Path) -> None:
    image = saved()
    end = image.index(TEXT) + len(TEXT) + 4
    assert len(image) > end + 1000
    for length in (end, end + 1, end + 500, len(image) - 1):
        assert carried(image[:length], tmp_path) == [MADE]
    for length in (*range(8, 60), end - 200, end - 4, end - 1):
        with pytest.raises(ValueError, match=r"cut short|damaged"):
            carried(image[:length], tmp_path)


def test_a_flipped_bit_in_a_record_is_seen(tmp_path: Path) -> None:
    image = saved()
    first = image.index(b"reprorng\0") + len(b"reprorng\0")
    for place in range(first, image.index(TEXT) + len(TEXT) + 4, 7):
        with pytest.raises(ValueError, match="checksum is off"):
            carried(image[:place] + bytes([image[place] ^ 4]) + image[place + 1 :], tmp_path)


def bomb(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


LENGTH = struct.pack(">I", 2**31 - 1)
DEEP = b"[" * 100_000

BAD = {
    "empty": (b"", "starts with b''"),
    "a bare signature": (SIGNATURE, "cut short"),
    "PNG without a record": (HEAD + TAIL, "no record: .*saved without one"),
    "PNG with other texts": (HEAD + chunk(b"tEXt", b"reprorngx\0" + TEXT) + TAIL, "no record"),
    "a chunk without end": (HEAD + LENGTH + b"IDAT" + b"xx", "cut short"),
    "another text without end": (HEAD + LENGTH + b"tEXtComment\0", "cut short"),
    "a record without end": (HEAD + LENGTH + b"tEXtreprorng\0" + TEXT, "takes 2147483647 bytes"),
    "a record with another checksum": (HEAD + PLAIN[:-1] + b"?" + TAIL, "checksum is off"),
    "iTXt without its parts": (HEAD + chunk(b"iTXt", b"reprorng\0") + TAIL, "lacks a part"),
    "iTXt without a text": (HEAD + chunk(b"iTXt", b"reprorng\0\0\0\0") + TAIL, "lacks a part"),
    "zTXt that is not compressed": (HEAD + chunk(b"zTXt", b"reprorng\0\0xx") + TAIL, "damaged: "),
    "zTXt cut short": (HEAD + chunk(b"zTXt", b"reprorng\0") + TAIL, "not JSON"),
    "a bomb": (HEAD + chunk(b"zTXt", b"reprorng\0\0" + bomb(1 << 27)) + TAIL, "more than the"),
    "a long iTXt": (HEAD + chunk(b"iTXt", b"reprorng\0\1\0\0\0" + bomb(1 << 27)), "more than the"),
    "a record that is no JSON": (HEAD + chunk(b"tEXt", b"reprorng\0no") + TAIL, "not JSON"),
    "a record that is no UTF-8": (HEAD + chunk(b"tEXt", b"reprorng\0{\xff"), "utf-8"),
    "a record that is deep": (HEAD + chunk(b"tEXt", b"reprorng\0" + DEEP) + TAIL, "not JSON"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "JPEG file carries no record"),
    "GIF": (b"GIF89a" + bytes(20), "no PNG, safetensors or JSON file: .*GIF89a"),
    "a pickle in a zip": (b"PK\3\4" + bytes(30), "starts with b'PK"),
    "JSON cut short": (TEXT[:-1], "not JSON"),
    "JSON that is deep": (DEEP, "not JSON"),
    "JSON with a long integer": (b'{"format": 1' + b"0" * 10_000 + b"}", "not JSON"),
    "JSON of another thing": (b'{"seed": 7}', "format None"),
    "an empty list": (b"[]", "list of records is empty"),
    "long JSON": (b"[" + b" " * (1 << 20) + b"]", "more than the 1048576 bytes"),
    "safetensors of others": (struct.pack("<Q", 2) + b"{}", "no record in its metadata"),
    "safetensors with other metadata": (
        struct.pack("<Q", 20) + b'{"__metadata__": {}}',
        "no recor",
    ),
    "safetensors with odd metadata": (struct.pack("<Q", 19) + b'{"__metadata__": 7}', "no record"),
    "safetensors cut short": (struct.pack("<Q", 20) + b'{"__met', "safetensors file is damaged"),
    "deep safetensors": (struct.pack("<Q", 100_005) + b'{"a":' + DEEP, "damaged"),
    "safetensors without end": (struct.pack("<Q", 2**32 - 1) + b"{", "takes 4294967295 bytes"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_what_carries_no_valid_record_is_refused_and_costs_little(
    data: bytes, message: str, tmp_path: Path
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            carried(data, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def test_a_wrong_type_in_a_record_is_a_type_error(tmp_path: Path) -> None:
    data = json.dumps({**MADE.to_dict(), "seed": "7"}).encode()
    with pytest.raises(TypeError, match="seed must be an integer, not '7'"):
        carried(data, tmp_path)
    with pytest.raises(TypeError, match="object of JSON, not int"):
        carried(b"[7]", tmp_path)


def test_an_image_saved_again_without_its_metadata_carries_none(tmp_path: Path) -> None:
    file = tmp_path / "again.png"
    with Image.open(BytesIO(saved())) as image:
        assert image.info[carriers.KEYWORD] == TEXT.decode()
        image.save(file)
    with pytest.raises(ValueError, match="saved without one, or again by a program"):
        read(file)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        read(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        read(tmp_path)


def test_a_long_list_is_read(tmp_path: Path) -> None:
    # A batch of more images than anybody makes at once.
    with reprorng.provenance([Generator(7)] * 1000) as made:
        pass
    assert carried(b" \n" + made.to_json().encode(), tmp_path) == list(made)
