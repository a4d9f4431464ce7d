"""The library keeps what was written: through kills, forks, full disks, damage and time."""

import gc
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from polaris_demo.jobs.clock import Moment
from polaris_demo.jobs.library import DAY, FULL, UNWRITABLE, Library
from polaris_demo.jobs.saved import SavedStory, hash_key
from polaris_demo.jobs.schema import MIGRATIONS
from polaris_demo.story.day import FIRST

ROOT = Path(__file__).parent.parent


def piece(story_id: str, text: str = "", tokens: tuple[int, ...] = (), state: str = "writing", now: float = 1.0, **about) -> SavedStory:
    return SavedStory(story_id, hash_key("key"), state, now, about, text, tokens)


def sound(folder: Path) -> bool:
    db = sqlite3.connect(folder / "stories.db")
    try:
        return db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    finally:
        db.close()


@pytest.mark.parametrize("text", ["plain", 'it\'s "quoted"; DROP TABLE stories;--', "שלום 你好 नमस्ते 🌟 e\u0301", "a\x00b\u2028c", "{}[]%s"])
def test_a_story_comes_back_character_for_character(tmp_path: Path, text: str) -> None:
    library = Library(tmp_path)
    for part in text:
        assert library.save(piece("s", part, (ord(part),), request={"premise": text}))
    library.close()
    saved = Library(tmp_path).load("s")
    assert saved and (saved.text, saved.token_ids) == (text, tuple(map(ord, text)))
    assert saved.about == {"request": {"premise": text}} and saved.key_hash == hash_key("key")


