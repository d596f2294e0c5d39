"""A pytest plugin: what is collected lives to the end of the run, so the search for garbage leaves
it out. A worker saves a fifth of the CPU of its collection."""

import gc
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Stops the search for garbage while tests are collected."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
