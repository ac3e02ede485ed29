"""Token sources beyond one Keycloak: examples/issuers/*.conf as they are, with each source's real claim set.

devidp stands in for the source: it takes the source's name, signs what the source would say and nothing else (mint_raw)
and serves the keys. Only fetch_url is put into the example, and the path of a file that only a pod has. A good token
passes; each of its bad neighbours differs in one claim.
"""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

import providers
from harness import Authd, part_of, reachable, until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "issuers"
VALID = ("valid", "valid")
NO_CLAIM = ("forbidden", "missing_claim")
pytestmark = pytest.mark.provider_free

LIFETIME_SEC = 3600


def times(lifetime_sec=LIFETIME_SEC):
    now = int(time.time())
    return {"iat": now, "nbf": now - 5, "exp": now + lifetime_sec}


# --- what each source says ---

GITLAB = {  # an ID token of a job that deploys, GitLab 18
    "namespace_id": "72", "namespace_path": "shop", "project_id": "20", "project_path": "shop/orders",
    "user_id": "1", "user_login": "sample-user", "user_email": "sample-user@example.com",
    "user_access_level": "developer",
    "user_identities": [{"provider": "github", "extern_uid": "2435223452345"},
                        {"provider": "bitbucket", "extern_uid": "john.smith"}],
    "pipeline_id": "574", "pipeline_source": "push", "job_id": "302", "job_project_id": "20",
    "job_project_path": "shop/orders", "job_namespace_id": "72", "job_namespace_path": "shop",
    "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
    "groups_direct": ["shop/reviewers", "other/group"], "environment": "production",
    "environment_protected": "true", "deployment_tier": "production", "deployment_action": "start",
    "runner_id": 1, "runner_environment": "self-hosted", "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
    "project_visibility": "private",
    "ci_config_ref_uri": "gitlab.example.com/shop/orders//.gitlab-ci.yml@refs/heads/main",
    "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bc", "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
    "iss": "https://gitlab.example.com", "sub": "project_path:shop/orders:ref_type:branch:ref:main",
    "aud": "https://orders.example.com",
}

KUBERNETES = {  # a projected token, Kubernetes 1.32
    "aud": ["orders"], "iss": "https://kubernetes.default.svc.cluster.local",
    "jti": "e51f1fbc-4733-4b85-a59f-ba80c0523874",
    "kubernetes.io": {
        "namespace": "shop",
        "node": {"name": "worker-1", "uid": "517eb86e-b863-451b-bf70-86cb61439a3a"},
        "pod": {"name": "checkout-6c9f7d", "uid": "0d8b260e-ef0e-45fb-be8e-ff44f97722e8"},
        "serviceaccount": {"name": "checkout", "uid": "e6a8680e-d103-4cce-80ea-03acbbeacf7d"},
        "warnafter": 1717674962,
    },
    "sub": "system:serviceaccount:shop:checkout",
}

GOOGLE = {  # an ID token of a web application, scope "openid email profile"
    "iss": "https://accounts.google.com", "azp": "407408718192-orders.apps.googleusercontent.com",
    "aud": "407408718192-orders.apps.googleusercontent.com", "sub": "110169484474386276334", "hd": "example.com",
    "email": "jsmith@example.com", "email_verified": True, "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "name": "Jane Smith",
    "picture": "https://lh3.googleusercontent.com/a/picture=s96-c", "given_name": "Jane", "family_name": "Smith",
    "jti": "9c6b0a2f5a3b", "nonce": "0394852-3190485-2490358",
}

SPIFFE = {  # spire-agent api fetch jwt -audience orders, with jwt_issuer
    "aud": ["orders"], "iss": "https://spire-oidc.example.org", "sub": "spiffe://example.org/ns/shop/sa/checkout",
}

