"""How the process ends: its stories kept and their readers told, or as a new process of the same program."""

import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LAST_WORD_SECONDS = 1.0  # long enough for every follower to read the last sentence
MOST_SECONDS = 28.0  # a host that stops a server waits about half a minute before it kills it
ENDS = (signal.SIGTERM, signal.SIGINT)
log = logging.getLogger(__name__)


@contextmanager
def until_ended() -> Iterator[threading.Event]:
    """A block that Ctrl-C, or the host that ends the process, leaves; what it has to close is closed inside it.

    It is given an event that either sets, to be waited for as its last line. A signal may reach any thread of a library's, and Python
    wakes the main thread for none of them, which may be why an app on a GPU did not end. Gradio's own end waits five seconds for streams.
    """
    ended = threading.Event()
    heard, tells = os.pipe()
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_see_to_the_end, args=(heard, ended), name="ending", daemon=True).start()
    try:
        yield ended
    except KeyboardInterrupt:
        ended.set()
    if ended.is_set():
        log.info("Ended: what was being written is paused and kept.")
    time.sleep(LAST_WORD_SECONDS)


def _see_to_the_end(heard: int, ended: threading.Event) -> None:
    """Set `ended` once a signal says so; a process that then does not come to its end is ended where it is, and says where that was."""
    while os.read(heard, 1)[0] not in ENDS:
        pass
    ended.set()
    time.sleep(MOST_SECONDS)
    log.error("The process has not ended within %g s, so it stops where it is:", MOST_SECONDS)
    faulthandler.dump_traceback(sys.stderr)
    os._exit(1)


def start_anew() -> None:
    """Replace this process by a new one of the same program. A Space whose program exits stays down, so it may not."""
    time.sleep(LAST_WORD_SECONDS)
    logging.shutdown()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
