"""The server's entry point with one guard taken out, named by WITHOUT: for negative controls."""

import os

from config.wsgi import application
from tests.system.race.guards import REMOVALS

__all__ = ["application"]

for module, name, replacement in REMOVALS[os.environ["WITHOUT"]]():
    setattr(module, name, replacement)
