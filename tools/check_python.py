"""Ends with a sentence where this Python is not one that pyproject.toml names, before anything is installed.

    python tools/check_python.py [what make was asked for]

Written so that any Python 3 can read it.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

with open(os.path.join(ROOT, "pyproject.toml")) as file:
    oldest, beyond = map(int, re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', file.read()).groups())  # type: ignore[union-attr]

if not (3, oldest) <= sys.version_info < (3, beyond):
    here = ".".join(map(str, sys.version_info[:3]))
    tested = " and ".join(f"3.{minor}" for minor in range(oldest, beyond))
    remove = "rm -rf .venv && " if sys.prefix == os.path.join(ROOT, ".venv") else ""
    goal = "".join(sys.argv[1:2]) or "run"
    sys.exit(f"This is Python {here}, and this app is tested with {tested}: {remove}make {goal} PYTHON=python3.{beyond - 1}")
