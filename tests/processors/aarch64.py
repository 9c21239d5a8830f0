"""A small Debian for AArch64 in a folder: Python, and the packages that numpot and its tests need.

It is made once, by this machine's apt-get and pip, without any rights: 800 MB in the user's cache.
"""

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from .folders import CHECKOUT, NoProcessorError, cache, put

DEBIAN = ["python3", "libstdc++6", "libgomp1"]  # apt-get finds what they need
EXTRAS = ["onnx", "openvino", "onnxruntime"]
TOOLS = ["pytest", "hypothesis"]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def root(emulator: str) -> Path:
    """The folder, made if it is not there. Raises NoProcessorError."""
    project = PROJECT["project"]
    packages = [
        *project["dependencies"],
        *(p for extra in EXTRAS for p in project["optional-dependencies"][extra]),
        *TOOLS,
    ]
    folder = cache() / f"aarch64-{hashlib.sha256(repr((DEBIAN, packages)).encode()).hexdigest()[:8]}"
    if not folder.exists():
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache()) as work:
            unpack_debian(Path(work))
            install(emulator, Path(work, "root"), packages)
            with contextlib.suppress(OSError):  # another process was faster
                Path(work, "root").rename(folder)
    return folder


def unpack_debian(work: Path) -> None:
    """Packages of this machine's release, for the other architecture, into work/root; apt-get's lists and
    archives lie in `work`, too.
    """
    for name in ("lists/partial", "archives/partial", "root"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()  # nothing is installed yet
    places = {"Dir::State": work, "Dir::State::status": work / "status", "Dir::Cache": work}
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "root",
        **places,
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    run([*apt, "update"])
    run([*apt, "--yes", "--no-install-recommends", "--download-only", "install", *DEBIAN])
    for package in (work / "archives").glob("*.deb"):
        run(["dpkg-deb", "--extract", str(package), str(work / "root")])
    if not (work / "root/lib").exists():  # a link since Debian 13, which is in none of these packages
        (work / "root/lib").symlink_to("usr/lib")


def install(emulator: str, root: Path, packages: list[str]) -> None:
    """Wheels for the Python and the C library of `root`, where its Python looks for them."""
    ask = "import platform, sys; print(sys.version_info[1], platform.libc_ver()[1].split('.')[1])"
    python, libc = map(
        int, run([emulator, "-L", str(root), str(root / "usr/bin/python3"), "-c", ask]).split()
    )
    platforms = ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in range(17, libc + 1))]
    wheels = [
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version=3.{python}",
        *(f"--platform={p}" for p in platforms),
    ]
    target = root / f"usr/local/lib/python3.{python}/dist-packages"
    run([sys.executable, "-m", "pip", "--quiet", "install", "--target", str(target), *wheels, *packages])


def describe(part: int, features: str, root: Path, system: Path) -> None:
    """A system for the emulator: that of `root`, and what Linux says of a processor, which libraries read to
    choose their kernels.
    """
    for entry in root.iterdir():
        put(system / entry.name, entry)
    arm = {
        "CPU implementer": "0x41",
        "CPU architecture": 8,
        "CPU variant": "0x3",
        "CPU part": f"{part:#x}",
        "CPU revision": 1,
    }
    core = "".join(f"{name}\t: {value}\n" for name, value in {"Features": features, **arm}.items())
    cores = range(os.cpu_count() or 1)
    put(system / "proc/cpuinfo", "\n".join(f"processor\t: {number}\n{core}" for number in cores))
    for number in cores:
        register = system / f"sys/devices/system/cpu/cpu{number}/regs/identification/midr_el1"
        put(register, f"{0x413F0001 | part << 4:#018x}\n")


def link_numpot(environment: Path, root: Path) -> None:
    """numpot of this checkout among the packages of the virtual environment, and its version, which exported
    models name.
    """
    packages = environment / "lib" / next((root / "usr/lib").glob("python3.*")).name / "site-packages"
    for folder in ("ir", "kernels", "quant"):
        put(packages / "numpot" / folder, CHECKOUT / folder)
    version = PROJECT["project"]["version"]
    put(
        packages / f"numpot-{version}.dist-info/METADATA",
        f"Metadata-Version: 2.1\nName: numpot\nVersion: {version}\n",
    )


def run(command: list[str]) -> str:
    """What it prints. Raises NoProcessorError with the last line of what it complains of."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        reason = (
            f"an AArch64 processor needs {command[0]}, which is not here: its Python is made of "
            "Debian's packages"
        )
        raise NoProcessorError(reason) from None
    if done.returncode != 0:
        complaint = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
        raise NoProcessorError(
            f"an AArch64 processor needs packages from the network, once; {Path(command[0]).name} says: "
            f"{complaint}"
        )
    return done.stdout
