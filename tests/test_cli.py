# SPDX-License-Identifier: Apache-2.0
"""The command line: what `inspect` prints and returns, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import reprorng
from reprorng import Generator, cli
from reprorng.backends import Backend
from reprorng.record import Record, read

ROOT = Path(__file__).parent.parent
MADE = Record.of(Generator(7, stream=2, position=3), 5)
WRONG = replace(MADE, seed=8)
"""As if somebody had changed the seed."""

FUTURE = replace(MADE, algorithm="philox4x32-10/v9")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with files in it."""
    monkeypatch.chdir(tmp_path)
    MADE.save(Image.new("L", (2, 2)), "good.png")
    for name, record in {"good": MADE, "wrong": WRONG, "future": FUTURE}.items():
        Path(f"{name}.json").write_text(record.to_json())
    Path("list.json").write_text(json.dumps([r.to_dict() for r in (MADE, WRONG, MADE)]))
    Path("mixed.json").write_text(json.dumps([MADE.to_dict(), FUTURE.to_dict()]))
    Path("none.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit status and what was printed."""
    status = cli.main(["inspect", *arguments])
    return (status, *capsys.readouterr())


def test_a_good_record_is_shown_and_its_noise_made_again(
    folder: Path, capsys: pytest.CaptureFixture[str], backend: Backend
) -> None:
    status, out, err = run(capsys, "good.png", "--backend", backend.name)
    assert (status, err) == (0, "")
    versions = f"reprorng {reprorng.__version__}, torch {torch.__version__}, numpy "
    lines = out.splitlines()
    assert lines[0] == "good.png"
    assert lines[1:5] == [
        "  algorithm   philox4x32-10/v1",
        "  seed        7",
        "  stream      2",
        "  words       [3, 8), 5 of them",
    ]
    assert lines[5].startswith(f"  made with   {versions}")
    assert lines[6:] == [
        f"  sha256      {MADE.sha256}",
        f"  made again  equal (backend {backend.name}, device cpu)",
    ]


def test_a_hash_that_differs_is_shown_and_is_status_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "wrong.json")
    assert (status, err) == (1, "")
    right = Record.of(Generator(8, stream=2, position=3), 5).sha256
    assert f"made again  {right}, which DIFFERS" in out
    assert MADE.sha256 in out


def test_the_noise_is_made_by_the_backend_that_was_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = reprorng.backends.get("reference")

    def wrong(plan: Any, out: torch.Tensor) -> None:
        out.zero_()

    monkeypatch.setattr(reference, "fill", wrong)
    assert run(capsys, "good.png", "--backend", "reference")[0] == 1
    assert run(capsys, "good.png", "--backend", "cpu")[0] == 0


def test_each_entry_of_a_list_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "list.json")
    assert status == 1
    assert [line for line in out.splitlines() if line.startswith("  image")] == [
        "  image 0",
        "  image 1",
        "  image 2",
    ]
    assert out.count("equal (") == 2
    assert out.count("DIFFERS") == 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["good.png", "good.json"], 0),
        (["wrong.json", "good.png"], 1),
        (["none.png", "wrong.json", "good.png"], 2),
        (["missing.png", "good.png"], 2),
    ],
)
def test_the_status_of_several_files_is_their_highest_and_none_is_left_out(
    files: list[str], expected: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *files)
    assert status == expected
    bad = {"none.png", "missing.png"}
    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        file for file in files if file not in bad
    ]
    assert [line.split(": ")[1] for line in err.splitlines()] == [f for f in files if f in bad]


def test_a_record_of_an_unknown_algorithm_is_shown_and_is_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "future.json")
    assert status == 2
    assert "philox4x32-10/v9" in out
    assert "seed        7" in out
    assert "made again" not in out
    assert "future.json: unknown algorithm 'philox4x32-10/v9'; known: philox4x32-10/v1" in err


def test_json_has_a_line_for_each_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["good.png", "wrong.json", "mixed.json", "none.png"]
    status, out, err = run(capsys, "--json", *files)
    assert (status, err) == (2, "")
    good, wrong, mixed, none = map(json.loads, out.splitlines())
    whole = {"record": MADE.to_dict(), "recreated": MADE.sha256, "equal": True}
    assert good == {"file": "good.png", "status": 0, "error": None, "records": [whole]}
    assert (wrong["status"], wrong["error"]) == (1, None)
    assert wrong["records"] == [
        {"record": WRONG.to_dict(), "recreated": WRONG.recreate(), "equal": False}
    ]
    missing = {"record": FUTURE.to_dict(), "recreated": None, "equal": None}
    assert (mixed["status"], mixed["records"]) == (2, [whole, missing])
    assert "unknown algorithm" in mixed["error"]
    assert (none["status"], none["records"]) == (2, [])
    assert "cut short" in none["error"]


def hostile(words: int) -> str:
    return json.dumps({**MADE.to_dict(), "start": 0, "stop": words})


