"""One folder, one server: a second process keeps its stories elsewhere, and the folder is free when its process is over."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from polaris_demo.jobs.backup import snapshots
from polaris_demo.jobs.folder import TAKEN, take
from polaris_demo.jobs.library import Library

from .test_crash import OTHER, app
from .test_library import piece

ROOT = Path(__file__).parent.parent
SERVER = """
import json, os, sys
from pathlib import Path
from polaris_demo.errors import CannotRead
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.saved import SavedStory
folder, bucket = Path(sys.argv[1]), Path(sys.argv[2])
library = Library(folder, backup_dir=bucket)
def known(name):
    try:
        return library.load(name)
    except CannotRead:
        return None
knew = [name for name in ("s", "snapshot") if known(name)]
interrupted = library.interrupt({"writing"})
library.save(SavedStory("s", "k", "writing", 1.0, {}, "the second's ", ()))
where = str(library._file.path.parent) if library._file.path else None
print(json.dumps({"where": where, "lasting": library.lasting, "knew": knew, "interrupted": interrupted}), flush=True)
sys.stdin.read()
library.close()
"""
FORKS = """
import os, sys
from pathlib import Path
from polaris_demo.jobs.folder import take
take(Path(sys.argv[1]))
child = os.fork()
said = child or take(Path(sys.argv[1])).path.name
os.write(1, f"{said}\\n".encode())  # in one piece: two processes write here
sys.stdin.read()
"""
BEGINS_ANEW = """
import os, sys
from pathlib import Path
from polaris_demo.jobs.folder import take
from polaris_demo.jobs.shutdown import start_anew
print(os.getpid(), take(Path(sys.argv[1])).asked, flush=True)
if "AGAIN" not in os.environ:
    os.environ["AGAIN"] = "1"
    start_anew()
sys.stdin.read()
"""


class Process:
    """A program in a process of its own, which waits at its `stdin` until it is told to end."""

    def __init__(self, program: str, *arguments: Path) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.popen = subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], cwd=ROOT, **pipes)

    def says(self) -> str:
        assert self.popen.stdout and self.popen.stderr
        return self.popen.stdout.readline().strip() or pytest.fail(self.popen.stderr.read())

    def end(self) -> str:
        """What it logged."""
        return self.popen.communicate(timeout=30)[1]


@pytest.fixture
def start() -> Iterator[Any]:
    with ExitStack() as stack:

        def start(program: str, *arguments: Path) -> Process:
            process = Process(program, *arguments)
            stack.enter_context(process.popen)
            stack.callback(process.popen.kill)
            return process

        yield start


def where_another_keeps_its(folder: Path, start: Any) -> Path:
    process = start(SERVER, folder, folder / "bucket")
    where = json.loads(process.says())["where"]
    process.end()
    return Path(where)


def test_a_second_server_keeps_its_stories_elsewhere_and_leaves_the_firsts_alone(tmp_path: Path, start) -> None:
    bucket = tmp_path / "bucket"
    before = Library(tmp_path / "before", backup_dir=bucket)
    before.save(piece("snapshot"))
    before.close()
    kept, folder = snapshots(bucket), tmp_path / "data"
    first = Library(folder)
    first.save(piece("s", "the first's "))

    second = start(SERVER, folder, bucket)
    assert json.loads(second.says()) == {"where": f"{folder}/server-2", "lasting": False, "knew": [], "interrupted": 0}
    third = start(SERVER, folder, bucket)
    assert json.loads(third.says())["where"] == f"{folder}/server-3"
    assert first.save(piece("s", "own"))
    assert second.end().strip() == TAKEN % (folder, os.getpid(), folder / "server-2")
    story = first.load("s")
    assert story and (story.text, story.state) == ("the first's own", "writing")
    assert snapshots(bucket) == kept


def test_a_folder_is_free_as_soon_as_its_server_has_ended_or_was_killed(tmp_path: Path, start) -> None:
    for end in (signal.SIGKILL, None):
        server = start(SERVER, tmp_path, tmp_path / "bucket")
        assert json.loads(server.says())["where"] == str(tmp_path)
        if end:
            server.popen.send_signal(end)
        server.end()


def test_a_forked_child_has_not_its_parents_folder_nor_keeps_it_from_the_next(tmp_path: Path, start) -> None:
    parent = start(FORKS, tmp_path)
    said = {parent.says(), parent.says()}
    assert "server-2" in said
    child = int((said - {"server-2"}).pop())
    parent.popen.kill()
    parent.popen.wait()
    os.kill(child, 0)  # it is there still
    assert where_another_keeps_its(tmp_path, start) == tmp_path


def test_a_process_that_begins_anew_has_its_folder_again(tmp_path: Path, start) -> None:
    process = start(BEGINS_ANEW, tmp_path)
    assert process.says() == process.says() == f"{process.popen.pid} True"
    assert where_another_keeps_its(tmp_path, start) == tmp_path / "server-2"


def test_a_process_that_opens_its_folder_again_under_any_name_has_it_until_the_last_is_closed(tmp_path: Path, start) -> None:
    folder = tmp_path / "data"
    (tmp_path / "link").symlink_to(folder)
    libraries = [Library(path) for path in (folder, folder, tmp_path / "link")]
    while libraries:
        assert where_another_keeps_its(folder, start) == folder / "server-2"
        libraries.pop(0).close()
    assert where_another_keeps_its(folder, start) == folder


def test_a_folder_that_was_removed_and_made_anew_is_taken_anew(tmp_path: Path, start) -> None:
    take(tmp_path / "data")
    shutil.rmtree(tmp_path / "data")
    assert take(tmp_path / "data").asked
    assert where_another_keeps_its(tmp_path / "data", start) == tmp_path / "data" / "server-2"


def test_where_there_is_no_other_folder_either_a_second_servers_stories_last_in_memory(tmp_path: Path, start) -> None:
    take(tmp_path)
    (tmp_path / "server-2").write_text("in the way")
    second = start(SERVER, tmp_path, tmp_path / "bucket")
    assert json.loads(second.says())["where"] is None
    assert "Stories cannot be kept" in second.end()


def test_an_app_does_not_touch_the_stories_of_the_server_that_has_its_folder(tmp_path: Path) -> None:
    first = Library(tmp_path / "data")
    first.save(piece("mine", "the first's "))
    with app(tmp_path) as (process, second):
        said = f"(process {os.getpid()}); this one keeps its own in {tmp_path}/data/server-2."
        assert said in (tmp_path / "log").read_text()
        with pytest.raises(Exception, match="no story"):
            second.predict("mine", 0, api_name="/get_story")
        theirs = second.predict(**OTHER, api_name="/start_story")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert not snapshots(tmp_path / "bucket")
    assert first.save(piece("mine", "own"))
    story = first.load("mine")
    assert story and (story.text, story.state) == ("the first's own", "writing") and not first.load(theirs["id"])
    first.close()
    with closing(Library(tmp_path / "data" / "server-2")) as there:
        assert there.load(theirs["id"]) and not there.load("mine")
