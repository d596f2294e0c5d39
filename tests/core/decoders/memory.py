"""Takes more memory than a child has."""


def decode(content: bytes) -> bytes:
    return content * (300 * 1024 * 1024)
