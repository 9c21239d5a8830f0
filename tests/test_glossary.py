"""docs/glossary.md explains each term once, and each in a file that exists and speaks of it."""

import re
from typing import NamedTuple

import pytest

from .test_docs import ROOT

PAGE = ROOT / "docs" / "glossary.md"
ROW = re.compile(r"^\| (?!term |---)(.+?) \| (.+) \| \[([^\]]+)\]\(\.\./([^)]+)\) \|$", re.MULTILINE)


class Entry(NamedTuple):
    term: str
    meaning: str
    shown: str
    file: str


ENTRIES = [Entry(*row) for row in ROW.findall(PAGE.read_text("utf-8"))]
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.term)
#: The words that the code uses daily and that no dictionary explains.
EXPECTED = {
    *(
        "code",
        "word",
        "group of words",
        "pair",
        "tile",
        "strip",
        "step",
        "row",
        "slot",
        "stretch",
        "lowering",
    ),
    *("epilogue", "observer", "collector", "statistic", "scheme"),
}


def words(term: str) -> list[str]:
    """`scale, zero point` is two terms; what stands in brackets tells it from another meaning."""
    return [word.strip() for word in re.sub(r"\(.*\)", "", term).lower().split(",")]


def test_every_row_of_the_tables_is_read() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    heads = [line for line in rows if line.startswith("| term ")]
    assert len(ENTRIES) == len(rows) - len(heads) and len(heads) > 3


def test_each_term_stands_once() -> None:
    terms = [word for entry in ENTRIES for word in words(entry.term)]
    assert len(terms) == len(set(terms))
    assert set(terms) >= EXPECTED


@each_entry
def test_the_file_exists_and_speaks_of_the_term(entry: Entry) -> None:
    assert entry.shown == entry.file
    text = (ROOT / entry.file).read_text("utf-8").lower().replace("-", " ")
    for word in words(entry.term):
        stem = word.replace("-", " ").split()[0][:5]  # aligned channels: align, aligning; codes of a word
        assert stem in text or stem in entry.file, f"{entry.file} has no {stem!r}"


@each_entry
def test_a_meaning_is_sentences(entry: Entry) -> None:
    assert entry.meaning.endswith(".") and len(entry.meaning) < 250