KEYCLOAK = {  # an access token of a person, Keycloak 26
    "jti": "onrtac:6d8f3a52-5d3f-7a39-8f60-2a2e1d2f0b7c", "aud": ["orders", "account"],
    "sub": "7e2f6f0e-57b8-4b4e-9d3c-6f3d7c7e4c11", "typ": "Bearer", "azp": "orders-web",
    "sid": "mB5w7a2bE0c1", "acr": "1", "allowed-origins": ["https://orders.example.com"],
    "realm_access": {"roles": ["offline_access", "uma_authorization", "default-roles-holodeck"]},
    "resource_access": {"orders": {"roles": ["writer"]}, "account": {"roles": ["view-profile"]}},
    "scope": "openid orders:read profile email", "email_verified": True, "preferred_username": "alice",
}
PARTNERS = "https://sso.example.com/realms/partners"
HOLODECK = "https://sso.example.com/realms/holodeck"

UNTYPED = {"typ": None}

# example: the claims of a good token, its header, its policy, one header that a yes hands on
SOURCES = {
    "gitlab-ci": (GITLAB, {"typ": "JWT"}, "deploy", ("X-Auth-Request-Project", "shop/orders")),
    "kubernetes": (KUBERNETES, UNTYPED, "orders", ("X-Auth-Request-Namespace", "shop")),
    "google": (GOOGLE, {"typ": "JWT"}, "staff", ("X-Auth-Request-Email", "jsmith@example.com")),
    "spiffe": (SPIFFE, {"typ": "JWT"}, "orders", ("X-Auth-Request-User", "spiffe://example.org/ns/shop/sa/checkout")),
    "keycloak-second-realm": ({**KEYCLOAK, "iss": PARTNERS}, {"typ": "JWT"}, "orders",
                              ("X-Auth-Request-Issuer", PARTNERS)),
}

WRONG_AUDIENCE = ("invalid", "wrong_audience")
UNKNOWN_ISSUER = ("invalid", "unknown_issuer")


def pod(**members):
    return {"kubernetes.io": {**KUBERNETES["kubernetes.io"], **members}}


