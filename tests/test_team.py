# SPDX-License-Identifier: Apache-2.0
"""The threads that share large draws: as many as torch says, and never in the way of a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
import torch
from checks import assert_same_bytes

import reprorng
from reprorng import _core
from reprorng.backends.cpu import GRAIN, KERNEL, WORTH_WAKING

LARGE = 2 * GRAIN * WORTH_WAKING
SECONDS = 60


def run(program: str) -> str:
    """What a fresh process prints; it must end by itself."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


TASKS = """
import os, time, torch, reprorng
def threads():
    return len(os.listdir("/proc/self/task"))
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")


@linux
def test_one_thread_is_the_callers() -> None:
    # As in the workers of a DataLoader, where torch sets its number of threads to one.
    printed = run(f"""{TASKS}
torch.set_num_threads(1)
before = threads()
reprorng.randn({8 * LARGE}, seed=0)
print(threads() - before)
""")
    assert printed == "0\n"


@linux
def test_there_are_as_many_threads_as_torch_says_and_small_draws_need_none() -> None:
    printed = run(f"""{TASKS}
torch.set_num_threads(2)
before = threads()
for count in ({GRAIN - 1}, {GRAIN * (WORTH_WAKING - 1)}, {LARGE}, {LARGE}):
    reprorng.randn(count, seed=0)
    print(threads() - before)
for number in (4, 2):
    torch.set_num_threads(number)
    reprorng.randn({LARGE}, seed=0)
    print(threads() - before)
""")
    assert printed.split() == ["0", "0", "1", "1", "3", "3"]


def test_a_process_ends_while_the_threads_wait() -> None:
    assert run(f"import reprorng; reprorng.randn({LARGE}, seed=0); print('end')") == "end\n"


FORK = f"""
import os, hashlib, threading, time, torch, reprorng
torch.set_num_threads(2)
def digest(seed):
    return hashlib.sha256(reprorng.randn({LARGE}, seed=seed).numpy()).hexdigest()
def child_draws(seed):
    child = os.fork()
    if child == 0:
        os._exit(0 if digest(seed) == wanted[seed] else 1)
    return os.waitpid(child, 0)[1] == 0
wanted = [digest(seed) for seed in range(4)]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_draws_the_same() -> None:
    assert run(FORK + "print(all(child_draws(seed) for seed in range(4)))") == "True\n"


@linux
def test_a_forked_process_has_a_team_of_its_own() -> None:
    program = """
child = os.fork()
if child == 0:
    digest(0)
    os._exit(len(os.listdir("/proc/self/task")))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(FORK + program) == "2\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_process_can_fork_while_others_draw() -> None:
    # Whatever a thread had locked stays locked in the child, where that thread is not.
    program = """
stop = threading.Event()
def draw():
    while not stop.is_set():
        reprorng.randn(1 << 16, seed=0)
        reprorng.randn(LARGE, seed=0)
drawing = [threading.Thread(target=draw) for _ in range(2)]
for thread in drawing:
    thread.start()
good = [child_draws(n % 4) for n in range(12)]
stop.set()
for thread in drawing:
    thread.join()
print(all(good))
""".replace("LARGE", str(LARGE))
    assert run(FORK + program) == "True\n"


@linux
def test_threads_stay_where_the_process_was_put() -> None:
    # They keep off the caller's processor by their own affinity, which is not theirs to widen.
    printed = run(f"""{TASKS}
torch.set_num_threads(2)
for _ in range(20):
    reprorng.randn({LARGE}, seed=0)
time.sleep(0.1)  # until all of them sleep
one = min(os.sched_getaffinity(0))
for thread in os.listdir("/proc/self/task"):
    os.sched_setaffinity(int(thread), {{one}})
for _ in range(20):
    reprorng.randn({LARGE}, seed=0)
