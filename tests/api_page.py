"""docs/api.md: every public function and class, with its signature and its docstring.

python -m tests.api_page        writes it, in the repository's root
"""

import functools
import importlib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
PACKAGES = {
    "numpot.ir": "models: read, write, run",
    "numpot.quant": "quantize, evaluate, and what they take",
    "numpot.quant.data": "samples",
    "numpot.quant.metrics": "what `evaluate` measures",
    "numpot.quant.compare": "where two models, or two runtimes, differ",
    "numpot.quant.pot": "POT's own Python interface",
}
RETURNED = {  # classes that nobody makes but everybody gets: module -> names
    "numpot.ir": {"numpot.ir.graph": ("Node", "Tensor")},
    "numpot.quant": {
        "numpot.quant.metrics.evaluate": ("Evaluation",),
        "numpot.ir.executor.saturation_counts": ("SaturationResult", "LayerSaturation"),
    },
}
WIDTH = 100  # of a signature on one line

HEAD = """# API reference

Made from signatures and docstrings by `python -m tests.api_page`; a test keeps it current. The guide is
[best-practices.md](best-practices.md), the terms are explained in [glossary.md](glossary.md). Where a path is
taken, `str` and `os.PathLike` both do. Every error is a `numpot.ir.errors.NumpotError`.
"""


def api_page() -> str:
    """The text of the page."""
    homes: dict[int, str] = {}  # id of what is exported -> where it stands on the page
    parts = ["".join(_contents()), *(_package(package, homes) for package in PACKAGES)]
    return HEAD + "".join(parts)


def public_names(package: str) -> list[str]:
    """What a package exports, sorted."""
    return sorted(importlib.import_module(package).__all__)


def _contents() -> Iterator[str]:
    yield "\n| package | names |\n|---|---|\n"
    for package, about in PACKAGES.items():
        names = ", ".join(f"[{n}](#{_anchor(f'{package}.{n}')})" for n in public_names(package))
        yield f"| `{package}`: {about} | {names} |\n"


def _package(package: str, homes: dict[int, str]) -> str:
    module = importlib.import_module(package)
    text = f"\n## {package}\n\n{_prose(module)}\n"
    for name in public_names(package):
        found, title = getattr(module, name), f"{package}.{name}"
        text += f"\n### {title}\n\n"
        if id(found) in homes:
            text += f"The same as [{homes[id(found)]}](#{_anchor(homes[id(found)])}).\n"
        else:
            homes[id(found)] = title
            text += _class(name, found) if isinstance(found, type) else _function(name, found)
    for home, names in RETURNED.get(package, {}).items():
        for name in names:
            text += f"\n### {home}.{name}\n\n{_class(name, getattr(importlib.import_module(home), name))}"
    return text


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# ---- entries -----------------------------------------------------------------------------------------------


def _function(name: str, function: Callable[..., Any]) -> str:
    return f"{_code(signature(name, function))}\n{_prose(function)}\n"


def _class(name: str, cls: type) -> str:
    bases = [
        b.__name__
        for b in cls.__bases__
        if b.__module__.startswith("numpot") and not b.__name__.startswith("_")
    ]
    derived = f"Derived from `{'`, `'.join(bases)}`. " if bases else ""
    is_made = not inspect.isabstract(cls) and not issubclass(cls, Exception)
    text = (_code(signature(name, cls)) + "\n") if is_made else ""
    text += derived + _prose(cls) + "\n"
    for member, found in _members(cls):
        text += f"\n- **`{member}`** " + _member(member, found)
    return text


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """Methods and properties, of numpot's own base classes too, in the order of the source."""
    names = dict.fromkeys(
        name
        for base in reversed(cls.__mro__)
        if base.__module__.startswith("numpot")
        for name in vars(base)
        if not name.startswith("_")
    )
    for name in names:
        found = inspect.getattr_static(cls, name)
        if isinstance(
            found, property | functools.cached_property | staticmethod | classmethod
        ) or inspect.isfunction(found):
            yield name, found


