# SPDX-License-Identifier: Apache-2.0
"""`reprorng.numpy`: the numbers of `reprorng` in arrays, and the arrays it must refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import reprorng
import reprorng.numpy as rnp

CALLS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("randn", (3, 5), None),
    ("randn", (3, 5), np.float16),
    ("randn", ((3, 5),), np.float64),
    ("rand", (3, 5), None),
    ("rand", (3, 5), np.float64),
    ("bits", (3, 5), None),
    ("bits", (3, 5), np.uint64),
    ("bits", (3, 5), np.int64),
    ("randint", (-3, 8, (3, 5)), None),
    ("randint", (8, (3, 5)), np.uint8),
    ("randperm", (15,), None),
    ("randperm", (15,), np.int32),
]


@pytest.mark.parametrize(("name", "args", "dtype"), CALLS)
def test_an_array_holds_the_numbers_of_the_tensor(
    name: str, args: tuple[Any, ...], dtype: Any
) -> None:
    wanted = None if dtype is None else getattr(torch, np.dtype(dtype).name)
    expected = getattr(reprorng, name)(*args, seed=3, position=1, dtype=wanted).numpy()
    array = getattr(rnp, name)(*args, seed=3, position=1, dtype=dtype)
    assert isinstance(array, np.ndarray)
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(("name", "args", "dtype"), CALLS)
def test_out_is_filled_and_returned(name: str, args: tuple[Any, ...], dtype: Any) -> None:
    expected = getattr(rnp, name)(*args, seed=3, dtype=dtype)
    out = np.zeros_like(expected)
    assert getattr(rnp, name)(*args, seed=3, out=out) is out
    np.testing.assert_array_equal(out, expected)


# Torch takes the first two as they are; it has no tensor for a negative stride or for bytes the
# other way round, so those take a way of their own here.
@pytest.mark.parametrize(
    "view",
    [
        np.zeros((5, 3), np.float32).T,
        np.zeros((3, 10), np.float32)[:, ::2],
        np.zeros((3, 5), np.float32)[::-1, ::-1],
        np.zeros((3, 5), np.dtype(np.float32).newbyteorder("S")),
    ],
)
def test_the_layout_of_out_changes_nothing(view: np.ndarray) -> None:
    rnp.randn(3, 5, seed=3, out=view)
    np.testing.assert_array_equal(view, rnp.randn(3, 5, seed=3))


def test_a_generator_moves_on() -> None:
    g = reprorng.Generator(3)
    both = np.concatenate([rnp.randn(2, generator=g), rnp.randn(3, generator=g)])
    np.testing.assert_array_equal(both, rnp.randn(5, seed=3))


def read_only() -> np.ndarray:
    array = np.zeros(4, np.float32)
    array.flags.writeable = False
    return array


def overlapping() -> np.ndarray:
    return np.lib.stride_tricks.as_strided(np.zeros(4, np.float32), (4,), (0,))


def window() -> np.ndarray:
    return np.lib.stride_tricks.as_strided(np.zeros(4, np.float32), (3, 2), (4, 4))


def uneven() -> np.ndarray:
    return np.lib.stride_tricks.as_strided(np.zeros(4, np.float32), (4,), (2,))


def test_the_default_dtype_is_not_torchs() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert rnp.randn(2, seed=0).dtype == rnp.rand(2, seed=0).dtype == np.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_torchs_default_device_is_not_this_modules() -> None:
    with torch.device("meta"):
        drawn = rnp.randn(3, seed=0), rnp.randint(5, (3,), seed=0), rnp.randperm(3, seed=0)
    alone = rnp.randn(3, seed=0), rnp.randint(5, (3,), seed=0), rnp.randperm(3, seed=0)
    for got, wanted in zip(drawn, alone, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"out": read_only()}, ValueError, "read-only"),
        ({"out": overlapping()}, RuntimeError, "more than one element"),
        ({"out": np.zeros(5, np.float32)}, RuntimeError, r"\[5\].*\[4\]"),
        ({"out": np.zeros(4, np.int16)}, TypeError, "int16.*allowed: float32, float16, float64$"),
        ({"out": np.zeros(4, "U3")}, TypeError, "<U3"),
        ({"out": torch.zeros(4)}, TypeError, "numpy.ndarray.*Tensor"),
        ({"out": np.zeros(4), "dtype": np.float32}, RuntimeError, "float64.*float32"),
        ({"dtype": np.int32}, TypeError, "int32.*allowed: float32, float16, float64$"),
        ({"dtype": "object"}, TypeError, "object"),
        ({"out": overlapping()[::-1]}, RuntimeError, "more than one element"),
        ({"out": window()[:, ::-1]}, RuntimeError, "more than one element"),
        ({"out": uneven()}, RuntimeError, r"shape \[4\], strides \(2,\)\); copy"),
        ({"out": np.zeros(4, np.float32)[::-1], "backend": "abacus"}, ValueError, "abacus"),
        ({"device": "cpu"}, TypeError, "device.*allowed.*backend"),
        ({"requires_grad": True}, TypeError, "requires_grad.*allowed"),
    ],
)
def test_bad_arrays_are_refused_and_nothing_is_drawn(
    keywords: dict[str, Any], error: type[Exception], message: str
) -> None:
    g = reprorng.Generator(3, position=7)
    with pytest.raises(error, match=message):
        rnp.randn(4, generator=g, **keywords)
    assert g == reprorng.Generator(3, position=7)


@pytest.mark.parametrize("name", ["randn", "rand", "bits", "randint", "randperm"])
def test_each_dtype_that_an_error_allows_is_drawn(name: str) -> None:
    args = {"randint": (1, (2,)), "randperm": (2,)}.get(name, (2,))
    with pytest.raises(TypeError) as refused:
        getattr(rnp, name)(*args, dtype=np.complex64, seed=0)
    allowed = str(refused.value).partition("allowed: ")[2].split(", ")
    assert len(allowed) >= 3
    for dtype in allowed:
        assert getattr(rnp, name)(*args, dtype=dtype, seed=0).dtype == np.dtype(dtype)


def test_the_bounds_of_integers_can_be_keywords() -> None:
    expected = rnp.randint(2, 9, (4,), seed=0)
    np.testing.assert_array_equal(rnp.randint(low=2, high=9, size=(4,), seed=0), expected)
    with pytest.raises(TypeError, match="unknown keyword 'low'"):
        rnp.randn(4, low=2, seed=0)


def test_it_is_there_with_the_package() -> None:
    assert reprorng.numpy is rnp


def test_out_can_have_no_dimension() -> None:
    out = np.zeros((), np.float32)
    assert rnp.randn((), out=out, seed=0) is out
    assert out == rnp.randn((), seed=0)


@pytest.mark.parametrize("steps", [slice(None), slice(None, None, -1)])
def test_out_can_be_a_field_whatever_lies_between(steps: slice) -> None:
    records = np.zeros(4, [("tag", np.uint8), ("number", np.float32)])
    rnp.randn(4, out=records["number"][steps], seed=0)
    np.testing.assert_array_equal(records["number"][steps], rnp.randn(4, seed=0))
    assert not records["tag"].any()


@pytest.mark.parametrize("out", [None, np.zeros(4, np.dtype(np.float32).newbyteorder("S"))])
def test_a_dtype_of_the_other_byte_order_is_refused_as_numpy_refuses_it(
    out: np.ndarray | None,
) -> None:
    foreign = np.dtype(np.float32).newbyteorder("S")
    g = reprorng.Generator(3)
    with pytest.raises(TypeError, match=f"byte order.*{foreign.str}.*astype"):
        rnp.randn(4, dtype=foreign, out=out, generator=g)
    assert g.position == 0
