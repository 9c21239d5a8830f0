"""The whole idea in one file: train a small network in float, make it int8, run its integers, and see what
saturation does.

    python examples/tour.py

Apart from the demo's pictures, nothing of numpot is used until the end of part 4, which checks that numpot
gives the same numbers, bit for bit. Ranges and weights (docs/calibration.md):

    m_c := max(m_c, 8e-5, 0.01 * max_c m_c)                                                          (C1)
    low = -m,   high = m,   L = 255                                                                  (C2)

    low = 0,                 high = m       if min x >= 0
    low = -m * L / (L - 2),  high = m       otherwise                                                (C3)

    q = floor((clip(w / f, low, high) - low) * (L - 1) / (high - low) + 1/2) - floor(L / 2)
    w_q = (q - z) * s,    s = f * (high - low) / (L - 1),    z = -floor(L / 2) - f * low / s         (C7)

m is the largest absolute value, of an output channel c for weights w; L the number of codes, and f = 1 here.
Integers (docs/arithmetic.md):

    r = s (q - z),   q, z in 0 .. 255                                                                (1)
    r_w = s_w w                                                                                      (2)
    a = sum_k (q_k - z) w_k = sum_k q_k w_k - z sum_k w_k                                            (3)
    p_i = q_2i w_2i + q_2i+1 w_2i+1                                                                  (5)
    a = sum_i min(max(p_i, -32768), 32767) - z sum_k w_k                                             (6)
    y = float32(a) * (s s_w) + b                                                                     (8)
    y := min(max(y, low), high)                                                                      (9)
    m = 255 / (H - L),   t = -L 255 / (H - L),   u = min(max(rint(y m + t), 0), 255)                 (10)

q are codes of real numbers r with scale s and zero point z, w codes of weights; a is the sum of a layer,
exact or of clipped pairs p, y its result with bias b and activation, u the next layer's code, by multiplier m
and shift t, for a range from L to H.
"""

import numpy as np

from numpot.ir import Executor, Graph
from numpot.ir.ops import OPERATORS
from numpot.quant import DataLoader, demo, quantize

F = np.float32


# ---- 1. a float network: 784 -> 64 -> 10, ReLU between -----------------------------------------------------


def pictures() -> tuple[np.ndarray, np.ndarray]:
    data = np.load(demo.TEST)
    return ((data["x"].reshape(-1, 784) / F(255) - F(0.286)) / F(0.353)).astype(F), data["y"]


def train(x: np.ndarray, y: np.ndarray, steps: int = 600) -> list[np.ndarray]:
    """w1 (64,784), b1 (64,), w2 (10,64), b2 (10,), by plain gradient descent on the cross entropy."""
    rng = np.random.default_rng(0)
    w1, b1 = rng.normal(0, 0.03, (64, 784)).astype(F), np.full(64, 0.01, F)
    w2, b2 = rng.normal(0, 0.1, (10, 64)).astype(F), np.full(10, 0.01, F)
    for _ in range(steps):
        batch = rng.integers(0, len(x), 100)
        h = np.maximum(x[batch] @ w1.T + b1, 0)
        logits = h @ w2.T + b2
        p = np.exp(logits - logits.max(1, keepdims=True))
        error = (p / p.sum(1, keepdims=True) - np.eye(10)[y[batch]]).astype(F) / 100
        back = (error @ w2) * (h > 0)
        for parameter, gradient in (
            (w2, error.T @ h),
            (b2, error.sum(0)),
            (w1, back.T @ x[batch]),
            (b1, back.sum(0)),
        ):
            parameter -= F(0.1) * gradient
    return [w1, b1, w2, b2]


# ---- 2. calibration: which interval do the 256 codes of an activation cover? -------------------------------


