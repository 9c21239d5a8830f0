"""<info>: how a model was made, in the values that JSON has, with their types spelled out.

{"preset": "mixed", "skipped": ["softmax"]}

<info>
  <str key="preset" value="mixed"/>
  <list key="skipped">
    <str value="softmax"/>
  </list>
</info>
"""

from collections.abc import Iterable
from typing import Any

from lxml import etree

from ...errors import AnyPath, InfoError
from ...ops.common.operator import parse_value, write_value
from .document import MAX_DEPTH, line_of

SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
NAMES: dict[type, str] = {kind: name for name, kind in SCALARS.items()} | {
    dict: "dict",
    list: "list",
    type(None): "none",
}


def write_info(info: dict[str, Any]) -> etree._Element:
    """The element. Keys are sorted: equal dicts give equal files. Raises ValueError naming the entry that the
    format cannot hold.
    """
    element = etree.Element("info")
    _write_dict(element, info, "info", depth=2)
    return element


def read_info(element: etree._Element, path: AnyPath) -> dict[str, Any]:
    """The inverse of write_info. Raises InfoError for a key that is missing, repeated or out of place, and
    for a huge integer.
    """
    _check_keys([element], path, expected=False)
    return _read_dict(element, path)


def _write_dict(parent: etree._Element, entries: dict[str, Any], where: str, depth: int) -> None:
    for key in entries:
        if not isinstance(key, str):
            raise ValueError(f"{where} has the key {key!r}; keys must be strings")
    for key in sorted(entries):
        _write_entry(parent, entries[key], f"{where}[{key!r}]", depth + 1).set("key", key)


def _write_entry(parent: etree._Element, value: Any, where: str, depth: int) -> etree._Element:
    # the very type: NumPy's float64 is a float too, and would come back as another type
    name = NAMES.get(type(value))
    if name is None:
        raise ValueError(f"{where} is a {type(value).__name__}; the format has {', '.join(NAMES.values())}")
    if depth > MAX_DEPTH:
        raise ValueError(f"{where} is nested {depth} deep; at most {MAX_DEPTH} are allowed")
    element = etree.SubElement(parent, name)
    if name == "dict":
        _write_dict(element, value, where, depth)
    elif name == "list":
        for i, item in enumerate(value):
            _write_entry(element, item, f"{where}[{i}]", depth + 1)
    elif name in SCALARS:
        try:
            element.set("value", write_value(SCALARS[name], value))
        except ValueError as error:
            raise ValueError(f"{where} cannot be stored: {error}") from None
    return element


def _read_dict(element: etree._Element, path: AnyPath) -> dict[str, Any]:
    _check_keys(element, path, expected=True)
    entries: dict[str, Any] = {}
    for entry in element:
        key = str(entry.attrib["key"])
        if key in entries:
            raise InfoError(f"info: key {key!r} is given twice", path, line_of(entry))
        entries[key] = _read_entry(entry, path)
    return entries


def _read_entry(element: etree._Element, path: AnyPath) -> Any:
    if element.tag == "dict":
        return _read_dict(element, path)
    if element.tag == "list":
        _check_keys(element, path, expected=False)
        return [_read_entry(item, path) for item in element]
    if element.tag == "none":
        return None
    text = str(element.attrib["value"])
    try:
        return parse_value(SCALARS[element.tag], text)
    except ValueError:  # the schema has seen to the rest
        raise InfoError(f"info: {text} does not fit in 64 bits", path, line_of(element)) from None


def _check_keys(entries: Iterable[etree._Element], path: AnyPath, *, expected: bool) -> None:
    for entry in entries:
        if ("key" in entry.attrib) != expected:
            found = "needs a key, being in a dict" if expected else "has a key, and is not in a dict"
            raise InfoError(f"info: <{entry.tag}> {found}", path, line_of(entry))
