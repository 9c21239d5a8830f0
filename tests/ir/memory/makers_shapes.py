"""Operators that move, choose, reduce and order elements, in random graphs."""

import math

import numpy as np

from .growing import Made, Random, maker

# ---- shapes ------------------------------------------------------------------------------------------------


@maker("Reshape")
def reshape(g: Random, x: Made) -> list[Made]:
    """The same elements on other axes; where the batch is, they may not fit the one that runs."""
    shape = x.tensor.shape
    size = math.prod(d for d in shape if d > 0)
    factors = [d for d in range(1, 17) if size and size % d == 0] or [1]
    first, second = g.one_of(factors), g.one_of(factors)
    patterns = [
        [-1],
        [first, -1],
        [-1, first],
        [1, -1],
        [first, -1, 1, 1],
        [-1, first, 1, 1],
        [1, first, -1],
        [0, -1],
        [0, first, second, -1],
    ]
    pattern = g.one_of(
        [*patterns, list(shape[::-1]), [-1, *shape[1:]], [1, *shape] if -1 not in shape else [-1, 1]]
    )
    if pattern.count(-1) > 1:
        return []
    return [x._replace(tensor=g.do("Reshape", x, np.array(pattern, np.int64), special_zero=0 in pattern)[0])]


@maker("Flatten")
def flatten(g: Random, x: Made) -> list[Made]:
    return [x._replace(tensor=g.do("Flatten", x, axis=g.axis(x))[0])]


@maker("Squeeze")
def squeeze(g: Random, x: Made) -> list[Made]:
    ones = [a for a, d in enumerate(x.tensor.shape) if d == 1]
    return [x._replace(tensor=g.do("Squeeze", x, np.array([g.one_of(ones)]))[0])] if ones else []


@maker("Unsqueeze")
def unsqueeze(g: Random, x: Made) -> list[Made]:
    return (
        [x._replace(tensor=g.do("Unsqueeze", x, np.array([g.number(0, len(x.tensor.shape))]))[0])]
        if len(x.tensor.shape) < 4
        else []
    )


@maker("Transpose")
def transpose(g: Random, x: Made) -> list[Made]:
    return [x._replace(tensor=g.do("Transpose", x, g.rng.permutation(len(x.tensor.shape)))[0])]


@maker("Broadcast")
def broadcast(g: Random, x: Made) -> list[Made]:
    shape = [g.number(1, 5) if d == 1 else max(d, 1) for d in x.tensor.shape]
    return [
        x._replace(
            tensor=g.do(
                "Broadcast", x, np.array([g.number(1, 3)] * g.number(0, 1) + shape), mode="bidirectional"
            )[0]
        )
    ]


@maker("Tile")
def tile(g: Random, x: Made) -> list[Made]:
    return [x._replace(tensor=g.do("Tile", x, g.rng.integers(1, 3, len(x.tensor.shape)))[0])]


@maker("Pad")
def pad(g: Random, x: Made) -> list[Made]:
    begin, end = (
        g.rng.integers(0, 3, len(x.tensor.shape)) * g.rng.integers(0, 2, len(x.tensor.shape))
        for _ in range(2)
    )
    return [
        x._replace(
            tensor=g.do(
                "Pad", x, begin, end, pad_mode=g.one_of(["constant", "edge", "reflect", "symmetric"])
            )[0]
        )
    ]


@maker("Slice")
def slice_(g: Random, x: Made) -> list[Made]:
    start, stop, step = g.number(-9, 6), g.number(-9, 40), g.one_of([1, 1, 2, 3, -1, -2])
    return [x._replace(tensor=g.do("Slice", x, *(np.array([n]) for n in (start, stop, step, g.axis(x))))[0])]


