"""Sets up what the tests need beside Python packages, and finds it for them: a Chromium or Chrome, epubcheck, curl.

    python tools/prepare.py

What is there is used, and nothing else is asked for. What is missing is downloaded or installed where that is possible, and
named in one sentence where it is not: the tests that need it are skipped then, so with CI set it is an error.
"""

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

SHELL = "chromium-headless-shell"  # Debian's
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# For every window Chromium 156 opens two more pages, its address bar's pop-ups: as much work again as the page that is looked at.
# This flag takes the place of Playwright's own, so what that turns off is repeated here.
TURNED_OFF = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
    "msForceBrowserSignIn", "msEdgeUpdateLaunchServicesPreferredVersion",
)  # fmt: skip
FLAGS = (
    f"--disable-features={','.join(TURNED_OFF)}",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
START_SECONDS = 60  # a browser's first start on a machine that is busy
INSTALL_SECONDS = 600  # some 200 MB over a slow line
WHERE_PLAYWRIGHTS_IS = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"


def driver() -> bool | None:
    """Whether Playwright itself runs: it brings a program of its own, which lacks a library on the smallest Debian."""
    return _succeeds([sys.executable, "-m", "playwright", "--version"], START_SECONDS) or None


@functools.cache
def browser() -> dict[str, Any] | None:
    """Playwright's options that launch a Chromium or Chrome of this machine; None where there is none that starts."""
    return _first(_browsers())


@functools.cache
def quickest() -> dict[str, Any] | None:
    """The same of Chromium's headless shell, where there is one: without windows that nobody looks at, an eighth less work.

    It knows no profile: what a visitor has set in theirs takes a whole browser.
    """
    return _first(filter(None, [shutil.which(SHELL)])) or browser()


def _first(paths: Iterable[str]) -> dict[str, Any] | None:
    for path in paths if driver() else ():
        # Root cannot have a sandbox, and some systems give none to a browser that they did not package.
        for sandbox in (True, False) if os.geteuid() else (False,):
            if _starts(path, sandbox):
                return {"executable_path": path, "chromium_sandbox": sandbox, "args": FLAGS}
    return None


def require_browser() -> dict[str, Any]:
    """The same, for a program that can do nothing without it."""
    return browser() or sys.exit("This needs a Chromium or Chrome: make test installs one where it can.")


def epubcheck() -> list[str] | None:
    """The command that checks the EPUB named after it; None where there is none."""
    path, java = shutil.which("epubcheck"), shutil.which("java")
    if path is None or not zipfile.is_zipfile(path):
        return [path] if path else None
    # Debian's is a jar, which only some kernels run by itself; a short run is quickest with the simplest compiler.
    return [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", os.path.realpath(path)] if java else None


def curl() -> str | None:
    return shutil.which("curl")


# By Debian's package; the first is what Playwright needs to run.
NEEDS: dict[str, Callable[[], Any]] = {"libatomic1": driver, "chromium": browser, "epubcheck": epubcheck, "curl": curl}


def missing() -> list[str]:
    return [name for name, find in NEEDS.items() if find() is None]


def main() -> None:
    for name in NEEDS:
        browser.cache_clear()
        if NEEDS[name]() is not None:
            continue
        print(f"Setting up {name}, once …", flush=True)
        for command in _ways(name):
            _succeeds(command, INSTALL_SECONDS)
            browser.cache_clear()
            if NEEDS[name]() is not None:
                break
    if gone := missing():
        so = "and with CI set no test may be skipped" if os.environ.get("CI") else "so the tests that need them are skipped"
        sentence = f"Missing here and not to be installed: {', '.join(gone)}, {so} (on Debian, as root: apt-get install {' '.join(gone)})."
        if os.environ.get("CI"):
            sys.exit(sentence)
        print(sentence, flush=True)


def _ways(name: str) -> Iterator[Sequence[str]]:
    """Commands that may bring what is missing, the next one where the last was in vain."""
    playwright = (sys.executable, "-m", "playwright")
    if name == "chromium":
        yield *playwright, "install", "--no-shell", "chromium"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        yield "apt-get", "update", "-qq"
        install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends")
        if name == "chromium":
            yield *install, SHELL, name
        yield *install, name
        if name == "chromium":  # Ubuntu has no such package; what Playwright downloaded may lack only its libraries
            yield *playwright, "install-deps", "chromium"


def _browsers() -> Iterator[str]:
    """Every Chromium and Chrome to be found, Playwright's own download last."""
    yield from filter(None, map(shutil.which, BROWSERS))
    asked = subprocess.run([sys.executable, "-c", WHERE_PLAYWRIGHTS_IS], capture_output=True, text=True, check=False)
    yield from filter(None, [shutil.which(asked.stdout.strip())])


def _starts(path: str, sandbox: bool) -> bool:
    """Whether a browser opens an empty page: one whose libraries are missing does not, nor does the stub of a package."""
    flags = [*FLAGS, *([] if sandbox else ["--no-sandbox"])]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        return _succeeds([path, "--headless", *flags, f"--user-data-dir={profile}", "--dump-dom", "about:blank"], START_SECONDS)


def _succeeds(command: Sequence[str], seconds: float) -> bool:
    """Run a command in silence; when its time is up, or at Ctrl-C, it ends with all it has started."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=env, start_new_session=True, **quiet) as process:
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with suppress(ProcessLookupError, PermissionError):  # it is over, as it should be; macOS has the other word for it
                os.killpg(process.pid, signal.SIGTERM)


if __name__ == "__main__":
    main()
