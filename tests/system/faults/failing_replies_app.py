"""The server, where what answers to some committed changes show cannot be made."""

from typing import NoReturn

from larder.config.asgi import application  # isort: split

from larder.compat import contract4
from larder.staff.base import ServiceAdmin
from larder.v1 import cart

__all__ = ["application"]


def _fail(*_args: object, **_more: object) -> NoReturn:
    raise RuntimeError("a fault of ours")


for owner, name in ((cart, "_answer"), (contract4.Products, "shown"), (ServiceAdmin, "log_change")):
    setattr(owner, name, _fail)
