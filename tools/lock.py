"""Writes requirements.lock: the tested set with the hash of each file, for this platform and this version of Python.

    python tools/lock.py

`make locked` installs exactly that, and pip refuses a file whose hash is another one.
"""

import json
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = """# The tested set with the hash of each file, as pip found them for {where}.
# Another platform has other files of some packages: write its own with tools/lock.py. Installed by `make locked`.
"""


def resolved() -> list[dict[str, object]]:
    """What pip would install, each with its name, version and file's hash."""
    sources = ["-r", "requirements.txt", "-r", "requirements-dev.txt", "-c", "constraints.txt"]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-", *sources]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout)["install"]


def line(package: dict) -> str:
    about, file = package["metadata"], package["download_info"]["archive_info"]
    return f"{about['name']}=={about['version'].partition('+')[0]} --hash=sha256:{file['hashes']['sha256']}"


def main() -> None:
    where = f"{platform.system()} {platform.machine()} with Python {platform.python_version()}"
    LOCK.write_text(HEAD.format(where=where) + "\n".join(sorted(map(line, resolved()), key=str.lower)) + "\n")
    print(f"{LOCK.name} is written for {where}")


if __name__ == "__main__":
    main()
