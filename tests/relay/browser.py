"""A browser that takes push messages: its keys, and how it reads a message (RFC 8291)."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from larder.relay.web_push import CURVE, decode, encode


class Browser:
    """The keys of a subscription. By default they are those of RFC 8291, section 5."""

    def __init__(
        self,
        private: str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
        auth: str = "BTBZMqHH6r4Tts7J_aSIgg",
    ) -> None:
        self.private = ec.derive_private_key(int.from_bytes(decode(private)), CURVE)
        self.auth = auth
        public = self.private.public_key()
        self.point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def keys(self) -> dict[str, str]:
        """As in `subscription.toJSON()`."""
        return {"p256dh": encode(self.point), "auth": self.auth}

    def read(self, body: bytes) -> bytes:
        """Decrypts a message of one record."""
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert (size, length) == (4096, 65)
        shared = self.private.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender)
        )
        info = b"WebPush: info\0" + self.point + sender
        secret = HKDF(SHA256(), 32, decode(self.auth), info).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert padded.endswith(b"\2")
        return padded[:-1]
