"""A server whose hashes take half a second without using the processor, so that a busy machine does
not matter.
"""

import os
from time import sleep

from django.contrib.auth.hashers import Argon2PasswordHasher

from larder.config.asgi import application

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
