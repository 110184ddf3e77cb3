# SPDX-License-Identifier: Apache-2.0
"""Machine code as a graph, and the path through it that a program with every element takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Instruction:
    """One machine instruction.

    Attributes:
        opcode: With its modifiers, as `FFMA.FTZ` or `v_fma_f32`.
        operands: As they were written, the destination first.
        guard: The predicate it is executed under, or nothing.
        stores: Bytes that each thread writes to memory.
        calls: Whether it calls a subroutine and comes back.
    """

    opcode: str
    operands: tuple[str, ...]
    guard: str = ""
    stores: int = 0
    calls: bool = False

    def __str__(self) -> str:
        """As in a listing."""
        guard = f"@{self.guard} " if self.guard else ""
        return f"{guard}{self.opcode} {', '.join(self.operands)}".strip()


@dataclass(frozen=True)
class Program:
    """Instructions in the order they lie in, and which may follow each; none if it ends there."""

    code: tuple[Instruction, ...]
    successors: tuple[tuple[int, ...], ...]

    def branches(self, path: list[int]) -> list[Instruction]:
        """The instructions of a path after which there was a choice."""
        return [self.code[i] for i in path if len(self.successors[i]) > 1]

    def full_path(self) -> list[int]:
        """From the entry to the end, as a program goes that has to store every element."""
        ends = {i for i, following in enumerate(self.successors) if not following}
        return self._best(0, ends)

    def loop_path(self) -> list[int]:
        """Once around the loop that stores the most.

        Raises:
            ValueError: If there is no loop.
        """
        bodies = [self._best(head, {last}) for last, head in self._back_edges()]
        if not bodies:
            raise ValueError("there is no loop")
        return min(bodies, key=self._cost)

    def _best(self, start: int, ends: set[int]) -> list[int]:
        """The path that stores the most 16 bytes at a time, then the most, then is the shortest.

        A call costs more than any number of instructions: on the path of interest, the slow path
        of a square root is not taken. No path goes around a loop.
        """
        back, following, cost = set(self._back_edges()), {}, {}
        for i in self._postorder(start):
            here = self._cost([i])
            if i in ends:
                cost[i] = here
                continue
            ways = [j for j in self.successors[i] if j in cost and (i, j) not in back]
            if ways:
                following[i] = min(ways, key=cost.__getitem__)
                cost[i] = tuple(a + b for a, b in zip(here, cost[following[i]], strict=True))
        if start not in cost:
            raise ValueError("the end cannot be reached")
        path = [start]
        while path[-1] not in ends:
            path.append(following[path[-1]])
        return path

    def _cost(self, path: list[int]) -> tuple[int, ...]:
        steps = [self.code[i] for i in path]
        wide = sum(step.stores >= 16 for step in steps)
        return -wide, -sum(s.stores for s in steps), sum(s.calls for s in steps), len(steps)

    def _back_edges(self) -> list[tuple[int, int]]:
        """The jumps to where the walk from the entry has come through: those that close a loop."""
        return [edge for edge, closes in self._walk(0) if closes and edge[0] != edge[1]]

    def _postorder(self, start: int) -> Iterator[int]:
        """What can be reached, each after everything that can follow it without a loop."""
        return (edge[1] for edge, closes in self._walk(start) if not closes)

    def _walk(self, start: int) -> Iterator[tuple[tuple[int, int], bool]]:
        """Depth first: edges that close a loop when they are found, others when they are left."""
        stack, open_, seen = [(start, start, iter(self.successors[start]))], {start}, {start}
        while stack:
            came, i, ways = stack[-1]
            j = next(ways, None)
            if j is None:
                stack.pop()
                open_.discard(i)
                yield (came, i), False
            elif j in open_:
                yield (i, j), True
            elif j not in seen:
                seen.add(j)
                open_.add(j)
                stack.append((i, j, iter(self.successors[j])))
