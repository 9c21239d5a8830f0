"""What an OpenVINO IR says of how it was made: <rt_info>, and what older tools wrote beside it."""

from typing import Any

from lxml import etree


def read_info(root: etree._Element) -> dict[str, Any]:
    """The elements behind <edges>, by their names: dicts where they have children, the text of `value` elsewhere."""
    found = {"version": str(root.attrib["version"])} | {str(e.tag): _entry(e) for e in root if e.tag not in ("layers", "edges")}
    return {"openvino": found}


def _entry(element: etree._Element) -> Any:
    return {str(child.tag): _entry(child) for child in element} if len(element) else str(element.get("value", ""))
