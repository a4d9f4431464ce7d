"""What the tests need beside Python packages is found, set up once, or named in one sentence; so is a Python that will not do."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from tools import prepare

from .conftest import needs

ROOT = Path(__file__).parent.parent
NEEDS_NO_SANDBOX = 'case "$*" in *--no-sandbox*) exit 0; esac; exit 1'
DOWNLOADS_NOTHING = 'case "$*" in *"playwright install"*) exit 1; esac; exit 0'  # in the place of Python and of Playwright in it
Program = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """program(name, shell script) puts one on a PATH that has nothing else; Playwright has no browser and no network."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", "http://127.0.0.1:9")
    monkeypatch.delenv("CI", raising=False)
    for found in (prepare.browser, prepare.quickest):
        found.cache_clear()

    def put(name: str, script: str) -> Path:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
        return tmp_path / name

    yield put
    for found in (prepare.browser, prepare.quickest):
        found.cache_clear()


def test_chrome_will_do_and_a_browser_that_does_not_start_is_passed_over(program: Program) -> None:
    program("chromium-browser", "exit 1")  # as Ubuntu's, which only says what to install
    chrome = program("google-chrome", "exit 0")
    found = prepare.browser()
    assert found and found["executable_path"] == str(chrome)


def test_a_browser_that_playwright_cannot_drive_does_not_count(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program("chromium", "exit 0")
    monkeypatch.setattr("sys.executable", str(program("python", "exit 127")))
    assert prepare.browser() is None and prepare.missing()[0] == "libatomic1"


@pytest.mark.parametrize(("user", "script", "sandbox"), [(0, "exit 0", False), (1000, "exit 0", True), (1000, NEEDS_NO_SANDBOX, False)])
def test_only_where_it_must_does_a_browser_start_without_its_sandbox(
    program: Program, monkeypatch: pytest.MonkeyPatch, user: int, script: str, sandbox: bool
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    program("chromium", script)
    found = prepare.browser()
    assert found and found["chromium_sandbox"] is sandbox


def test_what_playwright_turns_off_in_a_browser_stays_off() -> None:
    """Read off what it would start a browser with."""
    needs("libatomic1")
    with sync_playwright() as playwright, pytest.raises(Error) as refused:
        playwright.chromium.launch(executable_path=shutil.which("false"))
    found = re.search("--disable-features=([^ ]+)", str(refused.value))
    assert found and set(found[1].split(",")) <= set(prepare.TURNED_OFF)


def test_what_is_missing_is_installed_once_and_nothing_is_asked_for_again(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.executable", str(program("python", DOWNLOADS_NOTHING)))
    kept = program("empty", "exit 0")
    program("curl", "exit 0")
    program("apt-get", f'echo "$*" >> {tmp_path}/asked; for last; do :; done; [ "$last" = -qq ] || /bin/cp -p {kept} {tmp_path}/$last')
    prepare.main()
    first = (tmp_path / "asked").read_text()
    assert [line.split()[-1] for line in first.splitlines()] == ["-qq", "chromium", "-qq", "epubcheck"]
    prepare.browser.cache_clear()
    prepare.main()
    assert (tmp_path / "asked").read_text() == first and "Missing" not in capsys.readouterr().out


def test_where_no_headless_shell_is_packaged_the_browser_is_installed_alone(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.executable", str(program("python", DOWNLOADS_NOTHING)))
    kept = program("empty", "exit 0")
    program(
        "apt-get", f'for last; do :; done; case "$*" in *shell*) exit 100; esac; [ "$last" = -qq ] || /bin/cp -p {kept} {tmp_path}/$last'
    )
    prepare.main()
    found = prepare.browser()
    assert found and found["executable_path"] == str(tmp_path / "chromium")


def test_the_headless_shell_is_taken_where_it_is_and_starts(program: Program) -> None:
    program("chromium", "exit 0")
    assert prepare.quickest() == prepare.browser()
    prepare.quickest.cache_clear()
    shell = program("chromium-headless-shell", "exit 0")
    found = prepare.quickest()
    assert found and found["executable_path"] == str(shell) and prepare.browser() != found


def test_what_cannot_be_had_is_one_sentence_and_in_ci_the_end(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.executable", str(program("python", DOWNLOADS_NOTHING)))
    program("chromium", "exit 0")
    prepare.main()
    said = capsys.readouterr().out.splitlines()[-1]
    assert "epubcheck, curl, so the tests that need them are skipped" in said and "chromium" not in said
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit, match="epubcheck, curl, and with CI set no test may be skipped"):
        prepare.main()


def test_playwrights_own_download_counts(program: Program, tmp_path: Path) -> None:
    asked = subprocess.run([sys.executable, "-c", prepare.WHERE_PLAYWRIGHTS_IS], capture_output=True, text=True, timeout=60, check=True)
    path = Path(asked.stdout.strip())
    path.parent.mkdir(parents=True)
    program("downloaded", "exit 0").rename(path)
    found = prepare.browser()
    assert path.is_relative_to(tmp_path) and found and found["executable_path"] == str(path)


def test_a_command_that_hangs_is_ended_with_what_it_started(program: Program, tmp_path: Path) -> None:
    hangs = program("hangs", f"/bin/sleep 1000 & echo $! > {tmp_path}/child; wait")
    assert not prepare._succeeds([str(hangs)], 0.5)
    child = (tmp_path / "child").read_text().strip()
    # Raises where the child does not end in time.
    subprocess.run(["/bin/sh", "-c", f"while kill -0 {child}; do :; done"], timeout=20, check=False, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(("names", "refused"), [(">=3.11,<3.13", False), (">=3.98,<3.100", True), (">=3.8,<3.10", True)])
def test_a_python_that_was_not_tested_is_refused_with_the_way_out(tmp_path: Path, names: str, refused: bool) -> None:
    (tmp_path / "tools").mkdir()
    script = shutil.copy(ROOT / "tools" / "check_python.py", tmp_path / "tools")
    project = (ROOT / "pyproject.toml").read_text()
    assert 'requires-python = ">=3.11,<3.13"' in project
    (tmp_path / "pyproject.toml").write_text(project.replace(">=3.11,<3.13", names))
    run = subprocess.run([sys.executable, script, "test"], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == refused
    newest = int(names.split("<3.")[1]) - 1
    assert not refused or run.stderr.endswith(f"make test PYTHON=python3.{newest}\n")
