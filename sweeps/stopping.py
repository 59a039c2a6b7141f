"""Signals: asked once, a sweep stops at the next safe place; asked twice, at once."""

import contextlib
import os
import signal
import socket
import sys
import threading

STOPPED = 75  # exit code of a sweep that is not done, as asked or as others are at it
STOPPED_AT_ONCE = 130

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
)


class Stop(Exception):
    """A sweep was asked to stop."""


class Stopper:
    """While entered, counts the requests to stop; outside the main thread it hears nothing.

    A thread listens, since Python's own handlers wait until a compiled program has returned.
    """

    def __init__(self) -> None:
        self.asked = False
        self._old_handlers: dict[int, object] = {}

    def __enter__(self) -> "Stopper":
        if threading.current_thread() is not threading.main_thread():
            return self
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old_handlers = {n: signal.signal(n, lambda *_: None) for n in _SIGNALS}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._old_handlers:
            return
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._old_fd)
        self._writer.close()
        self._thread.join()
        self._reader.close()

    def check(self) -> None:
        """Raise Stop if a stop was asked for."""
        if self.asked:
            raise Stop

    def _listen(self) -> None:
        while data := self._reader.recv(1):
            if data[0] not in _SIGNALS:
                continue
            if self.asked:
                os._exit(STOPPED_AT_ONCE)
            self.asked = True
            name = signal.Signals(data[0]).name
            text = f"\n{name}: finishing this segment and saving; once more stops at once\n"
            with contextlib.suppress(OSError):  # a reader that is gone; the next signal counts
                os.write(sys.stderr.fileno(), text.encode())
