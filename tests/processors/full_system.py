"""Run a Python script of OpenVINO on an emulated processor that this machine does not have, such as AVX-512 without VNNI.

User-mode emulators know no AVX-512. Bochs does, but emulates a whole computer, so this builds one: a Debian kernel, and a root file system in
memory that holds busybox, the Python of this process, NumPy and OpenVINO's CPU plugin. The guest copies a folder from its first disk, runs
`main.py` in it, and writes the folder `out` to its second disk. It sees nothing else of the host, and no network.

    python -m tests.processors.full_system corei7_skylake_x FOLDER RESULTS     # `bochs --help cpu` lists the processors

Needs Debian packages: bochs isolinux syslinux-common xorriso busybox-static cpio lz4. The kernel is downloaded with `apt-get download`.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

TOOLS = ("bochs", "xorriso", "cpio", "lz4", "busybox", "dpkg", "apt-get", "apt-cache", "ldd")
BOOT_FILES = ("/usr/lib/ISOLINUX/isolinux.bin", "/usr/lib/syslinux/modules/bios/ldlinux.c32")
PACKAGES = ("numpy", "openvino", "openvino_telemetry")
UNUSED = shutil.ignore_patterns(
    *("test", "tests", "idlelib", "tkinter", "ensurepip", "lib2to3", "site-packages", "dist-packages", "config-*", "include", "cmake"),
    *("libopenvino_intel_gpu*", "libopenvino_intel_npu*", "libopenvino_[!i]*_frontend*", "cache.json", "*.pyi", "*.a"),
)
OUTPUT_BYTES = 256 * 2**20
INIT = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for driver in {drivers}; do insmod /drivers/$driver.ko; done
until [ -b /dev/sdb ]; do sleep 1; done
cd /work; tar xf /dev/sda; mkdir -p out
echo started; grep -o 'avx512[^ ]*' /proc/cpuinfo | tr '\\n' ' '
PYTHONPATH={packages} LD_LIBRARY_PATH={libraries} HOME=/tmp {python} -u main.py; echo "main.py ended with $?"
tar cf /dev/sdb out; sync; poweroff -f
"""
BOOT = "default linux\nlabel linux\n kernel vmlinuz\n initrd root.img\n append console=ttyS0 mitigations=off nokaslr quiet rdinit=/init\n"
MACHINE = """
cpu: model={model}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=2048, host=2048
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
display_library: term
plugin_ctrl: speaker=0, parallel=0, gameport=0, extfpuirq=0
clock: sync=none, time0=utc
ata0-master: type=disk, mode=flat, path="{disks}/in.img"
ata0-slave: type=disk, mode=flat, path="{disks}/out.img"
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev="{logs}/serial.txt"
log: {logs}/bochs.txt
panic: action=fatal
error: action=ignore
"""