def test_the_key_itself_is_nowhere_in_the_file(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.save(SavedStory("s", hash_key("a very secret key"), "writing", 1.0, {}, "text", ()))
    library.close()
    assert b"a very secret key" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_an_unknown_story_is_none(tmp_path: Path) -> None:
    assert Library(tmp_path).load("nobody's") is None


def test_without_a_folder_everything_works_and_nothing_lasts() -> None:
    library = Library(None)
    assert not library.lasting and library.save(piece("s", "text", (1,)))
    saved = library.load("s")
    assert saved and saved.text == "text"


def test_what_was_being_written_at_a_crash_is_interrupted_with_all_its_text(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for state in ("queued", "planning", "writing", "paused", "finished"):
        library.save(piece(state, f"text of {state}", (1,), state))
    assert library.lasting and library.interrupt({"queued", "planning", "writing"}) == 3
    states = {name: library.load(name) for name in ("queued", "planning", "writing", "paused", "finished")}
    assert [s.state for s in states.values() if s] == ["interrupted"] * 3 + ["paused", "finished"]
    assert all(s and s.text == f"text of {name}" for name, s in states.items())


def test_the_oldest_go_first_and_never_one_in_use(tmp_path: Path) -> None:
    library = Library(tmp_path, keep_days=10, most_bytes=250)
    today = FIRST + 100 * DAY
    for age, name in ((11, "expired"), (9, "in use"), (8, "oldest"), (2, "newer"), (1, "newest")):
        library.save(piece(name, "x" * 100, state="finished", now=today - age * DAY))
    for day in range(3):
        library.expire(Moment(today + day, day * DAY), in_use={"in use"})
    assert [name for name in ("expired", "in use", "oldest", "newer", "newest") if library.load(name)] == ["in use", "newer", "newest"]


def test_a_deleted_story_gives_its_room_back(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for _ in range(5):
        library.save(piece("large", "x" * 2_000_000))
        library.delete("large")
    assert library.load("large") is None
    library.close()
    assert (tmp_path / "stories.db").stat().st_size < 1_000_000


def test_what_is_deleted_is_at_once_in_none_of_its_files(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for number in range(20):
        library.save(piece(f"story {number}", f"CANARY {number} " * 400))
    for number in range(0, 20, 2):
        library.delete(f"story {number}")
    everything = b"".join(contents(tmp_path).values())
    gone = [number for number in range(0, 20, 2) if f"CANARY {number} ".encode() in everything]
    assert gone == [] and all(f"CANARY {number} ".encode() in everything for number in range(1, 20, 2))
    library.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_newer_librarys_file_is_refused_with_a_sentence_and_untouched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = Library(tmp_path)
    first.save(piece("s", "of the future"))
    first.close()
    db = sqlite3.connect(tmp_path / "stories.db")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    before = contents(tmp_path)
    library = Library(tmp_path)
    assert not library.lasting and library.save(piece("s", "text"))
    library.close()
    assert f"version {len(MIGRATIONS) + 1}, and this app knows {len(MIGRATIONS)}; start the newer app" in caplog.text
    assert contents(tmp_path) == before


def test_a_library_of_the_first_schema_opens_with_nothing_lost(tmp_path: Path) -> None:
    """Two hundred stories as the first version wrote them, and the file brought forward once."""
    db = sqlite3.connect(tmp_path / "stories.db")
    db.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    stories = {f"s{n}": ([f"{n}.{i} é\n" for i in range(5)], list(range(n, n + 5))) for n in range(200)}
    for n, (name, (texts, tokens)) in enumerate(stories.items()):
        about = json.dumps({"request": {"premise": name}, "created": n})
        db.execute("INSERT INTO stories VALUES (?, ?, 'finished', ?, ?, 9)", (name, hash_key(name), float(n), about))
        for i, (text, token) in enumerate(zip(texts, tokens, strict=True), 1):
            db.execute("INSERT INTO pieces VALUES (?, ?, ?, ?)", (name, i, text, token.to_bytes(4, sys.byteorder)))
    db.commit()
    db.close()
    for _ in range(2):
        library = Library(tmp_path)
        assert library._db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        for n, (name, (texts, tokens)) in enumerate(stories.items()):
            saved = library.load(name)
            about = {"request": {"premise": name}, "created": n}
            assert saved == SavedStory(name, hash_key(name), "finished", float(n), about, "".join(texts), tuple(tokens))
        assert library.save(piece("new", "text")) and library.delete("new")
        library.close()
    assert sound(tmp_path)


@pytest.mark.parametrize("damage", ["garbage", "truncated", "no header", "a hole in the stories", "a story out of its page"])
def test_a_damaged_file_is_set_aside_named_and_a_new_one_begun(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    library, file = Library(tmp_path), tmp_path / "stories.db"
    for n in range(300):
        library.save(piece(f"s{n}", "text " * 20, request={"premise": "p" * 200}))
    library.close()
    data = bytearray(file.read_bytes())
    if damage == "garbage":
        data = bytearray(b"this is no database at all" * 200)
    elif damage == "truncated":
        del data[len(data) // 2 :]
    elif damage == "no header":
        data[:100] = bytes(100)
    elif damage == "a story out of its page":
        data[7 * 4096 + 8 : 7 * 4096 + 12] = b"\xff" * 4  # reading goes well until it comes to that story
    else:
        data[8 * 4096 : 9 * 4096] = bytes([7]) * 4096
    file.write_bytes(data)
    library = Library(tmp_path)
    assert library.lasting and library.save(piece("s", "text"))
    [aside] = tmp_path.glob("stories.db.damaged-*")
    assert aside.read_bytes() == data and aside.name in caplog.text
    library.close()
    assert sound(tmp_path)


def test_a_folder_that_cannot_be_made_is_no_reason_not_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    library = Library(tmp_path / "file" / "folder")
    assert not library.lasting and library.save(piece("s", "text"))


def test_a_full_disk_is_said_and_the_next_save_makes_up_for_it(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.save(piece("s", "before ", (1,)))
    pages = library._db.execute("PRAGMA page_count").fetchone()[0]
    library._db.execute(f"PRAGMA max_page_count = {pages}")
    assert not library.save(piece("s", "x" * 100_000, (2,))) and library.problem == FULL
    library._db.execute("PRAGMA max_page_count = 1000000")
    assert library.save(piece("s", " after", (3,))) and not library.problem
    saved = library.load("s")
    assert saved and saved.text == "before " + "x" * 100_000 + " after" and saved.token_ids == (1, 2, 3)


def test_only_sqlites_own_code_says_that_the_disk_is_full(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library._db.execute("CREATE TRIGGER refuse BEFORE INSERT ON stories BEGIN SELECT RAISE(ABORT, 'full of promise'); END")
    assert not library.save(piece("s", "text")) and library.problem == UNWRITABLE
    library.close()
    assert not library.save(piece("s", "text")) and library.problem == UNWRITABLE  # an error without any code


def test_what_no_character_is_becomes_a_question_mark(tmp_path: Path) -> None:
    library = Library(tmp_path)
    assert library.save(SavedStory("s", "k", "writing", 1.0, {"a": "\udcff"}, "half \ud83c of a pair", (), "title \ud83c"))
    saved = library.load("s")
    assert saved and saved.text == "half ? of a pair"


def test_settings_of_the_host_last(tmp_path: Path) -> None:
    library = Library(tmp_path)
    assert library.remembered("name") == ""
    library.remember("name", "value")
    library.remember("name", "another")
    library.close()
    assert Library(tmp_path).remembered("name") == "another"


def test_a_full_disk_at_every_moment_of_a_story_costs_nothing_once_there_is_room(tmp_path: Path) -> None:
    """Forty saves with the disk full for ten of them, at any place."""
    for full_from in range(0, 30, 5):
        library, texts = Library(tmp_path / str(full_from)), []
        for n in range(40):
            pages = library._db.execute("PRAGMA page_count").fetchone()[0]
            library._db.execute(f"PRAGMA max_page_count = {pages if full_from <= n < full_from + 10 else 1_000_000}")
            texts.append(f"{n} " * 3000)
            kept = library.save(piece("s", texts[-1], (n,)))
            assert kept == (not library.problem)
        assert not library.problem
        saved = library.load("s")
        assert saved and saved.text == "".join(texts) and saved.token_ids == tuple(range(40))
        library.close()


def test_a_save_costs_the_same_however_long_the_story(tmp_path: Path) -> None:
    library = Library(tmp_path)
    steps = []

    def one_save() -> int:
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        library._db.set_progress_handler(step, 1)
        library.save(piece("s", "some words ", (1, 2, 3)))
        library._db.set_progress_handler(None, 1)
        return count

    for _ in range(3000):
        steps.append(one_save())
    print(f"\nvirtual machine steps of a save: {steps[100]} at the 100th, {steps[-1]} at the 3,000th")
    assert steps[-1] <= 1.1 * steps[100]


def test_eight_threads_save_at_once(tmp_path: Path) -> None:
    library = Library(tmp_path)

    def write(name: str) -> None:
        for n in range(60):
            assert library.save(piece(name, f"{name}{n} ", (n,)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, "abcdefgh"))
    for name in "abcdefgh":
        saved = library.load(name)
        assert saved and saved.text == "".join(f"{name}{n} " for n in range(60))


def _works_a_little() -> None:
    gc.collect()
    sum(range(1000))


def test_fifty_forks_while_saves_go_on_harm_nothing(tmp_path: Path) -> None:
    library, done, saved = Library(tmp_path), threading.Event(), []

    def save() -> None:
        while not done.is_set():
            saved.append(f"{len(saved)} ")
            assert library.save(piece("s", saved[-1], (len(saved),)))

    thread = threading.Thread(target=save)
    thread.start()
    fork = get_context("fork")
    for n in range(50):
        if n % 2:
            child = fork.Process(target=_works_a_little)
            child.start()
            child.join(30)
            assert child.exitcode == 0
        else:
            pid = os.fork()
            if pid == 0:
                _works_a_little()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
    done.set()
    thread.join()
    print(f"\n{len(saved)} saves beside 50 forks")
    library.close()
    assert sound(tmp_path)
    story = Library(tmp_path).load("s")
    assert story and story.text == "".join(saved) and len(saved) > 50


def test_a_kill_at_any_moment_loses_no_save_that_was_acknowledged(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom polaris_demo.jobs.library import Library\nfrom polaris_demo.jobs.saved import SavedStory\n"
        "library = Library(Path(sys.argv[1]))\nstory = library.load('s')\nn = len(story.token_ids) if story else 0\n"
        "while True:\n    assert library.save(SavedStory('s', 'k', 'writing', 1.0, {}, f'{n} ', (n,)))\n    n += 1\n    print(n, flush=True)\n"
    )
    chance = random.Random(1)
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            acknowledged = [process.stdout.readline() for _ in range(chance.randint(1, 200))]
            process.send_signal(signal.SIGKILL)
            acknowledged += process.stdout.read().splitlines()
        library = Library(tmp_path)
        story = library.load("s")
        library.close()
        assert story and len(story.token_ids) >= int(acknowledged[-1])
        assert story.text == "".join(f"{n} " for n in range(len(story.token_ids)))
    assert sound(tmp_path)
