"""The calls of the operators that move, shape, resize and make data."""

import numpy as np
from onnx import numpy_helper

from .cases import MASK, I, M, X, call, floats, ints, normal

SHAPES = [
    call("Identity", M),
    call("Dropout", M, ratio=0.5, until=11),
    call("Dropout", M, constants=(np.float32(0.5),), since=12),
    *(call("Cast", M * 3, to=to) for to in (1, 6, 7, 9, 10)),
    call("Cast", I, to=1),
    call("Cast", MASK, to=6),
    call("CastLike", M, constants=(ints(0),)),
    *(call("Reshape", X, constants=(ints(*pattern),)) for pattern in ((0, -1), (2, 3, -1), (0, 0, 20))),
    call("Reshape", constants=(normal(0, 3, 4), ints(3, 4, 0)), allowzero=1, since=14),
    *(call("Flatten", X, axis=axis) for axis in (0, 1, 2, 4)),
    call("Flatten", X, axis=-1, since=11),
    call("Transpose", X),
    call("Transpose", X, perm=[0, 2, 3, 1]),
    call("Squeeze", normal(1, 3, 1, 4)),
    call("Squeeze", normal(1, 3, 1, 4), axes=[2], until=12),
    call("Squeeze", normal(1, 3, 1, 4), constants=(ints(-2),), since=13),
    call("Unsqueeze", M, axes=[0, 3], until=12),
    call("Unsqueeze", M, constants=(ints(0, -1),), since=13),
    *(call("Expand", normal(3, 1), constants=(ints(*shape),)) for shape in ((2, 3, 4), (3, 4), (1, 1))),
]

ROWS = ints(2, 0, -1, 1).reshape(1, 4)  # of M, one for each column

INDEXING = [
    call("GatherElements", M, constants=(ROWS,), axis=0),
    call("GatherElements", M, ints(3, 0, -2, 1, 1, 1).reshape(3, 2), axis=1),
    call("GatherND", X, constants=(ints(0, 1, 1, 5).reshape(2, 2),)),
    call("GatherND", X, constants=(ints(1, -1).reshape(2, 1),), batch_dims=1, since=12),
    call("GatherND", X, ints(0, 5, 4, 3).reshape(1, 1, 4)),
    call("Scatter", M, ROWS, normal(1, 4), axis=0, until=10),
    call("ScatterElements", M, constants=(ROWS, normal(1, 4)), axis=0),
    call("ScatterElements", M, ints(3, 0, 0, 1, 1, 1).reshape(3, 2), normal(3, 2), axis=-1),
    *(
        call("ScatterElements", M, constants=(ints(1, 1, 0).reshape(3, 1), normal(3, 1)), axis=1, **kind)
        for kind in (
            {"reduction": "add", "since": 16},
            {"reduction": "mul", "since": 16},
            {"reduction": "min", "since": 18},
            {"reduction": "max", "since": 18},
        )
    ),
    call("ScatterND", X, constants=(ints(0, 1, 1, 5).reshape(2, 2), normal(2, 5, 4))),
    call("ScatterND", M, ints(2, 0).reshape(2, 1), normal(2, 4)),
    *(
        call("ScatterND", M, constants=(ints(1, 1).reshape(2, 1), normal(2, 4)), **kind)
        for kind in (
            {"reduction": "add", "since": 16},
            {"reduction": "mul", "since": 16},
            {"reduction": "min", "since": 18},
            {"reduction": "max", "since": 18},
        )
    ),
    *(
        call("CumSum", X, constants=(np.array(axis),), exclusive=exclusive, reverse=reverse)
        for axis in (1, -1)
        for exclusive in (0, 1)
        for reverse in (0, 1)
    ),
    call("OneHot", ints(0, 2, -1, 7), constants=(np.array(4), floats(-1, 2))),
    call("OneHot", ints(0, 2, 1, 3).reshape(2, 2), constants=(np.array(4), floats(0, 1)), axis=0),
    call("OneHot", ints(0, 2, 1, 3).reshape(2, 2), constants=(ints(4), ints(0, 1)), axis=-2),
    *(call("Trilu", X, upper=upper) for upper in (0, 1)),
    *(call("Trilu", X, constants=(np.array(k),), upper=upper) for k in (-2, 1) for upper in (0, 1)),
]

