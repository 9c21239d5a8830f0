"""Train the demo's classifier, a small MobileNetV2, on Fashion-MNIST, and write the files of quant/demo.

    pip install torch '.[onnx]'
    # train, then write
    python examples/train_fashion_mnist.py --output demo
    # write again, without PyTorch
    python examples/train_fashion_mnist.py --output demo --onnx demo/mobilenet.onnx

PyTorch is not a dependency of numpot: this script alone uses it, and imports it where it trains. The data are
the four IDX files of Fashion-MNIST, gzipped: Debian's package dataset-fashion-mnist, or
https://github.com/zalandoresearch/fashion-mnist. An epoch takes two to four minutes on one core.

Written into the output folder:

    mobilenet.onnx         what PyTorch exports (only if it trained)
    mobilenet.xml, .bin    the same network as numpot holds it, which also says how pixels become floats
    calibration.npz        x uint8 [300,28,28]: the first training pictures, without labels
    test.npz               x uint8 [2000,28,28], y uint8 [2000]: the first test pictures
"""

import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from numpot.ir import read_model, save_model
from numpot.ir.formats.onnx import load_onnx
from numpot.quant import Accuracy, evaluate
from numpot.quant.data.idx import read_idx
from numpot.quant.data.preprocessing import Preprocessing
from numpot.quant.data.sources import open_data

if TYPE_CHECKING:
    from torch import Tensor, nn

Set = tuple[np.ndarray, np.ndarray]  # pictures uint8 [N,28,28], labels uint8 [N]
PREPROCESSING = Preprocessing(mean=(0.2860,), std=(0.3530,))  # of the training pictures
CALIBRATION_SIZE, TEST_SIZE = 300, 2000
BATCH = 128
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 0.02

#          channels in, expanded, out, stride: 14x14 pixels up to the first stride of 2, then 7x7
BLOCKS = [
    (24, 48, 24, 1),
    (24, 72, 24, 1),
    (24, 96, 56, 2),
    (56, 224, 56, 1),
    (56, 224, 88, 1),
    (88, 352, 88, 1),
    (88, 352, 88, 1),
]


def main(
    data: Annotated[Path, typer.Option(help="folder with the four .gz files")] = Path(
        "/usr/share/datasets/fashion-mnist"
    ),
    output: Annotated[Path, typer.Option(help="folder to write into")] = Path("fashion-mnist-demo"),
    onnx: Annotated[Path | None, typer.Option(help="skip the training and take this model")] = None,
    epochs: Annotated[int, typer.Option(min=1)] = 12,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    seed: int = 0,
) -> None:
    """Train a Fashion-MNIST classifier and write the demo's files."""
    train, test = read_set(data, "train"), read_set(data, "t10k")
    output.mkdir(parents=True, exist_ok=True)
    if onnx is None:
        onnx = output / "mobilenet.onnx"
        export(fit(train, test, epochs=epochs, threads=threads, seed=seed), onnx)
    write_demo(onnx, train, test, output)


def read_set(folder: Path, name: str) -> Set:
    """The set `train` or `t10k`."""
    return read_idx(folder / f"{name}-images-idx3-ubyte.gz", 3), read_idx(
        folder / f"{name}-labels-idx1-ubyte.gz", 1
    )


# ---- architecture ------------------------------------------------------------------------------------------


def build_network() -> "nn.Module":
    """(N,1,28,28) -> (N,10): inverted residuals (Sandler et al. 2018, MobileNetV2), 246 k parameters."""
    from torch import nn

    def convolution(
        c_in: int, c_out: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> list[nn.Module]:
        return [
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c_out),
        ]

    class InvertedResidual(nn.Module):
        """Expand, look at the neighbours channel by channel, project; add the input if the shapes agree."""

        def __init__(self, c_in: int, expanded: int, c_out: int, stride: int) -> None:
            super().__init__()
            self.residual = stride == 1 and c_in == c_out
            self.body = nn.Sequential(
                nn.Sequential(*convolution(c_in, expanded), nn.ReLU6()),
                nn.Sequential(*convolution(expanded, expanded, 3, stride, groups=expanded), nn.ReLU6()),
                # no activation: what is narrow must not lose its negative half
                nn.Sequential(*convolution(expanded, c_out)),
            )

        def forward(self, x: "Tensor") -> "Tensor":
            return x + self.body(x) if self.residual else self.body(x)

    return nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(*convolution(1, 24, 3, 2), nn.ReLU6()),
            blocks=nn.Sequential(*(InvertedResidual(*block) for block in BLOCKS)),
            head=nn.Sequential(*convolution(88, 320), nn.ReLU6()),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(320, 10),
        )
    )