def activation_range(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[low, high] of one tensor: the mean over samples of the largest |x|, not the largest of all (C3)."""
    high = np.abs(samples).max(axis=1).mean(dtype=np.float64).astype(F)
    return (F(0), high) if samples.min() >= 0 else (F(-high * F(256 / 254)), high)


def quantize_weights(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(codes s8, scale f32 of each output channel), 127 steps on either side of zero (C2), (C7)."""
    m = np.abs(w).max(axis=1, keepdims=True)
    m = np.maximum(m, max(8e-5, 0.01 * float(m.max()))).astype(F)  # (C1)
    codes = np.floor((w.astype(float) + m) * (254 / (2 * m.astype(float))) + 0.5) - 127
    return codes.astype(np.int8), (2 * m * F(1 / 254)).reshape(-1)


# ---- 3. integers -------------------------------------------------------------------------------------------


def to_layers(tensors: list, weights: list) -> list:
    """What an int8 layer needs: the range of its input, from samples of it; codes and scales of its weights;
    its bias.
    """
    return [
        (*activation_range(tensor), *quantize_weights(w), b)
        for tensor, (w, b) in zip(tensors, weights, strict=True)
    ]


def to_codes(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """(codes u8, zero point, scale): q = rint(x * m + z) (1), (10)."""
    multiplier = F(255) / (high - low)
    zero_point = np.rint(-low * multiplier)
    codes = np.clip(np.rint(x * multiplier + zero_point), 0, 255).astype(np.int32)
    return codes, int(zero_point), (high - low) / F(255)


def multiply(q: np.ndarray, z: int, w: np.ndarray, saturating: bool) -> tuple[np.ndarray, int]:
    """(M,K) codes @ (N,K) weights -> s32, and how many pairs of products did not fit 16 bits (3),
    (5), (6).
    """
    w = w.astype(np.int32)
    pairs = q[:, None, 0::2] * w[None, :, 0::2] + q[:, None, 1::2] * w[None, :, 1::2]
    clipped = np.clip(pairs, -32768, 32767)
    return (clipped if saturating else pairs).sum(axis=2) - z * w.sum(axis=1), int((clipped != pairs).sum())


def run_int8(x: np.ndarray, layers: list, saturating: bool) -> tuple[np.ndarray, int]:
    """Every layer: to codes, integer product, back to float32 with its scale and bias (8), ReLU in between
    (9).
    """
    total = 0
    for i, (low, high, w, scale, bias) in enumerate(layers):
        q, z, input_scale = to_codes(np.maximum(x, 0) if i else x, low, high)
        acc, clipped = multiply(q, z, w, saturating)
        x = acc.astype(F) * (input_scale * scale).astype(F) + bias
        total += clipped
    return x, total


# ---- 4. does it work, and is it what numpot computes? ------------------------------------------------------


def numpot_network(weights: list) -> Graph:
    g = Graph("tour")
    y = g.add(OPERATORS["Parameter"](element_type=np.dtype(F), shape=(-1, 784)), name="x").output
    for i, (w, b) in enumerate(weights):
        y = g.add(OPERATORS["ReLU"](), [y]).output if i else y
        y = g.add(
            OPERATORS["Add"](),
            [g.add(OPERATORS["MatMul"](transpose_b=True), [y, g.constant(w)]).output, g.constant(b)],
        ).output
    g.add(OPERATORS["Result"](), [y], name="y")
    return g


class Samples(DataLoader):
    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[np.ndarray, None]:
        return self.x[i], None


def main() -> None:
    x, y = pictures()
    w1, b1, w2, b2 = train(x[:1500], y[:1500])
    weights = [(w1, b1), (w2, b2)]
    x, y, samples = x[1500:], y[1500:], x[:300]
    layers = to_layers([samples, np.maximum(samples @ w1.T + b1, 0)], weights)

    float_logits = np.maximum(x @ w1.T + b1, 0) @ w2.T + b2
    exact, _ = run_int8(x, layers, saturating=False)
    saturated, clipped = run_int8(x, layers, saturating=True)
    for name, logits in (
        ("float", float_logits),
        ("int8", exact),
        (f"int8, {clipped:,} pairs saturated", saturated),
    ):
        print(f"{(logits.argmax(1) == y).mean():.1%}  {name}")
    print(
        f"saturation moves a logit by up to {np.abs(saturated - exact).max() / np.abs(exact).max():.1%} "
        "of the largest"
    )

    # A float sum depends on the order of its terms, which NumPy, numpot and every processor choose for
    # themselves; a sum of integers does not. So numpot's float layer gives the samples of the hidden tensor
    # here, and from there on every bit is the same.
    hidden = np.maximum(Executor(numpot_network(weights[:1])).run(samples)["y"], 0)
    assert np.allclose(hidden, np.maximum(samples @ w1.T + b1, 0), atol=1e-4), "numpot computes another layer"
    exact, _ = run_int8(x, to_layers([samples, hidden], weights), saturating=False)
    int8 = quantize(numpot_network(weights), Samples(samples), correct_biases=False)
    assert np.array_equal(exact, Executor(int8).run(x)["y"]), "numpot computes something else"
    print("numpot's int8 logits are the same, bit for bit")


if __name__ == "__main__":
    main()
