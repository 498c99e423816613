# SPDX-License-Identifier: Apache-2.0
"""keys.py - slots, keyring, members, envelopes, labels and volume ids (keys.md), fingerprints
(fingerprint.md).

`objects` is here whatever has paths(kind) and body(path, kind): a folder or a difference file.
"""
import dataclasses
import hashlib
import hmac
from typing import Dict, List, Optional

from argon2.low_level import Type as Argon2Type, hash_secret_raw
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .basics import ZERO_NAME, Fields, Refused, require
from .objects import (ENVELOPE, KEYRING, MAX_BODY, MEMBERS, PATHS, REPOSITORY, SLOT,
                      repository_id_of)

def hmac_sha256(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf_expand(prk: bytes, info: bytes, size: int = 32) -> bytes:
    out = block = b""
    for count in range(1, 1 + -(-size // 32)):
        block = hmac_sha256(prk, block + info + bytes([count]))
        out += block
    return out[:size]


def gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes, what: str) -> bytes:
    require(len(sealed) >= 16, f"{what} is shorter than a tag")
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise Refused(f"{what} does not open: another key, or damaged") from None


def verify(public: bytes, signature: bytes, signed: bytes, what: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise Refused(f"{what}: the signature is wrong") from None


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def public_of(key) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def paper_key(text: str) -> Optional[bytes]:
    """The 32 bytes of a paper key's text, or none if the text is no paper key."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    plain = text.upper().translate({ord("O"): "0", ord("I"): "1", ord("L"): "1",
                                    **{ord(skipped): None for skipped in "- \r\n"}})
    if len(plain) != 55 or any(letter not in alphabet for letter in plain):
        return None
    bits = 0
    for letter in plain:
        bits = bits << 5 | alphabet.index(letter)
    data = (bits >> 3).to_bytes(34, "big")
    return data[:32] if hashlib.sha256(data[:32]).digest()[:2] == data[32:] else None


def open_slot(body: bytes, path: str, repo: bytes, secret: bytes) -> bytes:
    """The keyring key that a slot wraps."""
    generation, slot_name = PATHS[SLOT].fullmatch(path).groups()
    fields = Fields(body, "a slot")
    slot_id, kind = fields.take(8), fields.number(1)
    fields.take(8)
    fields.sized(255)
    memory, passes, lanes = fields.number(4), fields.number(4), fields.number(4)
    salt, nonce, sealed = fields.take(16), fields.take(12), fields.take(48)
    fields.end()
    require(slot_id.hex() == slot_name, "a slot's id is not that of its name")
    require(kind in (1, 2), f"slot kind {kind} is not known: a newer ebb wrote it")
    if kind == 1:
        require(1 <= lanes <= 8 and 1 <= passes <= 16 and 8 * lanes <= memory <= 131072,
                "a slot asks for an unreasonable cost")
        require(1 <= len(secret) <= 1024, "the passphrase is empty or too long")
        key = hash_secret_raw(secret, salt, passes, memory, lanes, 32, Argon2Type.ID, 0x13)
    else:
        require(memory == passes == lanes == 0, "a paper key's slot has a cost")
        paper = paper_key(secret.decode("latin-1"))
        require(paper is not None, "this is no paper key")
        key = hkdf_expand(hmac_sha256(salt, paper), b"ebb paper key 1")
    aad = b"ebb slot 1" + repo + u64(int(generation, 16)) + slot_id + bytes([kind])
    return gcm_open(key, nonce, sealed, aad, "a slot")


@dataclasses.dataclass
class Keyring:
    repo: bytes
    authority: bytes  # The public key.
    id_key: bytes
    recipients: List[X25519PrivateKey]


def open_keyring(objects, secret: bytes) -> Keyring:
    """`objects` is a Folder, or a DifferenceFile, which has the same names in it."""
    repo, _ = repository_id_of(objects.body("repository", REPOSITORY))
    complaints = []
    for path in sorted(objects.paths(SLOT), key=lambda path: path.split("/")[1], reverse=True):
        generation = path.split("/")[1]
        try:
            keyring_key = open_slot(objects.body(path, SLOT), path, repo, secret)
            fields = Fields(objects.body(f"keys/{generation}/keyring", KEYRING), "the keyring")
            nonce, sealed = fields.take(12), fields.sized(MAX_BODY)
            fields.end()
            aad = b"ebb keyring 1" + repo + u64(int(generation, 16))
            plain = Fields(gcm_open(keyring_key, nonce, sealed, aad, "the keyring"), "the keyring")
            authority = public_of(Ed25519PrivateKey.from_private_bytes(plain.take(32)))
            id_key, count = plain.take(32), plain.number(4)
            require(1 <= count <= 64, "the keyring has a wrong count of recipients")
            recipients = [X25519PrivateKey.from_private_bytes(plain.take(32)) for _ in range(count)]
            plain.end()
            return Keyring(repo, authority, id_key, recipients)
        except (Refused, OSError) as refused:
            complaints.append(f"  {path}: {refused}")
    raise Refused("no slot opens with what was given\n" + "\n".join(complaints))


def open_members(objects, repo: bytes, authority: bytes) -> List[bytes]:
    """The sources, active or removed, of the newest members record."""
    paths = objects.paths(MEMBERS)
    require(bool(paths), "there is no members record")
    body = objects.body(paths[-1], MEMBERS)
    fields = Fields(body, "the members record")
    require(fields.take(16) == repo, "the members record is of another repository")
    require(fields.number(8) == int(paths[-1].split("/")[1], 16), "the epoch is not the name's")
    count = fields.number(4)
    require(1 <= count <= 4096, "the members record has a wrong count of recipients")
    fields.take(32 * count)
    count = fields.number(4)
    require(count <= 4096, "the members record has too many sources")
    sources = [fields.take(33)[:32] for _ in range(count)]
    fields.take(32)
    fields.sized(MAX_BODY)
    signed = body[:fields.at]
    signature = fields.take(64)
    fields.end()
    verify(authority, signature, b"ebb members 1" + signed, "the members record")
    return sources


def open_envelope(body: bytes, keyring: Keyring, data_key_id: bytes,
                  secret: X25519PrivateKey) -> bytes:
    """The data key: HPKE of RFC 9180, base mode, X25519, HKDF-SHA256, AES-256-GCM, one message."""
    fields = Fields(body, "an envelope")
    require(fields.take(16) == data_key_id, "an envelope's data key is not that of its name")
    recipient, enc, wrapped = fields.take(32), fields.take(32), fields.take(48)
    fields.end()
    require(recipient == public_of(secret), "an envelope is for another recipient")
    try:
        shared = secret.exchange(X25519PublicKey.from_public_bytes(enc))
    except ValueError:
        raise Refused("an envelope's key agreement gives zero") from None

    def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac_sha256(salt or bytes(32), b"HPKE-v1" + suite + label + ikm)

    def expand(suite: bytes, prk: bytes, label: bytes, info: bytes, size: int) -> bytes:
        labeled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
        return hkdf_expand(prk, labeled, size)

    kem = b"KEM\x00\x20"
    suite = b"HPKE\x00\x20\x00\x01\x00\x02"
    secret_of_kem = expand(kem, extract(kem, b"", b"eae_prk", shared), b"shared_secret",
                           enc + recipient, 32)
    context = (b"\x00" + extract(suite, b"", b"psk_id_hash", b"") +
               extract(suite, b"", b"info_hash", b"ebb data key 1" + keyring.repo))
    prk = extract(suite, secret_of_kem, b"secret", b"")
    key = expand(suite, prk, b"key", context, 32)
    nonce = expand(suite, prk, b"base_nonce", context, 12)
    return gcm_open(key, nonce, wrapped, data_key_id, "an envelope")


class DataKeys:
    """Opens each envelope once."""

    def __init__(self, objects, keyring: Keyring) -> None:
        self.objects, self.keyring = objects, keyring
        self.keys: Dict[bytes, bytes] = {}

    def of(self, data_key_id: bytes) -> bytes:
        if data_key_id not in self.keys:
            self.keys[data_key_id] = self._open(data_key_id)
        return self.keys[data_key_id]

    def _open(self, data_key_id: bytes) -> bytes:
        complaint = "there is none for us"
        for secret in self.keyring.recipients:
            path = f"envelopes/{data_key_id.hex()}-{public_of(secret)[:8].hex()}"
            try:
                body = self.objects.body(path, ENVELOPE)
                return open_envelope(body, self.keyring, data_key_id, secret)
            except FileNotFoundError:
                continue
            except (Refused, OSError) as refused:
                complaint = str(refused)
        raise Refused(f"no envelope opens data key {data_key_id.hex()}: {complaint}")


def open_label(id_key: bytes, salt: bytes, sealed: bytes, context: bytes) -> bytes:
    key = hkdf_expand(id_key, b"ebb label 1" + salt)
    return gcm_open(key, bytes(12), sealed, context, "a label")


def volume_id(id_key: bytes, name: str) -> bytes:
    return hmac_sha256(hkdf_expand(id_key, b"ebb volume 1"), name.encode())[:16]


def fingerprint_of(id_key: bytes, plain: bytes) -> bytes:
    """The zero name for a block of zeroes."""
    if not any(plain):
        return ZERO_NAME
    message = b"\x01" + len(plain).to_bytes(4, "little")
    for at in range(0, len(plain), 16384):
        message += hashlib.sha256(plain[at:at + 16384]).digest()
    return hmac_sha256(id_key, message)
