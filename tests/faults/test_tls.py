"""The provider's certificate is not what it should be; it is never talked to, and its old keys stay."""

import ssl
import subprocess
import time

import pytest

from breaking import broken, upstream
from conftest import ORDERS, issuer, settings
from gate import Gate
from harness import until

DAY_SEC = 24 * 3600
# name: (its authority, its names, from … to, in days from now)
CERTIFICATES = {
    "right": ("ours", "DNS:localhost,IP:127.0.0.1", -1, 30),
    "expired": ("ours", "DNS:localhost,IP:127.0.0.1", -30, -1),
    "not yet valid": ("ours", "DNS:localhost,IP:127.0.0.1", 1, 30),
    "of another name": ("ours", "DNS:else.example", -1, 30),
    "of another authority": ("theirs", "DNS:localhost,IP:127.0.0.1", -1, 30),
}


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def date(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * DAY_SEC))


class Authority:
    """Two certificate authorities and what they signed."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("ours", "theirs"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30,
                    "-subj", f"/CN={name}", "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.pem"))

    def path(self, name):
        return self.folder / name.replace(" ", "-")

    def context(self, name):
        """A server's TLS with that certificate."""
        authority, names, begins, ends = CERTIFICATES[name]
        key, request, made = (self.path(f"{name}.{end}") for end in ("key", "csr", "pem"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=provider",
                "-keyout", key, "-out", request)
        home = self.path(f"{name}.ca")
        home.mkdir()
        (home / "index").touch()
        (home / "names").write_text(f"subjectAltName={names}\n")
        (home / "conf").write_text(
            f"[ca]\ndefault_ca = it\n[it]\ndatabase = {home}/index\nnew_certs_dir = {home}\npolicy = any\n"
            "default_md = sha256\nrand_serial = yes\n[any]\ncommonName = supplied\n"
        )
        openssl("ca", "-batch", "-notext", "-config", home / "conf", "-cert", self.path(f"{authority}.pem"),
                "-keyfile", self.path(f"{authority}.key"), "-extfile", home / "names", "-in", request, "-out", made,
                "-startdate", date(begins), "-enddate", date(ends))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, key)
        return context


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def switch(gate, context):
    gate.tls = context
    gate.drop_connections()


@pytest.fixture
def gate(provider, authority):
    with Gate(provider, tls=authority.context("right")) as one:
        yield one


@pytest.fixture
def authd(daemon, gate, authority):
    ca_file = daemon.directory / "ca.pem"
    ca_file.write_text(authority.path("ours.pem").read_text())
    settings(daemon, issuer(gate, ca_file=ca_file), ORDERS)
    return daemon.start()


def unreachable(authd):
    before = upstream(authd, False)
    return lambda: upstream(authd, False) > before


@pytest.mark.parametrize("name", [name for name in CERTIFICATES if name != "right"])
def test_certificate(row, authd, gate, authority, mixed, name):
    """TLS: certificate {}"""
    right, wrong = gate.tls, authority.context(name)
    n_before = []

    def cause():
        switch(gate, wrong)
        n_before.append(len(gate.questions))

    def cure():
        assert len(gate.questions) == n_before[0], "authd asked behind a certificate that it must not trust"
        switch(gate, right)

    broken(row, authd, mixed, cause, cure, unreachable(authd))
    assert "certificate" in authd.wait_event(event="issuer_fetch_failed", result="unreachable")["message"].lower()
    row.close()


def test_ca_file_is_replaced(row, authd, gate, authority, mixed):
    """TLS: authority replaced, its file first without effect, then read anew"""
    ca_file = authd.directory / "ca.pem"
    broken(row, authd, mixed, lambda: switch(gate, authority.context("of another authority")),
           lambda: ca_file.write_text(authority.path("theirs.pem").read_text()), unreachable(authd))
    until("a handshake with the other authority", lambda: gate.n_connections)
    row.close()
