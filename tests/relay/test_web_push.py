"""Encryption and signatures of push messages."""

from datetime import UTC, datetime

import jwt

from larder.relay import web_push
from tests.relay.browser import Browser

EXAMPLE = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWA"
    "mS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxs"
    "j_Qulcy4a-fN"
)
"""RFC 8291, section 5."""


def test_a_browser_reads_a_message_as_it_reads_the_example_of_the_standard() -> None:
    browser = Browser()
    example = browser.read(web_push.decode(EXAMPLE))
    assert example == b"When I grow up, I want to be a watermelon"
    bodies = {web_push.encrypted(b"On its way.", **browser.keys) for _ in range(2)}
    assert len(bodies) == 2, "a salt and a key are used once"
    assert {browser.read(body) for body in bodies} == {b"On its way."}


def test_a_request_is_signed_for_its_push_service_with_the_key_of_its_secret() -> None:
    now = datetime.now(UTC)
    header = web_push.authorization(
        "https://push.example.com:8443/send/1", "secret", subject="mailto:a@example.com", now=now
    )
    token, key = header.removeprefix("vapid t=").split(", k=")
    assert key == web_push.public_key("secret") != web_push.public_key("other secret")
    claims = jwt.decode(
        token, web_push.point(key), ["ES256"], audience="https://push.example.com:8443"
    )
    assert claims["sub"] == "mailto:a@example.com"
