"""Making OpenAPI documents, one at a time: drf-spectacular loads what it needs at first use,
and two threads that do so at once meet it half loaded (AttributeError)."""

from threading import RLock

ONE_AT_A_TIME = RLock()
