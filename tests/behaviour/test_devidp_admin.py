"""devidp's Admin REST API over the wire: what a synchronisation of people rests on.

The roles that each path needs, and the shapes, are tables of tests/unit/devidp/test_admin.c.
"""

import http.client
import json
import pathlib
import time
import urllib.error

import pytest

import providers
from harness import part_of

pytestmark = pytest.mark.devidp

SYNC = "sync"
PASSWORD = "people-password"
START_SEC_MAX = 3
MEMORY_KB_MAX = 128 * 1024
ROLES = ["view-users", "manage-users", "view-realm", "view-events", "view-clients"]


def write_realm(folder, **more):
    realm = {
        "realm": providers.REALM,
        "keys": ["ES256"],
        "default_alg": "ES256",
        "clients": [
            {
                "id": SYNC,
                "secret": f"{SYNC}-secret",
                "direct_grant": True,
                "service_account": {"client_roles": {"realm-management": ROLES}},
            },
            {"id": "asker", "secret": "asker-secret", "audience": ["asker"], "direct_grant": True},
        ],
        "users": [{"username": "alice", "password": "alice-password", "groups": ["/eng/platform"]}],
        **more,
    }
    path = pathlib.Path(folder) / "realm.json"
    path.write_text(json.dumps(realm))
    return path


def people(count, groups, each):
    return {"count": count, "groups": groups, "groups_each": each, "password": PASSWORD}


@pytest.fixture
def small(programs, tmp_path):
    realm = write_realm(tmp_path, people=people(300, 80, 3), events=True)
    with providers.DevIdp(programs.devidp, realm=realm) as one:
        yield one


@pytest.fixture
def token(small):
    return small.token(SYNC)


def get(devidp, token, path):
    reply = devidp.admin(token, path)
    assert reply.status == 200, reply.body
    return reply.json()


def pages(devidp, token, path, size):
    first, rest = 0, True
    while rest:
        rest = get(devidp, token, f"{path}{'&' if '?' in path else '?'}first={first}&max={size}")
        yield from rest
        first += size


def below(devidp, token, groups):
    for group in groups:
        yield group
        if group["subGroupCount"]:
            yield from below(devidp, token, get(devidp, token, f"/groups/{group['id']}/children?max=500"))


SHAPES = [
    ("a brief user", "/users?max=1&briefRepresentation=true", [0, "id username emailVerified enabled createdTimestamp access"]),
    ("a user", "/users?username=p000001&exact=true", [0, "id username firstName lastName email emailVerified enabled "
     "createdTimestamp totp disableableCredentialTypes requiredActions notBefore access"]),
    ("a brief group", "/groups?max=1", [0, "id name path subGroupCount subGroups access"]),
    ("a group", "/groups?max=1&briefRepresentation=false",
     [0, "id name path subGroupCount subGroups attributes realmRoles clientRoles access"]),
    ("a role", "/roles/offline_access", ["id name composite clientRole containerId"]),
    ("a client", "/clients?clientId=asker",
     [0, "id clientId enabled publicClient serviceAccountsEnabled protocol fullScopeAllowed"]),
    ("what is kept of events", "/events/config", ["eventsEnabled eventsListeners enabledEventTypes adminEventsEnabled "
     "adminEventsDetailsEnabled"]),
]  # fmt: skip


@pytest.mark.parametrize("name, path, shape", SHAPES, ids=[row[0] for row in SHAPES])
def test_members_are_keycloaks_in_its_order(small, token, name, path, shape):
    *steps, names = shape
    answer = get(small, token, path)
    for step in steps:
        answer = answer[step]
    assert list(answer) == names.split()


def test_a_sweep_sees_everybody_once_and_each_membership(small, token):
    names = [person["username"] for person in pages(small, token, "/users", 70)]
    assert len(names) == 301 == get(small, token, "/users/count") and names == sorted(set(names))
    groups = list(below(small, token, get(small, token, "/groups")))
    assert len(groups) == 80 + 2 == get(small, token, "/groups/count")["count"]
    members = [m["username"] for g in groups for m in pages(small, token, f"/groups/{g['id']}/members", 7)]
    assert len(members) == 300 * 3 + 1
    deepest = max(groups, key=lambda group: group["path"].count("/"))
    assert deepest["path"].count("/") == 3 and deepest["parentId"]


def test_a_generated_person_logs_in_and_is_who_the_admin_api_says(small, token):
    claims = part_of(small.token(SYNC, "p000042", PASSWORD), 1)
    (person,) = get(small, token, "/users?username=p000042&exact=true")
    assert claims["sub"] == person["id"] and claims["preferred_username"] == "p000042"
    groups = get(small, token, f"/users/{person['id']}/groups")
    assert sorted(claims["groups"]) == sorted(group["path"] for group in groups) and len(groups) == 3
    assert small.token_request(SYNC, "p000042", "wrong").status == 400
    assert small.token_request(SYNC, "p000301", PASSWORD).status == 400


