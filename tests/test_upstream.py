# SPDX-License-Identifier: Apache-2.0
"""`make upstream` on a suite made up for the purpose, in which every test has its way to end."""

import ast
import json
import os
import textwrap

import pytest
import torch

import reprorng
from benchmarks.pages import upstream as page
from benchmarks.saved import Saved
from tools.upstream import __main__ as program
from tools.upstream import explain, hub, judge, leaks, swap
from tools.upstream.checkout import Checkout, CheckoutError
from tools.upstream.chunks import Chunk, Place, StoppedError
from tools.upstream.suite import Ended, Runner

FILES = {
    "src/diffusers/__init__.py": """
        import torch

        class DiffusionPipeline:
            pass

        class Tidy(DiffusionPipeline):
            def __call__(self, generator=None):
                return torch.randn(3, generator=generator)

        class Leaky(DiffusionPipeline):
            def __call__(self, generator=None):
                return torch.randn(3, generator=generator) + torch.randn(3)
    """,
    "tests/__init__.py": "",
    "tests/helpers.py": """
        import torch

        def assert_tensors_close(actual, expected, atol=1e-5):
            assert torch.allclose(actual, expected, atol=atol)
    """,
    "tests/pipelines/__init__.py": "",
    "tests/pipelines/test_leaks.py": """
        import diffusers, torch

        def test_a_tidy_pipeline():
            assert diffusers.Tidy()(generator=torch.Generator().manual_seed(0)).shape == (3,)

        def test_a_leaky_pipeline():
            assert diffusers.Leaky()(generator=torch.Generator().manual_seed(0)).shape == (3,)

        def test_nobody_gave_a_generator():
            assert diffusers.Leaky()().shape == (3,)
    """,
    "tests/schedulers/__init__.py": "",
    "tests/schedulers/test_fine.py": """
        import pytest, torch

        def draw(*size, seed=0):
            return torch.randn(*size, generator=torch.Generator(device="cpu").manual_seed(seed))

        def test_a_seed_repeats():
            assert torch.equal(draw(4), draw(4))
            assert not torch.equal(draw(4), draw(4, seed=1))

        def test_the_default_generator_is_torchs():
            expected = torch.randn(4, generator=torch._C.Generator().manual_seed(0))
            assert torch.equal(torch.randn(4, generator=torch.manual_seed(0)), expected)
            assert isinstance(torch.manual_seed(0), torch.Generator)
            assert not isinstance(4, torch.Generator)

        def test_generators_without_a_seed_agree():
            one, two = (torch.rand(4, generator=torch.Generator()) for _ in range(2))
            assert torch.equal(one, two)

        @pytest.mark.skip(reason="as some are")
        def test_skipped():
            pass

        @pytest.mark.xfail
        def test_expected_to_fail():
            assert False

        def test_that_always_fails():
            assert draw(4).shape == (5,)
    """,
    "tests/schedulers/test_literals.py": """
        import torch
        from ..helpers import assert_tensors_close
        from .test_fine import draw

        def test_a_slice():
            expected_slice = torch.tensor([1.5410, -0.2934, -2.1788])
            max_diff = (draw(3).flatten() - expected_slice).abs().max()
            assert max_diff < 1e-3, "other numbers"

        def test_a_helper():
            expected = torch.tensor([1.5410, -0.2934, -2.1788])
            assert_tensors_close(draw(3), expected, atol=1e-3)
    """,
    "tests/schedulers/test_reasons.py": """
        import torch
        from .test_fine import draw

        def test_what_only_torchs_generator_is():
            assert not hasattr(torch.Generator(), "stream")

        def test_a_tolerance_is_no_literal():
            assert (draw(20)[:4] - draw(17)[:4]).abs().max() > 1e-3

        def test_a_literal_that_other_seeds_pass():
            assert abs(hasattr(torch.Generator(), "stream") - 0.25) < 0.5
    """,
    "tests/schedulers/test_plumbing.py": """
        import torch

        def test_a_function_we_do_not_have():
            torch.poisson(torch.ones(3), generator=torch.Generator())
    """,
    "tests/schedulers/test_import.py": """
        raise ImportError("this file needs what is not there")
    """,
    "tests/others/__init__.py": "",
    "tests/others/test_crash.py": """
        import os

        def test_before():
            pass

        def test_crash():
            os._exit(3)

        def test_after():
            pass
    """,
}

