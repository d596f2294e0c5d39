"""A server process that is told to stop always notices it.

Python handles a signal in its main thread, before the thread's next instruction. The main thread of
a granian worker waits for one lock. A TERM that arrives after its last instruction and before that
wait is noted, but nothing wakes the thread to handle it: the worker serves on until it is killed,
and the requests under way are never answered. Where a machine is busy, one stop in twenty of a
server that had just started ended so.
"""

import os
import signal
import threading
import time

INTERVAL = 0.1
"""Seconds between two wake-ups of a process that was told to stop."""


def wake_main_thread() -> None:
    """From the first signal on, interrupt the wait of the main thread until the process has ended.

    Only the main thread can set this up: in another, as in Django's `runserver`, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    # Python writes each signal's number there at once, whichever thread the system interrupts.
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    # One that is ignored, as this is by default, interrupts no wait.
    signal.signal(signal.SIGURG, lambda *_: None)
    threading.Thread(target=_wake, args=(told,), name="stop-signals", daemon=True).start()


def _wake(told: int) -> None:
    os.read(told, 1)
    main = threading.main_thread().ident
    while main is not None:
        time.sleep(INTERVAL)
        signal.pthread_kill(main, signal.SIGURG)
