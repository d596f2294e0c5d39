"""Values of an answer that differ in each run (ids, tokens, tags, times), and the fixed values that
the pages show in their place."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""The time of what was in the shop before the first request of a page. A time that is new in the
answer to request n is shown as START and n minutes."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Values that differ in each run. `make` returns the shown value number n for a real one."""

    name: str
    real: str
    shown: str
    make: Callable[[str, int], str]


def _digits(kind: str, number: int) -> str:
    return hashlib.blake2b(f"{kind} {number}".encode()).hexdigest()


def _uuid(_: str, number: int) -> str:
    digits = _digits("uuid", number)
    return f"0199c3a0-{digits[:4]}-7{digits[4:7]}-8{digits[7:10]}-{digits[10:22]}"


_UUID = r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
_TOKEN = r'\beyJ[\w-]+\.[\w-]+\.[\w-]+|(?<="refresh": ")[\w-]{60,}'
"""An access token is a JWT; a refresh token is known by its field."""
_HEX = r"\b[0-9a-f]{24,64}\b"
_TIME = r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
KINDS = (
    Kind("token", _TOKEN, r"\b[A-Z_]*TOKEN(?:_\d+)?\b", lambda _, n: f"TOKEN_{n}"),
    Kind("key", r"\blarder_[\w-]+", r"\blarder_[\w-]+", lambda _, n: f"larder_KEY_{n}"),
    Kind("cursor", r"(?<=cursor=)[\w-]{9,}", r"(?<=cursor=)[\w-]+", lambda _, n: f"CURSOR_{n}"),
    Kind("since", r'(?<="since": ")[\w-]{9,}', r'(?<="since": ")[\w-]+', lambda _, n: f"SINCE_{n}"),
    Kind("uuid", _UUID, _UUID, _uuid),
    Kind("digest", _HEX, _HEX, lambda real, n: _digits(f"digest {len(real)}", n)[: len(real)]),
    Kind("time", _TIME, _TIME, lambda real, _: real),
)
_BY_NAME = {one.name: one for one in KINDS}
_REAL = re.compile("|".join(f"(?P<{one.name}>{one.real})" for one in KINDS))
_SHOWN = re.compile("|".join(f"(?P<{one.name}>{one.shown})" for one in KINDS))


@dataclass
class ExampleValues:
    """Which real value of this run is shown as which. `page` is the text of the page."""

    page: str
    shown: dict[str, str] = field(default_factory=lambda: {str(UUID(int=0)): str(UUID(int=0))})
    real: dict[str, str] = field(default_factory=dict)
    _began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def bind(self, real: str, shown: str) -> None:
        """From now on the real value is shown so, and sent where the page has it."""
        self.shown[real] = shown
        self.real[shown] = real

    def request(self, text: str) -> str:
        """Returns a request of the page with real values. What is new in it is sent as it is, and
        shown as it is."""
        for shown in sorted(self.real, key=len, reverse=True):
            text = text.replace(shown, self.real[shown])
        for found in _REAL.finditer(text):
            self.shown.setdefault(found[0], found[0])
        return text

    def learn(self, answer: str, page: str) -> None:
        """Takes the values of new ids and tokens from the answer that the page has already."""
        real = [(one.lastgroup, one[0]) for one in _REAL.finditer(answer)]
        shown = [(one.lastgroup, one[0]) for one in _SHOWN.finditer(page)]
        if [kind for kind, _ in real] != [kind for kind, _ in shown]:
            return
        for (kind, value), (_, example) in zip(real, shown, strict=True):
            is_free = kind == "token" or example not in self.real
            if kind != "time" and value not in self.shown and is_free:
                self.bind(value, example)

    def answer(self, text: str, request: int) -> str:
        """Returns the answer to the page's request of this number as the page shows it."""
        return _REAL.sub(lambda found: self._of(found, request), text)

    def _of(self, found: re.Match[str], request: int) -> str:
        value, kind = found[0], str(found.lastgroup)
        if value not in self.shown:
            self.bind(
                value, self._time(value, request) if kind == "time" else self._new(kind, value)
            )
        return self.shown[value]

    def _new(self, kind: str, value: str) -> str:
        number = 1
        while (made := _BY_NAME[kind].make(value, number)) in self.page or made in self.real:
            number += 1
        return made

    def _time(self, value: str, request: int) -> str:
        """Whole days before now stay, and five minutes after it, as until the end of a hold."""
        before = datetime.fromisoformat(value) < self._began
        step = timedelta(days=1) if before else timedelta(minutes=5)
        ahead = step * round((datetime.fromisoformat(value) - self._began) / step)
        shown = START + ahead + timedelta(minutes=0 if before else request)
        return shown.isoformat().replace("+00:00", "Z")