LITERALS = {"test_a_slice", "test_a_helper"}
REASONS = {
    "test_what_only_torchs_generator_is",
    "test_a_tolerance_is_no_literal",
    "test_a_literal_that_other_seeds_pass",
}
PLUMBING = "test_a_function_we_do_not_have"


def contents(folder):
    return {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


class Run:
    """One run of everything, and what it left."""

    def __init__(self, folder):
        self.checkout = folder / "checkout"
        for name, text in FILES.items():
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (self.checkout / name).write_text(textwrap.dedent(text))
        self.before = contents(self.checkout)
        self.work, self.file = folder / "work", folder / "upstream.json"
        self.status = self.again()

    def again(self, *words):
        places = ["--work", str(self.work), "--result", str(self.file), "--save", "--source"]
        named = ["--commit", "abc", "--files", "99", "--timeout", "60"]
        return program.main([str(self.checkout), *places, *named, *words])

    @property
    def result(self):
        return json.loads(self.file.read_text())["selections"][0]

    def outcomes(self, mode):
        (record,) = (self.work / mode).glob("*.jsonl")
        lines = map(json.loads, record.read_text().splitlines())
        return {name_of(x["test"]): x["outcome"] for x in lines if "test" in x}


def name_of(test):
    return test.rsplit("::", 1)[-1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("upstream"))


# What a run finds


def test_every_test_ends_as_it_should_at_baseline(run):
    outcomes = run.outcomes("baseline")
    others = {
        "test_skipped": "skipped",
        "test_expected_to_fail": "xfailed",
        "test_that_always_fails": "failed",
        "tests/schedulers/test_import.py": "error",
    }
    assert outcomes == {name: others.get(name, "passed") for name in outcomes}
    assert {*LITERALS, *REASONS, PLUMBING, *others} <= {*outcomes}


def test_exact_differs_only_where_the_plumbing_is_not_torchs(run):
    (found,) = run.result["differences"]["exact"]
    assert name_of(found["test"]) == PLUMBING
    assert found["before"] == "passed"
    assert found["now"].startswith("failed: NotImplementedError")


def test_what_compares_with_numbers_in_its_source_is_explained(run):
    explained = [each for each in run.result["differences"]["real"] if each["explained"]]
    assert {name_of(each["test"]) for each in explained} == LITERALS
    assert all(each["literal"].endswith(": 3 numbers") for each in explained)
    assert all(each["reseeded"] == each["now"] for each in explained)


def test_what_fails_for_another_reason_is_not_explained_and_makes_the_status_1(run):
    assert run.status == 1
    assert {name_of(test) for test in run.result["unexplained"]} == {*REASONS, PLUMBING}


def test_a_literal_is_no_excuse_where_torch_itself_passes_with_other_seeds(run):
    real = {name_of(each["test"]): each for each in run.result["differences"]["real"]}
    found = real["test_a_literal_that_other_seeds_pass"]
    assert found["literal"].endswith(": 1 number")
    assert found["reseeded"] == "passed"
    assert not found["explained"]


def test_a_pipeline_that_moves_the_global_state_is_named(run):
    reached = run.result["reached"]
    assert reached["pipelines"] == 2
    assert reached["moved_the_global_state"] == ["Leaky"]
    assert reached["draws"] >= 10


def test_the_package_in_the_checkout_is_the_one_tested_if_asked_for(run):
    origin = json.loads(run.file.read_text())
    assert origin["checkout"]["package_tested"] == "the checkout's"
    assert origin["checkout"]["commit"] == "abc"


def test_nothing_is_written_into_the_checkout(run):
    assert contents(run.checkout) == run.before


def test_a_selection_without_the_unexplained_has_status_0_and_goes_beside_the_other(
    run, monkeypatch
):
    good = judge.Difference("a", "passed", "failed: x", None, "a.py:1: 2 numbers", "failed: x")
    lines = {"a": {"test": "a", "outcome": "passed"}}
    modes = {mode: lines for mode in swap.MODES}
    monkeypatch.setattr(Runner, "run", lambda *_: Ended(modes, [], [good]))
    whole = run.result
    assert run.again("--only", "schedulers", "-k", "slice or other") == 0
    first, second = json.loads(run.file.read_text())["selections"]
    assert first == whole
    assert second["selection"] == 'schedulers -k "slice or other"'
    assert second["unexplained"] == []
    monkeypatch.setattr(Runner, "run", lambda *_: Ended(modes, [good], []))
    assert run.again("--only", "schedulers") == 1


def test_a_run_that_was_cut_off_goes_on_where_it_was(run):
    whole = run.result
    (record,) = (run.work / "exact").glob("*.jsonl")
    lines = record.read_text().splitlines(keepends=True)
    cut = max(i for i, line in enumerate(lines) if '"test": "tests/schedulers/test_fine' in line)
    record.write_text("".join(lines[:cut]) + lines[cut][:20])
    run.again()
    assert run.result["outcomes"] == whole["outcomes"]
    begun = [json.loads(line).get("began") for line in record.read_text().splitlines()]
    kept = {json.loads(line).get("began") for line in lines[: cut - 1]} - {None}
    assert kept
    assert all(begun.count(test) == 1 for test in kept)


def test_a_test_that_ends_the_process_is_recorded_and_the_others_are_run(run):
    place = Place(Checkout(run.checkout, run.work / "checkout", None), run.work, run.work, 60)
    ended = Chunk("baseline", ("tests/others/test_crash.py",)).run(place)
    outcomes = {name_of(line["test"]): line["outcome"] for line in ended}
    assert outcomes == {"test_before": "passed", "test_crash": "crashed", "test_after": "passed"}


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({}, set()),
        ({"package": "b"}, {"exact", "real", "reseeded"}),
        ({"versions": {"torch": "2"}}, {"baseline", "exact", "real", "reseeded", "hub"}),
        ({"checkout": {"tests": "c"}}, {"baseline", "exact", "real", "reseeded", "hub"}),
    ],
)
def test_what_was_recorded_of_something_else_is_forgotten(tmp_path, change, gone):
    origin = {"package": "a", "checkout": {}, "versions": {}}
    program._forget_others(tmp_path, origin, fresh=False)
    folders = {"baseline", "exact", "real", "reseeded", "hub"}
    for folder in folders:
        (tmp_path / folder).mkdir()
    program._forget_others(tmp_path, origin | change, fresh=False)
    assert {folder for folder in folders if not (tmp_path / folder).exists()} == gone
    program._forget_others(tmp_path, origin | change, fresh=True)
    assert not any((tmp_path / folder).exists() for folder in folders)