# example, a sentence, claims that differ (None: absent), verdict
NEIGHBOURS = [
    ("gitlab-ci", "another project", {"project_path": "shop/billing"}, NO_CLAIM),
    ("gitlab-ci", "a project whose name begins alike", {"project_path": "shop/orders-fork"}, NO_CLAIM),
    ("gitlab-ci", "the same name in another group", {"project_path": "evil/shop/orders"}, NO_CLAIM),
    ("gitlab-ci", "the right project in sub alone", {"project_path": None}, NO_CLAIM),
    ("gitlab-ci", "an unprotected ref", {"ref_protected": "false"}, NO_CLAIM),
    ("gitlab-ci", "a ref of which nobody says anything", {"ref_protected": None}, NO_CLAIM),
    ("gitlab-ci", "a protected ref in capitals", {"ref_protected": "True"}, NO_CLAIM),
    ("gitlab-ci", "a protected ref as a boolean is the same word", {"ref_protected": True}, VALID),
    ("gitlab-ci", "a protected ref as a number", {"ref_protected": 1}, NO_CLAIM),
    ("gitlab-ci", "another environment", {"environment": "staging"}, NO_CLAIM),
    ("gitlab-ci", "no environment", {"environment": None}, NO_CLAIM),
    ("gitlab-ci", "another service", {"aud": "https://billing.example.com"}, WRONG_AUDIENCE),
    ("gitlab-ci", "the instance's own audience", {"aud": "https://gitlab.example.com"}, WRONG_AUDIENCE),
    ("gitlab-ci", "another instance", {"iss": "https://gitlab.com"}, UNKNOWN_ISSUER),
    ("gitlab-ci", "the instance with a slash", {"iss": "https://gitlab.example.com/"}, UNKNOWN_ISSUER),
    ("gitlab-ci", "a job that is over", {"exp": 1}, ("invalid", "expired")),
    ("kubernetes", "another namespace", pod(namespace="billing"), NO_CLAIM),
    ("kubernetes", "another account", pod(serviceaccount={"name": "default", "uid": "1"}), NO_CLAIM),
    ("kubernetes", "the namespace outside of its object", {"kubernetes.io": None, "namespace": "shop"}, NO_CLAIM),
    ("kubernetes", "an object that is a string", {"kubernetes.io": "shop"}, NO_CLAIM),
    ("kubernetes", "the cluster's own audience", {"aud": ["https://kubernetes.default.svc.cluster.local"]},
     WRONG_AUDIENCE),
    ("kubernetes", "two audiences, and ours is second", {"aud": ["vault", "orders"]}, VALID),
    ("kubernetes", "no audience", {"aud": None}, WRONG_AUDIENCE),
    ("kubernetes", "a legacy token without audience and end", {"aud": None, "exp": None},
     ("invalid", "malformed")),
    ("kubernetes", "another cluster", {"iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"}, UNKNOWN_ISSUER),
    ("google", "another domain", {"hd": "example.org"}, NO_CLAIM),
    ("google", "a private account with such an address", {"hd": None}, NO_CLAIM),
    ("google", "a subdomain", {"hd": "sub.example.com"}, NO_CLAIM),
    ("google", "an address that nobody verified", {"email_verified": False}, NO_CLAIM),
    ("google", "verified of null", {"email_verified": None}, NO_CLAIM),
    ("google", "verified by a list", {"email_verified": [True]}, NO_CLAIM),
    ("google", "verified by an object", {"email_verified": {"true": True}}, NO_CLAIM),
    ("google", "another application", {"aud": "1-evil.apps.googleusercontent.com"}, WRONG_AUDIENCE),
    ("google", "our application as azp alone", {"aud": "1-evil.apps.googleusercontent.com",
                                                "azp": GOOGLE["azp"]}, WRONG_AUDIENCE),
    ("google", "the issuer without https", {"iss": "accounts.google.com"}, UNKNOWN_ISSUER),
    ("spiffe", "another trust domain", {"sub": "spiffe://example.com/ns/shop/sa/checkout"}, NO_CLAIM),
    ("spiffe", "a trust domain that begins alike", {"sub": "spiffe://example.org.evil/ns/shop/sa/checkout"}, NO_CLAIM),
    ("spiffe", "another workload", {"sub": "spiffe://example.org/ns/shop/sa/default"}, NO_CLAIM),
    ("spiffe", "a workload below it", {"sub": "spiffe://example.org/ns/shop/sa/checkout/x"}, NO_CLAIM),
    ("spiffe", "another audience", {"aud": ["spiffe://example.org/billing"]}, WRONG_AUDIENCE),
    ("spiffe", "no issuer, as SPIRE does without jwt_issuer", {"iss": None}, UNKNOWN_ISSUER),
    ("keycloak-second-realm", "the house's realm in a token of the partners' keys", {"iss": HOLODECK},
     ("invalid", "unknown_key")),
    ("keycloak-second-realm", "a third realm", {"iss": "https://sso.example.com/realms/master"}, UNKNOWN_ISSUER),
    ("keycloak-second-realm", "another audience", {"aud": ["billing", "account"]}, WRONG_AUDIENCE),
    ("keycloak-second-realm", "another scope", {"scope": "openid profile"}, ("forbidden", "missing_scope")),
    ("keycloak-second-realm", "an ID token", {"typ": "ID"}, ("invalid", "wrong_type")),
]


# --- the stage ---


POD_TOKEN = "the-token-of-authds-own-pod"


def in_a_pod(text, folder):
    """The text with other paths for the files that every pod has: any authority, and a token."""
    if "\nca_file = " not in text:
        return text
    (folder / "token").write_text(POD_TOKEN)
    text = re.sub(r"^ca_file = .*$", f"ca_file = {certificate(folder)}", text, flags=re.M)
    return re.sub(r"^fetch_token_file = .*$", f"fetch_token_file = {folder / 'token'}", text, flags=re.M)


def certificate(folder):
    path = folder / "ca.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=cluster", "-keyout", folder / "ca.key", "-out", path], check=True, capture_output=True)
    return path


def placed(example, idps, folder):
    """The example's text with fetch_url for each issuer: where devidp is."""
    text = (EXAMPLES / f"{example}.conf").read_text()
    text = re.sub(r"^fetch_url = .*\n", "", text, flags=re.M)
    text = in_a_pod(text, folder)
    urls = re.findall(r"^url = (\S+)$", text, re.M)
    assert len(urls) == len(idps)
    for url, idp in zip(urls, idps):
        idp.name_issuer(url)
        text = text.replace(f"\nurl = {url}\n", f"\nurl = {url}\nfetch_url = {idp.issuer_url}\n")
    return text


