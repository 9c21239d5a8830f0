"""The seven element types of the format, by the names OpenVINO gives them."""

import numpy as np

DType = np.dtype

F32 = np.dtype(np.float32)
F16 = np.dtype(np.float16)
I8 = np.dtype(np.int8)
U8 = np.dtype(np.uint8)
I32 = np.dtype(np.int32)
I64 = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)

BY_NAME: dict[str, np.dtype] = {
    "f32": F32,
    "f16": F16,
    "i8": I8,
    "u8": U8,
    "i32": I32,
    "i64": I64,
    "boolean": BOOL,
}
NAMES: dict[np.dtype, str] = {dtype: name for name, dtype in BY_NAME.items()}
FLOATS = (F32, F16)
INTEGERS = (I8, U8, I32, I64)
NUMBERS = FLOATS + INTEGERS
