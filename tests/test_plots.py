# SPDX-License-Identifier: Apache-2.0
"""The pictures and tables made of results, here of results that nobody measured."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import made_up
import pytest

from benchmarks.pages import BLOCKS, PAGES, blocks_of, render
from benchmarks.pages.__main__ import old_pictures, update
from benchmarks.plots import PICTURES, files, save
from benchmarks.plots.speed import notes
from benchmarks.plots.theme import measured, spread
from benchmarks.saved import LeftOutError, Saved
from benchmarks.wording import power, prefixed, three
from tools.docs_hook import on_page_markdown


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """Made-up results of every kind."""
    folder = tmp_path / "results"
    folder.mkdir()
    return Saved(made_up.write(folder))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


def page_with(name: str) -> str:
    """A page with a block that is yet to be written."""
    return f"before\n<!-- {name}: begin -->\nold\n<!-- {name}: end -->\nafter\n"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_for_both_pages_and_again_to_the_byte(
    name: str, saved: Saved, images: Path
) -> None:
    assert save(name, saved, images) is None
    light, dark = (file.read_bytes() for file in files(name, images))
    assert light != dark
    for text in (light, dark):
        assert ET.fromstring(text).tag.endswith("svg")
        assert b"<dc:date>" not in text
    assert save(name, saved, images) is None
    assert [file.read_bytes() for file in files(name, images)] == [light, dark]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_without_its_result_is_left_out_and_removed(
    name: str, saved: Saved, images: Path
) -> None:
    save(name, saved, images)
    result = f"{PICTURES[name].result}.json"
    (saved.folder / result).unlink()
    assert save(name, saved, images) == f"{result} is not there"
    assert not any(images.iterdir())


def test_a_result_without_the_rows_of_a_picture_leaves_it_out(saved: Saved, images: Path) -> None:
    (saved.folder / "cpu.json").write_text(json.dumps({**made_up.MACHINE, "rows": []}))
    reason = save("ratios", saved, images)
    assert reason == "cpu.json has no rows with memory touched and threads 1"


@pytest.mark.parametrize(
    ("part", "known", "reason"),
    [
        # A machine of one core, and a system that does not tell.
        ("threads", {"threads": 1}, "growth.json has nothing on several threads"),
        ("size", {"peak_bytes": None}, "growth.json does not know the peak of memory"),
    ],
)
def test_a_panel_that_cannot_be_drawn_is_left_out_by_name(
    part: str, known: dict[str, int | None], reason: str, saved: Saved, images: Path
) -> None:
    result = made_up.growth()
    result[part] = [row | known for row in result[part]]
    (saved.folder / "growth.json").write_text(json.dumps(result))
    assert save("growth", saved, images) is None
    for file in files("growth", images):
        drawn = file.read_text()
        assert drawn.count("left out: ") == drawn.count(f"left out: {reason}") == 1


def test_a_machine_of_one_core_has_no_table_of_threads(saved: Saved) -> None:
    for name, part in (("cpu", "rows"), ("growth", "threads")):
        result = made_up.RESULTS[name]()
        result[part] = [row for row in result[part] if row["threads"] == 1]
        (saved.folder / f"{name}.json").write_text(json.dumps(result))
    for block, reason in (
        ("parallel table", "cpu.json has nothing on several threads"),
        ("threads table", "growth.json has nothing on several threads"),
    ):
        assert f"*Not shown: {reason}.*" in render(page_with(block), BLOCKS, saved)


def test_no_line_is_drawn_where_nothing_was_measured(saved: Saved, images: Path) -> None:
    def lines() -> int:
        save("throughput", saved, images)
        drawn = files("throughput", images)[0].read_text()
        paths = re.findall(r'<path d="(M [^"]*)"[^>]*stroke: #0969da', drawn)
        return sum(path.count("M ") for path in paths)

    result = made_up.cpu()
    with_gap = lines()
    for small in (256, 4096):
        result["rows"] += [row | {"count": small} for row in result["rows"] if row["count"] == 4]
    result["rows"].sort(key=lambda row: row["count"])
    (saved.folder / "cpu.json").write_text(json.dumps(result))
    assert lines() == with_gap - 1


@pytest.mark.parametrize(
    ("heights", "apart"),
    [
        ([0.0, 0.5, 1.0], [0.0, 0.5, 1.0]),
        ([0.5, 0.5], [0.45, 0.55]),
        # The pair in the middle, once apart, would meet its neighbours.
        ([0.4, 0.5, 0.5, 0.6], [0.35, 0.45, 0.55, 0.65]),
    ],
)
def test_labels_are_moved_apart_and_no_further(heights: list[float], apart: list[float]) -> None:
    assert spread(heights, 0.1) == pytest.approx(apart)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_written_between_its_marks_and_nowhere_else(name: str, saved: Saved) -> None:
    block = BLOCKS[name](saved)
    assert render(page_with(name), BLOCKS, saved) == (
        f"before\n<!-- {name}: begin -->\n\n{block}\n\n<!-- {name}: end -->\nafter\n"
    )


def test_the_speed_table_says_what_the_result_says(saved: Saved) -> None:
    lines = BLOCKS["speed table"](saved).splitlines()
    assert lines[:5] == [
        "AMD Nowhere (cpu family 0, model 0), 2 cores, 2026-01-02, `0123456789ab`.",
        "",
        "| 2^20 float32 normals | ns a number | × torch (quartiles) |",
        "| --- | ---: | ---: |",
        "| reprorng, AVX-512 | 0.411 | 6.57 (6.37–6.83) |",
    ]
    # Of each library the fastest, here of two methods.
    assert "| oneMKL Philox (ICDF) | 5.90 | 0.458 (0.444–0.476) |" in lines
    assert not any("BOXMULLER2" in line for line in lines)


def test_a_gap_in_a_result_is_a_gap_in_its_table(saved: Saved) -> None:
    result = made_up.cpu()
    result["rows"] = [
        row
        for row in result["rows"]
        if (row["contestant"], row["count"]) != ("NumPy SFC64", 1 << 24)
    ]
    (saved.folder / "cpu.json").write_text(json.dumps(result))
    lines = BLOCKS["sizes table"](saved).splitlines()
    assert {line.count("|") for line in lines} == {len(made_up.COUNTS) + 2}
    assert any(line.startswith("| NumPy SFC64 |") and "|  |" in line for line in lines)


def test_only_where_onemkl_takes_its_generic_path_is_it_said() -> None:
    told = {name: "generic path" in notes({"machine": name}) for name in ("AMD EPYC", "Intel")}
    assert told == {"AMD EPYC": True, "Intel": False}


def test_targets_are_met_missed_or_not_measured(saved: Saved) -> None:
    scaling = "| float32, 2 threads, 2^18: times our one thread | 1.70 |"
    lines = BLOCKS["targets table"](saved).splitlines()
    assert {
        "| float32, 1 thread, 2^16 to 2^26: times torch.randn | 6 | 6.35 | yes |",
        "| float32, fresh tensors of 2^20 to 2^24: times torch.randn | 4 | 1.00 | **no** |",
        "| float16, 2^16 to 2^22: times torch.randn | 5 | 7.91 | not all measured |",
        f"{scaling} 1.97 | yes |",
    } < set(lines)
    (saved.folder / "growth.json").unlink()
    fewer = BLOCKS["targets table"](saved).splitlines()
    assert len(fewer) == len(lines)
    assert f"{scaling}  | not all measured |" in fewer


def test_a_type_that_another_library_draws_faster_shows_it(saved: Saved) -> None:
    result = made_up.cpu()
    wanted = {"contestant": "torch", "kind": "normal", "dtype": "float64"}
    (torchs,) = (row for row in result["rows"] if wanted.items() <= row.items())
    result["rows"].append(torchs | {"contestant": "oneMKL Philox (ICDF)", "ns_per_element": 0.9})
    (saved.folder / "cpu.json").write_text(json.dumps(result))
    (line,) = (n for n in BLOCKS["types table"](saved).splitlines() if "normal float64" in n)
    assert line.startswith("| normal float64, 2^20 | 1.05 |")
    assert line.endswith("| 0.900, oneMKL Philox (ICDF) |")


def test_other_machines_have_tables_of_their_own(saved: Saved) -> None:
    (elsewhere,) = saved.others()
    written = BLOCKS["elsewhere tables"](saved)
    assert written.startswith("### laptop: Elsewhere 1\n\n- Machine: Elsewhere 1,")
    for said, name in (
        ("one thread:", "sizes table"),
        ("The same as × torch:", "ratios table"),
        ("Every type, one thread:", "types table"),
        ("New tensors:", "fresh table"),
        ("Targets:", "targets table"),
    ):
        assert f"{said}\n\n{BLOCKS[name](elsewhere)}\n" in f"{written}\n"
    assert "Elsewhere" not in BLOCKS["machine list"](saved)


@pytest.mark.parametrize(("result", "said"), [({}, 0), ({"full": True}, 0), ({"full": False}, 1)])
def test_a_quick_result_says_that_it_is_one(
    result: dict[str, bool], said: int, saved: Saved
) -> None:
    (saved.folder / "cpu.json").write_text(json.dumps(made_up.cpu() | result))
    assert BLOCKS["machine list"](saved).count("a quick one") == said
    assert measured(saved.read("cpu")).count("a quick run") == said


@pytest.mark.parametrize("block", ["speed table", "sizes table", "ratios table"])
def test_a_backend_timed_twice_has_one_line_and_the_figures_its_targets_are_judged_by(
    block: str, saved: Saved
) -> None:
    result = made_up.cpu() | {"instruction_set": "avx2"}
    (saved.folder / "cpu.json").write_text(json.dumps(result))
    (line,) = (each for each in BLOCKS[block](saved).splitlines() if "AVX2" in each)
    assert ("0.411" if block != "ratios table" else "6.57") in line


def test_a_block_without_its_result_says_so(tmp_path: Path) -> None:
    text = render(page_with("calls table"), BLOCKS, Saved(tmp_path))
    assert "*Not shown: calls.json is not there.*" in text


def test_a_mark_needs_its_partner_and_a_known_name(saved: Saved) -> None:
    with pytest.raises(ValueError, match="no partner"):
        render(page_with("speed table").replace("table: end", "list: end"), BLOCKS, saved)
    with pytest.raises(ValueError, match=r"no block 'sped table'; there are .*speed table"):
        render(page_with("sped table"), BLOCKS, saved)


def test_a_stale_page_is_noticed_and_written_only_if_asked(tmp_path: Path, saved: Saved) -> None:
    page = tmp_path / "page.md"
    page.write_text(page_with("speed table"))
    assert update([page], saved, check=True) == ["page.md"]
    assert page.read_text() == page_with("speed table")
    assert update([page], saved) == ["page.md"]
    assert update([page], saved, check=True) == []

    page.write_text(page.read_text().replace("0.411", "0.311"))
    assert update([page], saved, check=True) == ["page.md"]


def test_a_picture_of_older_results_is_noticed(saved: Saved, images: Path) -> None:
    for name in ("calls", "growth"):
        save(name, saved, images)
    assert old_pictures(saved, images) == []
    result = made_up.calls()
    result["rows"][0]["microseconds"] *= 1.01
    (saved.folder / "calls.json").write_text(json.dumps(result))
    assert old_pictures(saved, images) == ["calls"]
    (saved.folder / "growth.json").unlink()
    assert old_pictures(saved, images) == ["growth", "calls"]


def test_a_page_links_a_picture_from_where_it_lies(
    tmp_path: Path, saved: Saved, images: Path
) -> None:
    page = tmp_path / "docs" / "page.md"
    picture = blocks_of(page, images)["calls picture"]
    with pytest.raises(LeftOutError, match="calls is not drawn"):
        picture(saved)
    save("calls", saved, images)
    assert 'srcset="../images/calls-dark.svg"' in picture(saved)
    # The theme of the site is always light.
    page_on_the_site = on_page_markdown(f"a\n{picture(saved)}\nb", config={"repo_url": None})
    assert page_on_the_site == f"a\n![{PICTURES['calls'].text}](../images/calls-light.svg)\nb"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_in_the_documents_are_there(page: Path) -> None:
    for link in re.findall(r'(?:src|srcset)="([^"]+)"', page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0503, "0.050"),
        (0.281, "0.281"),
        (38, "38.0"),
        (99.94, "99.9"),
        (99.96, "100"),
        (22510.4, "22 510"),
    ],
)
def test_numbers_have_the_digits_they_are_worth(value: float, text: str) -> None:
    assert three(value) == text


def test_counts_and_units_are_written_as_people_do() -> None:
    assert [power(n) for n in (0, 4, 1024, 4096, 2096640)] == [
        "0",
        "4",
        "1024",
        "2^12",
        "2 096 640",
    ]
    assert [prefixed(x, "s") for x in (2.5e6, 1, 1e-3, 2.46e-6)] == [
        "2.5 Ms",
        "1 s",
        "1 ms",
        "2.46 µs",
    ]
    assert prefixed(0, "B") == "0 B"


def test_the_costs_on_gpus_are_those_that_were_counted(saved: Saved) -> None:
    assert BLOCKS["GPU costs table"](saved).splitlines() == [
        "|  | sm_80 | sm_90 | gfx942 |",
        "| --- | ---: | ---: | ---: |",
        "| normal float32 | 33.0 | 33.0 | 35.0 |",
        "| tl.randn |  | 66.0 |  |",
    ]
    said = BLOCKS["GPU costs line"](saved)
    assert "for sm_90 (2026-01-02) and not timed" in said
    assert "33.0 for normal float32 (tl.randn 66.0)" in said