def test_a_folder_that_is_no_checkout_is_refused_by_name(tmp_path, capsys):
    assert program.main([str(tmp_path), "--work", str(tmp_path / "work")]) == 2
    assert "has no 'tests'" in " ".join(capsys.readouterr().out.split())
    (tmp_path / "tests").mkdir()
    copied = Checkout.copy(tmp_path, tmp_path / "copy", commit=None, source=False)
    with pytest.raises(CheckoutError, match="no tests/nowhere"):
        copied.files(["nowhere"])


def test_a_run_that_is_stopped_records_no_crash(run):
    place = Place(Checkout(run.checkout, run.work / "checkout", None), run.work, run.work, 60)
    place.stop.set()
    chunk = Chunk("exact", ("tests/others/test_crash.py",))
    with pytest.raises(StoppedError):
        chunk.run(place)
    assert not [line for line in chunk.lines(place) if "test" in line]


def test_a_process_that_cannot_even_begin_is_recorded_as_a_crash(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "pytest.ini").write_text("not a section")
    place = Place(Checkout(tmp_path, tmp_path, None), tmp_path / "work", tmp_path, 60)
    (line,) = Chunk("baseline", ("tests/test_a.py",)).run(place)
    assert (line["test"], line["outcome"]) == ("tests/test_a.py", "crashed")


