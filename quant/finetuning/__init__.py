"""Quantization-aware fine-tuning: other weight codes and biases in the same int8 model, learned from samples
(docs/finetuning.md).

trained.py             what is trained: codes of weights and biases, and where they may go
forward_backward.py    one batch through the network, and the loss's gradient back to them
gradients/             the rule of each operator, one family a file
losses.py              how far the outputs are from what they should be
units.py               how large a step is for each parameter
adam.py                how gradients become steps
checks.py              what can be known to be wrong before the first step
trainer.py             epochs of them, of which the best is kept
"""
