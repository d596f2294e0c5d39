"""What the terminal shows once everything runs."""

from __future__ import annotations

from tools.run.settings import Settings

TEMPLATE = """
Larder is ready at {address}

  admin      {address}/admin/   admin / 12345, opply / 123456 (superusers)
  app        {address}/demo/    demo / demo (a customer)
  API        {address}/api/v1/docs
  logs       {logs}
  mails      {mails} (unless EMAIL_URL names a mail server)

First requests to try, in another terminal:

{requests}

Ctrl-C stops everything.
"""

REQUESTS = r"""TOKEN=$(curl -s {address}/api/v1/auth/token -H 'Content-Type: application/json' -d '{{"username": "demo", "password": "demo"}}' | sed -n 's/.*"access" *: *"\([^"]*\)".*/\1/p')
curl -sw '\n' "{address}/api/v1/products?q=lantern&limit=2" -H "Authorization: Bearer $TOKEN"
curl -sw '\n' {address}/api/v1/orders -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-order' -d '{{"lines": [{{"product": 1, "quantity": 2}}]}}'
curl -sw '\n' {address}/api/v1/orders -H "Authorization: Bearer $TOKEN"
"""  # noqa: E501
"""The README shows the same; tests/ops/test_readme.py compares them, and pastes them."""


def greeting(settings: Settings) -> str:
    """Return the address, the demo users and the first requests."""
    return TEMPLATE.format(
        address=settings.address,
        logs=settings.data / "log",
        mails=settings.data / "log" / "worker.log",
        requests=REQUESTS.format(address=settings.address).strip(),
    )