# The generators that are swapped in


@pytest.mark.parametrize(
    "draw",
    [
        lambda g: torch.randn(2, 3, generator=g),
        lambda g: torch.randn(5, generator=g, dtype=torch.float64, device="cpu"),
        lambda g: torch.rand(4, generator=g, device=g.device),
        lambda g: torch.randint(9, (4,), generator=g),
        lambda g: torch.randint(2, 9, (4,), generator=g),
        lambda g: torch.randperm(7, generator=g),
        lambda g: torch.normal(0.5, 2.0, (3,), generator=g),
        lambda g: torch.empty(5).normal_(1, 2, generator=g),
        lambda g: torch.empty(5).uniform_(generator=g),
        lambda g: torch.empty(5).uniform_(-1, 1, generator=g),
        lambda g: torch.empty(5, dtype=torch.int64).random_(generator=g),
        lambda g: torch.empty(5, dtype=torch.int64).random_(3, 9, generator=g),
        lambda g: torch.empty(5).random_(9, generator=g),
        lambda g: torch.randint_like(torch.empty(5, dtype=torch.int64), 9, generator=g),
        lambda g: torch.multinomial(torch.ones(7), 3, generator=g),
        lambda g: torch.bernoulli(torch.full((9,), 0.5), generator=g),
        lambda g: torch.nn.init.xavier_normal_(torch.empty(3, 4), generator=g),
    ],
)
def test_exact_gives_torchs_own_numbers(draw):
    ours, torchs = swap.Exact("cpu").manual_seed(5), torch.Generator().manual_seed(5)
    for _ in range(2):
        assert draw(ours).numpy().tobytes() == draw(torchs).numpy().tobytes()


def test_exact_has_torchs_state():
    ours, torchs = swap.Exact(), torch.Generator()
    assert ours.initial_seed() == torchs.initial_seed()
    assert torch.equal(ours.get_state(), torchs.get_state())
    state = ours.get_state()
    first = torch.randn(4, generator=ours)
    assert torch.equal(torch.randn(4, generator=ours.set_state(state)), first)
    assert ours.seed() == ours.initial_seed()


def test_exact_refuses_what_the_adapter_does_not_have():
    with pytest.raises(NotImplementedError, match="poisson"):
        torch.poisson(torch.ones(2), generator=swap.Exact())
    with pytest.raises(AttributeError, match="poisson"):
        swap.Exact().poisson(torch.ones(2))


def test_reseeded_draws_other_numbers_of_torchs():
    ours, torchs = swap.Reseeded().manual_seed(5), torch.Generator()
    drawn = torch.randn(4, generator=ours)
    assert torch.equal(drawn, torch.randn(4, generator=torchs.manual_seed(5 + swap.OTHER_SEEDS)))
    assert ours.initial_seed() == 5


def test_real_makes_our_own_generators():
    made = swap.Real(device="cpu").manual_seed(5)
    assert type(made) is reprorng.Generator
    assert made == reprorng.Generator(5)
    assert not isinstance(made, swap.Real)
    assert isinstance(torch.Generator(), swap.Real)
    assert swap.is_swapped([made, made])
    assert not swap.is_swapped([])
    assert not swap.is_swapped(torch.Generator())


