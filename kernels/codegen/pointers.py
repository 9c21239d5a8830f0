"""Arrays as addresses, plain numbers that Python hands to compiled code, and arrays of addresses again.

Nothing here keeps memory alive; whoever takes an address must hold the array as long as it is used.
"""

from typing import Any

from llvmlite import ir
from numba import carray, types

from ..reference import Array
from .jit import kernel
from .vectors import instructions


def address_of(array: Array) -> int:
    """Return where an array's memory begins: `array.ctypes.data`, in a fraction of the time."""
    address: int = array.__array_interface__["data"][0]
    return address


@instructions
def _pointer(_: Any, address: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@kernel
def array(address: int, shape: Any, dtype: Any) -> Array:
    """Return the array at an address: for compiled code, which keeps nothing alive."""
    return carray(_pointer(address), shape, dtype)
