"""The server with hashes that take half a second and no processor, so that a busy machine counts
for nothing; with BOUNDLESS as many log-ins wait as there are threads, a negative control."""

import os
from time import sleep

from django.contrib.auth.hashers import Argon2PasswordHasher

from config.wsgi import application
from larder.identity import hashers

__all__ = ["application"]

HASH_SECONDS = float(os.environ.get("HASH_SECONDS", "0.5"))


def verify(hasher: Argon2PasswordHasher, password: str, encoded: str) -> bool:
    """Takes its time, and the password for right."""
    sleep(HASH_SECONDS)
    return True


def encode(hasher: Argon2PasswordHasher, password: str, salt: str) -> str:
    """Takes its time; of a name that no account has."""
    sleep(HASH_SECONDS)
    return "argon2$none"


setattr(Argon2PasswordHasher, "verify", verify)  # noqa: B010
setattr(Argon2PasswordHasher, "encode", encode)  # noqa: B010
if os.environ.get("BOUNDLESS"):
    boundless = hashers.HashQueue(1, {"returning": 10_000, "open": 10_000})
    setattr(hashers, "_queue", [boundless])  # noqa: B010
    setattr(hashers, "LONGEST_WAIT", 1.0)  # noqa: B010
