"""Requests to addresses that others chose: none reaches what is inside."""

import ssl
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from larder.worker import outgoing
from larder.worker.outgoing import Answer, Client, NoAnswer
from tests.ops.certificates import write_certificate
from tests.ops.receiving import LOOPBACK, Receiver, closing, receiving, run

HERE = (
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1"),
    *("017700000001", "0x7F.0x0.0x0.0x1", "localhost", "LOCALHOST", "name@127.0.0.1"),
    "shop.example:secret@127.0.0.1",
)
"""Forms of the address of the receiver, which reach it where its network is open."""
INSIDE = (
    *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]"),
    *(
        "0.0.0.0",  # noqa: S104
        "0",
        "[::]",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
    ),
    *("169.254.169.254", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[fe80::1]", "[fd00:ec2::254]"),
    *("100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "168.63.129.16"),
    *("224.0.0.1", "[ff02::1]", "240.0.0.1", "255.255.255.255", "192.0.2.1", "[2001:db8::1]"),
    *("192.88.99.1", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[3fff::1]"),
    *("[2001::1]", "[fec0::1]", "[::ffff:0:127.0.0.1]", "①②⑦.⓪.⓪.①", "127.0.0.1%2f.example"),
)

CLOSED = "Its address is not open to requests of the shop."
REFUSALS = {CLOSED, "Its name cannot be resolved.", "Its address cannot be read."}


async def post(url: str, client: Client) -> Answer | str:
    """The answer to a small body, or the reason why there is none, with a client of its own."""
    async with closing(client):
        return await post_with(client, url)


async def post_with(client: Client, url: str) -> Answer | str:
    try:
        return await client.post(url, {"Content-Type": "application/json"}, b"{}")
    except NoAnswer as error:
        return error.reason


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_form_of_an_inner_address_is_connected_to(scheme: str) -> None:
    async def work() -> None:
        async with receiving(Receiver()) as receiver, closing(Client([])) as client:
            for form in (*HERE, *INSIDE):
                answer = await post_with(client, f"{scheme}://{form}:{receiver.port}/")
                assert isinstance(answer, str), form
                assert answer in REFUSALS, form
            assert receiver.connections == 0

    run(work)


def test_a_network_that_is_open_is_connected_to() -> None:
    async def work() -> None:
        async with receiving(Receiver()) as receiver, closing(Client(LOOPBACK)) as client:
            for form in HERE:
                answer = await post_with(client, f"http://{form}:{receiver.port}/")
                assert isinstance(answer, Answer), form
                assert answer.status == 204, form
            assert len(receiver.heads) == len(HERE)

    run(work)


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_public(text: str) -> None:
    assert outgoing.is_public(ip_address(text))


@pytest.mark.parametrize("url", ["ftp://a.example/", "a.example", "", "http://1.1.1.1/", "//a"])
def test_only_https_leads_outside(url: str) -> None:
    run_and_expect(url, Client([]), "")


def run_and_expect(url: str, client: Client, reason: str) -> None:
    async def work() -> None:
        answer = await post(url, client)
        assert isinstance(answer, str)
        assert reason in answer

    run(work)


def test_a_name_is_looked_up_once_for_a_connection_to_what_was_checked() -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], []])

    def resolve(name: str) -> Iterable[str]:
        assert name == "shop.example"
        return next(answers)

    async def work() -> None:
        async with receiving(Receiver()) as receiver:
            url = f"http://shop.example:{receiver.port}/"
            first = await post(url, Client(LOOPBACK, resolve))
            assert isinstance(first, Answer)
            assert f"Host: shop.example:{receiver.port}\r\n" in receiver.heads[0]
            for _ in range(4):
                refused = await post(url, Client(LOOPBACK, resolve))
                assert refused == CLOSED
            assert receiver.connections == 1

    run(work)


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 64 + ".example", "a..example"])
def test_a_name_without_an_address_is_no_answer(name: str) -> None:
    def resolve(name: str) -> Iterable[str]:
        name.encode("idna")
        raise OSError

    run_and_expect(f"https://{name}/", Client([], resolve), "cannot be resolved")


def test_a_redirect_is_not_followed_and_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with receiving(Receiver()) as inner:
            for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{inner.port}")
            moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inner.port}/\r\n"
            length = "Content-Length: 0\r\n\r\n"
            async with receiving(Receiver((moved + length).encode())) as receiver:
                url = f"http://127.0.0.1:{receiver.port}/"
                answer = await post(url, Client(LOOPBACK))
                assert isinstance(answer, Answer)
                assert (answer.status, inner.connections, len(receiver.heads)) == (302, 0, 1)

    run(work)


def test_an_answer_without_an_end_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nRetry-After: 7\r\nConnection: close\r\n\r\n"

    async def work() -> None:
        many = head + b"x" * outgoing.MAX_ANSWER_BYTES * 2 + b"..."
        async with receiving(Receiver(many)) as receiver:
            answer = await post(f"http://127.0.0.1:{receiver.port}/", Client(LOOPBACK))
            assert isinstance(answer, Answer)
            assert len(answer.body) == outgoing.MAX_ANSWER_BYTES
            assert answer.headers["retry-after"] == "7"
        async with receiving(Receiver(head + b"...")) as receiver:
            slow = Client(LOOPBACK, longest=0.3)
            reason = await post(f"http://127.0.0.1:{receiver.port}/", slow)
            assert reason == "It did not answer in time."

    run(work)


def test_a_certificate_is_checked_for_the_name_and_not_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "certificate.pem"
    write_certificate(file, "shop.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def work() -> None:
        receiver = Receiver()
        context.sni_callback = lambda _, name, __: receiver.names.append(name)
        async with receiving(receiver, context):
            answers = [
                await post(f"https://{name}:{receiver.port}/", Client(LOOPBACK, lambda _: HOME))
                for name in ("shop.example", "other.example")
            ]
        assert isinstance(answers[0], Answer)
        assert answers[1] == "Its certificate is not valid."
        assert receiver.names == ["shop.example", "other.example"]
        assert len(receiver.heads) == 1

    run(work)


HOME: Sequence[str] = ("127.0.0.1",)