@maker("StridedSlice")
def strided_slice(g: Random, x: Made) -> list[Made]:
    """On the first axes, the batch among them."""
    count = g.number(1, max(len(x.tensor.shape), 1))
    begin, end = (g.rng.integers(low, high, count) for low, high in ((-3, 4), (1, 13)))
    masks = {name: tuple(int(m) for m in g.rng.integers(0, 2, count)) for name in ("begin_mask", "end_mask")}
    if g.chance(4):
        masks["shrink_axis_mask"] = tuple(int(m) for m in g.rng.integers(0, 2, count))
    return [
        x._replace(tensor=g.do("StridedSlice", x, begin, end, g.rng.choice([1, 1, 2, -1], count), **masks)[0])
    ]


@maker("Gather")
def gather(g: Random, x: Made) -> list[Made]:
    """Indices of the batch may be out of range when it is small."""
    axis = g.axis(x)
    size = x.tensor.shape[axis] if x.tensor.shape else 1
    most = size if size > 0 else 7
    return [
        x._replace(
            tensor=g.do(
                "Gather", x, g.rng.integers(-most, most, g.one_of([(), (2,), (1, 3)])), np.int64(axis)
            )[0]
        )
    ]


@maker("GatherElements")
def gather_elements(g: Random, x: Made) -> list[Made]:
    """From the batch, whose size is open, or along another axis of the first image."""
    shape = tuple(d if d > 0 else 1 for d in x.tensor.shape)
    axis = g.axis(x)
    most = max(x.tensor.shape[axis], 1) if shape else 1
    indices = g.rng.integers(-most, most, [min(d, 3) for d in shape])
    return [x._replace(tensor=g.do("GatherElements", x, indices, axis=axis)[0])]


@maker("GatherND")
def gather_nd(g: Random, x: Made) -> list[Made]:
    sizes = [max(d, 1) for d in x.tensor.shape[: g.number(1, max(len(x.tensor.shape), 1))]]
    indices = np.stack([g.rng.integers(-n, n, (3,)) for n in sizes or [1]], axis=-1)
    return [x._replace(tensor=g.do("GatherND", x, indices)[0])]


@maker("ScatterElementsUpdate")
def scatter_elements(g: Random, x: Made) -> list[Made]:
    shape = tuple(d if d > 0 else 1 for d in x.tensor.shape)
    axis = g.axis(x)
    most = max(x.tensor.shape[axis], 1) if shape else 1
    indices = g.rng.integers(-most, most, [min(d, 3) for d in shape])
    updates = g.whole(indices.shape)
    (y,) = g.do("ScatterElementsUpdate", x, indices, updates, np.int64(axis))
    return [Made(y, min(x.unit, 1.0), max(x.bound, 2.0), x.same)]


@maker("ScatterNDUpdate")
def scatter_nd(g: Random, x: Made) -> list[Made]:
    """Whole images, the first of the batch."""
    shape = x.tensor.shape
    updates = g.whole((2, *shape[1:]))
    (y,) = g.do(
        "ScatterNDUpdate", x, np.zeros((2, 1), np.int64), updates, reduction=g.one_of(["none", "max"])
    )
    return [Made(y, min(x.unit, 1.0), max(x.bound, 2.0), x.same)]


@maker("CumSum")
def cum_sum(g: Random, x: Made) -> list[Made]:
    axis = g.axis(x)
    size = x.tensor.shape[axis] if x.tensor.shape else 1
    x = g.settled(x, 40 if size < 0 else size)
    flags = {name: g.chance(2) for name in ("exclusive", "reverse")}
    (y,) = g.do("CumSum", x, np.int64(axis), **flags)
    return [g.sums(x, y, 40 if size < 0 else max(size, 1))]


@maker("Split")
def split(g: Random, x: Made) -> list[Made]:
    axis = g.axis(x)
    parts = [n for n in range(1, 6) if x.tensor.shape and x.tensor.shape[axis] % n == 0]
    return [x._replace(tensor=y) for y in g.do("Split", x, np.int64(axis), num_splits=g.one_of(parts or [1]))]


@maker("VariadicSplit")
def variadic_split(g: Random, x: Made) -> list[Made]:
    axis = g.axis(x)
    first = g.number(0, max(x.tensor.shape[axis], 1) if x.tensor.shape else 1)
    return [x._replace(tensor=y) for y in g.do("VariadicSplit", x, np.int64(axis), np.array([first, -1]))]


