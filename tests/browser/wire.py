"""A network between a browser and a server that can be cut, and that counts what passes. Only for tests."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlparse


class Wire:
    """Forwards every connection to `url`'s port; `cut` breaks them all and refuses new ones until `mend`."""

    def __init__(self, url: str) -> None:
        self._target = ("127.0.0.1", urlparse(url).port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.whole = True
        self.received = 0  # bytes from the server to the browser
        threading.Thread(target=self._accept, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def cut(self) -> None:
        with self._lock:
            self.whole = False
            for end in self._open:
                _break(end)
            self._open.clear()

    def mend(self) -> None:
        self.whole = True

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target) if self.whole else None
            except OSError:
                far = None
            if far is None:
                _break(near)
                continue
            with self._lock:
                self._open |= {near, far}
            threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(65_536):
                self.received += len(data) if counted else 0
                target.sendall(data)
        except OSError:
            pass  # one end has gone, and takes the other along
        for end in (source, target):
            _break(end)
        with self._lock:
            self._open -= {source, target}


def _break(end: socket.socket) -> None:
    with suppress(OSError):  # broken already
        end.shutdown(socket.SHUT_RDWR)
    end.close()
