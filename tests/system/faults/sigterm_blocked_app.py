"""The server, where the main thread of each worker is not the one that TERM interrupts.

That is what a TERM meets in the moment before the main thread waits: it is noted, and no thread
wakes.
"""

import signal

from config.wsgi import application

__all__ = ["application"]

# The threads that granian begins after this have the mask too; those that Larder began take TERM.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
