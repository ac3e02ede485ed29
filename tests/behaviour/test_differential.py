"""libjwt against authd on the corpus of tests/tokens: does the signature hold?

They must agree on every token that both support. libjwt_differs.txt lists, with the reason, each that
libjwt accepts and must not, and each good one that it refuses; a difference that is not listed fails.
libjwt also reads the payload, so what it refuses counts only if authd finds the whole token good.
"""

import base64
import json
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
TOKENS = TESTS / "tokens"
LISTED = Path(__file__).with_name("libjwt_differs.txt")
# The issuer's key that a service with one key would have, by algorithm; what an attacker aims at.
KEY_BY_ALGORITHM = {"ES256": "ec-256", "ES384": "ec-384", "ES512": "ec-521"}
DEFAULT_KEY = "rsa-any"
WHOLE = ["--issuer", "https://issuer.example/realms/test", "--audience", "orders", "--now", "1800000000"]
LIBJWT_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")

pytestmark = pytest.mark.provider_free


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """libjwt_oracle.c, compiled against the distribution's libjwt."""
    binary = tmp_path_factory.mktemp("oracle") / "libjwt_oracle"
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libjwt"], capture_output=True, text=True, check=True
    ).stdout
    subprocess.run(
        ["cc", "-O1", Path(__file__).with_name("libjwt_oracle.c"), "-o", binary, *flags.split()], check=True
    )
    return binary


def header_of(file):
    """The header if it is readable at all; the oracle's key and algorithm are chosen by it."""
    try:
        part = file.read_bytes().split(b".")[0]
        header = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
        return header if isinstance(header, dict) else {}
    except ValueError:
        return {}


def key_of(file):
    header = header_of(file)
    kid, algorithm = header.get("kid"), header.get("alg")
    if isinstance(kid, str) and "/" not in kid and (TOKENS / "keys" / f"{kid[:64]}.pem").exists():
        return kid
    return KEY_BY_ALGORITHM.get(algorithm if isinstance(algorithm, str) else "", DEFAULT_KEY)


def libjwt_answers(oracle, files, folder):
    """{file name: accepts, refuses or crashes}, one call a key."""
    by_key = {}
    for file in files:
        by_key.setdefault(key_of(file), []).append(file)
    answers = {}
    for name, group in by_key.items():
        pem = folder / f"{name}.pub"
        subprocess.run(
            ["openssl", "pkey", "-in", TOKENS / "keys" / f"{name}.pem", "-pubout", "-out", pem], check=True
        )
        done = subprocess.run([oracle, pem, *group], capture_output=True, text=True, check=True, timeout=60)
        answers |= dict(zip([file.name for file in group], done.stdout.split(), strict=True))
    return answers


def authd_answer(programs, file, arguments=("--jws-only",)):
    """(accepts or refuses, reason) of authctl verify; by default after the signature alone."""
    with open(file, "rb") as token:
        done = subprocess.run(
            [programs.authctl, "verify", "--keys", TOKENS / "keys.jwks", *arguments],
            stdin=token,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert done.returncode in (0, 1), done.stderr
    return "accepts" if done.returncode == 0 else "refuses", json.loads(done.stdout)["reason"]


def listed():
    """{(file name, libjwt's answer): reason}."""
    rows = [
        line.split(None, 2) for line in LISTED.read_text().splitlines() if line and not line.startswith("#")
    ]
    return {(name, answer): reason for answer, name, reason in rows}


def test_libjwt_and_authd_agree_but_for_what_is_listed(programs, oracle, tmp_path):
    files = sorted(TOKENS.glob("*.jws"))
    assert len(files) > 150
    libjwt = libjwt_answers(oracle, files, tmp_path)
    differs = {}
    for file in files:
        ours, reason = authd_answer(programs, file)
        algorithm = header_of(file).get("alg")
        if libjwt[file.name] == ours or (ours == "accepts" and algorithm not in LIBJWT_ALGORITHMS):
            continue
        if ours == "accepts" and authd_answer(programs, file, WHOLE)[0] == "refuses":
            continue
        differs[(file.name, libjwt[file.name])] = reason
    unlisted = {row: reason for row, reason in differs.items() if row not in listed()}
    rows = [f"{answer} {name} {reason}" for (name, answer), reason in sorted(unlisted.items())]
    assert not rows, "libjwt differs, and libjwt_differs.txt does not say so:\n" + "\n".join(rows)


def test_what_authd_refuses_is_what_the_corpus_says(programs):
    """No token named y_ is refused and none named n_bad_signature_ accepted: the list hides nothing."""
    for file in sorted(TOKENS.glob("*.jws")):
        ours, reason = authd_answer(programs, file)
        if file.name.startswith("y_"):
            assert ours == "accepts", (file.name, reason)
        if file.name.startswith(("n_bad_signature_", "n_unsupported_algorithm_", "n_key_mismatch_")):
            assert ours == "refuses", file.name


def test_every_listed_difference_has_its_token_and_its_reason():
    for (name, answer), reason in listed().items():
        assert (
            (TOKENS / name).exists() and answer in ("accepts", "refuses", "crashes") and len(reason) > 10
        ), name
