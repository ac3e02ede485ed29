"""proofs: DPoP proofs (RFC 9449) and certificates (RFC 8705) of senders, signed here."""

import base64
import datetime
import hashlib
import json
import time
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

URL = "https://api.example.com/orders/1"


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Signer:
    """An ES256 key, and proofs by it."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        numbers = self.key.public_key().public_numbers()
        self.jwk = {"crv": "P-256", "kty": "EC", "x": b64(numbers.x.to_bytes(32, "big")),
                    "y": b64(numbers.y.to_bytes(32, "big"))}
        canonical = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True)
        self.jkt = b64(hashlib.sha256(canonical.encode()).digest())

    def proof(self, token, method="GET", url=URL, head=None, **claims):
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk, **(head or {})}
        payload = {"jti": str(uuid.uuid4()), "htm": method, "htu": url, "iat": int(time.time()),
                   "ath": b64(hashlib.sha256(token.encode()).digest()), **claims}
        payload = {name: value for name, value in payload.items() if value is not None}
        signed = ".".join(b64(json.dumps(part).encode()) for part in (header, payload))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def certificate():
    """(PEM, x5t#S256) of one made for the occasion."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.datetime(2026, 1, 1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=36500))
            .sign(key, hashes.SHA256()))
    der = made.public_bytes(serialization.Encoding.DER)
    return made.public_bytes(serialization.Encoding.PEM).decode(), b64(hashlib.sha256(der).digest())