def test_installing_leaves_torch_alone_at_baseline(monkeypatch):
    monkeypatch.setattr(torch, "Generator", torch.Generator)
    swap.install("baseline")
    assert torch.Generator is swap.TorchGenerator
    swap.install("exact")
    assert torch.Generator is swap.Exact


def test_a_watched_pipeline_tells_of_each_global_state_that_moved():
    np = pytest.importorskip("numpy")
    import random

    class Pipeline:
        def __call__(self, move, generator):
            move()

    call = leaks._watched(Pipeline.__call__)
    for move in (lambda: torch.rand(1), lambda: np.random.rand(), lambda: random.random()):
        calls = leaks.Calls.start()
        call(Pipeline(), move, generator=reprorng.Generator(0))
        assert calls.leaking == {"Pipeline"}
    calls = leaks.Calls.start()
    call(Pipeline(), lambda: None, generator=[reprorng.Generator(0)])
    assert (calls.pipelines, calls.leaking) == ({"Pipeline"}, set())


# What counts as numbers written down


def literal_of(tmp_path, source, error="AssertionError"):
    """What the rule finds where a comment marks the lines that failed, the outermost first."""
    file = tmp_path / "tests" / "test_a.py"
    file.parent.mkdir(exist_ok=True)
    text = textwrap.dedent(source)
    file.write_text(text)
    explain._parsed.cache_clear()
    marked = {
        int(line.split("#")[1]): n for n, line in enumerate(text.splitlines(), 1) if "#" in line
    }
    tree = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    frames = []
    for _, line in sorted(marked.items()):
        name = next(f.name for f in tree if f.lineno <= line <= f.end_lineno)
        frames.append(["tests/test_a.py", name, line])
    failure = {"type": error, "assertion": error == "AssertionError", "frames": frames}
    return explain.literal(tmp_path, failure)


@pytest.mark.parametrize(
    "body",
    [
        "assert abs(x.sum().item() - 162.5238) < 1e-2  # 1",
        "assert x.mean() == 0.25  # 1",
        "assert np.allclose(x, [0.1, -0.2], atol=1e-3)  # 1",
        "assert np.abs(x - np.array([0.1, 0.2])).max() < 1e-2  # 1",
        "e = np.array([0.1, 0.2])\n    assert np.abs(x.flatten() - e).max() < 1e-2  # 1",
        "e = torch.tensor([[0.1], [2]])\n    e = e.to(x)\n    assert_close(x, e)  # 1",
        "e = [0.1, 0.2]\n    d = x - torch.tensor(e)\n    m = d.abs().max()\n    assert m < 1  # 1",
        "self.assertTrue(abs(x - 0.5) < 1e-3)  # 1",
        "d = np.abs(x - np.array([0.1, 0.2])).max()\n    self.assertLessEqual(d, 1e-3)  # 1",
        "if not np.allclose(x, [0.1, 0.2]):\n        raise AssertionError('far')  # 1",
        "if not np.allclose(x, [0.1, 0.2]):\n        assert False, 'far'  # 1",
        "self.assertAlmostEqual(x, 0.25, places=3)  # 1",
        "d = numpy_cosine_similarity_distance(x, E)\n    assert d < 1e-4  # 1",
    ],
)
def test_a_literal_side_of_a_comparison_is_found(tmp_path, body):
    source = f"E = [0.5, 0.25]\ndef test(self, x):\n    {body}\n"
    assert literal_of(tmp_path, source).startswith("tests/test_a.py:")


