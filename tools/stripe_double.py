"""A double of Stripe's API for PaymentIntents and refunds, which sends its events to a shop.

    python -m tools.stripe_double FILE

FILE is an SQLite database. A payment and its events are written together, so a double that was
killed goes on where it was. An event is sent until it is answered 200. With --seed events are also
late, lost, repeated and out of order, and some refunds fail. Sources: docs.stripe.com/api, the
pages payment_intents, refunds and events/types.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

TABLES = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS object (id TEXT PRIMARY KEY, key TEXT UNIQUE, body TEXT);
CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, body TEXT, due REAL, again INTEGER);
CREATE INDEX IF NOT EXISTS event_due ON event (due);
"""
WHERE = "http://127.0.0.1:8000/api/v1/payments/providers/stripe"
BATCH, LOOK_SECONDS, ANSWER_SECONDS, RETRY_SECONDS, LATE_SECONDS = 16, 0.02, 10.0, 0.7, 1.2
LOST, ANSWER_LOST, REPEATED, REFUND_FAILS = 0.10, 0.15, 0.2, 0.1
REPEATED_FOR_SECONDS = 3 * 24 * 3600
Thing = dict[str, Any]


class Refused(Exception):
    """A status other than 200, and the code of the error."""


class Account:
    """The payments of an account, and its events. `due` of an event is null when it was taken."""

    def __init__(self, file: Path, secret: str, to: str, seed: int | None) -> None:
        self.lock, self.secret, self.to = threading.RLock(), secret, to
        self.random = None if seed is None else Random(seed)  # noqa: S311
        self.database = sqlite3.connect(file, check_same_thread=False)
        self.database.executescript(TABLES)

    def post(self, path: str, given: Mapping[str, str], key: str | None) -> Thing:
        """Do what a request asks, in one transaction. A repeated key gets the first answer."""
        with self.lock, self.database:
            if earlier := self._find("key", key):
                return earlier
            match path.split("/")[2:]:
                case ["payment_intents"]:
                    return self._create(given, key)
                case ["payment_intents", id, "confirm"]:
                    return self._confirm(self.get(id), given.get("payment_method", ""))
                case ["refunds"]:
                    return self._refund(self.get(given["payment_intent"]), given, key)
                case ["age"]:
                    return self._age()
        raise Refused(404, "resource_missing")

    def get(self, id: str) -> Thing:
        """Return an object."""
        if found := self._find("id", id):
            return found
        raise Refused(404, "resource_missing")

    def _find(self, column: str, value: str | None) -> Thing | None:
        with self.lock:
            sql = f"SELECT body FROM object WHERE {column} = ?"  # noqa: S608
            found = self.database.execute(sql, [value]).fetchone()
        return dict(json.loads(found[0])) if found else None

    def _write(self, one: Thing, key: str | None = None) -> Thing:
        body = json.dumps(one)
        sql = "INSERT INTO object VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = ?"
        self.database.execute(sql, [one["id"], key, body, body])
        return one

    def _create(self, given: Mapping[str, str], key: str | None) -> Thing:
        one: Thing = {"id": f"pi_{uuid4().hex}", "object": "payment_intent"}
        one |= {"status": "requires_payment_method", "client_secret": f"{one['id']}_secret"}
        one |= {"amount": int(given["amount"]), "currency": given["currency"]}
        one["metadata"] = {key[9:-1]: given[key] for key in given if key.startswith("metadata[")}
        return self._write(one | {"amount_received": 0, "amount_refunded": 0}, key)

    def _confirm(self, one: Thing, card: str) -> Thing:
        if one["status"] == "succeeded":
            raise Refused(400, "payment_intent_unexpected_state")
        charge = {"id": f"ch_{uuid4().hex}", "object": "charge", "payment_intent": one["id"]}
        charge |= {name: one[name] for name in ("amount", "currency", "metadata")}
        one["latest_charge"] = charge["id"]
        if card == "pm_card_chargeDeclined":
            self._tell("payment_intent.payment_failed", one)
            return one
        one |= {"status": "succeeded", "amount_received": one["amount"]}
        self._tell("payment_intent.succeeded", self._write(one))
        self._tell("charge.succeeded", charge | {"captured": True})
        return one

    def _refund(self, paid: Thing, given: Mapping[str, str], key: str | None) -> Thing:
        left = paid["amount_received"] - paid["amount_refunded"]
        amount = int(given.get("amount", left))
        if not 0 < amount <= left:
            raise Refused(400, "charge_already_refunded")
        one: Thing = {"id": f"re_{uuid4().hex}", "object": "refund", "status": "succeeded"}
        one |= {"amount": amount, "currency": paid["currency"], "payment_intent": paid["id"]}
        self._tell("refund.created", one)
        if self.random and self.random.random() < REFUND_FAILS:
            one["status"] = "failed"
            self._tell("refund.failed", one)
        else:
            self._write(paid | {"amount_refunded": paid["amount_refunded"] + amount})
        return self._write(one, key)

    def _tell(self, type: str, about: Thing) -> None:
        now, random = time.time(), self.random
        event = {"id": f"evt_{uuid4().hex}", "object": "event", "type": type, "created": int(now)}
        late = random.expovariate(1 / LATE_SECONDS) if random else 0.0
        again = random is not None and random.random() < REPEATED
        row = [event["id"], json.dumps(event | {"data": {"object": about}}), now + late, again]
        self.database.execute("INSERT INTO event VALUES (?, ?, ?, ?)", row)

    def _age(self) -> Thing:
        """Send what was not taken as if it had been repeated for three days. From now on no event
        is late or lost. Returns how many are left."""
        self.random = None
        old = int(time.time()) - REPEATED_FOR_SECONDS
        sql = "UPDATE event SET body = json_set(body, '$.created', ?), due = 0 WHERE due > 0"
        self.database.execute(sql, [old])
        return {"left": self.database.execute("SELECT count(due) FROM event").fetchone()[0]}

    def send_events(self) -> None:
        """Send what is due, for ever."""
        sql = "SELECT id, body, again FROM event WHERE due <= ? ORDER BY due LIMIT ?"
        with ThreadPoolExecutor(BATCH) as threads:
            while True:
                with self.lock:
                    rows = self.database.execute(sql, [time.time(), BATCH]).fetchall()
                list(threads.map(self._send, rows))
                time.sleep(0 if rows else LOOK_SECONDS)

    def _send(self, row: tuple[str, str, int]) -> None:
        id, body, again = row
        chance = self.random.random() if self.random else 1.0
        is_taken = chance > LOST and self._is_taken(body.encode()) and chance > ANSWER_LOST
        due = None if is_taken and not again else time.time() + RETRY_SECONDS
        with self.lock, self.database:
            sql = "UPDATE event SET due = ?, again = ? WHERE id = ?"
            self.database.execute(sql, [due, again and not is_taken, id])

    def _is_taken(self, raw: bytes) -> bool:
        at = str(int(time.time()))
        digest = hmac.new(self.secret.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={digest}"}
        try:
            request = urllib.request.Request(self.to, raw, headers)  # noqa: S310
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):  # noqa: S310
                return True
        except (OSError, http.client.HTTPException):
            return False


