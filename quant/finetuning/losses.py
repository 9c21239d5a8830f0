"""How far a model's outputs are from what they should be, and the gradient of that at the outputs
(docs/finetuning.md).

    cross_entropy   L = -1/n sum log q_label                     do = (q - onehot) / n       (T9)
    distillation    L =  1/n sum p (log p - log q)               do = (q - p) / n            (T10)
    mse             L =  1/n sum (o - target)^2                  do = 2 (o - target) / n     (T11)

L is the mean over n answers, o the outputs and do the gradient there; q is the softmax of the student's
scores, p that of the teacher's. Classes lie along axis 1: (N,classes), or (N,classes,H,W) with one answer for
each pixel.
"""

import numpy as np

Loss = tuple[float, np.ndarray]  # value, gradient at the output


def cross_entropy(output: np.ndarray, labels: np.ndarray) -> Loss:
    """output: (N,classes,...) scores before softmax. labels: integers (N,...), of as many elements as there
    are answers (T9).
    """
    log_p = _log_softmax(output)
    right = labels.reshape(len(output), 1, *output.shape[2:]).astype(np.int64)
    answers = right.size
    gradient = np.exp(log_p)
    np.put_along_axis(gradient, right, np.take_along_axis(gradient, right, axis=1) - 1, axis=1)
    return -float(
        np.take_along_axis(log_p, right, axis=1).sum(dtype=np.float64)
    ) / answers, gradient / answers


def distillation(output: np.ndarray, teacher: np.ndarray) -> Loss:
    """The Kullback-Leibler divergence of the student's classes from the teacher's; both (N,classes,...)
    scores before softmax (T10).
    """
    log_p, log_q = _log_softmax(teacher), _log_softmax(output)
    p, answers = np.exp(log_p), output.size // output.shape[1]
    return float((p * (log_p - log_q)).sum(dtype=np.float64)) / answers, (np.exp(log_q) - p) / answers


def mse(output: np.ndarray, target: np.ndarray) -> Loss:
    """The mean of the squared differences (T11); any shape."""
    difference = output - target.reshape(output.shape).astype(output.dtype)
    return float(np.square(difference).sum(dtype=np.float64)) / output.size, difference * (2 / output.size)


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
