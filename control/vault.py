"""Secrets sealed with HPKE (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM): who has the public key can write, not read.

A sealed secret is bound to its company, kind and key id: moved to another row it does not open.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from core.errors import ConfigurationError, FatalError
from core.settings import Settings

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """What the database keeps of a secret."""

    key_id: str
    sealed: bytes


class Sealer:
    """Seals secrets to one public key, that of `key_id`."""

    def __init__(self, key_id: str, public_key: X25519PublicKey) -> None:
        self.key_id = key_id
        self._public_key = public_key

    @classmethod
    def from_settings(cls, settings: Settings) -> Sealer:
        """With CREDENTIAL_PUBLIC_KEY."""
        settings.require("credential_public_key")
        key_id, raw = _parse(settings.credential_public_key, "CREDENTIAL_PUBLIC_KEY")
        return cls(key_id, X25519PublicKey.from_public_bytes(raw))

    def seals_to(self, public_key: X25519PublicKey) -> bool:
        """Whether this is the public key that it seals to."""
        return self._public_key.public_bytes_raw() == public_key.public_bytes_raw()

    def seal(self, secret: bytes, *, company_id: str, kind: str) -> SealedSecret:
        """Only the owner of the private key can open the result, and only as this company's and kind's."""
        info = _info(company_id, kind, self.key_id)
        return SealedSecret(self.key_id, _SUITE.encrypt(secret, self._public_key, info=info))


class Opener:
    """Opens secrets with any of the private keys it holds; the first one seals new ones."""

    def __init__(self, keys: dict[str, X25519PrivateKey]) -> None:
        self._keys = keys

    @classmethod
    def from_settings(cls, settings: Settings) -> Opener:
        """With CREDENTIAL_PRIVATE_KEYS, the newest key first.

        ConfigurationError also where two keys have one id, or CREDENTIAL_PUBLIC_KEY states another key under the id of
        one: what is sealed to the one would look as if it were sealed to the other, and would never open.
        """
        settings.require("credential_private_keys")
        keys: dict[str, X25519PrivateKey] = {}
        for item in settings.credential_private_keys.get_secret_value().split(","):
            key_id, raw = _parse(item, "CREDENTIAL_PRIVATE_KEYS")
            if key_id in keys:
                raise ConfigurationError(
                    f"CREDENTIAL_PRIVATE_KEYS holds the id {key_id} twice: each key needs an id of its own. "
                    "Take out the newer one and make another pair with `protiv-buildertrend keys new`."
                )
            keys[key_id] = X25519PrivateKey.from_private_bytes(raw)
        opener = cls(keys)
        if settings.credential_public_key:
            opener.holds(Sealer.from_settings(settings))
        return opener

    def holds(self, sealer: Sealer) -> bool:
        """Whether what the sealer seals can be opened here; ConfigurationError if its id is that of another key."""
        key = self._keys.get(sealer.key_id)
        if key is not None and not sealer.seals_to(key.public_key()):
            raise ConfigurationError(
                f"CREDENTIAL_PUBLIC_KEY and CREDENTIAL_PRIVATE_KEYS hold different keys under the id {sealer.key_id}: "
                "set both as one call of `protiv-buildertrend keys new` printed them."
            )
        return key is not None

    def newest_alone(self) -> Opener:
        """An Opener that holds the newest key and no other: what stays when the older ones are taken away."""
        return Opener(dict([next(iter(self._keys.items()))]))

    def sealer(self) -> Sealer:
        """A Sealer to the newest of these keys, for sessions that the poller keeps itself."""
        key_id, key = next(iter(self._keys.items()))
        return Sealer(key_id, key.public_key())

    def open(self, secret: SealedSecret, *, company_id: str, kind: str) -> bytes:
        """Raises ConfigurationError if the key is missing, FatalError if the secret is not of this row."""
        key = self._keys.get(secret.key_id)
        if key is None:
            raise ConfigurationError(
                f"A secret is sealed to key {secret.key_id}, which CREDENTIAL_PRIVATE_KEYS does not hold: add it."
            )
        try:
            return _SUITE.decrypt(secret.sealed, key, info=_info(company_id, kind, secret.key_id))
        except InvalidTag as exc:
            raise FatalError(
                f"A sealed secret does not open for its row: it was moved or damaged, or sealed to another key "
                f"that was called {secret.key_id} too."
            ) from exc


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new pair in the form of the two settings."""

    public: str
    private: str = field(repr=False)


def new_key_pair(key_id: str) -> KeyPair:
    """A fresh X25519 pair as `id:base64`; ConfigurationError if the id could not stand in a setting."""
    if not _KEY_ID.fullmatch(key_id):
        raise ConfigurationError("--key-id takes 1 to 64 letters, digits, dots, hyphens and underscores.")
    key = X25519PrivateKey.generate()
    return KeyPair(
        public=f"{key_id}:{_base64(key.public_key().public_bytes_raw())}",
        private=f"{key_id}:{_base64(key.private_bytes_raw())}",
    )


def _info(company_id: str, kind: str, key_id: str) -> bytes:
    return "\x00".join(("protiv-buildertrend credential", company_id, kind, key_id)).encode()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _parse(text: str, setting: str) -> tuple[str, bytes]:
    key_id, separator, encoded = text.strip().partition(":")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if not (key_id and separator and len(raw) == 32):
        raise ConfigurationError(f"{setting} is wrong: it takes id:base64 of a 32-byte X25519 key.")
    return key_id, raw
