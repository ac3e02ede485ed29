#!/usr/bin/python3
"""Makes the corpora of tests/tokens: good and bad tokens, good and hostile key sets.

Runs only when asked; its output is committed. Test keys are made once and then kept (keys/*.pem), so
RS*, EdDSA and all broken tokens come out the same each time; ES* and PS* signatures are random by
nature and differ. Needs python3-cryptography. README.md says under what the files are judged.
"""
import base64
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

HERE = pathlib.Path(__file__).resolve().parent
KEYS = HERE / "keys"
KEYSETS = HERE / "keysets"

ISSUER = "https://issuer.example/realms/test"
AUDIENCE = "orders"
NOW = 1800000000

KEY_MAKERS = {
    "rsa-any": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-rs256": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-1024": lambda: rsa.generate_private_key(65537, 1024),
    "ec-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ec-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    # Never in the key set: whoever signs with these is not the issuer.
    "stranger-rsa": lambda: rsa.generate_private_key(65537, 2048),
    "stranger-ec-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "stranger-ec-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "stranger-ec-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "stranger-ed25519": ed25519.Ed25519PrivateKey.generate,
    "stranger-ed448": ed448.Ed448PrivateKey.generate,
}
DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ORDER_ED25519 = 2**252 + 27742317777372353535851937790883648493


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def load_keys():
    KEYS.mkdir(exist_ok=True)
    keys = {}
    for name, make in KEY_MAKERS.items():
        path = KEYS / f"{name}.pem"
        if not path.exists():
            pem = make().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            path.write_bytes(b"A key for tests only: it is public and protects nothing.\n" + pem)
        pem = path.read_bytes()
        keys[name] = serialization.load_pem_private_key(pem[pem.index(b"-----BEGIN") :], None)
    return keys


K = load_keys()


# --- keys as JWK ---------------------------------------------------------------------------------


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big")).decode()


def public_jwk(key, **members):
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        jwk = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        size = (public.curve.key_size + 7) // 8
        jwk = {"kty": "EC", "crv": f"P-{public.curve.key_size}", "x": number(numbers.x, size), "y": number(numbers.y, size)}
    else:
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        crv = "Ed25519" if isinstance(public, ed25519.Ed25519PublicKey) else "Ed448"
        jwk = {"kty": "OKP", "crv": crv, "x": b64(raw).decode()}
    return {**jwk, **members}


def issuer_keys():
    return {
        "keys": [
            public_jwk(K["rsa-any"], kid="rsa-any", use="sig"),
            public_jwk(K["rsa-rs256"], kid="rsa-rs256", use="sig", alg="RS256"),
            public_jwk(K["ec-256"], kid="ec-256", use="sig", alg="ES256"),
            public_jwk(K["ec-384"], kid="ec-384", key_ops=["verify"]),
            public_jwk(K["ec-521"], kid="ec-521"),
            public_jwk(K["ed25519"], kid="ed25519", alg="EdDSA"),
            public_jwk(K["ed448"], kid="ed448"),
            public_jwk(K["rsa-any"], kid="rsa-enc", use="enc", alg="RSA-OAEP"),
            public_jwk(K["rsa-any"], kid="rsa-wrap", key_ops=["wrapKey", "encrypt"]),
            public_jwk(K["rsa-1024"], kid="rsa-1024", use="sig"),
        ]
    }


def strangers_keys():
    return {"keys": [public_jwk(key, kid=name) for name, key in K.items() if name.startswith("stranger")]}


# --- tokens --------------------------------------------------------------------------------------


def sign_ecdsa(key, digest, message):
    size = (key.curve.key_size + 7) // 8
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def sign(alg, key, message):
    if alg.startswith("RS"):
        return key.sign(message, padding.PKCS1v15(), DIGESTS[alg[2:]])
    if alg.startswith("PS"):
        digest = DIGESTS[alg[2:]]
        return key.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if alg.startswith("ES"):
        return sign_ecdsa(key, DIGESTS[alg[2:]], message)
    return key.sign(message)


def good_claims(**changes):
    claims = {
        "exp": NOW + 300,
        "iat": NOW - 60,
        "jti": "onrtac:7d1e9c1e-6f39-4d6c-8a53-2f6f0a1f6a10",
        "iss": ISSUER,
        "aud": [AUDIENCE, "account"],
        "sub": "9a8f0f4e-1c57-4f0a-9a55-0c6f4a6c1b2d",
        "typ": "Bearer",
        "azp": "shop",
        "sid": "2b1d6f2e-7f0e-4a6e-8b41-5a5f0a2d9c3e",
        "scope": "profile email",
        "preferred_username": "ada",
    }
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not ...}


