"""A pytest plugin: collected tests live until the end of the run, so the garbage collector skips
them. A worker saves a fifth of the CPU of its collection."""

import gc
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Turns the garbage collector off while tests are collected."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