MOVEMENT = [
    *(call("Concat", M, normal(3, 4), normal(3, 4), axis=axis) for axis in (0, 1)),
    call("Concat", M, axis=-1, since=11),
    *(call("Gather", X, constants=(ints(2, 0, -1).reshape(3, 1),), axis=axis, since=11) for axis in (1, -1)),
    call("Gather", X, constants=(np.int64(1),)),
    call("Slice", X, starts=[1, -3], ends=[4, 9999], axes=[1, 2], until=9),
    call("Slice", X, starts=[1, 0], ends=[2, -1], until=9),
    call("Slice", X, constants=(ints(1, 0), ints(2, -1)), since=10),
    call("Slice", X, constants=(ints(4, 0), ints(-9999, 2**63 - 1), ints(1, -1), ints(-2, 3)), since=10),
    call("Split", X, axis=1, outputs=3, until=17),
    call("Split", X, axis=1, split=[1, 2, 3], outputs=3, until=12),
    call("Split", X, constants=(ints(1, 2, 3),), axis=1, outputs=3, since=13),
    *(call("Split", X, axis=axis, num_outputs=2, outputs=2, since=18) for axis in (1, 2)),
    call("Pad", X, pads=[0, 1, 2, 0, 0, 0, 1, 3], value=1.5, until=10),
    *(call("Pad", X, pads=[0, 0, 2, 0, 0, 0, 1, 3], mode=mode, until=10) for mode in ("edge", "reflect")),
    call("Pad", X, constants=(ints(0, 1, 2, 0, 0, 0, 1, 3), np.float32(1.5)), since=11),
    call("Pad", X, constants=(ints(0, 0, -2, 1, 0, 0, 1, -1),), since=11),
    *(
        call("Pad", X, constants=(ints(0, 0, 2, 0, 0, 0, 1, 3),), mode=mode, since=11)
        for mode in ("edge", "reflect")
    ),
    call("Pad", X, constants=(ints(1, 2, 0, 3), None, ints(-1, 2)), since=18),
    call("Pad", X, constants=(ints(0, 1, 2, 0, 0, 0, -1, 3),), mode="wrap", since=19),
    call("Tile", X, constants=(ints(1, 2, 1, 3),)),
    *(call("DepthToSpace", normal(2, 8, 3, 2), blocksize=2, mode=mode, since=11) for mode in ("DCR", "CRD")),
    call("DepthToSpace", normal(2, 8, 3, 2), blocksize=2),
    call("SpaceToDepth", normal(2, 3, 4, 6), blocksize=2),
    call("TopK", X, k=2, axis=1, outputs=2, until=9),
    call("TopK", X, constants=(ints(3),), axis=2, outputs=2, since=10),
    call("TopK", X, constants=(ints(3),), axis=1, largest=0, outputs=2, since=11),
]

CONSTANTS = [
    call("Constant", value=numpy_helper.from_array(M)),
    call("Constant", value_float=1.5, since=12),
    call("Constant", value_floats=[1.5, 2.5], since=12),
    call("Constant", value_int=3, since=12),
    call("Constant", value_ints=[3, 4], since=12),
    call("ConstantOfShape", constants=(ints(2, 3),), value=numpy_helper.from_array(ints(7))),
    call("ConstantOfShape", constants=(ints(2, 3),)),
    call("Range", constants=(np.int64(2), np.int64(11), np.int64(3))),
    call("Range", constants=(np.float32(3), np.float32(-1), np.float32(-0.75))),
    call("Shape", X),
    call("Shape", X, start=1, end=-1, since=15),
    call("Shape", X, start=-2, since=15),
    call("Size", X),
]

RESIZE = [
    *(
        call("Upsample", X, constants=(floats(1, 1, 2, 3),), mode=mode, until=9)
        for mode in ("nearest", "linear")
    ),
    *(
        call("Resize", X, constants=(floats(1, 1, *scales),), mode=mode, since=10, until=10)
        for mode in ("nearest", "linear")
        for scales in ((2, 3), (0.6, 0.5))
    ),
    *(
        call(
            "Resize",
            X,
            constants=(None, floats(1, 1, *scales)),
            mode=mode,
            coordinate_transformation_mode=coordinates,
            since=13,
        )
        for mode in ("nearest", "linear", "cubic")
        for coordinates in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
        for scales in ((2, 3), (0.6, 0.5))
    ),
    *(
        call("Resize", X, constants=(None, None, ints(2, 6, 7, 9)), nearest_mode=mode, since=13)
        for mode in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    call("Resize", X, constants=(floats(), floats(1, 1, 2, 2)), mode="linear", since=11),
    call("Resize", X, constants=(None, None, ints(2, 6, 5, 4)), since=13),
    call("Resize", X, constants=(None, None, ints(8, 7)), axes=[3, 2], mode="linear", since=18),
    *(
        call("Resize", X, constants=(None, floats(*scales)), axes=[2, 3], mode=mode, antialias=1, since=18)
        for mode in ("linear", "cubic")
        for scales in ((0.6, 0.5), (2, 0.7))
    ),
    *(
        call("Resize", X, constants=(None, floats(1, 1, *s)), mode="cubic", exclude_outside=1, since=13)
        for s in ((2, 3), (0.6, 0.5))
    ),
    *(
        call("Resize", X, constants=(floats(0.4, 0.6, 0.6, 1.2), None, ints(*size)), **crop, since=18)
        for size in ((4, 3), (7, 9))
        for crop in [
            {
                "coordinate_transformation_mode": "tf_crop_and_resize",
                "axes": [2, 3],
                "mode": "linear",
                "extrapolation_value": 7.0,
            }
        ]
    ),
    call(
        "Resize",
        X,
        constants=(None, floats(0.5, 0.7)),
        axes=[2, 3],
        mode="linear",
        coordinate_transformation_mode="half_pixel_symmetric",
        since=19,
    ),
    *(
        call(
            "Resize",
            X,
            constants=(None, None, ints(8, 6)),
            axes=[2, 3],
            keep_aspect_ratio_policy=policy,
            since=18,
        )
        for policy in ("not_larger", "not_smaller")
    ),
]
