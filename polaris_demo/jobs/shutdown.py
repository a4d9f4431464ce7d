"""How the process ends: its stories kept and their readers told, or as a new process of the same program."""

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

LAST_WORD_SECONDS = 1.0  # long enough for every follower to read the last sentence
log = logging.getLogger(__name__)


@contextmanager
def until_ended() -> Iterator[None]:
    """A block that Ctrl-C, or the host that ends the process, leaves; what it has to close is closed inside it.

    Gradio's own way to end would come first otherwise, and wait five seconds for streams that stay open.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        log.info("Ended: what was being written is paused and kept.")
    time.sleep(LAST_WORD_SECONDS)


def start_anew() -> None:
    """Replace this process by a new one of the same program. A Space whose program exits stays down, so it may not."""
    time.sleep(LAST_WORD_SECONDS)
    logging.shutdown()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
