# SPDX-License-Identifier: Apache-2.0
"""The command line: `inspect` the record in a file, and list the `backends`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import torch

import reprorng
from reprorng import backends
from reprorng.record import Record, read
from reprorng.recorder import MAX_WORDS

EQUAL, DIFFERENT, UNKNOWN = 0, 1, 2
"""Exit statuses; that of several files is the highest of theirs."""

_PROGRAM: Final = "python -m reprorng"
_LONGEST_MESSAGE: Final = 500
_INSPECT: Final = """\
Show the record of what made the noise of an image or latent, make that noise again on this machine
and compare its hash with the one in the record. The noise is the same on every machine, so a hash
that differs means that the record was changed or that this machine or backend is at fault.
"""
_STATUSES: Final = """\
exit status: 0 all hashes are equal; 1 one differs; 2 a file has no record, or one that is not valid
or cannot be made again here, or the result could not be written
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Those of the command line; the process's own by default.

    Returns:
        The exit status.

    Raises:
        SystemExit: the arguments are not understood, or ask for help.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except OSError as error:
        sys.stderr.write(f"{_PROGRAM}: the result could not be written: {error.strerror}\n")
        # At its end Python would try once more, fail, and have a status of its own for that.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNKNOWN
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="The same seed gives the same noise, bit for bit, on every device.",
    )
    parser.add_argument("--version", action="version", version=f"reprorng {reprorng.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    inspect = commands.add_parser(
        "inspect",
        help="show what made the noise of an image, and make the noise again",
        description=_INSPECT,
        epilog=_STATUSES,
    )
    inspect.add_argument(
        "files", nargs="+", metavar="FILE", help="a PNG, safetensors or JSON file with a record"
    )
    inspect.add_argument("--json", action="store_true", help="print a line of JSON for each file")
    inspect.add_argument(
        "--backend",
        type=_backend,
        metavar="NAME",
        help="make the noise with this backend; the command `backends` lists them",
    )
    inspect.add_argument(
        "--device",
        type=_device,
        default="cpu",
        metavar="NAME",
        help="make the noise on this device, for example cuda (default: %(default)s)",
    )
    inspect.add_argument(
        "--max-words",
        type=_words,
        default=MAX_WORDS,
        metavar="N",
        help="refuse a file whose records have more words than this; the default takes about ten "
        "seconds (default: %(default)s)",
    )
    inspect.set_defaults(run=_run_inspect)

    listing = commands.add_parser("backends", help="list the backends, and why one cannot run here")
    listing.set_defaults(run=_run_backends)
    return parser


def _backend(name: str) -> str:
    try:
        return backends.get(name).name
    except (RuntimeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _words(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be an integer of at least 0, not {text!r}")
    return int(text)


def _device(name: str) -> torch.device:
    try:
        torch.empty(1, device=name).cpu()
    except (AssertionError, RuntimeError) as error:
        raise argparse.ArgumentTypeError(f"{name!r} cannot be used here: {error}") from None
    return torch.device(name)


@dataclass
class _Finding:
    """What a file holds, and what came of it.

    Attributes:
        file: Its name.
        records: Its records.
        recreated: The hash of each, made anew; fewer than records if one could not be.
        error: Why something is missing, or None.
    """

    file: str
    records: list[Record] = field(default_factory=list)
    recreated: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def status(self) -> int:
        """The exit status."""
        if self.error is not None:
            return UNKNOWN
        hashes = [record.sha256 for record in self.records]
        return EQUAL if hashes == self.recreated else DIFFERENT


def _run_inspect(options: argparse.Namespace) -> int:
    status = EQUAL
    for file in options.files:
        finding = _inspect(file, options)
        if options.json:
            _print(json.dumps(_as_dict(finding)))
        else:
            _show(finding, options)
        status = max(status, finding.status)
    return status


def _inspect(file: str, options: argparse.Namespace) -> _Finding:
    finding = _Finding(file)
    try:
        finding.records = read(file)
        words = sum(record.words for record in finding.records)
        if words > options.max_words:
            raise ValueError(
                f"to make {words} words again takes long; --max-words {words} does it "
                f"(it is {options.max_words} now)"
            )
        with _progress(words) as advance:
            for record in finding.records:
                finding.recreated.append(
                    record.recreate(
                        device=options.device, backend=options.backend, progress=advance
                    )
                )
    except OSError as error:
        finding.error = error.strerror or str(error)
    except (RuntimeError, TypeError, ValueError) as error:
        finding.error = str(error)[:_LONGEST_MESSAGE]
    return finding


@contextmanager
def _progress(words: int) -> Iterator[Callable[[int], object] | None]:
    """What to call with the words done, if that shows anything: on a terminal, with tqdm."""
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        yield None
        return
    with tqdm(
        total=words, unit=" words", unit_scale=True, delay=1, leave=False, disable=None
    ) as bar:
        yield bar.update


def _as_dict(finding: _Finding) -> dict[str, Any]:
    hashes = [*finding.recreated, *[None] * len(finding.records)]
    return {
        "file": finding.file,
        "status": finding.status,
        "error": finding.error,
        "records": [
            {
                "record": record.to_dict(),
                "recreated": recreated,
                "equal": None if recreated is None else recreated == record.sha256,
            }
            for record, recreated in zip(finding.records, hashes, strict=False)
        ],
    }


def _show(finding: _Finding, options: argparse.Namespace) -> None:
    if finding.records:
        _print(finding.file)
    for index, record in enumerate(finding.records):
        if len(finding.records) > 1:
            _print(f"  image {index}")
        _print(f"  algorithm   {record.algorithm}")
        _print(f"  seed        {record.seed}")
        _print(f"  stream      {record.stream}")
        _print(f"  words       [{record.start}, {record.stop}), {record.words} of them")
        versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
        _print(f"  made with   {versions or 'versions unknown'}")
        _print(f"  sha256      {record.sha256}")
        if index < len(finding.recreated):
            again = finding.recreated[index]
            verdict = "equal" if again == record.sha256 else f"{again}, which DIFFERS"
            backend = backends.select(options.device, options.backend).name
            _print(f"  made again  {verdict} (backend {backend}, device {options.device})")
        if not record.words:
            _print("  note        nothing was drawn from this generator")
    if finding.error is not None:
        sys.stderr.write(f"{_PROGRAM}: {finding.file}: {finding.error}\n")


def _run_backends(options: argparse.Namespace) -> int:
    for name, reason in backends.available().items():
        _print(name if reason is None else f"{name}: cannot run here: {reason}")
    return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
