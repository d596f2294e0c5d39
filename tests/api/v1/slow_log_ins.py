"""The server with hashes that take half a second and no processor, so that a busy machine counts
for nothing; with BOUNDLESS as many log-ins wait as there are threads, a negative control."""

import os
from threading import BoundedSemaphore
from time import sleep

from django.contrib.auth.hashers import Argon2PasswordHasher

from config.wsgi import application
from larder.identity import hashers

__all__ = ["application"]

HASH_SECONDS = 0.5


def verify(hasher: Argon2PasswordHasher, password: str, encoded: str) -> bool:
    """Takes its time, and the password for right."""
    sleep(HASH_SECONDS)
    return True


setattr(Argon2PasswordHasher, "verify", verify)  # noqa: B010
if os.environ.get("BOUNDLESS"):
    setattr(hashers, "_places", BoundedSemaphore(10_000))  # noqa: B010
    setattr(hashers, "LONGEST_WAIT", 1.0)  # noqa: B010
