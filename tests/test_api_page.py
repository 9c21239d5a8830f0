"""docs/api.md is what the code says now, names everything that is public, and explains it."""

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pytest

from .api_page import PACKAGES, PAGE, annotation, api_page, markdown, public_names, signature
from .test_docs import anchors


def entries(text: str) -> dict[str, str]:
    """Heading -> what stands under it."""
    parts = re.split(r"^### (.*)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def documented() -> Iterator[tuple[str, Any]]:
    """Every public name, and every public method and property of a public class."""
    for package in PACKAGES:
        for name in public_names(package):
            found = getattr(importlib.import_module(package), name)
            yield f"{package}.{name}", found
            if isinstance(found, type):
                for member, value in vars(found).items():
                    if not member.startswith("_") and (
                        inspect.isfunction(value) or isinstance(value, property)
                    ):
                        yield f"{package}.{name}.{member}", value


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == api_page(), "write it anew: python -m tests.api_page"


def test_every_public_name_has_an_entry_with_text() -> None:
    found = entries(api_page())
    for package in PACKAGES:
        for name in public_names(package):
            assert len(found[f"{package}.{name}"].strip()) > 20, f"{package}.{name}"


def test_headings_are_unique_so_that_links_lead_to_them() -> None:
    headings = re.findall(r"^#+ (.*)$", api_page(), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(re.findall(r"\]\(#([^)]*)\)", api_page())) <= anchors(PAGE)


def test_nothing_on_the_page_depends_on_the_process() -> None:
    assert " at 0x" not in api_page() and "<class" not in api_page()


@pytest.mark.parametrize(
    ("name", "found"), documented(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_public_has_a_docstring(name: str, found: Any) -> None:
    assert inspect.getdoc(found), f"{name} has no docstring"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int | None, "int | None"),
        (None | Literal["b", "a"], "'a' | 'b' | None"),
        (Mapping[str, list[int]], "Mapping[str, list[int]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Any, "Any"),
        ("Later", "Later"),
        (type(None), "None"),
    ],
)
def test_types_are_written_as_people_write_them(kind: Any, text: str) -> None:
    assert annotation(kind) == text


def test_options_in_a_docstring_become_a_list() -> None:
    docstring = "Train. a < b\n\nOptions:\n\nloss: what is made small\n    (a, b)\nseed: `<n>` & more"
    expected = (
        "Train. a &lt; b\n\nOptions:\n\n- `loss`: what is made small\n  (a, b)\n- `seed`: `<n>` &amp; more"
    )
    assert markdown(docstring) == expected


def test_signatures_keep_what_callers_must_know() -> None:
    def short(a: int, /, b: str = "x", *more: int, c: float, **rest: Any) -> bool: ...

    def long(
        first_argument_by_place: int, *, second_argument_by_name: str | None = None, third_of_them: int = 3
    ) -> list[int]: ...

    assert signature("f", short) == "f(a: int, b: str = 'x', *more: int, c: float, **rest: Any) -> bool"
    assert signature("f", long).splitlines() == [
        "f(",
        "    first_argument_by_place: int,",
        "    *,",
        "    second_argument_by_name: str | None = None,",
        "    third_of_them: int = 3,",
        ") -> list[int]",
    ]
    assert "\n" not in signature("f", long, width=None)
