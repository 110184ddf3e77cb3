# SPDX-License-Identifier: Apache-2.0
"""What diffusers' own tests said, see `tools.upstream`."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.pages.markdown import table
from benchmarks.saved import Row, Saved, unique

_OUTCOMES = ("passed", "failed", "error", "crashed", "skipped", "xfailed")


def made_by(saved: Saved) -> str:
    """Of which commits, with which versions, where."""
    result = saved.read("upstream")
    checkout = result["checkout"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = {
        "Tests": f"diffusers at `{checkout['commit']}`, on {checkout['package_tested']} package",
        "Versions": f"Python {result['python']}, {versions}",
        "Machine": f"{result['machine']}, {result['system']}",
        "Dates and commits": ", ".join(unique(_made(result), "on")),
    }
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def _made(result: Row) -> list[Row]:
    return [{"on": f"{each['date']}, `{each['commit']}`"} for each in result["selections"]]


def outcomes(saved: Saved) -> str:
    """How many tests ended how in each mode, and how many of them in another way than before."""
    lines = [line for each in _selections(saved) for line in _modes(each)]
    return table(["tests", "mode", *_OUTCOMES, "differ", "unexplained"], lines)


def _modes(selection: Row) -> Iterator[list[str]]:
    name = f"`{selection['selection']}`"
    for mode, counts in selection["outcomes"].items():
        differing = selection["differences"].get(mode, [])
        wrong = [each for each in differing if not each.get("explained")]
        told = ["", ""] if mode == "baseline" else [len(differing), len(wrong)]
        yield [name, mode, *(str(counts.get(outcome, 0)) for outcome in _OUTCOMES), *map(str, told)]
        name = ""


def reached(saved: Saved) -> str:
    """How far the swapped generator reached, and who drew elsewhere."""
    lines = []
    for each in _selections(saved):
        found, classes = each["reached"], each["classes"]
        names = ", ".join(f"`{name}`" for name in found["moved_the_global_state"]) or "none"
        cells = [classes["passing"], classes["collected"], found["draws"], found["pipelines"]]
        lines.append([f"`{each['selection']}`", *map(str, cells), names])
    head = ["tests", "test classes run", "of", "draws", "pipeline classes called"]
    return table([*head, "of these moved a global random state"], lines)


def changed(saved: Saved) -> str:
    """Each test that fails with our numbers only, and the numbers it compares with."""
    found = {
        each["test"]: each
        for selection in _selections(saved)
        for each in selection["differences"]["real"]
    }
    lines = (
        [f"`{test}`", _reason(each)] for test, each in sorted(found.items(), key=lambda it: it[0])
    )
    return table(["test", "compares with"], lines)


def _reason(difference: Row) -> str:
    if not difference["explained"]:
        return f"**unexplained**: {difference['now']}"
    file, line, amount = difference["literal"].rsplit(":", 2)
    return f"{amount.strip()} in line {line} of `{file}`"


def _selections(saved: Saved) -> list[Row]:
    return saved.rows("upstream", "selections")
