"""Run a Python script of OpenVINO on an emulated processor that this machine does not have, such as AVX-512
without VNNI.

User-mode emulators know no AVX-512. Bochs does, but it emulates a whole computer, so this builds one: a
Debian kernel, and a root file system in memory that holds busybox, the Python of this process, NumPy and
OpenVINO's CPU plugin. The guest unpacks a folder from its first disk, runs `main.py` in it, and writes the
folder `out` to its second disk. It sees nothing else of the host, and no network.

    python -m tests.processors.full_system BOCHS PROCESSOR FOLDER RESULTS

    BOCHS      the program, built from a newer source than Debian's 2.7, under which Linux turns AVX off
               (its XSAVES is wrong):
                   ./configure --enable-x86-64 --enable-avx --enable-evex --enable-all-optimizations
                       --enable-handlers-chaining --enable-pci --with-nogui --disable-plugins
                       --disable-docbook
               If the line of BX_IA_EVEX_VPINSRB_VdqEbIb in cpu/decoder/ia_opcodes_evex.def says OP_Ew, write
               OP_Eb first: OpenVINO's kernels for few input channels use that instruction, and its
               displacement counts bytes, not words.
    PROCESSOR  corei7_skylake_x (AVX-512), corei3_cnl (and VBMI), corei7_icelake_u (and VNNI), ...:
               `bochs --help cpu` lists them
    FOLDER     main.py, and what it needs
    RESULTS    a folder for what `out` holds in the end, and for the console's text, serial.txt

Debian packages: bochsbios vgabios isolinux syslinux-common xorriso busybox-static cpio lz4; `apt-get
download` brings the kernel. At 30 million instructions a second, booting and importing OpenVINO take 2 to 4
minutes of one core, a layer about a second.
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

TOOLS = ("xorriso", "cpio", "lz4", "busybox", "dpkg", "apt-get", "apt-cache", "ldd")
BIOS = ("/usr/share/bochs/BIOS-bochs-latest", "/usr/share/bochs/VGABIOS-lgpl-latest")
BOOT_FILES = ("/usr/lib/ISOLINUX/isolinux.bin", "/usr/lib/syslinux/modules/bios/ldlinux.c32")
PACKAGES = ("numpy", "openvino")
UNUSED = shutil.ignore_patterns(
    *(
        "test",
        "tests",
        "idlelib",
        "tkinter",
        "ensurepip",
        "lib2to3",
        "site-packages",
        "dist-packages",
        "config-*",
        "include",
        "cmake",
    ),
    *(
        "libopenvino_intel_gpu*",
        "libopenvino_intel_npu*",
        "libopenvino_[!i]*_frontend*",
        "cache.json",
        "*.pyi",
        "*.a",
    ),
)
CYLINDER = 16 * 63 * 512  # bytes; Bochs wants disks of whole ones
OUTPUT_CYLINDERS = 130
INIT = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for driver in {drivers}; do insmod /drivers/$driver.ko; done
until [ -b /dev/sdb ]; do sleep 1; done
cd /work; tar xf /dev/sda; mkdir -p out
PYTHONPATH={packages} LD_LIBRARY_PATH={libraries} HOME=/tmp {python} -u main.py; echo "main.py ended with $?"
tar cf /dev/sdb out; sync; sleep 1; poweroff -f
"""
BOOT = (
    "default linux\nlabel linux\n kernel vmlinuz\n initrd root.img\n append console=ttyS0 "
    "mitigations=off nokaslr quiet rdinit=/init\n"
)
MACHINE = """
cpu: model={processor}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=2048, host=2048
romimage: file={bios}
vgaromimage: file={vga}
display_library: nogui
clock: sync=none, time0=utc
ata0-master: type=disk, mode=flat, path="{disks}/in.img"
ata0-slave: type=disk, mode=flat, path="{disks}/out.img"
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev="{results}/serial.txt"
log: {results}/bochs.txt
panic: action=fatal
error: action=ignore
"""