class Stage:
    """An authd with one example's settings, and the sources that it names."""

    def __init__(self, example, programs, folder):
        text = (EXAMPLES / f"{example}.conf").read_text()
        self.idps = [providers.DevIdp(programs.devidp) for _ in re.findall(r"^\[issuer ", text, re.M)]
        self.authd = Authd(programs, folder)
        for idp in self.idps:
            idp.start()
            idp.rotate("RS256")  # devidps are lent the same keys: this one is its own
        self.authd.write(placed(example, self.idps, folder), allow_development_issuers="true")
        self.authd.start()

    def end(self):
        self.authd.end()
        for idp in self.idps:
            idp.stop()


@pytest.fixture(scope="module")
def stages(programs, tmp_path_factory):
    started = {}

    def stage(example):
        if example not in started:
            folder = reachable(tmp_path_factory.mktemp(example))
            started[example] = Stage(example, programs, folder)
        return started[example]

    yield stage
    for one in started.values():
        one.end()


def said(base, changes):
    return {name: value for name, value in {**base, **times(), **changes}.items() if value is not None}


def token_of(stage, example, changes=None, **header):
    claims, usual, _, _ = SOURCES[example]
    # The last issuer of the example is the one that stands in for the source.
    return stage.idps[-1].mint_raw(said(claims, changes or {}), header={**usual, **header}, alg="RS256")


# --- the tests ---


@pytest.mark.parametrize("example", sorted(SOURCES))
def test_a_good_token_passes_and_names_its_bearer(stages, example):
    stage, (claims, _, policy, (header, value)) = stages(example), SOURCES[example]
    token = token_of(stage, example)
    assert part_of(token, 1) == said(claims, {name: part_of(token, 1)[name] for name in times()})
    status, answer = stage.authd.check(token, policy)
    assert (status, answer["verdict"]) == (200, "valid"), answer
    answer = stage.authd.get(f"/auth/{policy}", {"Authorization": f"Bearer {token}"})
    assert (answer.status, answer.headers[header]) == (204, value)


@pytest.mark.parametrize("example, sentence, changes, verdict", NEIGHBOURS, ids=[f"{row[0]}: {row[1]}" for row in NEIGHBOURS])
def test_its_neighbours(stages, example, sentence, changes, verdict):
    stage = stages(example)
    assert stage.authd.verdict(token_of(stage, example, changes), SOURCES[example][2]) == verdict


@pytest.mark.parametrize("example", sorted(SOURCES))
def test_a_signature_of_nobody_is_refused(stages, example):
    stage, (claims, header, policy, _) = stages(example), SOURCES[example]
    token = stage.idps[-1].mint_raw(said(claims, {}), header=header, alg="RS256", forged=True)
    assert stage.authd.verdict(token, policy) == ("invalid", "bad_signature")


@pytest.mark.parametrize("example", ["gitlab-ci", "kubernetes", "google", "spiffe"])
def test_type_any_takes_no_token_that_is_marked_otherwise(stages, example):
    """What is marked as something else by the same source stays refused."""
    stage = stages(example)
    for typ in ("logout+jwt", "dpop+jwt"):
        assert stage.authd.verdict(token_of(stage, example, typ=typ), SOURCES[example][2]) == ("invalid", "wrong_type")


@pytest.mark.parametrize("typ", ["JWT", "JOSE", None])
def test_each_typ_of_a_jwt_svid(stages, typ):
    assert stages("spiffe").authd.verdict(token_of(stages("spiffe"), "spiffe", typ=typ), "orders") == VALID


