"""The main job through nginx, two servers, PgBouncer and the primary, as an app does it."""

import re
import socket
import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import Person
from tests.system.stack.front_door import FrontDoor, requests
from tools.processes import wait_until
from tools.stack import Stack

MakePerson = Callable[[], Person]
MakeProduct = Callable[[int], int]
FROM_THE_SERVERS = (
    *("strict-transport-security", "x-content-type-options", "referrer-policy"),
    *("cross-origin-opener-policy", "content-security-policy", "correlation-id"),
)


def curl(stack: Stack, path: str, *options: str) -> str:
    """What curl, which speaks HTTP/2, prints."""
    command = ["curl", "--silent", "--insecure", *options, f"{stack.url}{path}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_customer_registers_logs_in_orders_and_finds_the_order(
    front: FrontDoor, product: MakeProduct
) -> None:
    jam = product(10)
    who = {"username": "somebody new", "password": "a rather good one"}
    assert front.call("POST", "auth/register", who).status == 201
    token = front.call("POST", "auth/token", who).body["access"]
    (listed,) = front.call("GET", f"products?ids={jam}", token=token).body["results"]
    assert (listed["quantity"], listed["price"]) == (10, "2.50")
    lines = [{"product": jam, "quantity": 3}]
    placed = front.call(
        "POST", "orders", {"lines": lines}, token=token, headers={"Idempotency-Key": "a-tap"}
    )
    assert (placed.status, placed.body["total"]) == (201, "7.50")
    assert front.call("GET", placed.headers["location"], token=token).body == placed.body
    (found,) = front.call("GET", "orders", token=token).body["results"]
    assert found["id"] == placed.body["id"]
    cancelled = front.call("POST", f"orders/{found['id']}/cancel", token=token)
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")
    assert front.call("GET", f"products/{jam}", token=token).body["quantity"] == 10


def test_both_servers_receive_requests(stack: Stack, front: FrontDoor) -> None:
    for _ in range(20):
        assert front.call("GET", "/livez").status == 200
    both = {f"{stack.addresses[name]}:8000" for name in ("app1", "app2")}

    def served() -> set[str]:
        return {line["server"] for line in requests(stack) if line["path"] == "/livez"}

    # A line is written when its answer has gone out.
    assert wait_until(lambda: served() == both), served()


def test_nginx_speaks_http_2_and_redirects_plain_http_to_tls(stack: Stack) -> None:
    assert curl(stack, "/livez", "--output", "/dev/null", "--write-out", "%{http_version}") == "2"
    plain = f"http://{stack.addresses['nginx']}:8080/api/v1/products?limit=3"
    command = ["curl", "--silent", "--head", "--header", "Host: localhost:8080", plain]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "308 Permanent Redirect" in said
    assert "Location: https://localhost/api/v1/products?limit=3" in said


@pytest.mark.parametrize(("port", "host"), [(8080, "evil.example"), (8443, "localhost")])
def test_plain_http_for_a_foreign_host_or_at_the_port_of_tls_is_refused(
    stack: Stack, port: int, host: str
) -> None:
    address = (stack.addresses["nginx"], port)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b'"code":"bad_' in answer
    assert b"Location" not in answer


def test_each_header_of_the_servers_is_sent_once(stack: Stack) -> None:
    head = curl(stack, "/livez", "--dump-header", "-", "--output", "/dev/null").lower()
    names = [line.partition(":")[0] for line in head.splitlines()[1:]]
    found = {name: names.count(name) for name in FROM_THE_SERVERS}
    assert found == dict.fromkeys(FROM_THE_SERVERS, 1), head


def test_a_request_has_one_id_from_the_proxy_to_the_answer(stack: Stack, front: FrontDoor) -> None:
    given = "0123456789abcdef" * 2
    answered = front.call("GET", "/livez", headers={"Correlation-ID": given})
    assert answered.headers["correlation-id"] == given
    made = front.call("GET", "/livez", headers={"Correlation-ID": '"> or another'})
    answers = made.headers["correlation-id"]
    assert len(answers) == 32
    both = {given, answers}
    assert wait_until(lambda: both <= {line["correlation_id"] for line in requests(stack)})


def test_metrics_are_not_public_even_with_the_token(stack: Stack, front: FrontDoor) -> None:
    token = (stack.folder / "secrets" / "metrics_token").read_text()
    refused = front.call("GET", "/metrics", token=token)
    assert (refused.status, refused.body["code"]) == (404, "not_found")
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_admin_and_its_static_files_are_served(front: FrontDoor) -> None:
    page = front.call("GET", "/admin/login/")
    assert page.status == 200
    assert re.search(rb"/static/staff/admin\.([0-9a-f]{12}\.)?css", page.body)


def test_forwarding_headers_of_a_client_do_not_reach_the_servers(
    front: FrontDoor,
) -> None:
    """`X-Forwarded-Proto: http` would be answered with a redirect, if it were passed on; so would
    the name with underscores, which a server cannot tell from it."""
    lies = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example", "Forwarded": "for=x"}
    for name in ("X_Forwarded_Proto", "X-Forwarded_Proto", "x_forwarded-proto"):
        assert front.call("GET", "/", headers={**lies, name: "http"}).status == 200
