# SPDX-License-Identifier: Apache-2.0
"""Compares how tests ended in two modes, and says why one that fails now does so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.upstream.explain import literal

Line = dict[str, Any]
Lines = Mapping[str, Line]

BAD = ("failed", "error", "crashed")
"""The outcomes that are failures."""


@dataclass(frozen=True)
class Difference:
    """A test that ended in another way than at baseline.

    Attributes:
        test: Its name.
        before: How it ended at baseline, and where if it failed.
        now: How it ends now, and where.
        message: What it fails with.
        literal: The numbers in its source that it compares with, see `explain`.
        reseeded: How it ends with torch's own numbers from other seeds.
    """

    test: str
    before: str
    now: str
    message: str | None = None
    literal: str | None = None
    reseeded: str | None = None

    @property
    def explained(self) -> bool:
        """Whether it holds on to torch's numbers: by its source, and by what other seeds do."""
        return self.literal is not None and self.reseeded == self.now

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what needs no further question says less."""
        found = asdict(self) | {"message": None if self.explained else self.message}
        return {key: value for key, value in found.items() if value is not None}


def by_test(lines: Iterable[Line]) -> dict[str, Line]:
    """The lines by the name of their test."""
    return {line["test"]: line for line in lines}


def counts(lines: Lines) -> dict[str, int]:
    """How many tests ended how, the most frequent first."""
    return dict(Counter(line["outcome"] for line in lines.values()).most_common())


def differences(before: Lines, now: Lines) -> list[Difference]:
    """The tests that did not end as before; failing elsewhere or otherwise counts as well."""
    found = []
    for test in sorted({*before, *now}):
        first, second = _ending(before.get(test)), _ending(now.get(test))
        if first != second:
            failure = now.get(test, {}).get("failure") or {}
            found.append(Difference(test, first, second, failure.get("message")))
    return found


def explain(found: list[Difference], now: Lines, reseeded: Lines, root: Path) -> list[Difference]:
    """The differences with the reasons for them.

    Args:
        found: The differences.
        now: How the tests ended.
        reseeded: How the differing ones ended with torch's numbers from other seeds.
        root: The copy of the checkout.
    """
    return [
        Difference(
            each.test,
            each.before,
            each.now,
            each.message,
            literal(root, now.get(each.test, {}).get("failure")),
            _ending(reseeded.get(each.test)),
        )
        for each in found
    ]


def failures(lines: Lines) -> dict[str, int]:
    """What tests failed with, without what tells one test from another, the most frequent first."""
    found = (line.get("failure") or {} for line in lines.values() if line["outcome"] in BAD)
    return dict(Counter(failure.get("type", "?") for failure in found).most_common())


def _ending(line: Line | None) -> str:
    """How a test ended, and at which line of the tests if it failed."""
    if line is None:
        return "not run"
    failure = line.get("failure")
    if failure is None:
        return str(line["outcome"])
    place = ":".join(map(str, failure["frames"][-1][::2])) if failure["frames"] else "?"
    return f"{line['outcome']}: {failure['type']} at {place}"
