"""people_provoke: how to get each answer that the contract declares for the doors of people as accounts."""

from conftest import POLICIES, issuer_section
from doors_rows import ABSENT_ISSUER
from harness import until
from providers import ProviderError

CLIENT = "people-reader"
READS = ("view-users", "query-groups", "view-realm", "view-events")
QUESTIONS = {"/v1/users/sync": {}, "/v1/ids/assign": {"dry_run": True}}
QUERIES = {"/v1/passwd": "name=alice", "/v1/group": "user=alice", "/v1/id": "name=alice"}


def client_file(case, client):
    path = case.authd.directory / "people.secret"
    path.write_text(case.provider.client_secret(client))
    path.chmod(0o600)
    return path


def make_reader(provider):
    try:
        provider.token(CLIENT)
    except (ProviderError, AssertionError):
        provider.create_client(CLIENT)
    provider.grant_roles(CLIENT, *READS)


def with_users(case, issuer, *sections, policies=POLICIES):
    users = f"[users]\nissuer = {issuer}\ngroups = /eng/**\nsync = 1d"
    case.authd.write(*sections, policies, users, allow_development_issuers="true")
    assert case.authd.reload().status == 200


def read(case):
    """The realm's people are there."""
    make_reader(case.provider)
    secret = client_file(case, CLIENT)
    with_users(case, "holodeck", issuer_section(case.provider, client_id=CLIENT, client_secret_file=secret))
    until("people are read", lambda: case.authd.get("/v1/status").json["people"]["sync"]["last_sweep_at"])


def unread(case):
    """There are people to be read, and their issuer never answers."""
    far = f"[issuer far]\nurl = {ABSENT_ISSUER}\nclient_id = x\nclient_secret_file = {client_file(case, 'x')}"
    with_users(case, "far", issuer_section(case.provider), far, policies="[policy p]\nissuers = far\naudience = a")


def asked(case):
    if case.method == "POST":
        return case.authd.post(case.path, QUESTIONS[case.path])
    query = QUERIES.get(case.path)
    return case.send(f"{case.path}?{query}" if query else None)


def asked_when(prepare):
    def provoke(case):
        prepare(case)
        return asked(case)

    return provoke


def not_there(case):
    read(case)
    return case.send(f"{case.path}?name=nobody-knows")


LOOKUPS = ("/v1/passwd", "/v1/group", "/v1/id")
LISTS = ("/v1/users", "/v1/groups", "/v1/ids")
PEOPLE = [
    *(("*", path, "200", asked_when(read)) for path in (*LOOKUPS, *LISTS, *QUESTIONS)),
    *(("*", path, "404", not_there) for path in LOOKUPS),
    *(("*", path, "404", asked) for path in (*LISTS, *QUESTIONS)),
    *(("*", path, "503", asked_when(unread)) for path in ("/v1/passwd", "/v1/group", *QUESTIONS)),
]
