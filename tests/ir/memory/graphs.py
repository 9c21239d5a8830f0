"""Random graphs of every operator, from a seed: odd channels, windows that hardly fit, first axes that come and go, int8 and float.

Two ways to run a graph are compared, so what it computes is chosen to show faults and hide rounding. Numbers begin as multiples of a power
of two and stay so as long as possible: their sums are exact in float32, in whatever order. Behind what rounds only those operators stand
that do not jump.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from numpot.ir.dtypes import F32, I32, I64
from numpot.ir.errors import GraphError
from numpot.ir.graph import Graph, Tensor
from numpot.ir.ops import OPERATORS

EXACT = 2.0**22  # units that a sum of float32 may have
LARGEST = 30_000  # elements of a tensor, for the probe batch sizes


class Made(NamedTuple):
    """A tensor, and what is known of its numbers: multiples of `unit`, at most `bound`, if unit is not 0. same: their bits are the same
    whoever computes them.
    """

    tensor: Tensor
    unit: float = 0.0
    bound: float = 0.0
    same: bool = True


Maker = Callable[["Random", Made], Sequence[Made]]
MAKERS: dict[str, Maker] = {}
JUMPING: set[str] = set()  # operators that make much of a difference in the last bit


class Random:
    """A graph that grows. `made`: its tensors."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.graph = Graph(f"random {seed}")
        self.made: list[Made] = []

    # ---- chances ----

    def one_of(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def number(self, low: int, high: int) -> int:
        """low .. high, both among them."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, one_in: int) -> bool:
        return self.number(1, one_in) == 1

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return (self.number(low, high), self.number(low, high))

    def axis(self, x: Made) -> int:
        rank = len(x.tensor.shape)
        return self.number(-rank, rank - 1) if rank else 0

    def whole(self, shape: Sequence[int], most: int = 2) -> np.ndarray:
        """f32 whole numbers."""
        return self.rng.integers(-most, most + 1, [max(d, 1) for d in shape]).astype(np.float32)

    # ---- growing ----

    def do(self, type: str, *inputs: Made | Tensor | np.ndarray, **attributes: Any) -> list[Tensor]:
        """Outputs of a new node. Raises GraphError where the inputs do not fit, and where an output is too large to be worth it."""
        tensors = [i.tensor if isinstance(i, Made) else i if isinstance(i, Tensor) else self.graph.constant(np.asarray(i)) for i in inputs]
        node = self.graph.add(OPERATORS[type](**attributes), tensors)
        if any(math.prod(known.shape) > LARGEST for t in node.outputs for known in t.known):
            self.graph.remove(node)
            raise GraphError("too large")
        return node.outputs

    def grow(self, name: str) -> None:
        """One more operator, on one of the tensors that it can read."""
        order = [self.made[i] for i in self.rng.permutation(len(self.made))]
        for x in [self.made[-1], *order][int(self.rng.integers(2)) :][:5]:
            if x.same or name not in JUMPING:
                try:
                    made = MAKERS[name](self, x)
                except GraphError:
                    continue
                self.made += made
                if made:
                    return

    def settled(self, x: Made, growth: float) -> Made:
        """x, or x clipped, so that sums of `growth` of its numbers are exact."""
        if not x.unit or x.bound * growth <= EXACT * x.unit:
            return x
        (y,) = self.do("Clamp", x, min=-4.0, max=4.0)
        return Made(y, x.unit, 4.0, x.same)

    def sums(self, x: Made, y: Tensor, growth: float, *, more: float = 0.0) -> Made:
        """What sums of `growth` numbers of x are."""
        is_exact = x.unit > 0 and x.bound * growth + more <= EXACT * x.unit
        return Made(y, x.unit, x.bound * growth + more, x.same) if is_exact else Made(y, same=False)


def maker(*names: str, jumps: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function the maker of operators; it is given the name if it makes several."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            MAKERS[name] = function if len(names) == 1 else (lambda g, x, name=name: function(g, x, name))
        if jumps:
            JUMPING.update(names)
        return function

    return register


def is_float(x: Made) -> bool:
    return x.tensor.dtype == F32


# ---- element by element --------------------------------------------------------------------------------------------------------


@maker("Abs", "Negative", "ReLU")
def unary(g: Random, x: Made, name: str) -> list[Made]:
    return [x._replace(tensor=g.do(name, x)[0])]


@maker("Floor", "Ceiling", "Round", "Sign", jumps=True)
def steps(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x)[0], *((1.0, math.ceil(x.bound) + 1) if x.unit else ()))]


@maker("Sigmoid", "Tanh", "Erf", "Mish", "SoftPlus", "HSigmoid", "HSwish", "Gelu")
def smooth(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x)[0], same=False)]


@maker("Exp", "Log", "Sqrt", jumps=True)
def steep(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x)[0], same=False)]


@maker("Elu", "LeakyReLU")
def with_alpha(g: Random, x: Made, name: str) -> list[Made]:
    return [Made(g.do(name, x, alpha=0.3)[0], same=False)]


@maker("Swish")
def swish(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("Swish", x, *([np.float32(1.5)] if g.chance(2) else []))[0], same=False)]


@maker("HardSigmoid")
def hard_sigmoid(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("HardSigmoid", x, np.float32(0.2), np.float32(0.5))[0], same=False)]


@maker("PReLU")
def prelu(g: Random, x: Made) -> list[Made]:
    shape = x.tensor.shape
    return [Made(g.do("PReLU", x, g.whole(shape[1:2] if len(shape) > 1 else (1,)))[0], x.unit, 2 * x.bound, x.same)]


@maker("Clamp")
def clamp(g: Random, x: Made) -> list[Made]:
    low = g.number(-3, 2)
    high = low + g.number(0, 6)
    return [Made(g.do("Clamp", x, min=float(low), max=float(high))[0], min(x.unit, 1.0), max(abs(low), abs(high)), x.same)]


@maker("Convert", jumps=True)
def convert(g: Random, x: Made) -> list[Made]:
    to = F32 if not is_float(x) else g.one_of([I32, I64, np.dtype(bool)])
    y = x._replace(tensor=g.do("Convert", x, destination_type=to)[0])
    return [y if y.unit or to != F32 else y._replace(unit=1.0, bound=EXACT)]


@maker("LogicalNot", jumps=True)
def logical_not(g: Random, x: Made) -> list[Made]:
    if x.tensor.dtype != bool:
        x = Made(g.do("Less", x, np.ones((), x.tensor.dtype))[0])
    return [Made(g.do("LogicalNot", x)[0])]


def other_of(g: Random, x: Made) -> Made:
    """A second operand: another tensor, or a constant, of the same shape or one that spreads."""
    others = [y for y in g.made if y.tensor.dtype == x.tensor.dtype and y is not x]
    if others and g.chance(2):
        return g.one_of(others)
    shape = list(x.tensor.shape)
    kept = [d if d > 0 and not g.chance(2) else 1 for d in shape]
    if g.chance(3):
        kept = kept[-1:]
    if g.chance(6):
        kept = [1] * g.number(0, 2) + kept
    value = g.whole(kept)
    return Made(g.graph.constant(value.astype(x.tensor.dtype)), 1.0, 2.0)


@maker("Add", "Subtract", "Multiply", "Maximum", "Minimum")
def arithmetic(g: Random, x: Made, name: str) -> list[Made]:
    y = other_of(g, x)
    (z,) = g.do(name, *((x, y) if g.chance(2) else (y, x)))
    same = x.same and y.same
    if not (x.unit and y.unit):
        return [Made(z, same=same)]
    unit, bound = (x.unit * y.unit, x.bound * y.bound) if name == "Multiply" else (min(x.unit, y.unit), x.bound + y.bound)
    return [Made(z, unit, bound, same) if bound <= EXACT * unit else Made(z, same=same)]


@maker("Divide", "Mod", "FloorMod", "Power", jumps=True)
def quotients(g: Random, x: Made, name: str) -> list[Made]:
    y = other_of(g, x)
    return [Made(g.do(name, x, y)[0], same=False)] if y.same and x.tensor.dtype == F32 else []


@maker("Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "LogicalAnd", "LogicalOr", "LogicalXor", jumps=True)
def comparison(g: Random, x: Made, name: str) -> list[Made]:
    if name.startswith("Logical") and x.tensor.dtype != bool:
        x = Made(g.do("Greater", x, np.zeros((), x.tensor.dtype))[0])
    y = other_of(g, x)
    return [Made(g.do(name, x, y)[0])] if y.same else []


@maker("Select")
def select(g: Random, x: Made) -> list[Made]:
    conditions = [c for c in g.made if c.tensor.dtype == bool]
    if not conditions:
        (c,) = g.do("Greater", x, np.zeros((), x.tensor.dtype)) if x.same else g.do("LogicalNot", np.array([True]))
        conditions = [Made(c)]
    y = other_of(g, x)
    unit = min(x.unit, y.unit)
    return [Made(g.do("Select", g.one_of(conditions), x, y)[0], unit, max(x.bound, y.bound), x.same and y.same)]


# ---- shapes --------------------------------------------------------------------------------------------------------------------


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
    pattern = g.one_of([*patterns, list(shape[::-1]), [-1, *shape[1:]], [1, *shape] if -1 not in shape else [-1, 1]])
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
    return [x._replace(tensor=g.do("Unsqueeze", x, np.array([g.number(0, len(x.tensor.shape))]))[0])] if len(x.tensor.shape) < 4 else []


@maker("Transpose")
def transpose(g: Random, x: Made) -> list[Made]:
    return [x._replace(tensor=g.do("Transpose", x, g.rng.permutation(len(x.tensor.shape)))[0])]


@maker("Broadcast")
def broadcast(g: Random, x: Made) -> list[Made]:
    shape = [g.number(1, 5) if d == 1 else max(d, 1) for d in x.tensor.shape]
    return [x._replace(tensor=g.do("Broadcast", x, np.array([g.number(1, 3)] * g.number(0, 1) + shape), mode="bidirectional")[0])]


@maker("Tile")
def tile(g: Random, x: Made) -> list[Made]:
    return [x._replace(tensor=g.do("Tile", x, g.rng.integers(1, 3, len(x.tensor.shape)))[0])]


@maker("Pad")
def pad(g: Random, x: Made) -> list[Made]:
    begin, end = (g.rng.integers(0, 3, len(x.tensor.shape)) * g.rng.integers(0, 2, len(x.tensor.shape)) for _ in range(2))
    return [x._replace(tensor=g.do("Pad", x, begin, end, pad_mode=g.one_of(["constant", "edge", "reflect", "symmetric"]))[0])]


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
    return [x._replace(tensor=g.do("StridedSlice", x, begin, end, g.rng.choice([1, 1, 2, -1], count), **masks)[0])]


@maker("Gather")
def gather(g: Random, x: Made) -> list[Made]:
    """Indices of the batch may be out of range when it is small."""
    axis = g.axis(x)
    size = x.tensor.shape[axis] if x.tensor.shape else 1
    most = size if size > 0 else 7
    return [x._replace(tensor=g.do("Gather", x, g.rng.integers(-most, most, g.one_of([(), (2,), (1, 3)])), np.int64(axis))[0])]


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
    return [x._replace(tensor=g.do(name, x, mode=g.one_of(["blocks_first", "depth_first"]), block_size=g.number(1, 2))[0])]


# ---- reductions, orders --------------------------------------------------------------------------------------------------------


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
    return [Made(g.do("MVN", x, axes, normalize_variance=x.same, eps=0.1, eps_mode="inside_sqrt")[0], same=False)]


@maker("NormalizeL2", jumps=True)
def normalize_l2(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("NormalizeL2", x, np.array([g.axis(x)]), eps=0.1, eps_mode=g.one_of(["add", "max"]))[0], same=False)]


@maker("BatchNormInference")
def batch_norm(g: Random, x: Made) -> list[Made]:
    channels = x.tensor.shape[1:2]
    parameters = (g.whole(channels), g.whole(channels), g.whole(channels), np.abs(g.whole(channels)) + 1)
    return [Made(g.do("BatchNormInference", x, *parameters, epsilon=0.1)[0], same=False)]


# ---- windows -------------------------------------------------------------------------------------------------------------------


def window(g: Random, kernel: tuple[int, int], *, dilations: bool = True) -> dict[str, Any]:
    """Attributes, often extreme ones."""
    found = {"strides": g.pair(1, 4) if g.chance(2) else (1, 1), "pads_begin": (0, 0), "pads_end": (0, 0)}
    if g.chance(2):
        pads = 3 if g.chance(4) else 1
        found |= {"pads_begin": g.pair(0, pads), "pads_end": g.pair(0, pads)}
    return found | ({"dilations": g.pair(1, 3) if g.chance(3) else (1, 1)} if dilations else {})


@maker("MaxPool", "AvgPool", "SumPool")
def pool(g: Random, x: Made, name: str) -> list[Made]:
    kernel = g.pair(1, 4)
    attributes = window(g, kernel, dilations=name == "MaxPool") | {"rounding_type": g.one_of(["floor", "ceil", "ceil_torch"])}
    if name == "AvgPool":
        attributes["exclude_pad"] = g.chance(2)
    if name == "SumPool":
        if not is_float(x):
            return []
        x = g.settled(x, math.prod(kernel))
    (y,) = g.do(name, x, kernel=kernel, **attributes)
    if name == "MaxPool":
        return [x._replace(tensor=y)]
    return [g.sums(x, y, math.prod(kernel)) if name == "SumPool" else Made(y, same=False)]


def weights_of(g: Random, shape: tuple[int, ...]) -> tuple[Tensor | np.ndarray, float, float]:
    """Weights, the unit they are multiples of (0 for any), and the largest: float, or int8 codes times a scale for each output."""
    if g.chance(2):
        return g.whole(shape), 1.0, 2.0
    codes = g.rng.integers(-128 if g.chance(9) else -127, 128, shape).astype(np.int8)
    (real,) = g.do("Convert", codes, destination_type=F32)
    exact = g.chance(2)
    scale = np.full((shape[0], *(1,) * (len(shape) - 1)), 1 / 64, np.float32)
    if not exact:
        scale *= g.rng.uniform(0.5, 1.5, scale.shape).astype(np.float32)
    return g.do("Multiply", real, scale)[0], 1 / 64 if exact else 0.0, 2.0


def layer(g: Random, x: Made, y: Tensor, fan_in: int, weight_unit: float) -> list[Made]:
    """What a layer makes, and often a bias, an activation and the codes of the next one behind it."""
    made = g.sums(x._replace(unit=x.unit * weight_unit), y, 2 * fan_in)
    if g.chance(2):
        axis = 1 if len(y.shape) > 2 else len(y.shape) - 1
        bias = g.whole((1, y.shape[axis], *(1,) * (len(y.shape) - 2)) if axis == 1 else (y.shape[axis],))
        made = made._replace(tensor=g.do("Add", made, bias)[0], bound=made.bound + 2)
    if g.chance(2):
        made = g.one_of([clamp, lambda g, x: unary(g, x, "ReLU")])(g, made)[0]
    return fake_quantize(g, made) if g.graph.of_type("FakeQuantize") and g.chance(2) and made.same else [made]


@maker("Convolution")
def convolution(g: Random, x: Made) -> list[Made]:
    if len(x.tensor.shape) != 4 or not is_float(x):
        return []
    channels, (kh, kw) = x.tensor.shape[1], g.pair(1, 3) if g.chance(3) else g.one_of([(1, 1), (3, 3), (1, 1)])
    if channels < 1:
        return []
    groups = g.one_of([1, 1, channels, g.one_of([d for d in range(1, channels + 1) if channels % d == 0])])
    outputs = groups * (1 if groups == channels and g.chance(2) else g.number(1, 1 + 24 // groups))
    shape = (outputs, channels // groups, kh, kw)
    weights, unit, _ = weights_of(g, shape)
    x = g.settled(x, 2 * math.prod(shape[1:]) / (unit or 1))
    (y,) = g.do("Convolution", x, weights, groups=groups, **window(g, (kh, kw)))
    return layer(g, x, y, math.prod(shape[1:]), unit)


@maker("ConvolutionBackpropData")
def transposed_convolution(g: Random, x: Made) -> list[Made]:
    if len(x.tensor.shape) != 4 or not is_float(x) or x.tensor.shape[1] < 1:
        return []
    channels, kernel = x.tensor.shape[1], g.pair(1, 4)
    groups = g.one_of([1, channels, g.one_of([d for d in range(1, channels + 1) if channels % d == 0])])
    shape = (channels, g.number(1, 1 + 12 // groups), *kernel)
    weights, unit, _ = weights_of(g, shape)
    fan_in = channels * math.prod(kernel)
    x = g.settled(x, 2 * fan_in / (unit or 1))
    attributes = window(g, kernel) | {"output_padding": g.one_of([(0, 0), (0, 0), (1, 0), (1, 1)])}
    (y,) = g.do("ConvolutionBackpropData", x, weights, groups=groups, **attributes)
    return layer(g, x, y, fan_in, unit)


@maker("MatMul")
def matmul(g: Random, x: Made) -> list[Made]:
    shape = x.tensor.shape
    if not shape or shape[-1] < 1 or not is_float(x):
        return []
    transposed = g.chance(2)
    columns = g.number(1, 40)
    if g.chance(8):  # by another tensor
        return [Made(g.do("MatMul", x, x, transpose_b=True)[0], same=False)]
    weights, unit, _ = weights_of(g, (columns, shape[-1]) if transposed else (shape[-1], columns))
    x = g.settled(x, 2 * shape[-1] / (unit or 1))
    (y,) = g.do("MatMul", x, weights, transpose_b=transposed)
    return layer(g, x, y, shape[-1], unit)


@maker("Interpolate")
def interpolate(g: Random, x: Made) -> list[Made]:
    axes = g.one_of([[2, 3], [2, 3], [3], [g.axis(x)]])
    mode = g.one_of(["nearest", "linear", "linear_onnx", "cubic"])
    target = np.array([g.number(1, 12) for _ in axes])
    options = {
        "mode": mode,
        "shape_calculation_mode": "sizes",
        "coordinate_transformation_mode": g.one_of(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]),
        "nearest_mode": g.one_of(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"]),
    }
    (y,) = g.do("Interpolate", x, target, np.array(axes), **options)
    return [x._replace(tensor=y) if mode == "nearest" else Made(y, same=False)]


# ---- quantization --------------------------------------------------------------------------------------------------------------


@maker("FakeQuantize", jumps=True)
def fake_quantize(g: Random, x: Made) -> list[Made]:
    """Of a range whose step is a power of two; of one tensor, or of each channel."""
    if not is_float(x):
        return []
    low, high = g.one_of([(0.0, 255 / 64), (-4.0, 4 * 127 / 128), (-1.0, 127 / 128), (-2.0, 2.0 + 255 / 64 - 4.0)])
    shape: tuple[int, ...] = ()
    if g.chance(4) and len(x.tensor.shape) > 1 and x.tensor.shape[1] > 0:
        shape = (1, x.tensor.shape[1], *(1,) * (len(x.tensor.shape) - 2))
    ends = [np.full(shape, end, np.float32) for end in (low, high)]
    return [Made(g.do("FakeQuantize", x, *ends, *ends, levels=256)[0], 1 / 128, 4.0)]


@maker("Quantize", jumps=True)
def quantize(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("Quantize", x, np.float32(g.one_of([1, 2, 16])), np.float32(g.one_of([0, 128])))[0], 1.0, 255.0)]


@maker("Dequantize")
def dequantize(g: Random, x: Made) -> list[Made]:
    codes = x if x.tensor.dtype == np.uint8 else quantize(g, x)[0]
    return [Made(g.do("Dequantize", codes, np.float32(1 / 16), np.uint8(g.one_of([0, 7, 128])))[0], 1 / 16, 16.0)]


@maker("MultiplyAdd")
def multiply_add(g: Random, x: Made) -> list[Made]:
    return [Made(g.do("MultiplyAdd", x, np.float32(2), np.float32(1))[0], x.unit, 2 * x.bound + 1, x.same)]


@maker("ConvolutionInteger", "ConvolutionBackpropDataInteger", "MatMulInteger", jumps=True)
def integer_layer(g: Random, x: Made, name: str) -> list[Made]:
    codes = x if x.tensor.dtype == np.uint8 else quantize(g, x)[0]
    shape = codes.tensor.shape
    if len(shape) < 2 or min(shape[1:]) < 1:
        return []
    arithmetic, zero = g.one_of(["exact", "saturating"]), np.uint8(g.one_of([0, 3, 128]))
    if name == "MatMulInteger":
        w = g.rng.integers(-128, 128, (shape[-1], g.number(1, 20))).astype(np.int8)
        return [Made(g.do(name, codes, w, zero, arithmetic=arithmetic)[0])]
    kernel = g.pair(1, 3)
    outputs = g.number(1, 20)
    w = g.rng.integers(-128, 128, (outputs, shape[1], *kernel) if name == "ConvolutionInteger" else (shape[1], outputs, *kernel))
    attributes = window(g, kernel) | ({} if name == "ConvolutionInteger" else {"output_padding": (0, 0)})
    return [Made(g.do(name, codes, w.astype(np.int8), zero, arithmetic=arithmetic, **attributes)[0])]


@maker("Im2Col", jumps=True)
def im2col(g: Random, x: Made) -> list[Made]:
    codes = x if x.tensor.dtype == np.uint8 else quantize(g, x)[0]
    channels = codes.tensor.shape[1] if len(codes.tensor.shape) == 4 else 0
    groups = g.one_of([d for d in range(1, channels + 1) if channels % d == 0] or [1])
    kernel = g.pair(1, 3)
    return [Made(g.do("Im2Col", codes, np.uint8(g.one_of([0, 128])), kernel=kernel, groups=groups, **window(g, kernel))[0], 1.0, 255.0)]


# ---- sequences -----------------------------------------------------------------------------------------------------------------


@maker("LSTMSequence", "GRUSequence", "RNNSequence")
def recurrent(g: Random, x: Made, name: str) -> list[Made]:
    """With an initial state of a fixed number of sequences: of the largest of the batch, if it has another."""
    if len(x.tensor.shape) < 2 or not is_float(x):
        return []
    (x_,) = g.do("ReduceMax", x, np.array([0]), keep_dims=True)
    (x_,) = g.do("Reshape", x_, np.array([1, -1, x_.shape[-1]]))
    shape = x_.shape
    if min(shape) < 1 or shape[1] > 12:
        return []
    x = x._replace(tensor=x_)
    gates, states = {"LSTMSequence": (4, 2), "GRUSequence": (3, 1), "RNNSequence": (1, 1)}[name]
    size, direction = g.number(1, 5), g.one_of(["forward", "reverse", "bidirectional"])
    ways = 2 if direction == "bidirectional" else 1
    initial = [np.zeros((shape[0], ways, size), np.float32)] * states
    lengths = np.full(shape[0], shape[1], np.int32)
    weights = [g.whole(dims) / 8 for dims in ((ways, gates * size, shape[2]), (ways, gates * size, size), (ways, gates * size))]
    made = g.do(name, x, *initial, lengths, *weights, hidden_size=size, direction=direction)
    return [Made(y, same=False) for y in made]


# ---- whole graphs --------------------------------------------------------------------------------------------------------------

FAVOURITES = "Convolution Convolution MatMul MatMul ConvolutionBackpropData MaxPool Reshape Add Concat FakeQuantize Clamp".split()
SHAPES = [(4, 9), (2, 40), (3, 6), (4, 9), (4, 9), (1, 9)]  # rank, largest dimension


class Case(NamedTuple):
    """A graph, what to feed it (twice, if it may have another batch size), and which outputs must be the same bits."""

    graph: Graph
    feeds: list[dict[str, np.ndarray]]
    exact: dict[str, bool]


def case(seed: int) -> Case:
    """One random graph and its inputs."""
    g = Random(seed)
    batches = [g.number(0, 40) if g.chance(6) else g.number(1, 5) for _ in range(g.number(1, 2))]
    dynamic = not g.chance(3)
    fixed = g.number(1, 5)
    for i in range(g.number(1, 2)):
        rank, most = g.one_of(SHAPES)
        shape = tuple(g.number(1, most) for _ in range(rank))
        if rank > 1 or g.chance(2):
            shape = (-1 if dynamic else fixed, *shape[1:])
        parameter = g.graph.add(OPERATORS["Parameter"](element_type=F32, shape=shape), name=f"x{i}")  # type: ignore[call-arg]
        g.made.append(Made(parameter.output, 0.25, 4.0))
    if g.chance(3):
        g.made += fake_quantize(g, g.one_of(g.made))
    names = list(MAKERS)
    for _ in range(g.number(1, 9)):
        g.grow(g.one_of(FAVOURITES if g.chance(2) else names))
    wanted = [x for x in g.made if not x.tensor.consumers] or g.made[-1:]
    if g.chance(3):  # and what else was made leads nowhere
        wanted = [g.one_of(wanted)]
    for i, x in enumerate(wanted):
        g.graph.add(OPERATORS["Result"](), [x.tensor], name=f"y{i}")
    feeds = [{p.name: numbers(g, p.output, batch) for p in g.graph.inputs} for batch in (batches if dynamic else batches[:1])]
    return Case(g.graph, feeds, {f"y{i}": x.same for i, x in enumerate(wanted)})


def numbers(g: Random, tensor: Tensor, batch: int) -> np.ndarray:
    """Quarters up to 4 in size."""
    shape = [batch if d == -1 else d for d in tensor.shape]
    return (g.rng.integers(-16, 17, shape) / 4).astype(np.float32)
