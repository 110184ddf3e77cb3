# SPDX-License-Identifier: Apache-2.0
"""`provenance`: what is drawn inside a block is noted, saved with an image, and read again."""

from __future__ import annotations

import json
import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import reprorng
from reprorng import CapturableGenerator, Generator
from reprorng.record import Record, read

SIZE = (8, 6)


def test_it_notes_the_words_drawn_inside_the_block() -> None:
    generator = Generator(7, stream=4)
    torch.randn(3, generator=generator)
    with reprorng.provenance(generator) as made:
        torch.randn(5, generator=generator)
        torch.rand(2, generator=generator, dtype=torch.float64)  # from an even position on
    torch.randn(11, generator=generator)
    assert len(made) == 1
    assert made[0] == Record.of(Generator(7, stream=4, position=3), 9)


def test_what_it_notes_draws_the_same_again() -> None:
    generator = Generator(7, position=1)
    with reprorng.provenance(generator) as made:
        drawn = torch.randn(5, generator=generator)
    assert torch.equal(torch.randn(5, generator=made[0].generator()), drawn)


def test_a_list_has_a_record_for_each_generator() -> None:
    generators = reprorng.generators(7, 3)
    with reprorng.provenance(generators) as made:
        for index, generator in enumerate(generators):
            generator.randn(index)
    assert list(made) == [made[0], made[1], made[2]]
    assert [(record.seed, record.stream, record.words) for record in made] == [
        (7, 0, 0), (7, 1, 1), (7, 2, 2),
    ]  # fmt: skip
    assert made[-1] == made[2]
    with pytest.raises(IndexError):
        made[3]


def test_a_record_of_nothing_is_that_of_no_words() -> None:
    with reprorng.provenance(Generator(7, position=5)) as made:
        pass
    assert (made[0].start, made[0].stop) == (5, 5)
    assert made[0].recreate() == made[0].sha256


def test_inside_the_block_a_record_reaches_up_to_now() -> None:
    generator = Generator(7)
    with reprorng.provenance(generator) as made:
        generator.randn(3)
        assert made[0].stop == 3
        generator.randn(4)
        assert made[0].stop == 7
        generator.randn(1)
    assert made[0].stop == 8


def test_a_block_that_raises_has_noted_what_was_drawn_before() -> None:
    generator = Generator(7)
    made = []

    def fail() -> None:
        with reprorng.provenance(generator) as noted:
            made.append(noted)
            generator.randn(3)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    generator.randn(1)
    assert made[0][0].stop == 3


def test_a_capturable_generator_is_noted_as_the_plain_one() -> None:
    generator = CapturableGenerator(7, position=2, device="cpu")
    with reprorng.provenance([generator]) as made:
        generator.randn(3)
    assert made[0] == Record.of(Generator(7, position=2), 3)


def test_a_generator_is_left_as_it_is() -> None:
    generator, twin = Generator(7), Generator(7)
    with reprorng.provenance(generator) as made:
        assert torch.equal(generator.randn(3), twin.randn(3))
    made.to_json()
    assert generator == twin


def test_derived_generators_are_not_seen_but_the_words_that_number_them_are() -> None:
    generator = Generator(7)
    with reprorng.provenance(generator) as made:
        generator.fold_in(1).randn(5)
        assert made[0].words == 0
        generator.spawn(3)[0].randn(5)
    assert made[0].words == 6


MOVES = {
    "another seed": lambda g: g.manual_seed(8),
    "another stream": lambda g: g.set_state(Generator(7, stream=1, position=9).get_state()),
    "back": lambda g: g.advance(-1),
    "back to the start of its seed": lambda g: g.manual_seed(7),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_generator_that_was_seeded_or_moved_back_has_no_record(move: Any) -> None:
    generator = Generator(7, position=5)
    with reprorng.provenance([Generator(1), generator]) as made:
        move(generator)
    for use in (lambda: made[1], made.to_json, lambda: list(made)):
        with pytest.raises(RuntimeError, match=r"seeded or moved back.*position=5.*before the bl"):
            use()
    assert made[0].words == 0


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (2, IndexError, "no record 2: there are 2"),
        (-3, IndexError, "no record -3"),
        ("a", TypeError, "integer, not 'a'"),
        (slice(2), TypeError, r"integer, not slice\(None, 2, None\)"),
    ],
)
def test_an_index_of_no_record_is_named(index: Any, error: type[Exception], message: str) -> None:
    with reprorng.provenance([Generator(7), Generator(8)]) as made:
        pass
    assert [made[k].seed for k in (0, 1, -1, -2)] == [7, 8, 8, 7]
    with pytest.raises(error, match=message):
        made[index]


def test_a_huge_record_is_refused_at_once_and_nothing_is_lost() -> None:
    generator = Generator(7)
    with reprorng.provenance(generator) as made:
        generator.advance(2**63)
    with pytest.raises(RuntimeError, match=f"{2**63} words.*max_words={2**32}"):
        made.to_json()


def test_the_limit_can_be_set() -> None:
    for limit, words in ((0, 0), (5, 5), (2**70, 5)):
        with reprorng.provenance(Generator(7, position=words), max_words=limit) as made:
            made._generators[0].randn(words)
        assert made[0].words == words
    generator = Generator(7)
    with reprorng.provenance(generator, max_words=5) as made:
        generator.randn(6)
    with pytest.raises(RuntimeError, match=r"6 words.*max_words=5"):
        made[0]


@pytest.mark.parametrize(
    ("generators", "error", "message"),
    [
        (torch.Generator(), TypeError, "not torch._C.Generator"),
        (None, TypeError, "NoneType"),
        ([Generator(0), 7], TypeError, "not builtins.int"),
        ("ab", TypeError, "builtins.str"),
        ([], ValueError, "at least one"),
    ],
)
def test_what_is_no_generator_is_refused_before_the_block(
    generators: Any, error: type[Exception], message: str
) -> None:
    entered = False
    with pytest.raises(error, match=message), reprorng.provenance(generators):
        entered = True
    assert not entered


