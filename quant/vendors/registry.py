"""The runtimes that numpot knows, by name. A further one is a file of this package and a word below."""

import platform
from typing import Final

from ..errors import CompareError
from . import onnxruntime, openvino
from .vendor import Vendor, import_vendor

VENDORS: Final[dict[str, Vendor]] = {module.VENDOR.name: module.VENDOR for module in (openvino, onnxruntime)}


def find_vendor(name: str) -> Vendor:
    """A runtime that is installed. Raises MissingExtraError for one that is not, CompareError for one that is
    not known.
    """
    if name not in VENDORS:
        raise CompareError(f"runtime {name!r} is not known; known are {', '.join(VENDORS)}")
    import_vendor(name, f"comparing with {name}")
    return VENDORS[name]


def check_vendor(name: str, arithmetic: str | None) -> None:
    """Raises MissingExtraError, or CompareError for an arithmetic that the vendor cannot have here."""
    find_vendor(name)
    if (
        arithmetic == "saturating"
        and name == "openvino"
        and platform.machine().lower() not in ("x86_64", "amd64")
    ):
        raise CompareError(
            f"the instruction that saturates is one of x86; this machine is {platform.machine()}"
        )