def dump(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def token(alg="RS256", kid="rsa-any", key=None, header=None, claims=None, raw_header=None, raw_payload=None,
          sign_as=None, signature=None, parts=None):
    """One compact token. A header or claim of ... is left out; key and sign_as are who and how really signs."""
    members = {"alg": alg, "typ": "JWT", "kid": kid, **(header or {})}
    members = {name: value for name, value in members.items() if value is not ...}
    head = b64(dump(members) if raw_header is None else raw_header)
    body = b64(dump(good_claims(**(claims or {}))) if raw_payload is None else raw_payload)
    if parts:
        head, body = parts(head, body)
    if signature is None:
        signature = b64(sign(sign_as or alg, K[key or kid], head + b"." + body))
    elif callable(signature):
        signature = signature(head + b"." + body)
    return head + b"." + body + b"." + signature


def changed(compact, part, change):
    """The token with one decoded part changed after signing."""
    parts = compact.split(b".")
    decoded = bytearray(base64.urlsafe_b64decode(parts[part] + b"=="))
    parts[part] = b64(bytes(change(decoded)))
    return b".".join(parts)


def flip(index):
    def change(data):
        data[index] ^= 1
        return data
    return change


def with_unused_bits(text):
    """The same bytes with the spare bits of the last character set."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(text) % 4 in (2, 3), "no spare bits"
    return text[:-1] + bytes([alphabet[alphabet.index(text[-1]) | 1]])


def hs(name, secret):
    digest = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}[name[2:]]
    return token(alg=name, signature=lambda message: b64(hmac.new(secret, message, digest).digest()))


def pss(digest, mgf_digest, salt):
    return lambda message: b64(K["rsa-any"].sign(message, padding.PSS(padding.MGF1(mgf_digest), salt), digest))


def public_pem(name):
    return K[name].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def padded_to(size):
    """A good token of exactly this many bytes, by a claim that fills it."""
    fill = size * 3 // 4 - 700
    while True:
        compact = token(claims={"fill": "x" * fill})
        if len(compact) >= size:
            return compact
        fill += max(1, (size - len(compact)) * 3 // 4 - 1)


def good_tokens():
    algs = [("RS256", "rsa-any"), ("RS384", "rsa-any"), ("RS512", "rsa-any"), ("PS256", "rsa-any"),
            ("PS384", "rsa-any"), ("PS512", "rsa-any"), ("RS256", "rsa-rs256"), ("ES256", "ec-256"),
            ("ES384", "ec-384"), ("ES512", "ec-521"), ("EdDSA", "ed25519"), ("EdDSA", "ed448")]
    for alg, kid in algs:
        yield f"{alg}_with_the_key_{kid}", token(alg, kid)
    yield "no_kid_and_only_one_key_of_that_algorithm", token("ES256", ..., key="ec-256")
    yield "typ_of_the_header_is_absent", token(header={"typ": ...})
    yield "typ_of_the_header_is_jWt", token(header={"typ": "jWt"})
    yield "header_says_at+jwt_and_claims_say_nothing", token(header={"typ": "at+jwt"}, claims={"typ": ...})
    yield "header_says_application_at+jwt", token(header={"typ": "application/at+jwt"}, claims={"typ": ...})
    yield "aud_is_one_string", token(claims={"aud": AUDIENCE})
    yield "aud_is_a_list_and_ours_is_second", token(claims={"aud": ["account", AUDIENCE]})
    yield "exp_has_a_fraction", token(claims={"exp": NOW + 300.75})
    yield "exp_is_the_last_second_of_9999", token(claims={"exp": 253402300799})
    yield "nbf_has_passed", token(claims={"nbf": NOW - 3600})
    yield "iss_is_written_with_escaped_slashes", token(
        raw_payload=dump(good_claims()).replace(ISSUER, ISSUER.replace("/", "\\/")))
    yield "the_name_iss_is_written_with_an_escape", token(raw_payload=dump(good_claims()).replace('"iss"', '"\\u0069ss"'))
    yield "a_nested_claim_is_called_iss_too", token(claims={"act": {"iss": "https://other.example"}})
    yield "header_and_payload_are_spread_over_lines", token(
        raw_header='{"typ":"JWT",\r\n "kid":"rsa-any",\r\n "alg":"RS256"}', raw_payload=json.dumps(good_claims(), indent=2))
    yield "header_has_members_nobody_knows", token(header={"x": {"y": [1, 2, 3]}, "cty": "application/json"})
    yield "jku_x5u_and_jwk_are_ignored", token(header={
        "jku": "https://attacker.example/keys", "x5u": "https://attacker.example/cert",
        "jwk": public_jwk(K["stranger-rsa"])})
    yield "names_outside_of_ASCII", token(claims={"name": "Ада Лавлейс 🦉", "given_name": "Ада"})
    yield "scope_is_a_list", token(claims={"scope": ["profile", "email"]})
    yield "azp_is_absent_and_client_id_is_there", token(claims={"azp": ..., "client_id": "shop"})
    yield "just_as_long_as_a_token_may_be", padded_to(32 * 1024)


def malformed_shapes():
    good = token()
    head, body, signature = good.split(b".")
    yield "nothing_at_all", b""
    yield "an_opaque_token", b"2YotnFZFEjr1zCsicMWpAA"
    yield "two_parts", head + b"." + body
    yield "four_parts", good + b"." + signature
    yield "a_sixth_part", b".".join([good, b"a", b"b", b"c"])
    yield "five_parts_an_encrypted_token", b".".join(
        [b64('{"alg":"RSA-OAEP","enc":"A256GCM","kid":"rsa-enc"}'), b"a2V5", b"aXY", b"dGV4dA", b"dGFn"])
    yield "only_dots", b".."
    yield "header_is_empty", b"." + body + b"." + signature
    yield "payload_is_empty_detached_content", head + b".." + b64(sign("RS256", K["rsa-any"], head + b"."))
    yield "signature_is_empty", head + b"." + body + b"."
    yield "a_dot_in_front", b"." + good
    yield "a_dot_at_the_end", good + b"."
    yield "a_space_in_front", b" " + good
    yield "a_newline_at_the_end", good + b"\n"
    yield "a_NUL_and_garbage_at_the_end", good + b"\0garbage"
    yield "the_word_Bearer_in_front", b"Bearer " + good
    yield "percent_encoded", good.replace(b".", b"%2E")
    yield "bytes_outside_of_ASCII", good[:40] + b"\xc3\xa9" + good[42:]
    yield "header_padded", head + b"=." + body + b"." + signature
    yield "payload_padded_and_signed_so", token(parts=lambda h, b: (h, b + b"="))
    yield "signature_padded", good + b"=="
    yield "signature_in_the_other_alphabet", head + b"." + body + b"." + b"+/" + signature[2:]
    yield "payload_in_the_other_alphabet_and_signed_so", token(parts=lambda h, b: (h, b[:-2] + b"+/"))
    yield "header_ends_in_unused_bits", token(header={"x": "p" * (len(head) % 4)}, parts=spare_in_header)
    yield "payload_ends_in_unused_bits_and_signed_so", spare_payload()
    yield "signature_ends_in_unused_bits", head + b"." + body + b"." + with_unused_bits(signature)
    yield "signature_of_a_length_no_base64_has", good + b"AAA"
    yield "signature_longer_than_any_key_s", head + b"." + body + b"." + b64(bytes(1025))
    yield "one_byte_longer_than_a_token_may_be", padded_to(32 * 1024) + b"A"
    yield "header_over_4_KiB", token(header={"x": "x" * 4096})
    yield "flattened_JSON_serialization", dump(
        {"payload": body.decode(), "protected": head.decode(), "signature": signature.decode()}).encode()
    yield "general_JSON_serialization", dump(
        {"payload": body.decode(), "signatures": [{"protected": head.decode(), "signature": signature.decode()}]}).encode()


def spare_in_header(head, body):
    while len(head) % 4 not in (2, 3):
        head = b64(base64.urlsafe_b64decode(head + b"==") + b" ")
    return with_unused_bits(head), body


def spare_payload():
    fill = ""
    while len(b64(dump(good_claims(fill=fill)))) % 4 not in (2, 3):
        fill += "x"
    return token(claims={"fill": fill}, parts=lambda h, b: (h, with_unused_bits(b)))


def malformed_headers():
    rest = '"kid":"rsa-any","typ":"JWT"'
    raw = {
        "header_is_no_JSON": "RS256",
        "header_is_a_list": '["RS256"]',
        "header_is_a_string": '"RS256"',
        "header_is_null": "null",
        "header_has_bytes_behind_it": '{"alg":"RS256",%s}x' % rest,
        "header_is_two_objects": '{"alg":"RS256",%s}{"alg":"none"}' % rest,
        "header_is_cut_short": '{"alg":"RS256",%s' % rest,
        "header_has_a_comment": '{"alg":"RS256",/* */%s}' % rest,
        "header_has_single_quotes": "{'alg':'RS256','kid':'rsa-any'}",
        "header_has_a_comma_too_many": '{"alg":"RS256",%s,}' % rest,
        "header_begins_with_a_byte_order_mark": b'\xef\xbb\xbf{"alg":"RS256","kid":"rsa-any"}',
        "header_is_no_UTF-8": b'{"alg":"RS256","kid":"rsa-any","x":"\xff"}',
        "header_is_UTF-16": '{"alg":"RS256","kid":"rsa-any"}'.encode("utf-16-le"),
        "alg_stands_twice": '{"alg":"RS256","alg":"none",%s}' % rest,
        "alg_stands_twice_once_escaped": '{"alg":"RS256","\\u0061lg":"none",%s}' % rest,
        "kid_stands_twice": '{"alg":"RS256","kid":"ec-256",%s}' % rest,
        "kid_has_a_NUL_escaped": '{"alg":"RS256","kid":"rsa-any\\u0000x"}',
        "kid_has_half_a_surrogate_pair": '{"alg":"RS256","kid":"rsa-any\\ud800"}',
        "header_is_nested_too_deep": '{"alg":"RS256",%s,"x":[[[[1]]]]}' % rest,
        "header_has_a_NUL_behind_a_number": '{"alg":"RS256",%s,"x":1\0}' % rest,
        "header_has_a_number_out_of_range": '{"alg":"RS256",%s,"x":1e999}' % rest,
    }
    for name, header in raw.items():
        yield name, token(raw_header=header)
    changes = {
        "alg_is_a_number": {"alg": 256}, "alg_is_null": {"alg": None}, "alg_is_a_list": {"alg": ["RS256"]},
        "kid_is_a_number": {"kid": 1}, "kid_is_null": {"kid": None}, "kid_is_an_object": {"kid": {"rsa-any": 1}},
        "kid_is_longer_than_256_bytes": {"kid": "k" * 257},
        "typ_is_a_number": {"typ": 1}, "typ_is_a_list": {"typ": ["JWT"]}, "typ_is_longer_than_64_bytes": {"typ": "t" * 65},
        "crit_names_what_nobody_knows": {"crit": ["http://example.invalid/UNDEFINED"], "http://example.invalid/UNDEFINED": True},
        "crit_names_exp": {"crit": ["exp"], "exp": NOW}, "crit_is_empty": {"crit": []}, "crit_is_no_list": {"crit": "b64"},
        "crit_and_b64_false": {"crit": ["b64"], "b64": False}, "b64_false_without_crit": {"b64": False},
        "b64_true_without_crit": {"b64": True},
    }
    for name, change in changes.items():
        yield name, token(header=change)


def malformed_payloads():
    good = dump(good_claims())
    raw = {
        "payload_is_no_JSON": "Payload",
        "payload_is_a_list": "[%s]" % good,
        "payload_is_a_string": '"claims"',
        "payload_is_a_number": "1",
        "payload_is_null": "null",
        "payload_is_a_token_again": token(),
        "payload_is_cut_short": good[:-1],
        "payload_has_bytes_behind_it": good + "x",
        "payload_has_a_NUL_behind_it": good + "\0",
        "payload_has_a_NUL_behind_a_number": good.replace(str(NOW + 300), str(NOW + 300) + "\0"),
        "payload_is_no_UTF-8": good.encode().replace(b'"ada"', b'"\xc0\xae"'),
        "payload_has_a_surrogate_in_UTF-8": good.encode().replace(b'"ada"', b'"\xed\xa0\x80"'),
        "payload_has_a_NUL_escaped": good.replace('"ada"', '"ada\\u0000min"'),
        "payload_has_half_a_surrogate_pair": good.replace('"ada"', '"\\udc00"'),
        "payload_has_a_control_byte_in_a_string": good.replace('"ada"', '"a\nda"'),
        "payload_is_nested_too_deep": good[:-1] + ',"x":' + "[" * 40 + "]" * 40 + "}",
        "payload_is_nested_very_deep": good[:-1] + ',"x":' + "[" * 8000 + "]" * 8000 + "}",
        "iss_stands_twice": good[:-1] + ',"iss":"https://other.example"}',
        "sub_stands_twice": good[:-1] + ',"sub":"root"}',
        "exp_stands_twice_once_escaped": good[:-1] + ',"\\u0065xp":9999999999}',
        "a_nested_member_stands_twice": good[:-1] + ',"realm_access":{"roles":[],"roles":["admin"]}}',
        "exp_is_1e999": good.replace(str(NOW + 300), "1e999"),
        "exp_is_over_64_bits": good.replace(str(NOW + 300), "18446744073709551616"),
        "exp_is_NaN": good.replace(str(NOW + 300), "NaN"),
        "exp_has_a_zero_in_front": good.replace(str(NOW + 300), "0" + str(NOW + 300)),
    }
    for name, payload in raw.items():
        yield name, token(raw_payload=payload)
    changes = {
        "exp_is_a_string": {"exp": str(NOW + 300)}, "exp_is_negative": {"exp": -1}, "exp_is_true": {"exp": True},
        "exp_is_null": {"exp": None}, "exp_is_after_the_year_9999": {"exp": 253402300800},
        "exp_is_in_milliseconds": {"exp": (NOW + 300) * 1000}, "exp_is_a_list": {"exp": [NOW + 300]},
        "nbf_is_a_string": {"nbf": "now"}, "iat_is_an_object": {"iat": {}}, "iat_is_negative": {"iat": -0.5},
        "iss_is_a_number": {"iss": 1}, "iss_is_a_list": {"iss": [ISSUER]}, "iss_is_null": {"iss": None},
        "sub_is_a_number": {"sub": 0}, "sub_is_null": {"sub": None}, "sub_is_a_list": {"sub": ["a", "b"]},
        "aud_is_a_number": {"aud": 1}, "aud_is_an_object": {"aud": {AUDIENCE: True}}, "aud_is_null": {"aud": None},
        "aud_lists_a_number": {"aud": [AUDIENCE, 1]}, "aud_lists_a_list": {"aud": [[AUDIENCE]]},
        "aud_lists_257_audiences": {"aud": [AUDIENCE] + [f"a{i}" for i in range(256)]},
        "azp_is_a_list": {"azp": ["shop"]}, "client_id_is_a_number": {"client_id": 7}, "jti_is_a_number": {"jti": 7},
        "sid_is_an_object": {"sid": {}}, "scope_is_a_number": {"scope": 7}, "scope_lists_a_number": {"scope": ["a", 1]},
    }
    for name, change in changes.items():
        yield name, token(claims=change)


def unsupported_algorithms():
    unsigned = {"alg_is_none_and_no_signature": "none", "alg_is_None": "None", "alg_is_NONE": "NONE", "alg_is_nOnE": "nOnE"}
    for name, alg in unsigned.items():
        yield name, token(alg, signature=b"")
    yield "alg_is_none_with_a_signature", token("none", sign_as="RS256")
    yield "HS256_keyed_with_the_public_key_as_PEM", hs("HS256", public_pem("rsa-any"))
    yield "HS256_keyed_with_the_modulus", hs("HS256", public_jwk(K["rsa-any"])["n"].encode())
    yield "HS256_keyed_with_nothing", hs("HS256", b"")
    yield "HS384_keyed_with_the_public_key_as_PEM", hs("HS384", public_pem("rsa-any"))
    yield "HS512_keyed_with_the_public_key_as_PEM", hs("HS512", public_pem("rsa-any"))
    names = {"in_lower_case": "rs256", "in_mixed_case": "Rs256", "with_a_space_behind": "RS256 ", "with_a_space_in_front": " RS256",
             "empty": "", "RS1": "RS1", "ES256K": "ES256K", "eddsa": "eddsa", "Ed25519": "Ed25519", "SHA256": "SHA256",
             "RSA-OAEP": "RSA-OAEP", "dir": "dir", "RS256_and_more": "RS2560", "RS25": "RS25"}
    for name, alg in names.items():
        yield f"alg_is_{name}", token(alg, sign_as="RS256")
    yield "alg_is_absent", token(..., sign_as="RS256")


def key_mismatches():
    pairs = [("RS256", "ec-256", "rsa-any"), ("PS256", "ec-256", "rsa-any"), ("ES256", "rsa-any", "ec-256"),
             ("ES256", "ec-384", "ec-256"), ("ES384", "ec-256", "ec-384"), ("ES512", "ec-384", "ec-521"),
             ("ES384", "ec-521", "ec-384"), ("EdDSA", "ec-256", "ed25519"), ("EdDSA", "rsa-any", "ed25519"),
             ("ES256", "ed25519", "ec-256"), ("RS256", "ed448", "rsa-any"), ("PS256", "rsa-rs256", "rsa-rs256"),
             ("RS384", "rsa-rs256", "rsa-rs256"), ("RS512", "rsa-rs256", "rsa-rs256")]
    for alg, kid, key in pairs:
        yield f"{alg}_with_the_key_{kid}", token(alg, kid, key=key)


def unknown_keys():
    kids = {"kid_of_nobody": "nobody", "kid_in_upper_case": "RSA-ANY", "kid_with_a_space_behind": "rsa-any ",
            "kid_that_begins_like_one": "rsa-an", "kid_that_goes_on_after_one": "rsa-any2",
            "kid_of_the_encryption_key": "rsa-enc", "kid_of_the_key_that_wraps": "rsa-wrap",
            "kid_is_a_path": "../../../../dev/null", "kid_is_a_URL": "https://attacker.example/keys",
            "kid_is_SQL": "x' UNION SELECT 'key", "kid_is_a_shell_command": "rsa-any; id|sh"}
    for name, kid in kids.items():
        yield name, token(kid=kid, key="rsa-any")
    yield "kid_of_the_key_that_is_too_short", token(kid="rsa-1024")
    yield "no_kid_and_two_keys_of_that_algorithm", token(kid=..., key="rsa-any")
    yield "kid_is_empty_and_two_keys_of_that_algorithm", token(kid="", key="rsa-any")
    yield "kid_of_nobody_and_the_key_comes_along", token(
        kid="mine", key="stranger-rsa", header={"jwk": public_jwk(K["stranger-rsa"], kid="mine")})


def bad_signatures():
    for alg, kid, key in [("RS256", "rsa-any", "stranger-rsa"), ("PS256", "rsa-any", "stranger-rsa"),
                          ("ES256", "ec-256", "stranger-ec-256"), ("ES384", "ec-384", "stranger-ec-384"),
                          ("ES512", "ec-521", "stranger-ec-521"), ("EdDSA", "ed25519", "stranger-ed25519"),
                          ("EdDSA", "ed448", "stranger-ed448"), ("RS256", "rsa-rs256", "rsa-any")]:
        yield f"{alg}_named_{kid}_but_signed_by_{key}", token(alg, kid, key=key)
    good = token()
    for name, index in [("first", 0), ("last", -1), ("middle", 128)]:
        yield f"one_bit_of_the_{name}_byte_is_flipped", changed(good, 2, flip(index))
    yield "payload_was_changed_after_signing", changed(good, 1, lambda d: d.replace(b'"ada"', b'"eve"'))
    yield "header_was_changed_after_signing", changed(good, 0, lambda d: d.replace(b"JWT", b"jwt"))
    yield "signature_is_of_another_token", good.rsplit(b".", 1)[0] + b"." + token(claims={"sub": "x"}).rsplit(b".", 1)[1]
    yield "signature_is_over_the_decoded_payload", token(
        signature=lambda m: b64(sign("RS256", K["rsa-any"], base64.urlsafe_b64decode(m.split(b".")[1] + b"=="))))
    yield "RSA_signature_is_one_byte_short", changed(good, 2, lambda d: d[:-1])
    yield "RSA_signature_has_one_byte_more", changed(good, 2, lambda d: d + b"\0")
    yield "RSA_signature_has_a_zero_in_front", changed(good, 2, lambda d: b"\0" + d)
    yield "RSA_signature_is_zero", changed(good, 2, lambda d: bytes(len(d)))
    yield "RSA_signature_is_one", changed(good, 2, lambda d: bytes(len(d) - 1) + b"\1")
    yield "RSA_signature_is_all_ones", changed(good, 2, lambda d: b"\xff" * len(d))
    yield "RS256_in_the_header_and_PS256_in_truth", token(sign_as="PS256")
    yield "PS256_in_the_header_and_RS256_in_truth", token("PS256", sign_as="RS256")
    yield "RS256_in_the_header_and_RS512_in_truth", token(sign_as="RS512")
    yield "ES256_in_the_header_and_SHA-512_in_truth", token("ES256", "ec-256", sign_as="ES512")
    yield "PS256_without_salt", token("PS256", signature=pss(hashes.SHA256(), hashes.SHA256(), 0))
    yield "PS256_with_a_salt_of_20_bytes", token("PS256", signature=pss(hashes.SHA256(), hashes.SHA256(), 20))
    yield "PS256_with_MGF1_over_SHA-1", token("PS256", signature=pss(hashes.SHA256(), hashes.SHA1(), 32))
    yield from bad_ecdsa_signatures()
    edwards = token("EdDSA", "ed25519")
    yield "Ed25519_signature_is_one_byte_short", changed(edwards, 2, lambda d: d[:-1])
    yield "Ed25519_signature_has_one_byte_more", changed(edwards, 2, lambda d: d + b"\0")
    yield "Ed25519_S_is_not_reduced", changed(edwards, 2, add_order)
    yield "Ed25519_signature_is_zero", changed(edwards, 2, lambda d: bytes(64))
    yield "Ed448_signature_under_the_Ed25519_key", token("EdDSA", "ed25519", key="ed448")
    for name, member in [("jwk", public_jwk(K["stranger-rsa"])), ("jku", "https://attacker.example/keys"),
                         ("x5u", "https://attacker.example/cert"), ("x5c", ["MIIB"])]:
        yield f"a_stranger_signed_and_sends_{name}", token(key="stranger-rsa", header={name: member})


def bad_ecdsa_signatures():
    good = token("ES256", "ec-256")

    def der(data):
        return utils.encode_dss_signature(int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big"))

    order = ORDER_P256.to_bytes(32, "big")
    yield "ES256_signature_is_DER", changed(good, 2, der)
    yield "ES256_signature_is_zero", changed(good, 2, lambda d: bytes(64))
    yield "ES256_r_is_zero", changed(good, 2, lambda d: bytes(32) + d[32:])
    yield "ES256_s_is_zero", changed(good, 2, lambda d: d[:32] + bytes(32))
    yield "ES256_r_is_the_order", changed(good, 2, lambda d: order + d[32:])
    yield "ES256_s_is_the_order", changed(good, 2, lambda d: d[:32] + order)
    yield "ES256_r_and_s_are_one", changed(good, 2, lambda d: (bytes(31) + b"\1") * 2)
    yield "ES256_r_and_s_change_places", changed(good, 2, lambda d: d[32:] + d[:32])
    yield "ES256_signature_is_one_byte_short", changed(good, 2, lambda d: d[:-1])
    yield "ES256_signature_has_one_byte_more", changed(good, 2, lambda d: d + b"\0")
    yield "ES256_signature_twice", changed(good, 2, lambda d: d + d)
    yield "ES256_coordinates_are_of_48_bytes", changed(good, 2, lambda d: bytes(16) + d[:32] + bytes(16) + d[32:])
    yield "ES256_r_alone", changed(good, 2, lambda d: d[:32])


def add_order(data):
    s = int.from_bytes(data[32:], "little") + ORDER_ED25519
    return bytes(data[:32]) + s.to_bytes(32, "little")


def refused_claims():
    yield "expired", "an_hour_ago", {"exp": NOW - 3600}
    yield "expired", "in_1970", {"exp": 0}
    yield "expired", "an_hour_ago_with_a_fraction", {"exp": NOW - 3600 + 0.5}
    yield "expired", "before_it_was_issued", {"exp": NOW - 7200, "iat": NOW - 3600}
    yield "not_yet_valid", "for_another_hour", {"nbf": NOW + 3600}
    yield "not_yet_valid", "before_the_year_9999", {"nbf": 253402300799}
    for word in ("ID", "Refresh", "Offline", "Logout", "DPoP", "Serverinfo", ""):
        yield "wrong_type", f"claims_say_{word or 'nothing_in_a_string'}", {"typ": word}
    yield "wrong_type", "claims_say_a_number", {"typ": 1}
    yield "wrong_type", "neither_header_nor_claims_say_access_token", {"typ": ...}
    yield "wrong_type", "unmarked_with_the_logout_event", {
        "typ": ..., "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
    issuers = {"another_realm": ISSUER + "2", "a_slash_behind": ISSUER + "/", "no_TLS": ISSUER.replace("https", "http"),
               "in_upper_case": ISSUER.upper(), "only_the_beginning": ISSUER[:-1], "a_space_behind": ISSUER + " ",
               "user_and_host": "https://issuer.example@attacker.example/realms/test", "empty": "", "absent": ...}
    for name, issuer in issuers.items():
        yield "unknown_issuer", f"iss_is_{name}", {"iss": issuer}
    audiences = {"another": "billing", "only_account": "account", "absent": ..., "empty": "", "an_empty_list": [],
                 "a_list_without_ours": ["account", "billing"], "in_upper_case": "ORDERS", "ours_and_more": "orders2",
                 "only_the_beginning": "order", "both_in_one_string": "account orders", "with_a_space": "orders "}
    for name, audience in audiences.items():
        yield "wrong_audience", f"aud_is_{name}", {"aud": audience}
    yield "missing_claim", "sub_is_absent", {"sub": ...}
    yield "missing_claim", "sub_is_empty", {"sub": ""}


def wrong_header_types():
    for typ in ("logout+jwt", "dpop+jwt", "application/logout+jwt", "secevent+jwt", "LOGOUT+JWT"):
        yield f"header_says_{typ.replace('/', '_')}", token(header={"typ": typ})
    yield "header_says_at+jwt_and_claims_say_ID", token(header={"typ": "at+jwt"}, claims={"typ": "ID"})


def bad_tokens():
    makers = [("malformed", malformed_shapes), ("malformed", malformed_headers), ("malformed", malformed_payloads),
              ("unsupported_algorithm", unsupported_algorithms), ("key_mismatch", key_mismatches),
              ("unknown_key", unknown_keys), ("bad_signature", bad_signatures), ("wrong_type", wrong_header_types)]
    for reason, make in makers:
        for name, compact in make():
            yield f"n_{reason}_{name}", compact
    for reason, name, changes in refused_claims():
        yield f"n_{reason}_{name}", token(claims=changes)


# --- key sets ------------------------------------------------------------------------------------


def hostile_keys():
    """One key each, by the answer it gets."""
    big, small, curve, edwards = (K[name] for name in ("rsa-any", "rsa-1024", "ec-256", "ed25519"))
    rsa_jwk, ec_jwk, okp_jwk = public_jwk(big), public_jwk(curve), public_jwk(edwards)
    n = big.public_key().public_numbers().n
    y = curve.public_key().public_numbers().y
    private = number(big.private_numbers().d)
    yield "weak", "RSA_of_1024_bits", public_jwk(small)
    yield "weak", "RSA_of_2047_bits", {**rsa_jwk, "n": number(n >> 1 | 1)}
    yield "weak", "RSA_of_16384_bits", {**rsa_jwk, "n": number(1 << 16383 | 1)}
    yield "weak", "RSA_modulus_is_even", {**rsa_jwk, "n": number(n - 1)}
    yield "weak", "RSA_modulus_is_empty", {**rsa_jwk, "n": ""}
    yield "weak", "RSA_exponent_is_1", {**rsa_jwk, "e": "AQ"}
    yield "weak", "RSA_exponent_is_0", {**rsa_jwk, "e": "AA"}
    yield "weak", "RSA_exponent_is_even", {**rsa_jwk, "e": "AQAA"}
    yield "weak", "RSA_exponent_is_of_40_bits", {**rsa_jwk, "e": number((1 << 39) + 1)}
    yield "weak", "RSA_exponent_is_as_long_as_the_modulus", {**rsa_jwk, "e": number(n - 2)}
    yield "malformed", "RSA_without_n", {k: v for k, v in rsa_jwk.items() if k != "n"}
    yield "malformed", "RSA_without_e", {k: v for k, v in rsa_jwk.items() if k != "e"}
    yield "malformed", "RSA_n_is_a_number", {**rsa_jwk, "n": 65537}
    yield "malformed", "RSA_e_is_a_number", {**rsa_jwk, "e": 65537}
    yield "malformed", "RSA_n_is_padded", {**rsa_jwk, "n": rsa_jwk["n"] + "=="}
    yield "malformed", "RSA_n_is_in_the_other_alphabet", {**rsa_jwk, "n": "+/" + rsa_jwk["n"][2:]}
    yield "malformed", "RSA_key_says_ES256", {**rsa_jwk, "alg": "ES256"}
    yield "malformed", "P-256_key_says_ES384", {**ec_jwk, "alg": "ES384"}
    yield "malformed", "EC_point_off_the_curve", {**ec_jwk, "y": number(y ^ 1, 32)}
    yield "malformed", "EC_point_is_zero", {**ec_jwk, "x": number(0, 32), "y": number(0, 32)}
    yield "malformed", "EC_point_of_another_curve", {**public_jwk(K["ec-384"]), "crv": "P-256"}
    yield "malformed", "EC_x_is_one_byte_short", {**ec_jwk, "x": b64(b"\1" * 31).decode()}
    yield "malformed", "EC_x_is_one_byte_long", {**ec_jwk, "x": b64(b"\0" + base64.urlsafe_b64decode(ec_jwk["x"] + "==")).decode()}
    yield "malformed", "EC_without_y", {k: v for k, v in ec_jwk.items() if k != "y"}
    yield "malformed", "Ed25519_x_is_one_byte_short", {**okp_jwk, "x": b64(b"\1" * 31).decode()}
    yield "malformed", "Ed25519_x_is_empty", {**okp_jwk, "x": ""}
    yield "malformed", "Ed448_with_an_Ed25519_key", {**okp_jwk, "crv": "Ed448"}
    yield "malformed", "kty_is_absent", {k: v for k, v in rsa_jwk.items() if k != "kty"}
    yield "malformed", "kty_is_a_number", {**rsa_jwk, "kty": 1}
    yield "malformed", "kid_is_a_number", {**rsa_jwk, "kid": 1}
    yield "malformed", "kid_is_longer_than_256_bytes", {**rsa_jwk, "kid": "k" * 257}
    yield "malformed", "use_is_a_list", {**rsa_jwk, "use": ["sig"]}
    yield "malformed", "alg_is_a_list", {**rsa_jwk, "alg": ["RS256"]}
    yield "malformed", "key_ops_is_a_string", {**rsa_jwk, "key_ops": "verify"}
    yield "malformed", "key_ops_lists_a_number", {**rsa_jwk, "key_ops": ["verify", 1]}
    yield "malformed", "the_key_is_a_string", "rsa"
    yield "malformed", "the_key_is_null", None
    yield "unsupported", "kty_oct_a_shared_secret", {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "shared"}
    yield "unsupported", "kty_in_lower_case", {**rsa_jwk, "kty": "rsa"}
    yield "unsupported", "crv_is_secp256k1", {**ec_jwk, "crv": "secp256k1"}
    yield "unsupported", "crv_is_X25519", {**okp_jwk, "crv": "X25519"}
    yield "unsupported", "crv_is_absent", {k: v for k, v in ec_jwk.items() if k != "crv"}
    yield "unsupported", "OKP_on_P-256", {**okp_jwk, "crv": "P-256"}
    yield "unsupported", "alg_is_HS256", {**rsa_jwk, "alg": "HS256"}
    yield "unsupported", "alg_is_none", {**rsa_jwk, "alg": "none"}
    yield "unsupported", "alg_is_in_lower_case", {**rsa_jwk, "alg": "rs256"}
    yield "not_for_signing", "use_is_enc", {**rsa_jwk, "use": "enc", "alg": "RSA-OAEP"}
    yield "not_for_signing", "use_is_SIG", {**rsa_jwk, "use": "SIG"}
    yield "not_for_signing", "use_is_x509-svid", {**rsa_jwk, "use": "x509-svid"}
    yield "not_for_signing", "use_is_JWT-SVID", {**rsa_jwk, "use": "JWT-SVID"}
    yield "not_for_signing", "alg_is_RSA-OAEP-256", {**rsa_jwk, "alg": "RSA-OAEP-256"}
    yield "not_for_signing", "alg_is_ECDH-ES", {**ec_jwk, "alg": "ECDH-ES"}
    yield "not_for_signing", "key_ops_is_empty", {**rsa_jwk, "key_ops": []}
    yield "not_for_signing", "key_ops_only_signs", {**rsa_jwk, "key_ops": ["sign"]}
    yield "not_for_signing", "use_is_sig_and_key_ops_encrypts", {**rsa_jwk, "use": "sig", "key_ops": ["encrypt"]}
    yield "private", "RSA_with_d", {**rsa_jwk, "d": private}
    yield "private", "RSA_with_a_prime", {**rsa_jwk, "p": "AQAB"}
    yield "private", "EC_with_d", {**ec_jwk, "d": number(curve.private_numbers().private_value, 32)}
    yield "private", "Ed25519_with_d", {**okp_jwk, "d": okp_jwk["x"]}


def hostile_sets():
    good, other = public_jwk(K["rsa-any"], kid="a"), public_jwk(K["rsa-rs256"], kid="a")
    text = dump({"keys": [good]})
    yield "empty", "no_keys_in_the_list", '{"keys":[]}'
    yield "malformed", "nothing_at_all", ""
    yield "malformed", "an_empty_object", "{}"
    yield "malformed", "a_list", dump([good])
    yield "malformed", "keys_is_an_object", dump({"keys": {"a": good}})
    yield "malformed", "keys_stands_twice", text[:-1] + ',"keys":[]}'
    yield "malformed", "a_member_of_a_key_stands_twice", text.replace('"kty":"RSA"', '"kty":"RSA","kty":"EC"')
    yield "malformed", "bytes_behind_it", text + "x"
    yield "malformed", "cut_short", text[:-1]
    yield "malformed", "an_HTML_page", "<!DOCTYPE html><html><body>503 Service Unavailable</body></html>"
    yield "malformed", "nested_too_deep", text[:-1] + ',"x":' + "[" * 100 + "]" * 100 + "}"
    yield "duplicate", "one_kid_for_two_keys", dump({"keys": [good, other]})
    yield "duplicate", "one_kid_for_two_keys_and_one_narrower", dump({"keys": [good, {**other, "alg": "RS256"}]})
    yield "too_many", "1025_keys", dump({"keys": [1] * 1025})


def good_sets():
    rsa_jwk, ec_jwk = public_jwk(K["rsa-any"], kid="a"), public_jwk(K["ec-256"], kid="a")
    zero = {**rsa_jwk, "n": b64(b"\0" + base64.urlsafe_b64decode(rsa_jwk["n"] + "==")).decode()}
    yield "one_bare_key", rsa_jwk
    yield "keys_for_other_things_beside_ours", {"keys": [{"kty": "oct", "k": "AA"}, {**rsa_jwk, "use": "enc"}, 7, rsa_jwk]}
    yield "one_kid_for_an_RSA_and_an_EC_key", {"keys": [rsa_jwk, ec_jwk]}
    yield "the_same_key_twice", {"keys": [rsa_jwk, rsa_jwk]}
    yield "the_same_key_once_for_RS256_and_once_for_PS256", {
        "keys": [{**rsa_jwk, "alg": "RS256"}, {**rsa_jwk, "alg": "PS256"}]}
    yield "RSA_modulus_with_a_zero_byte_in_front", {"keys": [zero]}
    yield "RSA_exponent_is_3", {"keys": [{**rsa_jwk, "e": "Aw"}]}
    yield "certificates_and_unknown_members_are_ignored", {"keys": [{
        **rsa_jwk, "x5c": ["no certificate"], "x5t": 7, "x5u": "https://attacker.example", "ext": True}], "note": [1]}
    yield "a_SPIFFE_bundle", {"spiffe_sequence": 2, "spiffe_refresh_hint": 300, "keys": [
        {**public_jwk(K["rsa-any"]), "use": "x509-svid", "x5c": ["no certificate"]}, {**ec_jwk, "use": "jwt-svid"}]}
    yield "keys_without_kid", {"keys": [public_jwk(K["rsa-any"]), public_jwk(K["ec-256"])]}


# --- writing -------------------------------------------------------------------------------------


def write(folder, name, content):
    assert len(name) < 120 and "/" not in name, name
    path = folder / name
    assert not path.exists(), f"two of {name}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def main():
    for old in [*HERE.glob("[ny]_*.jws"), *KEYSETS.glob("[ny]_*.json")]:
        old.unlink()
    KEYSETS.mkdir(exist_ok=True)
    (HERE / "keys.jwks").write_text(json.dumps(issuer_keys(), indent=1) + "\n")
    (HERE / "strangers.jwks").write_text(json.dumps(strangers_keys(), indent=1) + "\n")
    for name, compact in good_tokens():
        write(HERE, f"y_{name}.jws", compact)
    for name, compact in bad_tokens():
        write(HERE, f"{name}.jws", compact)
    for answer, name, jwk in hostile_keys():
        write(KEYSETS, f"n_{answer}_{name}.json", dump({"keys": [jwk]}))
    for answer, name, text in hostile_sets():
        write(KEYSETS, f"n_{answer}_{name}.json", text)
    for name, document in good_sets():
        write(KEYSETS, f"y_{name}.json", dump(document))
    for folder, kinds in ((HERE, "jws"), (KEYSETS, "json")):
        print(folder.name, *(f"{k}: {len(list(folder.glob(f'{k}_*.{kinds}')))}" for k in "yn"))


if __name__ == "__main__":
    main()
