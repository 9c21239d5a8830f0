"""Equations of the docs and of the code are the same: each module that cites one shows it in its docstring.

docs/*.md define equations, by `\\tag{12}` in a formula or by `(C8)` at the end of a set-off line. Code cites
them as `eq. 12`, `eq. S8 to S10` or `(C8)`. A module shows one by a set-off line of its docstring:

    b_new = mean(y) - mean(W_q * constant(mean(x)))                    (C8)

and names the page. What the page writes in plain text must be copied, apart from spaces and line ends.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
MODULES = [
    p
    for folder in ("kernels", "ir", "quant", "examples", "benchmarks")
    for p in sorted((ROOT / folder).rglob("*.py"))
]
FIRST_SCREEN = 50  # lines

# Equations that no module has to show, by page and mark, and why.
NOT_COMPUTED = {
    ("arithmetic", "4"): "a bound on the length of sums, which follows from their types",
    ("calibration", "E4"): "a property of (E3), shown by tests/quant/channels/test_equalization.py",
}

LETTERED = r"[A-Z]\d{1,2}"
MARK = rf"(?:{LETTERED}|\d{{1,2}}[a-z]?)"
AND = r"(?:, and |, | and | to )"
CITATIONS = (
    re.compile(rf"\b[Ee]q(?:s?\.|uations?) \(?({MARK}(?:{AND}{MARK})*)\b"),
    re.compile(rf"(?<![\w\])`.])\(({LETTERED}(?:{AND}{LETTERED})*)(?:\)| of )"),
    re.compile(rf"(?<![\w\])`.])\(({MARK}(?: to {MARK})?)\)"),  # numbers with a comma are sizes: (16, 16)
)
RANGE = re.compile(rf"\(({MARK})\) to \(({MARK})\)")
SET_OFF = re.compile(rf" {{4,}}(.*\S)\s+\(({MARK})\)$")
FORMULA = re.compile(r"\$\$((?:(?!\$\$).)*?)\\tag\{(\w+)\}\s*\$\$", re.DOTALL)


# ---- reading -----------------------------------------------------------------------------------------------


def expanded(marks: str) -> set[str]:
    """The marks of a list such as `8 to 10, S2 and S3`."""
    found = set(re.findall(MARK, marks))
    for letter, first, last in re.findall(r"([A-Z]?)(\d+) to \1(\d+)\b", marks):
        found |= {f"{letter}{n}" for n in range(int(first), int(last) + 1)}
    return found


def citations(text: str) -> set[str]:
    """All marks that a text refers to."""
    text = RANGE.sub(r"(\1 to \2)", " ".join(text.split()))
    found = [match[1] for citation in CITATIONS for match in citation.finditer(text)]
    return set().union(*(expanded(marks) for marks in found))


def shown(text: str) -> dict[str, str]:
    """The formula of each equation that is set off, by mark: the lines since the last blank or marked one."""
    found: dict[str, str] = {}
    lines: list[str] = []
    for line in text.splitlines():
        match = SET_OFF.match(line)
        if match is not None:
            found[match[2]] = "\n".join([*lines, match[1]])
        is_part = match is None and line.startswith("    ")
        lines = [*lines, line.strip()] if is_part else []
    return found


def definitions(page: str) -> dict[str, str]:
    """The formula of each equation that a page defines, by mark, as the page writes it."""
    sentences = re.findall(rf"^(\S.*\S) {{4,}}\(({MARK})\)$", page, re.MULTILINE)  # a property in words
    return shown(page) | {
        mark: text for text, mark in [*FORMULA.findall(page), *((t, m) for t, m in sentences)]
    }


def parts(source: str) -> tuple[str, str]:
    """(The module docstring, all other docstrings and comments), a paragraph each."""
    tree = ast.parse(source)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    others = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    comments, last = "", -2
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments += (" " if token.start[0] == last + 1 else "\n\n") + token.string.lstrip("#: ")
            last = token.start[0]
    return ast.get_docstring(tree, clean=False) or "", "\n\n".join([*others, *comments.split("\n\n")])


def cited_by(source: str) -> set[str]:
    """All marks that docstrings and comments of a module refer to, or show."""
    return set().union(*(citations(text) for part in parts(source) for text in part.split("\n\n")))


def plain(formula: str) -> str:
    return "".join(formula.split())


def large_numbers(formula: str) -> set[str]:
    """The numbers of two digits and more: what can be compared between a typeset and a plain formula."""
    return set(re.findall(r"\d{2,}", formula))


DEFINED = {page.stem: definitions(page.read_text("utf-8")) for page in PAGES}
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in MODULES}
# To parse all modules would take seconds, so only those whose text, code included, holds what may be a mark.
CITING = [name for name, source in SOURCES.items() if citations(source.replace("#", "")) and cited_by(source)]


def page_of(docstring: str, mark: str, defined: dict[str, dict[str, str]]) -> str | None:
    """The one page that a docstring names and that defines the mark."""
    pages = [page for page in defined if mark in defined[page] and f"docs/{page}.md" in docstring]
    return pages[0] if len(pages) == 1 else None


def faults(name: str, source: str, defined: dict[str, dict[str, str]]) -> Iterable[str]:
    """What is wrong with the equations of a module, a sentence each."""
    docstring, _ = parts(source)
    formulas, everywhere = shown(docstring), set().union(*defined.values())
    for mark in sorted(cited_by(source) | set(formulas)):
        if mark not in everywhere:
            yield f"{name} cites ({mark}), which no page of docs/ defines"
        elif mark not in formulas:
            yield f"{name} cites ({mark}) and does not show it: set it off, or link to a module that does"
        elif (page := page_of(docstring, mark, defined)) is None:
            yield f"{name} shows ({mark}) and names no page (docs/NAME.md), or names two that define it"
        else:
            formula, original = formulas[mark], defined[page][mark]
            is_typeset = "\\" in original
            if is_typeset and large_numbers(formula) != large_numbers(original):
                yield f"{name} shows ({mark}) with other numbers than docs/{page}.md: {formula}"
            elif not is_typeset and plain(formula) not in plain(original):
                yield f"{name} shows ({mark}) otherwise than docs/{page}.md: {formula}"
    if formulas and len(docstring.splitlines()) > FIRST_SCREEN:
        yield f"{name} has a docstring of {len(docstring.splitlines())} lines: more than the first screen"


# ---- the project -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CITING)
def test_a_module_shows_what_it_cites(name: str) -> None:
    assert not list(faults(name, SOURCES[name], DEFINED))


def test_every_equation_of_the_docs_is_shown_by_a_module() -> None:
    pages = {(page, mark) for page, formulas in DEFINED.items() for mark in formulas}
    docstrings = [parts(SOURCES[name])[0] for name in CITING]
    modules = {(page_of(text, mark, DEFINED), mark) for text in docstrings for mark in shown(text)}
    assert pages - modules == set(NOT_COMPUTED)


def test_an_equation_that_docs_typeset_is_written_alike_in_all_modules() -> None:
    """What the docs write in plain text is copied from there."""
    spellings: dict[tuple[str | None, str], set[str]] = {}
    for docstring in (parts(SOURCES[name])[0] for name in CITING):
        for mark, formula in shown(docstring).items():
            spellings.setdefault((page_of(docstring, mark, DEFINED), mark), set()).add(plain(formula))
    typeset = [key for key in spellings if key[0] and "\\" in DEFINED[key[0]][key[1]]]
    assert typeset
    assert not [key for key in typeset if len(spellings[key]) > 1]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_what_a_page_refers_to_is_defined(page: Path) -> None:
    everywhere = set().union(*DEFINED.values())
    for paragraph in page.read_text("utf-8").split("\n\n"):
        assert citations(paragraph) <= everywhere, paragraph


def test_pages_define_what_they_number() -> None:
    """Without gaps, so that no definition is overlooked."""
    for page, formulas in DEFINED.items():
        by_letter: dict[str, set[int]] = {}
        for letter, number in re.findall(r"([A-Z]?)(\d+)[a-z]?", " ".join(formulas)):
            by_letter.setdefault(letter, set()).add(int(number))
        for letter, numbers in by_letter.items():
            assert numbers == set(range(1, len(numbers) + 1)), f"{page}: {letter}{sorted(numbers)}"


# ---- this test's own reading -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("as they are (eq. C8 in docs/calibration.md)", {"C8"}),
        ("the next codes (eq. 8 to 10);\n    to even (eq.\n    11)", {"8", "9", "10", "11"}),
        ("scale (C2, C7), lifted (C1)", {"C1", "C2", "C7"}),
        ("Equations (1) to (3) of arithmetic, (S8) to (S10)", {"1", "2", "3", "S8", "S9", "S10"}),
        ("in halves (7a), as eq. 7b says; eq. S2 and S3", {"7a", "7b", "S2", "S3"}),
        ("by (7a) to (7b), eq. 7a to 9", {"7a", "7b", "9"}),
        ("once by (12), twice by (C7 of arithmetic.md)", {"12", "C7"}),
        ("F1, (F1, precision), f(2), x[0](1), (16,16) s32, (0, 6), (N,C)", set()),
        ("a factor of (300), the equation of (M,K)", set()),
    ],
)
def test_citations_are_found(text: str, marks: set[str]) -> None:
    assert citations(text) == marks


def test_shown_equations_are_set_off_and_marked_at_the_end() -> None:
    text = (
        "Prose (C1).\n\n    a = b      (C2)\n    low = 0\n    high = m   (C3)\n\n    c = d\n\n    e (C5) f\n"
    )
    assert shown(text) == {"C2": "a = b", "C3": "low = 0\nhigh = m"}


def test_definitions_are_tags_and_marks() -> None:
    page = "$$a = b \\tag{7a}$$\n\n$$c$$ and (3)\n\n$$d =\ne \\tag{8}$$\n\n"
    page += "    f = g     (C4)\n\nor in words.      (E4)\n"
    assert {m: plain(f) for m, f in definitions(page).items()} == {
        "7a": "a=b", "8": "d=e", "C4": "f=g", "E4": "orinwords."
    }  # fmt: skip


DOCS = {"one": {"C8": "b = c + 1", "5": "x \\le 255"}, "two": {"C8": "other", "A1": "a = b\nc"}}


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('"""Do (docs/one.md).\n\n    b = c + 1   (C8)\n    x <= 255 (5)\n"""\n# eq. C8, 5', None),
        ('"""Do (docs/two.md).\n\n    a = b   c  (A1)\n"""', None),
        ('"""Do what has no number."""', None),
        ('"""Do (eq. C8 in docs/one.md)."""', "does not show"),
        ('"""Do."""\n\ndef f():\n    """Do more (eq. 5)."""', "does not show"),
        ('"""Do."""\nx = 1  # as in eq.\n# C8', "does not show"),
        ('"""Do (eq. C9 in docs/one.md)."""', "no page"),
        ('"""Do (docs/one.md).\n\n    b = c  (C9)\n"""', "no page"),
        ('"""Do.\n\n    b = c + 1   (C8)\n"""', "names no page"),
        ('"""Do (docs/one.md, docs/two.md).\n\n    b = c + 1   (C8)\n"""', "names two"),
        ('"""Do (docs/one.md).\n\n    b = c - 1   (C8)\n"""', "otherwise"),
        ('"""Do (docs/one.md).\n\n    x <= 256   (5)\n"""', "other numbers"),
        ('"""Do (docs/one.md).' + "\n" * 60 + '\n    x <= 255   (5)\n"""', "first screen"),
    ],
)
def test_faults_are_found(source: str, fault: str | None) -> None:
    found = list(faults("m.py", source, DOCS))
    assert not found if fault is None else len(found) == 1 and fault in found[0]
