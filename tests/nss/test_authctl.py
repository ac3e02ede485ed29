"""What an administrator sees: authctl's people, groups, ids, and an export that is what getent says."""

import json
import re

import pytest

from conftest import daemon_of, devidp, started
from test_ids import N_CROWDED, SMALL


def authctl(host, *words):
    done = host.run("authctl", *words)
    return done.returncode, done.stdout, done.stderr


def test_people_and_groups_are_listed(settled):
    code, told, trouble = authctl(settled, "users")
    assert code == 0 and {"ada", "bea", "cas", "dan"} <= set(told.split()), told + trouble
    code, told, trouble = authctl(settled, "groups")
    assert code == 0 and {"eng-platform", "eng-data", "ops"} <= set(told.split()), told + trouble


def test_one_person_is_shown_with_all_groups(settled):
    code, told, trouble = authctl(settled, "id", "bea")
    assert code == 0, trouble
    assert settled.getent("passwd", "bea").split(":")[2] in told
    assert all(name in told for name in ("bea", "eng-platform", "eng-data"))
    assert authctl(settled, "id", "nobody-here")[0] != 0


def test_a_sync_can_be_had_at_once(settled):
    code, told, trouble = authctl(settled, "users", "sync")
    assert code == 0 and told, trouble


def test_the_export_is_what_getent_says(settled):
    code, told, trouble = authctl(settled, "users", "export", "passwd")
    assert code == 0, trouble
    assert settled.getent("passwd", "ada") in told.splitlines()
    code, told, trouble = authctl(settled, "users", "export", "group")
    assert code == 0, trouble
    ours = settled.getent("group", "eng-platform").split(":")
    theirs = next(line for line in told.splitlines() if line.startswith("eng-platform:")).split(":")
    assert theirs[2] == ours[2] and sorted(theirs[3].split(",")) == sorted(ours[3].split(","))


@pytest.fixture
def exported(settled):
    """The ids of the host, as another host's file."""
    code, told, trouble = authctl(settled, "ids", "export")
    assert code == 0 and told, trouble
    settled.write("/tmp/one", told)
    settled.write("/tmp/other", told)
    return settled


def test_an_audit_of_hosts_that_agree_ends_well(exported):
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one", "/tmp/other")
    assert code == 0, told + trouble


def test_an_audit_names_who_has_another_id_elsewhere(exported):
    uid = exported.getent("passwd", "ada").split(":")[2]
    exported.write("/tmp/other", exported.path("/tmp/one").read_text().replace(uid, "1999999999"))
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one", "/tmp/other")
    assert code != 0 and "ada" in told + trouble and uid in told + trouble and "1999999999" in told + trouble


def test_an_audit_names_an_id_that_is_two_peoples(exported):
    ada, bea = (exported.getent("passwd", name).split(":")[2] for name in ("ada", "bea"))
    exported.write("/tmp/other", exported.path("/tmp/one").read_text().replace(bea, ada))
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one", "/tmp/other")
    assert code != 0 and "ada" in told + trouble and "bea" in told + trouble


def test_an_audit_names_an_id_that_somebody_had_on_one_host_and_another_has_elsewhere(exported):
    ada, bea = (exported.getent("passwd", name).split(":")[2] for name in ("ada", "bea"))
    one = exported.path("/tmp/one").read_text()
    exported.write("/tmp/other", one.replace(ada, "1999999999"))
    exported.write("/tmp/third", one.replace(bea, "1999999999"))
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one", "/tmp/other", "/tmp/third")
    assert code != 0 and re.search(r"1999999999 is ada .* and bea ", told), told + trouble


def test_an_audit_names_a_collision_once(exported):
    page = json.loads(exported.path("/tmp/one").read_text().splitlines()[0])
    page["collisions"] = [{"id": 70001, "keys": ["a", "b"]}]
    exported.write("/tmp/one", "\n".join([json.dumps(page), json.dumps({**page, "ids": []})]))
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one")
    assert code != 0 and told.count("70001 is wanted by more than one") == 1, told + trouble


def test_an_audit_names_a_persons_id_that_a_local_group_has(exported):
    uid = exported.getent("passwd", "cas").split(":")[2]
    before = exported.path("/etc/group").read_text()
    exported.add_local("group", f"local:x:{uid}:")
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one")
    exported.path("/etc/group").write_text(before)
    assert code != 0 and f"{uid} of cas" in told and "local in this host's own /etc/group" in told, told + trouble


def test_an_audit_names_who_is_in_the_way_of_a_local_account(exported):
    uid = exported.getent("passwd", "cas").split(":")[2]
    before = exported.path("/etc/passwd").read_text()
    exported.add_local("passwd", f"local:x:{uid}:{uid}::/:/bin/sh")
    code, told, trouble = authctl(exported, "ids", "audit", "/tmp/one")
    exported.path("/etc/passwd").write_text(before)
    assert code != 0 and uid in told + trouble and "local" in told + trouble


def test_the_list_of_ids_names_each_collision(new_host, programs, tmp_path):
    few = {f"q{n:03d}": (f"Q {n}", []) for n in range(N_CROWDED)}
    with devidp(programs, tmp_path, few=few) as provider, new_host() as host:
        users = {"id_range": f"{SMALL}-{SMALL + 999}", "groups": None}
        with started(daemon_of(host, provider, users=users)) as daemon:
            code, told, trouble = authctl(host, "ids")
            assert code == 0, trouble
            collisions = daemon.collisions()
            assert collisions and all(f"{one['id']} is wanted by more than one" in told for one in collisions), told


def test_a_plain_user_may_not_list_the_people(settled):
    done = settled.run("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "authctl", "users")
    assert done.returncode != 0 and "ada" not in done.stdout