print(all(os.sched_getaffinity(int(t)) == {{one}} for t in os.listdir("/proc/self/task")))
""")
    assert printed == "True\n"


@linux
def test_threads_that_are_not_needed_stay_asleep_where_they_were() -> None:
    # Some of the team are woken and others not; after that, some of those for whom it sleeps.
    printed = run(f"""{TASKS}
def places():
    return {{t: os.sched_getaffinity(int(t)) for t in os.listdir("/proc/self/task")}}
def draw(threads):
    torch.set_num_threads(threads)
    reprorng.randn({LARGE}, seed=0)
    time.sleep(0.1)  # until all of them sleep
torch.set_num_threads(4)
before = places()
draw(4)
team = places().keys() - before.keys()
whole = os.sched_getaffinity(0)
print(all(places()[t] == whole for t in team))
draw(2)
print(all(places()[t] == whole for t in team))
for one in whole:
    for t in team:
        os.sched_setaffinity(int(t), {{one}})
    for threads in (2, 3, 4, 2):
        draw(threads)
        print(all(places()[t] == {{one}} for t in team))
""")
    assert set(printed.split()) == {"True"}


@linux
def test_those_draw_who_are_allowed_to_however_often_and_no_more() -> None:
    # One but the caller, of a team that sleeps or is awake. The scalar kernel takes a while.
    printed = run(f"""{TASKS}
from reprorng import _core
x = torch.empty(1 << 21)
def busy():
    ran = {{t: open(f"/proc/self/task/{{t}}/schedstat").read().split() for t in team}}
    return {{t: int(nanoseconds) for t, (nanoseconds, *_) in ran.items()}}
def draw(variant, threads, count):
    place = (1, 0, 0, count, x.data_ptr(), threads)
    _core.fill(variant, {KERNEL["normal_float32"]}, *place, {GRAIN}, {WORTH_WAKING})