@pytest.mark.parametrize("out", ["disabled", "deleted"])
def test_who_is_out_gets_no_token_and_has_none(small, out):
    kept = small.token_response("asker", "p000042", PASSWORD)
    assert small.introspect(kept["access_token"], "asker")["active"]
    if out == "disabled":
        small.change_person("p000042", enabled=False)
    else:
        small.delete_person("p000042")
    assert small.token_request("asker", "p000042", PASSWORD).status == 400
    assert small.refresh("asker", kept["refresh_token"]).status == 400
    assert not small.introspect(kept["access_token"], "asker")["active"]


def test_who_is_made_again_under_the_name_is_another(small, token):
    former = part_of(small.token(SYNC, "p000007", PASSWORD), 1)["sub"]
    now = small.recreate_person("p000007")
    assert now != former
    assert part_of(small.token(SYNC, "p000007", PASSWORD), 1)["sub"] == now
    assert small.admin(token, f"/users/{former}").status == 404


def test_events_tell_of_changes_since_a_time(small, token):
    small.change_person("p000001", enabled=False)
    start = get(small, token, "/admin-events")[0]["time"] + 1
    while time.time() * 1000 <= start:
        time.sleep(0.001)
    user = small.change_person("p000002", rename="somebody")
    small.join("somebody", "/eng")
    small.delete_group("/eng/platform")
    paths = [event["resourcePath"] for event in get(small, token, f"/admin-events?dateFrom={start}")]
    assert len(paths) == 3 and paths[2] == f"users/{user}" and paths[1].startswith(f"users/{user}/groups/")
    chosen = get(small, token, f"/admin-events?dateFrom={start}&operationTypes=DELETE&operationTypes=CREATE")
    assert [event["operationType"] for event in chosen] == ["DELETE", "CREATE"]
    small.keep_events(False)
    assert get(small, token, "/events/config")["adminEventsEnabled"] is False
    small.delete_person("somebody")
    assert len(get(small, token, f"/admin-events?dateFrom={start}")) == 3


def test_an_attribute_that_the_profile_does_not_declare_is_dropped(small, token):
    (person,) = get(small, token, "/users?username=p000003&exact=true")
    small.declare_attributes(["uidNumber"])
    wanted = {"attributes": {"uidNumber": ["5000"], "shoeSize": ["43"]}}
    assert small.admin(token, f"/users/{person['id']}", "PUT", wanted).status == 204
    assert get(small, token, f"/users/{person['id']}")["attributes"] == {"uidNumber": ["5000"]}
    assert part_of(small.token(SYNC, "p000003", PASSWORD), 1)["uidNumber"] == "5000"


@pytest.mark.parametrize("fault, status", [("500", 500), ("503", 503), ("429", 429)])
def test_the_admin_api_fails_as_told(small, token, fault, status):
    small.fault(admin=fault, times=1, retry_after=7)
    reply = small.admin(token, "/users")
    assert reply.status == status
    assert reply.headers.get("Retry-After") == ("7" if fault == "429" else None)
    assert small.admin(token, "/users").status == 200


@pytest.mark.parametrize("fault", ["html", "truncate", "empty"])
def test_the_admin_api_says_what_is_no_json(small, token, fault):
    small.fault(admin=fault)
    with pytest.raises(json.JSONDecodeError):
        small.admin(token, "/users").json()


def test_the_admin_api_breaks_off_and_is_late(small, token):
    small.fault(admin="reset", times=1)
    with pytest.raises((http.client.IncompleteRead, urllib.error.URLError)):
        small.admin(token, "/users")
    small.fault(admin="slow", delay_msec=300, times=1)
    began = time.monotonic()
    assert small.admin(token, "/users").status == 200
    assert time.monotonic() - began >= 0.3


def test_requests_are_counted_and_the_busiest_second_is_known(small, token):
    small.reset_stats()
    for _ in range(5):
        small.admin(token, "/users/count")
    told = small.stats()
    assert told["admin"] == 5 and 1 <= told["admin_peak_in_a_second"] <= 5
    small.reset_stats()
    assert small.stats()["admin_peak_in_a_second"] == 0


def memory_kb(devidp):
    status = pathlib.Path(f"/proc/{devidp.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_a_hundred_thousand_people_start_soon_and_are_small(programs, tmp_path):
    realm = write_realm(tmp_path, people=people(100_000, 2000, 10))
    began = time.monotonic()
    with providers.DevIdp(programs.devidp, realm=realm) as big:
        assert time.monotonic() - began < START_SEC_MAX
        token = big.token(SYNC)
        assert get(big, token, "/users/count") == 100_001
        assert [p["username"] for p in get(big, token, "/users?first=99999&max=9")] == ["p099999", "p100000"]
        assert get(big, token, "/groups/count")["count"] == 2002
        assert part_of(big.token(SYNC, "p100000", PASSWORD), 1)["preferred_username"] == "p100000"
        assert memory_kb(big) < MEMORY_KB_MAX
