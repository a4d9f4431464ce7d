"""No sentence of ours decides anything: with every one of them replaced by "x", stories live and are shown as before."""

import os
import re
import subprocess
import sys
from pathlib import Path

from .translated import translate

TESTS = ("lifecycle", "runner", "stream", "routes", "handlers")
SHORT = " and ".join(  # what takes seconds and is about numbers and times
    f"not {name}" for name in "thirty fifty hundred thousand every_second miniature anew seconds_are_expected three_followers".split()
)
A_PORT_OF_ITS_OWN = "8700"


def test_with_every_sentence_translated_a_storys_life_and_its_page_are_the_same(tmp_path: Path) -> None:
    """The tests of lifecycle, runner and page, but for those that are about words, over a copy of the app that says only "x"."""
    assert translate(tmp_path) > 200
    said = subprocess.run(
        [sys.executable, "-m", "pytest", *(f"tests/test_{name}.py" for name in TESTS), "-m", "not words", "-k", SHORT, "-p", "no:cacheprovider"],
        cwd=tmp_path, env=_without_xdist() | {"GRADIO_SERVER_PORT": A_PORT_OF_ITS_OWN}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", said.stdout)
    assert said.returncode == 0 and passed and int(passed[1]) > 200, said.stdout[-3000:]


def _without_xdist() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