def noted(generators: Generator | Sequence[Generator]) -> Any:
    """What is noted of three words from each."""
    with reprorng.provenance(generators) as made:
        for generator in [generators] if isinstance(generators, Generator) else generators:
            generator.randn(3)
    return made


def test_json_is_an_object_for_a_generator_and_an_array_for_a_list(tmp_path: Path) -> None:
    single, listed = noted(Generator(7)), noted([Generator(7)])
    assert json.loads(single.to_json()) == single[0].to_dict()
    assert json.loads(listed.to_json()) == [single[0].to_dict()]
    for made in (single, listed, noted(reprorng.generators(7, 3))):
        file = tmp_path / "record.json"
        file.write_text(made.to_json())
        assert read(file) == list(made)


def test_a_png_carries_it(tmp_path: Path) -> None:
    made = noted(Generator(2**64 - 1, position=2**64 - 3))
    image = Image.effect_mandelbrot(SIZE, (-2, -1, 1, 1), 9)
    made.save(image, tmp_path / "a.png")
    made.save(image, str(tmp_path / "b.PNG"))
    for name in ("a.png", "b.PNG"):
        assert read(tmp_path / name) == list(made)
        with Image.open(tmp_path / name) as again:
            assert again.tobytes() == image.tobytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.PNG"]


def test_each_image_of_a_batch_carries_its_own(tmp_path: Path) -> None:
    made = noted(reprorng.generators(7, 3))
    for index, record in enumerate(made):
        record.save(Image.new("L", SIZE), tmp_path / f"{index}.png")
    assert [read(tmp_path / f"{index}.png") for index in range(3)] == [[r] for r in made]
    with pytest.raises(ValueError, match=r"3 records.*made\[k\].save"):
        made.save(Image.new("L", SIZE), tmp_path / "all.png")
    assert not (tmp_path / "all.png").exists()


def test_a_safetensors_file_carries_it(tmp_path: Path) -> None:
    made = noted(reprorng.generators(7, 3))
    file = tmp_path / "latents.safetensors"
    metadata = {"reprorng": made.to_json(), "of": "somebody else"}
    save_file({"latents": torch.zeros(3, 4)}, file, metadata=metadata)
    assert read(file) == list(made)


TEXTS = {"parameters": "steps: 20, é", "Comment": "日本", "prompt": '{"3": 1}'}


@pytest.mark.parametrize("saved", [False, True], ids=["set by hand", "read from a file"])
def test_what_an_image_carries_itself_is_kept(tmp_path: Path, saved: bool) -> None:
    image = Image.new("RGB", SIZE)
    image.info.update(TEXTS, dpi=(300, 300), icc_profile=b"profile", gamma=0.5)
    image.getexif()[0x010E] = "described"
    if saved:
        noted(Generator(1)).save(image, tmp_path / "first.png")
        image = Image.open(tmp_path / "first.png")
    made = noted(Generator(7))
    with image:
        made.save(image, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as again:
        assert {**TEXTS, "reprorng": made.to_json()} == dict(again.text)
        assert again.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert again.info["icc_profile"] == b"profile"
        assert again.getexif()[0x010E] == "described"


def test_text_that_lies_behind_the_pixels_is_kept(tmp_path: Path) -> None:
    late = tmp_path / "late.png"
    Image.new("L", SIZE).save(late)
    end = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    body = b"tEXtparameters\0late"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    late.write_bytes(late.read_bytes().removesuffix(end) + chunk + end)
    with Image.open(late) as image:
        assert "parameters" not in image.info
        noted(Generator(7)).save(image, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as again:
        assert again.info["parameters"] == "late"


BAD_SAVES = [
    (Image.new("L", SIZE), "a.jpg", ValueError, "'a.jpg' does not end so"),
    (Image.new("L", SIZE), "a", ValueError, "PNG"),
    (torch.zeros(3, 8, 6), "a.png", TypeError, r"PIL.Image.Image, not Tensor; .*fromarray"),
    (Image.new("F", SIZE), "a.png", OSError, "mode F"),
    (Image.new("L", SIZE), "missing/a.png", FileNotFoundError, r"directory: '\S+missing/a.png'$"),
]


@pytest.mark.parametrize(("image", "name", "error", "message"), BAD_SAVES)
def test_what_cannot_be_saved_leaves_no_file(
    image: Any, name: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        noted(Generator(7)).save(image, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "n" * 80])
def test_a_text_with_a_name_that_png_does_not_allow_is_refused(name: str, tmp_path: Path) -> None:
    image = Image.new("L", SIZE)
    image.info[name] = "text"
    with pytest.raises(ValueError, match=f"named '{name}'.*1 to 79"):
        noted(Generator(7)).save(image, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.png"
    link = tmp_path / "link.png"
    link.symlink_to(file)
    noted(Generator(1)).save(Image.new("L", SIZE), file)
    before = file.read_bytes()

    def full(image: Image.Image, stream: Any, **_: Any) -> None:
        stream.write(b"half of it")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        with pytest.raises(OSError, match="No space left"):
            noted(Generator(2)).save(Image.new("L", SIZE), file)
    assert file.read_bytes() == before
    noted(Generator(2)).save(Image.new("L", SIZE), link)
    assert read(file)[0].seed == 2
    assert link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "link.png"]


def test_without_pillow_saving_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = noted(Generator(7))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="Pillow: pip install pillow"):
        made.save(Image.new("L", SIZE), tmp_path / "a.png")
