"""Larder's application with two more paths, which raise an error."""

from typing import NoReturn

from django.http import HttpRequest
from django.urls import get_resolver, path

from larder.config.asgi import application

__all__ = ["application"]


def fail(request: HttpRequest) -> NoReturn:
    """Raises an error that no view expects."""
    raise RuntimeError("planted")


get_resolver().url_patterns[:0] = [path("broken", fail), path("api/broken", fail)]
