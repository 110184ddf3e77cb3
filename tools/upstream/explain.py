# SPDX-License-Identifier: Apache-2.0
"""Recognises a test that compares with numbers that are written down in it.

From the line that failed the rule goes back, through assignments and through nothing but arithmetic
and the functions in `_TRANSPARENT`, to the two sides of a comparison: of a difference, of `==`, or
of a function such as `allclose`. The test is explained if one side is a number or an array of
numbers that stands in the source. A tolerance is no such side: it is not compared with a result,
but bounds a difference.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_COMPARERS = frozenset(
    {
        *("allclose", "isclose", "approx", "equal", "array_equal"),
        *("assertAlmostEqual", "assertEqual", "assert_allclose", "assert_close"),
        *("assert_almost_equal", "assert_array_almost_equal"),
        *("assert_tensors_close", "numpy_cosine_similarity_distance", "torch_all_close"),
    }
)
"""Functions whose first two arguments are the sides of a comparison."""

_TRANSPARENT = _COMPARERS | {
    *("abs", "absolute", "all", "amax", "any", "max", "mean", "norm", "sum"),
    *("array", "asarray", "cpu", "detach", "flatten", "float", "from_numpy", "item", "numpy"),
    *("ravel", "reshape", "squeeze", "tensor", "to", "tolist", "view"),
    *("assertGreater", "assertGreaterEqual", "assertLess", "assertLessEqual", "assertTrue"),
}
"""Functions and methods that compare, reduce or reshape, so that a number goes through them."""

_LITERAL_MAKERS = frozenset({"array", "asarray", "tensor", "Tensor", "FloatTensor"})


@dataclass
class _Function:
    """A function of a test file, and where its names got their values.

    Attributes:
        node: Its definition.
        module: The file it is in.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef
    module: ast.Module

    @property
    def parameters(self) -> list[str]:
        """Its parameters as a caller gives them."""
        given = self.node.args
        names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        return [name for name in names if name not in {"self", "cls"}]

    def given(self, call: ast.Call, wanted: set[str]) -> list[ast.expr]:
        """What a call of it gives for some of its parameters."""
        pairs = [*zip(self.parameters, call.args, strict=False)]
        pairs += [(keyword.arg or "", keyword.value) for keyword in call.keywords]
        return [value for name, value in pairs if name in wanted]

    def values(self, name: str, line: int) -> Iterator[ast.expr]:
        """What was assigned to a name above a line, here or at the top of the file."""
        for node in [*ast.walk(self.node), *self.module.body]:
            if isinstance(node, ast.Assign) and node.lineno <= line:
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id == name:
                        yield node.value


def literal(root: Path, failure: dict[str, Any] | None) -> str | None:
    """The numbers a failed test compared with, as `file:line: how many`; None if there are none.

    Args:
        root: The folder that the failure's frames are relative to.
        failure: What `plugin` wrote down about it.
    """
    if failure is None or not failure.get("assertion"):
        return None
    wanted: set[str] = set()
    called: _Function | None = None
    for file, _, line in reversed(failure["frames"]):
        function = _function(root / file, line)
        if function is None:
            return None
        search = _Search(function, line)
        statement = _statement(function.node, line)
        if called is None:
            found = search.sides(_condition(function.node, statement))
        else:
            found = search.given(statement, called, wanted)
        if found is not None:
            return f"{file}:{line}: {_amount(found)}"
        # A helper's comparison is with what its caller gave.
        wanted, called = search.parameters, function
        if not wanted:
            return None
    return None


