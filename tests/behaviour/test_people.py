"""People as accounts: from the realm to the answers that libnss_authd asks for, and what happens to them there."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from conftest import POLICIES, issuer_section
from harness import NOBODY, is_root, until

pytestmark = pytest.mark.devidp

CLIENT = "directory"
READS = ["view-users", "query-groups", "view-realm", "view-events"]
LOWEST, HIGHEST = 1879048192, 2147352575  # id_range by default
SYNC_SEC = 10  # the shortest


class World:
    """A daemon that has the people of a devidp of its own as accounts."""

    def __init__(self, daemon, idp):
        self.daemon, self.idp = daemon, idp
        self.secret = daemon.directory / "client.secret"
        self.secret.write_text(f"{CLIENT}-secret")
        self.secret.chmod(0o600)
        self.permit(*READS)

    def permit(self, *roles):
        account = {"client_roles": {"realm-management": list(roles)}}
        self.idp.change_client(CLIENT, secret=f"{CLIENT}-secret", service_account=account)

    def write(self, **users):
        settings = {"issuer": "holodeck", "groups": "/eng/**; realm:staff=crew", "sync": "1d", **users}
        self.write_section("\n".join(["[users]", *(f"{key} = {value}" for key, value in settings.items())]))

    def write_section(self, section=""):
        client = {"client_id": CLIENT, "client_secret_file": self.secret}
        self.daemon.write(issuer_section(self.idp, **client), POLICIES, section, allow_development_issuers="true")

    def start(self, **users):
        self.write(**users)
        self.daemon.start()
        return self.synced()

    def synced(self):
        until("everybody has been looked at", lambda: self.status()["sync"]["last_sweep_at"])
        return self

    def status(self):
        return self.daemon.get("/v1/status").json["people"]

    def sync(self, **order):
        answer = self.daemon.post("/v1/users/sync", order)
        assert answer.status == 200, answer.text
        return answer.json

    def passwd(self, **query):
        return Line(self.daemon.get(f"/v1/passwd?{joined(query)}"))

    def group(self, **query):
        return Line(self.daemon.get(f"/v1/group?{joined(query)}"))

    def person(self, name):
        rows = self.daemon.get(f"/v1/users?q={name}").json["people"]
        return next((row for row in rows if name in (row["name"], row["username"])), None)

    def assign(self, dry_run=False):
        return self.daemon.post("/v1/ids/assign", {"dry_run": dry_run})

    def attribute(self, name, attribute="uidNumber"):
        """What the realm says."""
        token = self.idp.token(CLIENT)
        found = self.idp.admin(token, f"/users?username={name}&exact=true").json()
        return found[0].get("attributes", {}).get(attribute, [None])[0]

    def table(self):
        return self.daemon.directory / "users.table"


class Line:
    """One line of passwd(5) or group(5), or why there is none."""

    def __init__(self, answer):
        self.status, self.text = answer.status, answer.text
        self.fields = answer.text.rstrip("\n").split(":") if answer.status == 200 else []

    @property
    def id(self):
        return int(self.fields[2])


def joined(query):
    return "&".join(f"{key}={value}" for key, value in query.items())


@pytest.fixture
def world(daemon, own_devidp):
    return World(daemon, own_devidp)


# Lookups

def test_people_resolve_before_their_first_login(world):
    world.start()
    alice = world.passwd(name="alice")
    assert alice.fields[0] == "alice" and alice.fields[1] == "*"
    assert LOWEST <= alice.id <= HIGHEST
    assert alice.fields[3:] == [alice.fields[2], "Alice Arden", "/home/alice", "/bin/bash"]
    assert world.passwd(uid=alice.id).text == alice.text
    own = world.group(gid=alice.id)
    assert own.text == f"alice:*:{alice.id}:\n"
    assert world.group(name="alice").text == own.text


def test_groups_come_by_rule_with_those_below(world):
    world.start(groups="/eng; /eng/**; realm:staff=crew")
    platform = world.group(name="eng-platform")
    assert set(platform.fields[3].split(",")) >= {"alice", "carol"}
    assert set(world.group(name="eng").fields[3].split(",")) >= {"alice", "carol"}  # below it
    assert set(world.group(name="crew").fields[3].split(",")) >= {"alice", "carol"}
    gids = {int(gid) for gid in world.group(user="alice").text.split()}
    assert gids == {world.group(name=name).id for name in ("eng-platform", "eng", "crew")}
    assert world.group(gid=platform.id).text == platform.text


def test_curl_asks_as_the_manual_says(world):
    world.start()
    done = subprocess.run(
        ["curl", "-s", "--unix-socket", world.daemon.socket, "http://localhost/v1/passwd?name=alice"],
        capture_output=True, text=True, check=True)
    assert done.stdout.startswith("alice:*:")


@pytest.mark.parametrize("query", ["name=nobody-knows", "name=root", "uid=0", "uid=1000", "name=alice%0A", "name=Alice",
                                   "name=..", "name=" + "a" * 300])
def test_who_is_not_there_is_not_found(world, query):
    world.start()
    answer = world.daemon.get(f"/v1/passwd?{query}")
    assert answer.status == 404 and answer.json["error"] == "not_found"


def test_lookups_are_for_everybody_and_the_rest_for_administrators(world):
    if not is_root():
        pytest.skip("a client of another uid needs root")
    world.start()

    def status(path):
        return world.daemon.as_uid(NOBODY, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket",
                                   world.daemon.socket, f"http://localhost{path}").stdout

    assert status("/v1/passwd?name=alice") == "200"
    assert status("/v1/group?user=alice") == "200"
    for path in ("/v1/users", "/v1/groups", "/v1/id?name=alice", "/v1/ids", "/v1/users/sync", "/v1/ids/assign"):
        assert status(path) in ("403", "405"), path


def test_nobody_is_listed_unless_enumerate_and_seen(world):
    world.start()
    assert world.daemon.get("/v1/passwd").text == ""
    assert world.daemon.get("/v1/group").text == ""


def test_without_users_there_is_no_account(daemon, own_devidp):
    daemon.write(issuer_section(own_devidp), POLICIES, allow_development_issuers="true")
    daemon.start()
    assert daemon.get("/v1/passwd?name=alice").status == 404
    assert daemon.get("/v1/users").json["error"] == "no_people"
    assert daemon.post("/v1/users/sync", {}).status == 404
    assert daemon.get("/v1/status").json["people"] is None


def test_local_accounts_win(world):
    local = next(line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()
                 if re.fullmatch(r"[a-z]+", line.split(":")[0]) and int(line.split(":")[2]) not in (0, 65534))
    world.idp.change_person(local, password="x")
    world.start()
    assert world.passwd(name=local).status == 404
    assert world.person(local)["trouble"]


# What the realm does to them

def test_a_rename_keeps_the_id_and_the_home(world):
    world.start()
    before = world.passwd(name="alice")
    world.idp.change_person("alice", rename="alicia")
    world.sync()
    assert world.passwd(name="alice").status == 404
    after = world.passwd(name="alicia")
    assert after.id == before.id and after.fields[5] == "/home/alice"


def test_a_change_is_seen_by_its_event(world):
    world.idp.keep_events(True)
    world.start(sync=f"{SYNC_SEC}s")
    world.idp.change_person("alice", rename="alicia")
    until("the rename is seen", lambda: world.passwd(name="alicia").status == 200, 3 * SYNC_SEC)
    status = world.status()["sync"]
    assert status["by_events"] and status["last_look_at"] > status["last_sweep_at"]


def test_a_disabled_person_resolves_and_has_no_shell(world):
    world.start()
    world.idp.change_person("alice", enabled=False)
    world.sync()
    assert world.passwd(name="alice").fields[6] == "/usr/sbin/nologin"
    assert world.person("alice")["state"] == "disabled"


def test_a_deleted_person_resolves_until_the_time_is_over(world):
    world.start()
    before = world.passwd(name="alice")
    world.idp.delete_person("alice")
    world.sync()
    assert world.passwd(name="alice").id == before.id
    assert world.passwd(name="alice").fields[6] == "/usr/sbin/nologin"
    assert world.person("alice")["state"] == "gone"


def test_who_comes_again_under_the_name_is_somebody_else(world):
    world.start()
    before = world.passwd(name="alice")
    world.idp.recreate_person("alice")
    world.sync()
    after = world.passwd(name="alice")
    assert after.id != before.id
    assert world.passwd(uid=before.id).fields[0] == f"gone-{before.id}"


def test_lookups_go_on_while_the_provider_is_down(world):
    world.start()
    alice = world.passwd(name="alice").text
    world.idp.end_process()
    assert world.daemon.post("/v1/users/sync", {}).status == 503
    assert world.passwd(name="alice").text == alice
    assert world.passwd(name="nobody-knows").status == 404
    world.daemon.stop()
    world.daemon.start(ready=False)
    assert world.passwd(name="alice").text == alice  # from the state database
    assert world.passwd(name="nobody-knows").status == 404
    world.idp.start()


def test_who_was_never_read_is_neither_there_nor_not(world):
    world.idp.fault(admin="503")
    world.write()
    world.daemon.start()
    answer = world.daemon.get("/v1/passwd?name=alice")
    assert answer.status == 503 and answer.json["error"] == "unavailable"
    world.idp.fault(admin="none")
    until("alice is read", lambda: world.passwd(name="alice").status == 200, 30)


def test_without_permission_the_role_is_named_once(world):
    world.permit()
    world.write()
    world.daemon.start()
    event = world.daemon.wait_event(event="people_not_permitted")
    assert "view-users" in event["trouble"] or "query-groups" in event["trouble"], event
    assert world.status()["sync"]["state"] == "not_permitted"
    answer = world.daemon.post("/v1/users/sync", {})
    assert answer.status == 503 and "realm-management" in answer.json["detail"]
    assert sum(one["event"] == "people_not_permitted" for one in world.daemon.log()) == 1
    world.permit(*READS)
    world.sync()
    assert world.passwd(name="alice").status == 200


def test_half_a_realm_gone_is_not_believed(world):
    for number in range(12):
        world.idp.change_person(f"extra{number}", password="x")
    world.start()
    for number in range(12):
        world.idp.delete_person(f"extra{number}")
    answer = world.daemon.post("/v1/users/sync", {})
    assert answer.status == 503 and "--force" in answer.json["detail"]
    assert world.person("extra1")["state"] == "active"
    world.sync(force=True)
    assert world.person("extra1")["state"] == "gone"


def test_people_are_narrowed_by_group(world):
    world.start(within="/eng/platform")
    assert world.passwd(name="alice").status == 200
    assert world.passwd(name="bob").status == 404
    assert world.status()["people"] == len(world.group(name="eng-platform").fields[3].split(","))


# The table

def test_the_table_is_there_and_made_anew_by_a_change(world):
    world.start()
    until("alice is in the table", lambda: b"\0alice\0" in world.table().read_bytes(), 1)
    first = world.table().stat()
    assert first.st_mode & 0o777 == 0o644
    world.idp.change_person("alice", rename="alicia")
    world.sync()
    until("it is another file", lambda: world.table().stat().st_ino != first.st_ino, 1)
    assert b"\0alicia\0" in world.table().read_bytes()


def test_its_heart_beats_while_the_daemon_lives(world):
    world.start()

    def beat():
        return int.from_bytes(world.table().read_bytes()[32:40], "little")

    first = beat()
    assert abs(time.clock_gettime(time.CLOCK_BOOTTIME) - first / 1e6) < 3
    until("it beats", lambda: beat() != first, 3)
    world.daemon.stop()
    assert beat() == 0


# Ids

def test_hosts_agree_on_ids(world, programs, tmp_path_factory):
    world.start()
    ids = {row["key"]: row["id"] for row in world.daemon.get("/v1/ids").json["ids"]}
    assert ids
    world.daemon.stop()
    for path in world.daemon.state_dir.iterdir():
        path.unlink()
    world.daemon.start()
    world.synced()
    assert {row["key"]: row["id"] for row in world.daemon.get("/v1/ids").json["ids"]} == ids


def test_ids_are_written_into_the_realm(world):
    world.permit(*READS, "manage-users")
    world.start()
    alice = world.passwd(name="alice")
    trial = world.assign(dry_run=True).json
    assert world.attribute("alice") is None
    answer = world.assign().json
    assert answer == trial and answer["left"] == 0
    assert {row["name"] for row in answer["assigned"]} >= {"alice", "bob", "carol", "dave", "eng-platform"}
    assert world.attribute("alice") == str(alice.id)
    assert world.assign().json["assigned"] == []
    assert world.passwd(name="alice").text == alice.text


def test_ids_of_the_realm_are_taken(world):
    world.idp.change_person("alice", attributes={"uidNumber": "5001"})
    world.start()
    assert world.passwd(name="alice").id == 5001
    assert world.passwd(uid=5001).fields[0] == "alice"


def test_a_realm_as_register_gives_none_of_its_own_accord(world):
    world.permit(*READS, "manage-users")
    world.idp.change_person("bob", attributes={"uidNumber": "5001"})
    world.start(ids="realm")
    assert world.passwd(name="alice").status == 404 and world.person("alice")["trouble"]
    assert world.passwd(name="bob").id == 5001
    assigned = {row["name"]: row["id"] for row in world.assign().json["assigned"]}
    world.sync()
    assert world.passwd(name="alice").id == assigned["alice"]
    assert 5001 not in assigned.values()


def test_two_in_a_small_range_collide_and_are_settled(world):
    """44 people in 256 numbers: nobody who collides gets one, until the realm says which."""
    world.permit(*READS, "manage-users")
    for number in range(8):
        world.idp.change_person(f"extra{number}", password="x")
    world.start(id_range="70000-70255", groups="/none")
    for number in range(8, 40):
        world.idp.change_person(f"extra{number}", password="x")
    world.sync()
    before = {row["key"]: row["id"] for row in world.daemon.get("/v1/ids").json["ids"]}
    assert len(set(before.values())) == len(before)
    world.assign()
    world.sync()
    answer = world.daemon.get("/v1/ids").json
    after = {row["key"]: row["id"] for row in answer["ids"]}
    assert len(set(after.values())) == len(after) == world.status()["people"] and answer["collisions"] == []
    assert all(after[key] == number for key, number in before.items())


def test_writing_needs_a_role_and_says_which(world):
    world.start()
    answer = world.assign()
    assert answer.status == 503 and "manage-users" in answer.json["detail"]
    assert world.attribute("alice") is None


def test_a_realm_that_drops_attributes_is_told_of(world):
    world.permit(*READS, "manage-users")
    world.idp.declare_attributes(["something"])
    world.start()
    answer = world.assign()
    assert answer.status == 503 and answer.json["error"] == "unavailable"
    assert "profile" in answer.json["detail"]


# What administrators see

def test_pages_have_everybody_once(world):
    world.start()
    seen, after = [], ""
    while after is not None:
        page = world.daemon.get(f"/v1/users?limit=2{'&after=' + after if after else ''}").json
        seen += [row["username"] for row in page["people"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == world.status()["people"]
    assert {"alice", "bob", "carol", "dave"} <= set(seen)


def test_id_tells_of_one_person(world):
    world.start()
    answer = world.daemon.get("/v1/id?name=alice").json
    assert answer["person"]["name"] == "alice" and answer["person"]["state"] == "active"
    assert {row["name"] for row in answer["groups"]} == {"alice", "eng", "eng-platform", "crew"}
    assert {row["source"] for row in answer["groups"]} == {None, "/eng", "/eng/platform", "realm:staff"}
    assert world.daemon.get("/v1/id?name=nobody-knows").status == 404


def test_status_and_metrics_count_them(world):
    world.start()
    status, metrics = world.status(), world.daemon.metrics()
    assert status["people"] == status["accounts"] >= 4 and status["filled"]
    assert metrics['authd_people{state="disabled"}'] == 1 and metrics['authd_people{state="refused"}'] == 0
    assert metrics['authd_people{state="active"}'] == status["accounts"] - 1
    assert metrics["authd_groups"] == status["groups"] > 0
    assert metrics['authd_users_sync_total{result="ok"}'] >= 1
    assert metrics["authd_users_sync_seconds"] > 0


def test_a_reload_changes_the_rules(world):
    world.start()
    assert world.group(name="crew").status == 200
    world.write(groups="/eng/**", shell="/bin/sh")
    assert world.daemon.reload().status == 200
    until("the shell is the new one", lambda: world.passwd(name="alice").fields[6] == "/bin/sh")
    until("crew is no group", lambda: world.group(name="crew").status == 404)


def test_without_its_section_nobody_is_in_the_table(world):
    world.start()
    until("alice is in the table", lambda: b"\0alice\0" in world.table().read_bytes(), 1)
    world.write_section()
    assert world.daemon.reload().status == 200
    until("nobody is in the table", lambda: b"alice" not in world.table().read_bytes(), 1)
    assert world.passwd(name="alice").status == 404
    world.write()
    assert world.daemon.reload().status == 200
    until("alice is there again", lambda: b"\0alice\0" in world.table().read_bytes(), 5)


def test_an_account_with_something_wrong_is_an_account(world):
    world.idp.change_person("alice", attributes={"homeDirectory": "nowhere"})
    world.start()
    alice = world.passwd(name="alice").text
    assert world.person("alice")["trouble"]
    assert alice in world.daemon.authctl("users", "export", "passwd").stdout
    assert alice.split(":")[2] in world.daemon.authctl("users", "export", "group").stdout
    row = next(line for line in world.daemon.authctl("users").stdout.splitlines() if line.startswith("alice "))
    assert "refused" not in row and "active" in row, row
    assert "no account" not in world.daemon.authctl("id", "alice").stdout


def test_a_local_group_that_is_not_there_is_told_once(world):
    world.start(local_groups="no-such-group=/eng/**")
    for _ in range(2):
        world.sync()
    told = [one for one in world.daemon.log() if one["event"] == "account_refused" and "no-such-group" in one["why"]]
    assert len(told) == 1 and told[0]["key"] == "local:no-such-group", told


def test_the_daemon_itself_never_asks_nss(world):
    world.start()
    environment = Path(f"/proc/{world.daemon.pid}/maps").read_text()
    assert "libnss_" not in environment
    assert os.path.exists(world.daemon.socket)
    assert json.loads(world.daemon.get("/v1/status").text)["people"]["issuer"] == "holodeck"
