"""Makes sure that a server process handles the signal to stop.

Python handles a signal in its main thread, before the thread's next instruction. The main thread of
a granian worker waits for one lock. If TERM arrives after its last instruction and before that
wait, Python notes the signal, but the thread does not wake up to handle it. Then the worker runs
until it is killed, and its open requests get no answer. On a busy machine this happened in one of
twenty stops of a server that had just started.
"""

import os
import signal
import threading
import time

INTERVAL = 0.1
"""Seconds between two wake-ups of the main thread after the first signal."""


def wake_main_thread() -> None:
    """After the first signal, interrupt the wait of the main thread until the process ends.

    Only the main thread can set this up. In another thread, as in Django's `runserver`, this does
    nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    wake_up, writer = os.pipe()
    os.set_blocking(writer, False)
    # Python writes each signal's number to the pipe at once, in any thread.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    # A signal without a handler is ignored, and interrupts no wait.
    signal.signal(signal.SIGURG, lambda *_: None)
    threading.Thread(target=_wake, args=(wake_up,), name="stop-signals", daemon=True).start()


def _wake(wake_up: int) -> None:
    os.read(wake_up, 1)
    main = threading.main_thread().ident
    while main is not None:
        time.sleep(INTERVAL)
        signal.pthread_kill(main, signal.SIGURG)