before = set(os.listdir("/proc/self/task"))
draw(0, 4, x.numel())
team = set(os.listdir("/proc/self/task")) - before
time.sleep(0.1)  # until all of them sleep
counts = []
for awake in 4 * [False] + 4 * [True]:
    start = busy()
    if awake:
        draw(0, 4, x.numel() // 8)
    draw(len(_core.variants()) - 1, 2, x.numel())
    time.sleep(0.1)
    end = busy()
    counts.append(sum(end[t] - start[t] > 5_000_000 for t in team))
print(max(counts) <= 1, max(counts[2:4]) == 1 or len(os.sched_getaffinity(0)) == 1, counts)
""")
    assert printed.startswith("True True "), printed


@linux
def test_signals_are_for_the_threads_of_the_program() -> None:
    printed = run(f"""{TASKS}
import signal
some = {{signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD}}
faults = {{signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}}
def blocked(thread):
    with open(f"/proc/self/task/{{thread}}/status") as status:
        bits = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk"))
    return {{number for number in some | faults if bits >> number - 1 & 1}}
torch.set_num_threads(3)
before = set(os.listdir("/proc/self/task"))
reprorng.randn({LARGE}, seed=0)
team = set(os.listdir("/proc/self/task")) - before
# A thread that is only just born has all of them blocked, by the C library.
until = time.monotonic() + 20
while not all(blocked(t) == some for t in team) and time.monotonic() < until:
    time.sleep(0.01)
print(len(team), all(blocked(t) == some for t in team), any(blocked(t) for t in before))
""")
    assert printed == "2 True False\n"


def test_other_threads_run_while_one_draws() -> None:
    x = torch.empty(1 << 23)

    def draw() -> None:
        reprorng.normal_(x, seed=0, backend="cpu:scalar")

    drawing, turns = threading.Thread(target=draw), 0
    drawing.start()
    while drawing.is_alive():
        time.sleep(0.001)
        turns += 1
    # With the interpreter's lock held there would be one before the draw, and one after it.
    assert turns > 4


def test_a_process_ends_while_a_daemon_draws() -> None:
    # Its thread never gets the interpreter's lock back. Torch is not asked for anything here, for a
    # thread that then waits for the lock inside of torch ends the process by an abort.
    printed = run(f"""
import threading, time, torch, reprorng
from reprorng import _core
def draw(x):
    while True:
        _core.fill(len(_core.variants()) - 1, {KERNEL["normal_float32"]}, 1, 0, 0, x.numel(),
                   x.data_ptr(), 1, {GRAIN}, {WORTH_WAKING})
for _ in range(2):
    threading.Thread(target=draw, args=(torch.empty({LARGE // 4}),), daemon=True).start()
time.sleep(0.2)
print("end")
""")
    assert printed == "end\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_process_can_fork_while_backends_are_loaded() -> None:
    # The child would wait for ever for a thread that is not there.
    program = """
import os, threading, time
from reprorng import backends
held = threading.Event()
def load():
    with backends._loading:
        held.set()
        time.sleep(0.2)
loading = threading.Thread(target=load)
loading.start()
held.wait()
child = os.fork()
if child == 0:
    backends.available()
    os._exit(0)
loading.join()
print(os.waitpid(child, 0)[1])
"""
    assert run(program) == "0\n"


def test_callers_at_the_same_time_all_get_their_numbers() -> None:
    wanted = reprorng.randn(LARGE, seed=1, backend="cpu:scalar")
    drawn: list[torch.Tensor] = []

    def draw() -> None:
        for _ in range(10):
            drawn.append(reprorng.randn(LARGE, seed=1))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(drawn) == 40
    for x in drawn:
        assert_same_bytes(x, wanted)


@pytest.mark.parametrize("first", [0, 1, GRAIN - 1, GRAIN, GRAIN + 3, (1 << 64) - 3 * GRAIN - 5])
@pytest.mark.parametrize("kernel", ["normal_float32", "normal_float64", "bits_uint64"])
def test_pieces_meet_wherever_a_draw_begins(kernel: str, first: int) -> None:
    # 2^64 - 1 is the last index of a word; elements of two words end at half of that.
    size = 8 if kernel.endswith("64") else 4
    first //= size // 4
    count = 3 * GRAIN + 5 if size == 4 else (3 * GRAIN + 5) // 2
    whole, pieces = (torch.zeros(count, dtype=torch.int64) for _ in range(2))
    for x, threads, grain in ((whole, 1, 1 << 30), (pieces, 3, GRAIN // 4)):
        place = (1, 2, first, count, x.data_ptr(), threads)
        _core.fill(len(_core.variants()) - 1, KERNEL[kernel], *place, grain, 1)
    assert_same_bytes(whole, pieces)
    assert bool(whole.any())


def test_any_number_of_threads_share_any_number_of_pieces() -> None:
    # In a process of its own, for its threads stay.
    printed = run(f"""
import torch, reprorng
from reprorng import _core
wanted = reprorng.randn(1 << 16, seed=1)
for threads in (0, 2, 3, 63, 64, 65, 200):
    for grain in (64, 333, (1 << 16) // max(threads, 1)):
        x = torch.zeros(1 << 16)
        _core.fill(len(_core.variants()) - 1, {KERNEL["normal_float32"]}, 1, 0, 0, 1 << 16,
                   x.data_ptr(), threads, grain, 1)
        print(torch.equal(x, wanted))
""")
    assert printed.split() == ["True"] * 21


@pytest.mark.parametrize("offset", [0, 1, 8, 16])
def test_what_is_stored_past_the_caches_is_the_same(offset: int) -> None:
    # From 2^25 bytes on. Only an aligned address can be stored to like that.
    count = (1 << 23) + 5
    memory = torch.zeros(count + offset)
    x = memory[offset:]
    reprorng.normal_(x, seed=3, position=1)
    ends = (0, 1 << 22, count - 999)
    for start in ends:
        few = reprorng.randn(999, seed=3, position=1 + start)
        assert_same_bytes(x[start : start + 999], few)
    assert memory[:offset].eq(0).all()
