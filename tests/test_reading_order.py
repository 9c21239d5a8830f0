"""docs/reading-order.md: the files exist, the minutes are those of their lines, and the walks are what a
traced run shows.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from .test_docs import ROOT
from .walks import calls_between, walk_of_a_statistic, walk_of_an_array

TEXT = (ROOT / "docs" / "reading-order.md").read_text("utf-8")
RATE = 40  # lines a minute
FILE = re.compile(r"^\| (\d+) \| \[(.+)\]\(\.\./(.+)\) \| (\d+) \| .+ \|$", re.MULTILINE)
SUM = re.compile(r"^\| \| \*\*(.+)\*\* \| (\d+) \| \|$", re.MULTILINE)
WALK = re.compile(r"^### ([^\n]+): (\d+) files\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)


class Row(NamedTuple):
    number: int
    file: str
    minutes: int


ROWS = [Row(int(number), file, int(minutes)) for number, _, file, minutes in FILE.findall(TEXT)]
WALKS = {
    title: (int(count), re.findall(r"^\d+\. \[(.+)\]\(\.\./\1\): ", body, re.M))
    for title, count, body in WALK.findall(TEXT)
}


def lines(file: str) -> int:
    return len((ROOT / file).read_text("utf-8").splitlines())


def test_files_are_numbered_and_named_once() -> None:
    assert [row.number for row in ROWS] == list(range(1, len(ROWS) + 1)) and len(ROWS) > 20
    assert len({row.file for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.file)
def test_minutes_are_those_of_the_lines(row: Row) -> None:
    """Give or take a minute and a quarter of the time, so that a small edit does not change the page."""
    expected = lines(row.file) / RATE
    assert abs(row.minutes - expected) <= 1 + expected / 4, f"{row.file} takes {expected:.0f} minutes"


def test_it_is_an_afternoon() -> None:
    """About 4,000 lines, as the page and the README say; and the sums add up."""
    assert 3500 <= sum(lines(row.file) for row in ROWS) <= 4500
    *parts, (name, total) = SUM.findall(TEXT)
    assert name == "all" and int(total) == sum(row.minutes for row in ROWS)
    assert int(total) == sum(int(minutes) for _, minutes in parts)


@pytest.mark.parametrize(
    ("title", "trace"),
    [
        ("A statistic, from `quantize` to a bound of a FakeQuantize", walk_of_a_statistic),
        ("An array, from `evaluate` to the register tile", walk_of_an_array),
    ],
)
def test_a_walk_is_what_a_traced_run_shows(title: str, trace: Callable[[], list[str]]) -> None:
    count, files = WALKS[title]
    found = trace()
    assert set(files) == set(found), f"the walk is now: {', '.join(found)} (python -m tests.walks)"
    assert count == len(files) == len(set(files))


def test_calls_between_kernels_are_found_and_missing_ones_are_not() -> None:
    from numpot.kernels.layers.convolution import convolve_units
    from numpot.kernels.program.program import run_program
    from numpot.kernels.tiles.dense_tile import tiles

    chain = calls_between(convolve_units, tiles)
    assert chain[0] is convolve_units and chain[-1] is tiles and len(chain) > 2
    assert calls_between(run_program, tiles) == [], "it calls step kernels by their address"