def test_a_trust_bundle_as_a_file(programs, daemon, stages):
    """x509-svid keys are left out, and a bundle of them alone is refused."""
    idp = stages("spiffe").idps[0]
    kid = part_of(token_of(stages("spiffe"), "spiffe"), 0)["kid"]
    key = next(key for key in idp.keys() if key["kid"] == kid)
    bare = {name: value for name, value in key.items() if name in ("kty", "n", "e", "kid")}
    authority = {**bare, "use": "x509-svid", "x5c": ["MIIBvzCCAWWgAwIBAgIRAIXPr38"]}
    bundle = daemon.directory / "bundle.json"
    text = (EXAMPLES / "spiffe.conf").read_text().replace("# keys_file = /var/lib/authd/spire-bundle.json", f"keys_file = {bundle}")

    bundle.write_text(json.dumps({"keys": [authority], "spiffe_sequence": 1, "spiffe_refresh_hint": 300}))
    daemon.write(text)
    refused = daemon.check_config()
    assert refused.returncode != 0 and "keys_file" in refused.stderr, refused

    signer = {**bare, "use": "jwt-svid"}
    bundle.write_text(json.dumps({"keys": [authority, signer], "spiffe_sequence": 2, "spiffe_refresh_hint": 300}))
    daemon.start()
    assert daemon.verdict(token_of(stages("spiffe"), "spiffe"), "orders") == VALID
    assert daemon.verdict(token_of(stages("spiffe"), "spiffe", {"sub": "spiffe://example.com/x"}), "orders") == NO_CLAIM


# Several issuers


def test_a_policy_takes_its_own_issuers_only(stages):
    stage = stages("keycloak-second-realm")
    house, partners = stage.idps
    good = said(KEYCLOAK, {"iss": HOLODECK})
    assert stage.authd.verdict(house.mint_raw(good, alg="RS256"), "orders") == VALID
    assert stage.authd.verdict(house.mint_raw(good, alg="RS256"), "orders-admin") == VALID
    theirs = partners.mint_raw(said(KEYCLOAK, {"iss": PARTNERS}), alg="RS256")
    assert stage.authd.verdict(theirs, "orders") == VALID
    assert stage.authd.verdict(theirs, "orders-admin") == ("invalid", "unknown_issuer")


def test_an_issuer_never_borrows_anothers_key_of_the_same_kid(stages):
    """Both sign under one kid with keys of their own; only who is named may have signed."""
    stage = stages("keycloak-second-realm")
    for idp in stage.idps:
        assert idp.rotate("ES256", kid="shared") == "shared"
    points = [next((key["x"], key["y"]) for key in idp.keys() if key["kid"] == "shared") for idp in stage.idps]
    assert points[0] != points[1]
    tokens = {}
    for signer, idp in zip((HOLODECK, PARTNERS), stage.idps):
        for named in (HOLODECK, PARTNERS):
            tokens[signer, named] = idp.mint_raw(said(KEYCLOAK, {"iss": named}), alg="ES256")
            assert part_of(tokens[signer, named], 0)["kid"] == "shared"
    # The first question about the kid fetches it.
    for own in (HOLODECK, PARTNERS):
        until(f"the key of {own} is known", lambda own=own: stage.authd.verdict(tokens[own, own], "orders") == VALID)
    for (signer, named), token in tokens.items():
        wanted = VALID if signer == named else ("invalid", "bad_signature")
        assert stage.authd.verdict(token, "orders") == wanted, (signer, named)
    # The signatures of two good tokens, swapped.
    first, second = (tokens[own, own].rsplit(".", 1) for own in (HOLODECK, PARTNERS))
    for head, signature in ((first[0], second[1]), (second[0], first[1])):
        assert stage.authd.verdict(f"{head}.{signature}", "orders") == ("invalid", "bad_signature")


# The files themselves


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.conf")), ids=lambda path: path.stem)
def test_the_example_is_right_as_it_is(programs, daemon, path):
    daemon.config_path.write_text(in_a_pod(path.read_text(), daemon.directory))
    done = daemon.check_config()
    assert done.returncode == 0, done.stderr
    assert path.stem in SOURCES and path.name in (EXAMPLES / "README.md").read_text()


def test_all_examples_go_together(programs, daemon):
    """As files of one conf.d: policies of the same name but one are renamed, as an administrator would."""
    folder = daemon.directory / "conf.d"
    folder.mkdir()
    daemon.config_path.write_text("[authd]\n")
    for path in EXAMPLES.glob("*.conf"):
        text = in_a_pod(path.read_text(), daemon.directory).replace("[policy orders", f"[policy {path.stem}-orders")
        (folder / path.name).write_text(text)
    done = daemon.check_config()
    assert done.returncode == 0 and "6 issuers, 6 policies" in done.stdout, done.stdout + done.stderr