@pytest.mark.parametrize(
    "body",
    [
        "assert np.abs(x - y).max() < 1e-3  # 1",
        "assert np.allclose(x, y, atol=0.001, rtol=0.001)  # 1",
        "assert torch.allclose(x, y, 0.001, 0.001)  # 1",
        "assert x.shape == (1, 3, 8, 8)  # 1",
        "y = pipe(sigmas=[0.5, 0.25])\n    assert np.abs(x - y).max() < 1e-3  # 1",
        "y = pipe(x - 0.5)\n    assert y.max() < 1e-3  # 1",
        "assert x is None, f'{abs(x - 0.5)}'  # 1",
        "assert x.max() > 0.25  # 1",
        "raise AssertionError(x - 0.5)  # 1",
        "if x == 0.5:\n        pass\n    if x is y:\n        raise AssertionError  # 1",
        "if x.max() > 0.5:\n        raise AssertionError(x - 0.5)  # 1",
        "if np.allclose(x, [0.1, 0.2]):\n        pass\n    else:\n        assert x is y  # 1",
        "x = x.flatten()\n    assert x.equal(x)  # 1",
    ],
)
def test_a_tolerance_or_an_input_is_no_literal(tmp_path, body):
    assert literal_of(tmp_path, f"def test(self, x, y):\n    {body}\n") is None


def test_what_a_helper_compares_with_is_looked_for_where_it_was_called(tmp_path):
    helper = "def helper(a, e, atol=0.5):\n    assert np.allclose(a, e, atol)  # 2\n"
    given = "def test(x):\n    e = [0.1, 0.2]\n    helper(x, e)  # 1\n"
    named = "def test(x):\n    helper(x, e=[0.1, 0.2])  # 1\n"
    drawn = "def test(x):\n    helper(x, draw([0.1, 0.2]))  # 1\n"
    tolerance = "def test(x):\n    helper(x, x, 0.25)  # 1\n"
    outer = "def between(a, e):\n    return helper(a, e)  # 1\n"
    chain = "def test(x):\n    between(x, [0.1, 0.2])  # 0\n"
    assert literal_of(tmp_path, helper + given)
    assert literal_of(tmp_path, helper + named)
    assert literal_of(tmp_path, helper + drawn) is None
    assert literal_of(tmp_path, helper + tolerance) is None
    assert literal_of(tmp_path, helper + outer + chain)


def test_an_error_that_is_no_assertion_is_not_excused_by_a_literal(tmp_path):
    source = "def test(x):\n    assert x - 0.5 < 1  # 1\n"
    assert literal_of(tmp_path, source)
    assert literal_of(tmp_path, source, error="RuntimeError") is None
    assert explain.literal(tmp_path, None) is None


def test_failing_elsewhere_is_a_difference():
    def failed(line, kind="AssertionError"):
        failure = {"type": kind, "message": "m", "frames": [["tests/a.py", "test", line]]}
        return {"a": {"test": "a", "outcome": "failed", "failure": failure}}

    assert judge.differences(failed(3), failed(3)) == []
    assert len(judge.differences(failed(3), failed(4))) == 1
    assert len(judge.differences(failed(3), failed(3, "ValueError"))) == 1
    (missing,) = judge.differences(failed(3), {})
    assert missing.now == "not run"
    assert not missing.explained


# What is made for the tests


def test_the_hub_stands_in_for_every_name_without_a_network(run, monkeypatch):
    transformers = pytest.importorskip("transformers")
    for name in hub.STAND_INS:
        (snapshot,) = (run.work / "hub" / "hub").glob(
            f"models--{name.replace('/', '--')}/snapshots/*"
        )
        assert any(snapshot.rglob("tokenizer.json"))
    clip = next((run.work / "hub" / "hub").glob("*tiny-random-clip/snapshots/*"))
    tokenizer = transformers.CLIPTokenizer.from_pretrained(clip)
    numbers = tokenizer("a cat", padding="max_length").input_ids
    assert len(numbers) == 77
    assert numbers.index(max(numbers)) == len(tokenizer.tokenize("a cat")) + 1


def test_the_page_says_what_was_found(run):
    saved = Saved(run.file.parent)
    assert "| real |" in page.outcomes(saved)
    assert "test_a_slice" in page.changed(saved)
    assert os.sep + "tmp" not in page.made_by(saved)
    assert "Leaky" in page.reached(saved)