# ---- training ----------------------------------------------------------------------------------------------


def fit(train: Set, test: Set, *, epochs: int, threads: int, seed: int) -> "nn.Module":
    """A trained network. AdamW, its rate falling to zero along a cosine; pictures mirrored and moved at
    random.
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    network = build_network().to(memory_format=torch.channels_last)  # halves the time on a CPU
    pixels, labels = to_tensors(train)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (len(pixels) // BATCH))
    for epoch in range(1, epochs + 1):
        network.train()
        start = time.perf_counter()
        for batch in torch.randperm(len(pixels)).split(BATCH)[: len(pixels) // BATCH]:
            loss = cross_entropy(network(augment(pixels[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        minutes = (time.perf_counter() - start) / 60
        print(
            f"epoch {epoch:2d}: {top1(network, test):.2%} of {len(test[0]):,} test pictures "
            f"({minutes:.1f} min)",
            flush=True,
        )
    return network


def to_tensors(pictures: Set) -> tuple["Tensor", "Tensor"]:
    """Pictures as the network takes them, float32 (N,1,28,28), and labels, int64 (N,)."""
    import torch

    pixels, labels = pictures
    return torch.from_numpy(PREPROCESSING(pixels)[:, None]), torch.from_numpy(labels.astype(np.int64))


def augment(x: "Tensor") -> "Tensor":
    """Every other picture mirrored, by chance, and the batch moved by up to two pixels; what leaves on one
    side is background.
    """
    import torch

    mirrored = torch.rand(len(x), 1, 1, 1) < 0.5
    return torch.where(mirrored, x.flip(3), x).roll(torch.randint(-2, 3, (2,)).tolist(), (2, 3))


def top1(network: "nn.Module", test: Set) -> float:
    """Share of the pictures that the network gets right."""
    import torch

    network.eval()
    pixels, labels = to_tensors(test)
    with torch.no_grad():
        answers = torch.cat([network(x).argmax(1) for x in pixels.split(1000)])
    return (answers == labels).double().mean().item()


# ---- export ------------------------------------------------------------------------------------------------


def export(network: "nn.Module", path: Path) -> None:
    """Write the network as ONNX, for any batch size. In evaluation mode the exporter folds batch norm into
    the convolutions.
    """
    import torch

    network.eval()
    batch = {"x": {0: "N"}, "logits": {0: "N"}}
    names = {"input_names": ["x"], "output_names": ["logits"]}
    torch.onnx.export(
        network,
        (torch.zeros(1, 1, 28, 28),),
        str(path),
        **names,
        dynamic_axes=batch,
        opset_version=17,
        dynamo=False,
    )


def write_demo(onnx: Path, train: Set, test: Set, output: Path) -> None:
    """The three files, and one look at whether they belong together."""
    graph = load_onnx(onnx)
    graph.name = "fashion-mnist mobilenet"
    graph.info["preprocessing"] = PREPROCESSING.record()
    save_model(graph, output / "mobilenet.xml")
    np.savez_compressed(output / "calibration.npz", x=train[0][:CALIBRATION_SIZE])
    np.savez_compressed(output / "test.npz", x=test[0][:TEST_SIZE], y=test[1][:TEST_SIZE])

    graph = read_model(output / "mobilenet.xml")
    accuracy = evaluate(graph, open_data(str(output / "test.npz"), graph), Accuracy())
    print(f"{output}: numpot gets {accuracy.value:.2%} of {accuracy.samples:,} test pictures right")


if __name__ == "__main__":
    typer.run(main)