@dataclass
class _Search:
    """Looks for a literal from one line of a function.

    Attributes:
        function: The function.
        line: The line.
        parameters: The parameters that were found in the place of a literal.
    """

    function: _Function
    line: int
    parameters: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    _resolved: set[str] = field(default_factory=set)

    def sides(self, node: ast.AST) -> ast.expr | None:
        """The literal that is a side of a comparison in an expression or what it came from."""
        for side in _compared(node):
            found = self.resolve(side)
            if found is not None:
                return found
        for part in self._parts(node):
            found = self.sides(part)
            if found is not None:
                return found
        return None

    def resolve(self, node: ast.expr) -> ast.expr | None:
        """The literal that an expression is, by whatever name."""
        if _is_literal(node):
            return node
        if isinstance(node, ast.Name):
            return self._resolve_name(node.id)
        if isinstance(node, ast.Call) and _called(node) in _LITERAL_MAKERS and node.args:
            return self.resolve(node.args[0])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self.resolve(node.func.value) if _called(node) in _TRANSPARENT else None
        return self.resolve(node.value) if isinstance(node, ast.Subscript) else None

    def _resolve_name(self, name: str) -> ast.expr | None:
        if name in self._resolved:
            return None
        self._resolved.add(name)
        if name in self.function.parameters:
            self.parameters.add(name)
        values = [*self.function.values(name, self.line)]
        found = next((v for v in map(self.resolve, values) if v is not None), None)
        self._resolved.discard(name)
        return found

    def given(self, statement: ast.stmt, called: _Function, wanted: set[str]) -> ast.expr | None:
        """The literal that a call of a helper gives it for one of the wanted parameters."""
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
        values = [
            value
            for call in calls
            if _called(call) == called.node.name
            for value in called.given(call, wanted)
        ]
        return next((v for v in map(self.resolve, values) if v is not None), None)

    def _parts(self, node: ast.AST) -> Iterator[ast.AST]:
        """What the value of an expression was made of, as far as numbers go through."""
        if isinstance(node, ast.Name):
            if node.id not in self._seen:
                self._seen.add(node.id)
                yield from self.function.values(node.id, self.line)
        elif isinstance(node, ast.Call):
            if _called(node) in _TRANSPARENT:
                yield from node.args
                if isinstance(node.func, ast.Attribute):
                    yield node.func.value
        elif not isinstance(node, (ast.Attribute, ast.Subscript, ast.Constant)):
            yield from ast.iter_child_nodes(node)


def _compared(node: ast.AST) -> list[ast.expr]:
    """The sides of a comparison, if an expression is one."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return [node.left, node.right]
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Call) and _called(node) in _COMPARERS:
        return [
            *node.args[:2],
            *(k.value for k in node.keywords if k.arg in {"actual", "expected"}),
        ]
    return []


def _is_literal(node: ast.expr) -> bool:
    """Whether an expression is a fraction, or several numbers at least one of which is one."""
    numbers = _numbers(node)
    return numbers is not None and any(number != int(number) for number in numbers)


def _numbers(node: ast.expr) -> list[float] | None:
    """The numbers an expression is made of; None if there is anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _numbers(node.operand)
    if isinstance(node, ast.Constant):
        return [node.value] if type(node.value) in {int, float} else None
    if isinstance(node, (ast.List, ast.Tuple)):
        parts = [_numbers(element) for element in node.elts]
        return None if None in parts else [n for part in parts if part for n in part]
    return None


def _amount(node: ast.expr) -> str:
    count = len(_numbers(node) or ())
    return "1 number" if count == 1 else f"{count} numbers"


def _called(call: ast.Call) -> str:
    """The name of a called function or method, without what it belongs to."""
    name = call.func
    return name.id if isinstance(name, ast.Name) else getattr(name, "attr", "")


def _function(file: Path, line: int) -> _Function | None:
    """The innermost function around a line."""
    module = _parsed(file)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    around = [n for n in ast.walk(module) if isinstance(n, kinds) and _spans(n, line)]
    return _Function(max(around, key=lambda n: n.lineno), module) if around else None


def _statement(function: ast.AST, line: int) -> ast.stmt:
    """The innermost statement at a line."""
    found = [n for n in ast.walk(function) if isinstance(n, ast.stmt) and _spans(n, line)]
    return max(found, key=lambda n: n.lineno)


def _condition(function: ast.AST, statement: ast.stmt) -> ast.AST:
    """What did not hold: of an `assert` its test, of a `raise` that of the `if` around it."""
    if isinstance(statement, ast.Assert) and not isinstance(statement.test, ast.Constant):
        return statement.test
    if isinstance(statement, (ast.Assert, ast.Raise)):
        branches = [n for n in ast.walk(function) if isinstance(n, ast.If) and statement in n.body]
        return branches[0].test if branches else ast.Pass()
    return statement


def _spans(node: ast.AST, line: int) -> bool:
    return bool(node.lineno <= line <= (node.end_lineno or node.lineno))  # type: ignore[attr-defined]


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())