@pytest.mark.parametrize("words", [2**64, 2**63, 2**32 + 1])
def test_a_record_that_would_take_long_is_refused_at_once(
    words: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("huge.json").write_text(hostile(words))
    status, out, err = run(capsys, "huge.json")
    assert status == 2
    assert f"[0, {words})" in out
    assert "made again" not in out
    assert f"huge.json: to make {words} words again takes long; --max-words {words}" in err


def test_the_limit_is_on_all_the_records_of_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "list.json", "--max-words", "15")[0] == 1
    status, _, err = run(capsys, "list.json", "--max-words", "14")
    assert status == 2
    assert "to make 15 words again" in err


def test_a_record_of_no_words_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.json").write_text(Record.of(Generator(7), 0).to_json())
    status, out, _ = run(capsys, "empty.json")
    assert status == 0
    assert "nothing was drawn from this generator" in out
    assert "nothing was drawn" not in run(capsys, "good.png")[1]


def test_a_long_message_is_cut(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("long.json").write_text(json.dumps({**MADE.to_dict(), "x" * 100_000: 1}))
    status, _, err = run(capsys, "long.json")
    assert status == 2
    assert len(err) < 600


def test_a_backend_that_the_environment_cannot_have_is_an_error_of_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = reprorng.backends.forced.set("missing")
    try:
        status, _, err = run(capsys, "good.png")
    finally:
        reprorng.backends.forced.reset(token)
    assert status == 2
    assert "no backend is named 'missing'" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["inspect"], "FILE"),
        (["inspect", "a.png", "--backend", "missing"], "no backend is named 'missing'; there are:"),
        (["inspect", "a.png", "--device", "meta"], "'meta' cannot be used here"),
        (["inspect", "a.png", "--device", "nonsense"], "'nonsense' cannot be used here"),
        (["inspect", "a.png", "--max-words", "many"], "at least 0, not 'many'"),
        (["inspect", "a.png", "--max-words", "-1"], "at least 0, not '-1'"),
    ],
)
def test_bad_arguments_are_refused_with_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_progress_is_shown_on_a_terminal_if_tqdm_is_there(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tqdm

    bars: list[Any] = []

    class Bar(tqdm.tqdm):  # type: ignore[type-arg]
        def __init__(self, **keywords: Any) -> None:
            assert keywords.pop("disable") is None
            super().__init__(**{**keywords, "disable": False, "delay": 0})
            bars.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    status, _, err = run(capsys, "good.png")
    assert (status, bars[0].total, bars[0].n) == (0, 5, 5)
    assert "words" in err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert run(capsys, "good.png")[::2] == (0, "")


def test_the_backends_are_listed_with_the_reason_why_one_cannot_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["backends"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(reprorng.backends.available())
    for line, (name, reason) in zip(lines, reprorng.backends.available().items(), strict=True):
        assert line == (name if reason is None else f"{name}: cannot run here: {reason}")


def process(
    *arguments: Any, folder: Path, stdout: Any = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    wanted = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", **environment}
    return subprocess.run(
        [sys.executable, "-m", "reprorng", *arguments],
        cwd=folder,
        env=os.environ | wanted,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )


def test_the_module_is_a_program_and_names_of_files_may_be_any(folder: Path) -> None:
    odd = os.fsdecode("é\udcff.json".encode("utf-8", "surrogateescape"))
    (folder / odd).write_text(MADE.to_json())
    done = process("inspect", odd, "wrong.json", folder=folder)
    assert done.returncode == 1
    assert done.stdout.startswith(rb"\xe9\udcff.json")
    assert b"made again  equal" in done.stdout
    assert done.stderr == b""
    asked = process("--version", folder=folder)
    assert asked.stdout.decode().split() == ["reprorng", reprorng.__version__]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("arguments", [("inspect", "good.json"), ("backends",)])
def test_a_result_that_cannot_be_written_is_no_difference(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    # Whether each line is written at once, or all of them at the end, by us or by Python.
    for unbuffered in ("", "1"):
        with Path("/dev/full").open("w") as full:
            done = process(*arguments, folder=folder, stdout=full, PYTHONUNBUFFERED=unbuffered)
        assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
        assert b"the result could not be written: No space left" in done.stderr


@pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # of diffusers, of NumPy's
def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples" / "provenance.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert example.main(["--images", "2", "--steps", "3", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    # Its noise is the same; its sums, in a batch or alone, need not be to the last bit.
    assert re.search(r"no pixel is more than [0-2] of 255 off", out)
    assert out.count("equal (") == 2
    # An 8×8 latent, and noise as large at each of the three steps.
    places = [
        (r.seed, r.stream, r.words) for k in range(2) for r in read(tmp_path / f"digit-{k}.png")
    ]
    assert places == [(7, 0, 4 * 64), (7, 1, 4 * 64)]
