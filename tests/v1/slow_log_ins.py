"""A server whose hashes take half a second without using the processor, so that a busy machine does
not matter. With BOUNDLESS as many log-ins wait as there are threads: a negative control.
"""

import os
from time import sleep

from django.contrib.auth.hashers import Argon2PasswordHasher

from config.asgi import application
from larder.identity.passwords import hashers

__all__ = ["application"]

HASH_SECONDS = float(os.environ.get("HASH_SECONDS", "0.5"))


def verify(hasher: Argon2PasswordHasher, password: str, encoded: str) -> bool:
    """Waits, and accepts any password."""
    sleep(HASH_SECONDS)
    return True


def encode(hasher: Argon2PasswordHasher, password: str, salt: str) -> str:
    """Waits; called for unknown names."""
    sleep(HASH_SECONDS)
    return "argon2$none"


setattr(Argon2PasswordHasher, "verify", verify)  # noqa: B010
setattr(Argon2PasswordHasher, "encode", encode)  # noqa: B010
if os.environ.get("BOUNDLESS"):
    hashers._lanes.update(hashers.lanes_of(1, staff=10_000, others=10_000))
    setattr(hashers, "LONGEST_WAIT", 1.0)  # noqa: B010
