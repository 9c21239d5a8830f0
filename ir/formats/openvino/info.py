"""<rt_info>, and what older tools wrote beside it: how a model was made.

numpot's own `info` is one entry, `numpot`, whose value is JSON. OpenVINO keeps it when it reads a model and
saves it again.

    <rt_info><numpot value='{"preset": "mixed"}'/></rt_info>
"""

import json
from typing import Any

from lxml import etree

from ...errors import AnyPath, InfoError
from ..xml.document import line_of
from ..xml.info import write_info as check_info

OURS = "numpot"


def write_info(info: dict[str, object]) -> etree._Element:
    """The element <rt_info>. Raises ValueError naming the entry that is not one of an info (info.py)."""
    check_info(info)
    element = etree.Element("rt_info")
    etree.SubElement(element, OURS, value=json.dumps(info, sort_keys=True))
    return element


def read_info(root: etree._Element, path: AnyPath) -> dict[str, Any]:
    """numpot's info, if numpot wrote it; else what others say, under the key `openvino`."""
    ours = root.find(f"rt_info/{OURS}")
    if ours is not None and "value" in ours.attrib:
        return _read_ours(ours, path)
    found = {"version": str(root.attrib["version"])} | {
        _name(e): _entry(e) for e in root if e.tag not in ("layers", "edges")
    }
    return {"openvino": found}


def _read_ours(element: etree._Element, path: AnyPath) -> dict[str, Any]:
    try:
        info = json.loads(str(element.attrib["value"]))
        if not isinstance(info, dict):
            raise ValueError(f"found a {type(info).__name__}")
        check_info(info)
    except (ValueError, RecursionError) as error:
        raise InfoError(
            f"rt_info: the value of <{OURS}> must be a JSON object as numpot writes it ({error})",
            path,
            line_of(element),
        ) from None
    return info


def _name(element: etree._Element) -> str:
    """OpenVINO writes <info name="..."> for what XML does not take as the name of an element."""
    return str(element.get("name", element.tag)) if element.tag == "info" else str(element.tag)


def _entry(element: etree._Element) -> Any:
    """A dict of the children, or the text of `value`."""
    return (
        {_name(child): _entry(child) for child in element} if len(element) else str(element.get("value", ""))
    )
