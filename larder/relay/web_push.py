"""Encrypts push messages for browsers (RFC 8291), and signs the requests that carry them (RFC 8292:
VAPID).

The shop's key follows from the secret key of the installation, so there is none to make or to keep.
A browser's subscription is bound to the key of its time.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of CURVE. Source: SEC 2, section 2.4.2."""

RECORD_BYTES = 4096
"""The size of a record: a message is one (RFC 8291, section 4)."""

SIGNED_FOR = timedelta(hours=12)
"""Time for which a signature is valid. Push services refuse more than a day."""


def encode(raw: bytes) -> str:
    """Returns base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Reverses `encode`. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@lru_cache(maxsize=8)
def server_key(secret: str) -> ec.EllipticCurvePrivateKey:
    """Returns the shop's key for a secret key of the installation."""
    seed = _derived(secret.encode(), b"", b"larder web push", 48)
    # 16 bytes more than the order has: then all keys are equally likely (FIPS 186-5, A.2.1).
    return ec.derive_private_key(int.from_bytes(seed) % (ORDER - 1) + 1, CURVE)


def public_key(secret: str) -> str:
    """Returns the `applicationServerKey` with which browsers subscribe."""
    return encode(_written(server_key(secret).public_key()))


def point(p256dh: str) -> ec.EllipticCurvePublicKey:
    """Returns the key of a subscription. Raises ValueError."""
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(p256dh))


def is_point(p256dh: str) -> bool:
    """Returns whether a subscription can have this key."""
    try:
        return bool(point(p256dh))
    except ValueError:
        return False


def encrypted(message: bytes, *, p256dh: str, auth: str) -> bytes:
    """Returns the body of a request with the content coding `aes128gcm` (RFC 8188). `p256dh` and
    `auth` are the keys of the subscription."""
    salt, key, receiver = secrets.token_bytes(16), ec.generate_private_key(CURVE), point(p256dh)
    sender = _written(key.public_key())
    info = b"WebPush: info\0" + _written(receiver) + sender
    secret = _derived(key.exchange(ec.ECDH(), receiver), decode(auth), info, 32)
    cipher = AESGCM(_derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16))
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_BYTES.to_bytes(4) + bytes([len(sender)]) + sender
    return header + cipher.encrypt(nonce, message + b"\2", None)


def authorization(endpoint: str, secret: str, *, subject: str, now: datetime) -> str:
    """Returns the header of a request to the endpoint of a subscription. `subject` is where the
    push service reaches the shop: an address with `https:` or `mailto:`."""
    url = urlsplit(endpoint)
    claims = {"aud": f"{url.scheme}://{url.netloc}", "exp": now + SIGNED_FOR, "sub": subject}
    token = jwt.encode(claims, server_key(secret), algorithm="ES256")
    return f"vapid t={token}, k={public_key(secret)}"


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _written(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
