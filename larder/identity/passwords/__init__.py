"""How passwords are hashed, and which are allowed."""

__all__ = ["forms", "hashers"]