def run(model: str, folder: Path, results: Path, iso: Path) -> None:
    """Run folder/main.py on the processor `model`, and put what it left in `out` into `results`, with the console's serial.txt."""
    results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        machine = Path(name)
        with tarfile.open(machine / "in.img", "w") as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, path.name)
        _to_whole_cylinders(machine / "in.img", 0)
        _to_whole_cylinders(machine / "out.img", OUTPUT_BYTES)
        (machine / "bochsrc").write_text(MACHINE.format(model=model, disks=machine, logs=results.resolve(), iso=iso.resolve()))
        (machine / "debugger").write_text("continue\n")  # Debian's Bochs is built with its debugger, which waits for orders
        subprocess.run(["bochs", "-q", "-f", machine / "bochsrc", "-rc", machine / "debugger"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False, env=os.environ | {"TERM": "vt100"})
        with tarfile.open(machine / "out.img", "r:") as archive:
            archive.extractall(results, filter="data")


def _to_whole_cylinders(image: Path, least: int) -> None:
    """Bochs wants disks of whole cylinders: 16 heads of 63 sectors of 512 bytes."""
    cylinder = 16 * 63 * 512
    size = max(least, image.stat().st_size if image.exists() else 0, cylinder)
    with image.open("ab") as file:
        file.truncate(-(-size // cylinder) * cylinder)


def build(iso: Path) -> None:
    """A CD that boots into `main.py`: kernel, drivers, busybox, and the Python of this process with NumPy and OpenVINO."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        kernel = _kernel(work)
        root, cd = work / "root", work / "cd"
        for folder in ("proc", "sys", "dev", "tmp", "work", "drivers", "bin"):
            (root / folder).mkdir(parents=True)
        cd.mkdir()
        drivers = _with_dependencies(("ata_piix", "sd_mod"), {path.stem: path for path in kernel.rglob("*.ko")})
        for driver in drivers:
            shutil.copy(driver, root / "drivers")
        _copy_python(root)
        packages, libraries = _packages(), _packages() / "openvino" / "libs"
        init = INIT.format(drivers=" ".join(d.stem for d in drivers), packages=packages, libraries=libraries, python=_python())
        (root / "init").write_text(init)
        (root / "init").chmod(0o755)
        shutil.copy(next(kernel.glob("boot/vmlinuz*")), cd / "vmlinuz")
        pack = f"find . | cpio -o -H newc --quiet | lz4 -l -9 -q > {cd}/root.img"
        subprocess.run(["sh", "-c", pack], cwd=root, check=True)
        (cd / "isolinux.cfg").write_text(BOOT)
        for path in BOOT_FILES:
            shutil.copy(path, cd)
        boot = ["-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", iso, *boot, cd], check=True)


def _python() -> Path:
    return Path(os.path.realpath(sys.executable))


def _packages() -> Path:
    import openvino

    return Path(openvino.__file__).parents[1]


def _kernel(work: Path) -> Path:
    """Debian's newest kernel for virtual machines, unpacked."""
    listed = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Depends: (linux-image-\S+)", listed)
    assert found, listed
    subprocess.run(["apt-get", "download", "-q", found[1]], cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["dpkg", "-x", next(work.glob("*.deb")), work / "kernel"], check=True)
    return work / "kernel"


def _with_dependencies(names: tuple[str, ...], drivers: dict[str, Path]) -> list[Path]:
    """The files of these drivers, each behind those it depends on."""
    order: list[Path] = []
    for name in names:
        if name not in drivers:
            continue  # compiled into the kernel
        depends = re.search(rb"\0depends=([^\0]*)\0", drivers[name].read_bytes())
        before = depends[1].decode().split(",") if depends and depends[1] else []
        order += [d for d in _with_dependencies(tuple(b.replace("-", "_") for b in before), drivers) if d not in order]
        order += [drivers[name]] if drivers[name] not in order else []
    return order


def _copy_python(root: Path) -> None:
    """Interpreter, standard library and packages where they are on the host, and the shared libraries that they load."""
    busybox = shutil.which("busybox")
    assert busybox
    shutil.copy(busybox, root / "bin" / "busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    _copy(_python(), root)
    _copy(Path(sysconfig.get_path("stdlib")), root)
    for package in PACKAGES:
        for path in _packages().glob(f"{package}*"):
            _copy(path, root)
    for library in _libraries(root):
        if not (root / library.relative_to("/")).exists():
            _copy(library, root)


def _copy(path: Path, root: Path) -> None:
    target = root / path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, ignore=UNUSED, dirs_exist_ok=True)
    else:
        shutil.copy(path, target)


def _libraries(root: Path) -> Iterator[Path]:
    """What the interpreter and every shared object below `root` are linked with."""
    binaries = [path for path in root.rglob("*") if path.is_file() and (".so" in path.name or path.name.startswith("python"))]
    for binary in binaries:
        listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
        yield from (Path(found) for found in re.findall(r"(?:=> )?(/\S+) \(0x", listed) if not found.startswith(str(root)))


if __name__ == "__main__":
    model, folder, results = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    missing = [tool for tool in TOOLS if not shutil.which(tool)] + [path for path in BOOT_FILES if not Path(path).exists()]
    if missing:
        sys.exit(f"Not found: {', '.join(missing)}. Install bochs isolinux syslinux-common xorriso busybox-static cpio lz4.")
    iso = Path(tempfile.gettempdir()) / "numpot-full-system.iso"
    if not iso.exists():
        build(iso)
    run(model, folder, results, iso)