class Handler(BaseHTTPRequestHandler):
    """The requests of apps and of the shop's staff."""

    protocol_version = "HTTP/1.1"
    account: Account

    def do_GET(self) -> None:
        """Return an object."""
        self._reply(lambda: self.account.get(self.path.rpartition("/")[2]))

    def do_POST(self) -> None:
        """Do what the fields of a form say."""
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given, key = dict(parse_qsl(raw.decode())), self.headers.get("Idempotency-Key")
        self._reply(lambda: self.account.post(self.path, given, key))

    def _reply(self, work: Callable[[], Thing]) -> None:
        try:
            status, body = 200, work()
        except Refused as refused:
            status, body = refused.args[0], {"error": {"code": refused.args[1]}}
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.stripe_double")
    parser.add_argument("file", type=Path, help="where payments and events are kept")
    parser.add_argument("--port", type=int, default=12111, help="where it answers (%(default)s)")
    parser.add_argument("--secret", default="whsec_local", help="of events (%(default)s)")
    parser.add_argument("--to", default=WHERE, help="where events go (%(default)s)")
    parser.add_argument("--seed", type=int, help="make events late, lost, repeated")
    given = parser.parse_args()
    Handler.account = Account(given.file, given.secret, given.to, given.seed)
    threading.Thread(target=Handler.account.send_events, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", given.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
