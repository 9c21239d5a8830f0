"""What pyproject.toml cannot say: folders at the top level are packages of numpot, and all packages in them
are found.
"""

from setuptools import find_packages, setup

FOLDERS = ("ir", "kernels", "quant")
setup(
    package_dir={f"numpot.{folder}": folder for folder in FOLDERS},
    packages=[
        f"numpot.{package}"
        for package in find_packages(include=[pattern for f in FOLDERS for pattern in (f, f"{f}.*")])
    ],
)
