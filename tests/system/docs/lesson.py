"""Plays a page: runs its shell blocks in one shell, and compares what follows them.

A Python block is added to the end of app.py, one of JavaScript to that of app.mjs, which can import
the SDK. A JSON block after a shell block is what the last command prints, a text block its lines.
`…` in either represents anything; a JSON object may have more fields than are shown.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.database import ROOT
from tools.docs.pages import DOCS, Block, blocks

NOT_PLAYED = re.compile(r"[A-Z_]*=?\S* ?make run|\.venv/bin/python -m tools\.stripe_double .*")
"""Blocks that the test does in another way: it has the servers already."""
SHOP, STRIPE = "http://127.0.0.1:8000", "http://127.0.0.1:12111"
"""The addresses on the pages."""
_END = "\x1e"


@dataclass(frozen=True, slots=True)
class Step:
    """A shell block, the block with its output if there is one, and what it printed."""

    block: Block
    shown: Block | None
    printed: str


def play(page: str, folder: Path, address: str, stripe: str = STRIPE) -> Iterator[Step]:
    """Run the blocks of a page in a folder, against a server and a double of Stripe; yield the
    steps."""
    found = list(blocks((DOCS / page).read_text()))
    for language, file in (("python", "app.py"), ("js", "app.mjs")):
        code = [block.text for block in found if block.language == language]
        app = "\n".join(code).replace(SHOP, address).replace(STRIPE, stripe)
        (folder / file).write_text(app)
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "larder-client").symlink_to(ROOT / "clients" / "typescript")
    steps = [
        (block, following if following and following.language in ("json", "text") else None)
        for block, following in zip(found, [*found[1:], None], strict=True)
        if block.language == "sh" and not NOT_PLAYED.fullmatch(block.text.strip())
    ]
    script = f"\nprintf '{_END}'\n".join(block.text for block, _ in steps)
    done = subprocess.run(
        ["sh", "-euc", script.replace(SHOP, address)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    printed = done.stdout.split(_END)
    assert done.returncode == 0, done.stderr + done.stdout
    for (block, shown), text in zip(steps, printed, strict=True):
        yield Step(block, shown, text.strip())


def is_shown(step: Step) -> bool:
    """Whether a step printed what the page shows after it."""
    if step.shown is None:
        return True
    if step.shown.language == "json":
        return _fits(json.loads(step.shown.text), json.loads(step.printed))
    pattern = re.escape(step.shown.text.strip()).replace("…", ".*")
    return re.fullmatch(pattern, step.printed) is not None


def _fits(shown: Any, real: Any) -> bool:
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            key in real and _fits(value, real[key]) for key, value in shown.items()
        )
    if isinstance(shown, list):
        return (
            isinstance(real, list)
            and len(shown) == len(real)
            and all(_fits(one, other) for one, other in zip(shown, real, strict=True))
        )
    return bool(shown in ("…", real))
