"""The processors, and for each a Python that runs on it: a virtual environment whose `python` starts the
emulator.
"""

import hashlib
import platform
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import aarch64
from .folders import CHECKOUT, NoProcessorError, cache, put


@dataclass(frozen=True)
class Processor:
    name: str
    architecture: str  # as Linux calls it
    model: str  # of the emulator: `qemu-x86_64 -cpu help`
    isa: str  # the best of numpot's instruction sets there
    part: int = 0  # AArch64: the number that Arm gave the core,
    features: str = ""  # and what Linux says that it can do
    environment: dict[str, str] = field(default_factory=dict)


# What QEMU cannot emulate, and would warn of.
_WITHOUT = "pcid=off,x2apic=off,tsc-deadline=off,invpcid=off,spec-ctrl=off"
_ARM = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
_ARM_DOT = f"{_ARM} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
# QEMU's best processor for AArch64 has more than any real one, so numba is told what to use of it.
_ARM_I8MM = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+neon,+dotprod,+i8mm"}
_ALL = (
    Processor("haswell", "x86_64", f"Haswell-v4,{_WITHOUT}", "avx2"),
    Processor("nehalem", "x86_64", "Nehalem-v1", "portable"),
    Processor("armportable", "aarch64", "cortex-a72", "portable", 0xD08, _ARM),
    Processor("armdot", "aarch64", "neoverse-n1", "armdot", 0xD0C, _ARM_DOT),
    Processor("armi8mm", "aarch64", "max", "armi8mm", 0xD40, f"{_ARM_DOT} i8mm", _ARM_I8MM),
)
PROCESSORS = {processor.name: processor for processor in _ALL}


def python_on(processor: Processor) -> Path:
    """A Python that runs on the processor, as do the processes that it starts by `sys.executable`. It imports
    what this Python does; for AArch64, what aarch64.py installs, and numpot from this checkout. Raises
    NoProcessorError.
    """
    emulator = shutil.which(f"qemu-{processor.architecture}")
    if emulator is None:
        raise NoProcessorError(
            f"{processor.name} needs the emulator qemu-{processor.architecture}: on Debian, apt-get "
            "install qemu-user"
        )
    ours = hashlib.sha256(f"{sys.prefix} {CHECKOUT}".encode()).hexdigest()[:8]
    environment = cache() / f"{processor.name}-{ours}"
    options, original = ["-cpu", processor.model], Path(sys.prefix, "pyvenv.cfg")
    if processor.architecture == "aarch64":
        root = aarch64.root(emulator)
        aarch64.describe(processor.part, processor.features, root, environment / "system")
        aarch64.link_numpot(environment, root)
        options += ["-L", str(environment / "system")]
        interpreter, is_virtual = root / "usr/bin/python3", False
    elif platform.machine() == processor.architecture:
        for folder in {"lib", sys.platlibdir}:
            put(environment / folder, Path(sys.prefix, folder))
        interpreter, is_virtual = Path(sys.executable).resolve(), original.exists()
    else:
        raise NoProcessorError(
            f"{processor.name} needs a Python for {processor.architecture}, and this machine's is for "
            f"{platform.machine()}"
        )
    system_wide = f"home = {interpreter.parent}\ninclude-system-site-packages = true\n"
    put(environment / "pyvenv.cfg", original.read_text() if is_virtual else system_wide)
    script = environment / "bin" / "python"
    variables = [f"{name}={value}" for name, value in processor.environment.items()]
    command = ["env", *variables, emulator, *options, "-0", str(script), str(interpreter)]
    put(script, f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', mode=0o755)
    return script