def run(bochs: str, processor: str, folder: Path, results: Path, iso: Path) -> None:
    """Run folder/main.py on the processor, from the CD that `build` made; RuntimeError if it does not end
    well.
    """
    results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as disks:
        source, target = Path(disks) / "in.img", Path(disks) / "out.img"
        with tarfile.open(source, "w") as archive:
            archive.add(folder, ".")
        os.truncate(source, -(-source.stat().st_size // CYLINDER) * CYLINDER)
        target.touch()
        os.truncate(target, OUTPUT_CYLINDERS * CYLINDER)
        settings = Path(disks) / "bochsrc"
        bios, vga = BIOS
        places = {
            "disks": disks,
            "iso": iso.resolve(),
            "results": results.resolve(),
            "bios": bios,
            "vga": vga,
        }
        settings.write_text(MACHINE.format(processor=processor, **places))
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        subprocess.run([bochs, "-q", "-f", settings], **quiet, check=False)
        console = (results / "serial.txt").read_text(errors="replace")
        if "main.py ended with 0" not in console:
            raise RuntimeError(
                f"main.py did not end well on {processor}. The end of "
                f"{results}/serial.txt:\n{console[-2000:]}"
            )
        with tarfile.open(target, "r:") as archive:
            archive.extractall(results, filter="data")


def build(iso: Path) -> None:
    """A CD that boots into main.py."""
    with tempfile.TemporaryDirectory() as name:
        kernel, root, cd = _kernel(Path(name)), Path(name) / "root", Path(name) / "cd"
        for folder in ("proc", "sys", "dev", "tmp", "work", "drivers", "bin"):
            (root / folder).mkdir(parents=True)
        cd.mkdir()
        drivers = _with_dependencies(
            ("ata_piix", "sd_mod"), {path.stem: path for path in kernel.rglob("*.ko")}
        )
        for driver in drivers:
            shutil.copy(driver, root / "drivers")
        _copy_busybox(root)
        _copy_python(root)
        packages = _packages()
        places = {"packages": packages, "libraries": packages / "openvino" / "libs", "python": _python()}
        (root / "init").write_text(INIT.format(drivers=" ".join(d.stem for d in drivers), **places))
        (root / "init").chmod(0o755)
        shutil.copy(next(kernel.glob("boot/vmlinuz*")), cd / "vmlinuz")
        # -l: the format that Linux reads
        pack = f"find . | cpio -o -H newc --quiet | lz4 -l -9 -q > {cd}/root.img"
        subprocess.run(["sh", "-c", pack], cwd=root, check=True)
        (cd / "isolinux.cfg").write_text(BOOT)
        for path in BOOT_FILES:
            shutil.copy(path, cd)
        boot = [
            "-b",
            "isolinux.bin",
            "-c",
            "boot.cat",
            "-no-emul-boot",
            "-boot-load-size",
            "4",
            "-boot-info-table",
        ]
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", iso, *boot, cd], check=True)


def _python() -> Path:
    return Path(os.path.realpath(sys.executable))


def _packages() -> Path:
    """The folder of installed packages that holds OpenVINO and NumPy."""
    import openvino

    return Path(openvino.__file__).parents[1]


def _kernel(work: Path) -> Path:
    """Debian's newest kernel for virtual machines, unpacked."""
    listed = subprocess.run(
        ["apt-cache", "depends", "linux-image-cloud-amd64"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"Depends: (linux-image-\S+)", listed)
    if found is None:
        raise RuntimeError(
            f"apt-cache names no kernel behind linux-image-cloud-amd64; run apt-get update. Found: {listed!r}"
        )
    subprocess.run(["apt-get", "download", "-q", found[1]], cwd=work, check=True, capture_output=True)
    subprocess.run(["dpkg", "-x", next(work.glob("*.deb")), work / "kernel"], check=True)
    return work / "kernel"


def _with_dependencies(names: tuple[str, ...], drivers: dict[str, Path]) -> list[Path]:
    """The files of these drivers, each behind those it depends on; what is not there is part of
    the kernel.
    """
    order: list[Path] = []
    for name in names:
        if name in drivers:
            depends = re.search(rb"\0depends=([^\0]+)\0", drivers[name].read_bytes())
            before = tuple(depends[1].decode().split(",")) if depends else ()
            order += [d for d in (*_with_dependencies(before, drivers), drivers[name]) if d not in order]
    return order


def _copy_busybox(root: Path) -> None:
    busybox = shutil.which("busybox")
    assert busybox
    shutil.copy(busybox, root / "bin" / "busybox")
    for applet in subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")


def _copy_python(root: Path) -> None:
    """Interpreter, standard library and packages where they are on the host, and the shared libraries that
    they load.
    """
    _copy(_python(), root)
    _copy(Path(sysconfig.get_path("stdlib")), root)
    for package in PACKAGES:
        for path in _packages().glob(f"{package}*"):
            _copy(path, root)
    for library in set(_libraries(root)):
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
    for binary in root.rglob("*"):
        if binary.is_file() and (".so" in binary.name or binary.name.startswith("python")):
            listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
            yield from (
                Path(found) for found in re.findall(r"(/\S+) \(0x", listed) if not found.startswith(str(root))
            )


def main(bochs: str, processor: str, folder: str, results: str) -> None:
    missing = [tool for tool in (bochs, *TOOLS) if not shutil.which(tool)]
    missing += [path for path in (*BIOS, *BOOT_FILES) if not Path(path).exists()]
    if missing:
        sys.exit(f"Not found: {', '.join(missing)}. See the packages named in {__file__}.")
    iso = Path(tempfile.gettempdir()) / "numpot-full-system.iso"
    if not iso.exists():
        build(iso)
    run(bochs, processor, Path(folder), Path(results), iso)


if __name__ == "__main__":
    main(*sys.argv[1:])