def _member(name: str, found: Any) -> str:
    if isinstance(found, property | functools.cached_property):
        getter = found.fget if isinstance(found, property) else found.func
        returned = getattr(getter, "__annotations__", {}).get("return")
        head = f"`: {annotation(returned)}`"
        return f"{head}\n{_indented(found)}"
    function = found.__func__ if isinstance(found, staticmethod | classmethod) else found
    head = signature("", function, method=not isinstance(found, staticmethod), width=None)
    return f"`{head}`\n{_indented(function)}"


def _indented(documented: Any) -> str:
    text = inspect.getdoc(documented)
    if not text:
        return ""
    return "\n" + "\n".join(f"  {line}".rstrip() for line in markdown(text).splitlines()) + "\n"


def _prose(documented: Any) -> str:
    return markdown(inspect.getdoc(documented) or "")


def markdown(docstring: str) -> str:
    """Paragraphs as they are, but for what Markdown would take for HTML outside of code: `<` and `&`. What
    follows `Options:` becomes a list.
    """
    text, heading, options = docstring.strip().partition("\nOptions:\n")
    lines = [line if line.startswith("    ") else _prose_line(line) for line in text.splitlines()]
    lines += ["", "Options:"] if heading else []
    for line in options.splitlines():
        name, colon, meaning = line.partition(": ")
        is_option = bool(colon) and name.isidentifier()
        lines.append(f"- `{name}`: {_prose_line(meaning)}" if is_option else _prose_line(line)[2:])
    return "\n".join(lines)


def _prose_line(line: str) -> str:
    return "".join(p if p.startswith("`") else _without_html(p) for p in re.split(r"(`[^`]*`)", line))


def _without_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"```python\n{text}\n```\n"


# ---- signatures --------------------------------------------------------------------------------------------


def signature(
    name: str, function: Callable[..., Any], *, method: bool = False, width: int | None = WIDTH
) -> str:
    """`name(a: int, *, b: str = 'x') -> Graph`; a parameter a line if that is longer than `width`."""
    found = inspect.signature(function)
    parameters = list(found.parameters.values())[1 if method else 0 :]
    words = list(_words(parameters))
    is_made = isinstance(function, type) or found.return_annotation is inspect.Signature.empty
    returned = "" if is_made else f" -> {annotation(found.return_annotation)}"
    line = f"{name}({', '.join(words)}){returned}"
    if width is None or len(line) <= width:
        return line
    return f"{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){returned}"


def _words(parameters: list[inspect.Parameter]) -> Iterator[str]:
    is_keyword_only = False
    for p in parameters:
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        if p.kind is p.KEYWORD_ONLY and not is_keyword_only:
            yield "*"
        is_keyword_only |= p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        kind = "" if p.annotation is p.empty else f": {annotation(p.annotation)}"
        default = "" if p.default is p.empty else (" = " if kind else "=") + _value(p.default)
        yield f"{stars}{p.name}{kind}{default}"


def _value(value: Any) -> str:
    """A default: as it would be written, or only that there is one."""
    text = value.__name__ if isinstance(value, type | types.FunctionType) else repr(value)
    return "..." if " at 0x" in text or "<" in text else text


def annotation(kind: Any) -> str:
    """A type as people write it: choices by their values, unions with bars, classes without their modules."""
    if isinstance(kind, str):
        return kind
    if kind is None or kind is type(None):
        return "None"
    if kind is ...:
        return "..."
    if isinstance(kind, list):
        return f"[{', '.join(map(annotation, kind))}]"
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, typing.ForwardRef):
        return kind.__forward_arg__
    if hasattr(kind, "__metadata__"):
        return annotation(kind.__origin__)
    if origin is Literal:
        # sorted, because Python keeps one object for equal choices, in the order that was imported first
        return " | ".join(sorted(map(repr, arguments)))
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(annotation, sorted(arguments, key=lambda kind: kind is type(None))))
    name = str(getattr(origin or kind, "__name__", kind))
    return f"{name}[{', '.join(map(annotation, arguments))}]" if arguments else name


if __name__ == "__main__":
    PAGE.write_text(api_page(), "utf-8")