@maker("Concat")
def concat(g: Random, x: Made) -> list[Made]:
    axis = g.one_of([1, -1, g.axis(x)])
    joined = [x, *(y for y in g.made[-4:] if y.tensor.dtype == x.tensor.dtype and g.chance(2))]
    unit, bound = min(y.unit for y in joined), max(y.bound for y in joined)
    return [Made(g.do("Concat", *joined, axis=axis)[0], unit, bound, all(y.same for y in joined))]


@maker("ShapeOf")
def shape_of(g: Random, x: Made) -> list[Made]:
    (shape,) = g.do("ShapeOf", x)
    if g.chance(2) and len(x.tensor.shape) > 1:  # the way exporters write a Reshape
        (batch,) = g.do("Gather", shape, np.array([0]), np.int64(0))
        (target,) = g.do("Concat", batch, np.array([-1]), axis=0)
        return [x._replace(tensor=g.do("Reshape", x, target)[0])]
    return [Made(shape)]


@maker("DepthToSpace", "SpaceToDepth")
def blocks(g: Random, x: Made, name: str) -> list[Made]:
    return [
        x._replace(
            tensor=g.do(name, x, mode=g.one_of(["blocks_first", "depth_first"]), block_size=g.number(1, 2))[0]
        )
    ]


# ---- reductions, orders ------------------------------------------------------------------------------------


@maker("ReduceMax", "ReduceMin", "ReduceSum", "ReduceMean", "ReduceProd")
def reduction(g: Random, x: Made, name: str) -> list[Made]:
    rank = len(x.tensor.shape)
    axes = g.one_of([[2, 3], list(range(1, rank)), [0], [g.axis(x)]]) if rank else []
    if name == "ReduceProd" and not x.same:
        return []
    (y,) = g.do(name, x, np.array(axes, np.int64), keep_dims=g.chance(2))
    if name in ("ReduceMax", "ReduceMin"):
        return [Made(y, 0.0, 0.0, x.same)]  # of nothing it is infinite
    count = math.prod(11 if d < 0 else d for d in x.tensor.shape)
    return [g.sums(x, y, 4 * count) if name == "ReduceSum" else Made(y, same=False)]


@maker("SoftMax", "LogSoftmax")
def softmax(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x, axis=g.axis(x))[0], same=False)]


@maker("ArgMax", jumps=True)
def arg_max(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("ArgMax", x, axis=g.axis(x), keep_dims=g.chance(2), select_last_index=g.chance(2))[0])]


@maker("TopK", jumps=True)
def top_k(g: Random, x: Made) -> list[Made]:
    """k may be more than the batch has."""
    attributes = {"axis": g.axis(x), "mode": g.one_of(["max", "min"]), "sort": g.one_of(["value", "index"])}
    values, indices = g.do("TopK", x, np.int64(g.number(0, 5)), **attributes)
    return [x._replace(tensor=values), Made(indices)]


@maker("MVN")
def mvn(g: Random, x: Made) -> list[Made]:
    axes = np.array([g.axis(x)])
    return [
        Made(g.do("MVN", x, axes, normalize_variance=x.same, eps=0.1, eps_mode="inside_sqrt")[0], same=False)
    ]


@maker("NormalizeL2", jumps=True)
def normalize_l2(g: Random, x: Made) -> list[Made]:
    return [
        Made(
            g.do("NormalizeL2", x, np.array([g.axis(x)]), eps=0.1, eps_mode=g.one_of(["add", "max"]))[0],
            same=False,
        )
    ]


@maker("BatchNormInference")
def batch_norm(g: Random, x: Made) -> list[Made]:
    channels = x.tensor.shape[1:2]
    parameters = (g.whole(channels), g.whole(channels), g.whole(channels), np.abs(g.whole(channels)) + 1)
    return [Made(g.do("BatchNormInference", x, *parameters, epsilon=0.1)[0], same=False)]
