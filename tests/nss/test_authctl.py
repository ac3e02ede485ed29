"""What an administrator sees: authctl's people, groups, ids, and an export that is what getent says."""

from conftest import daemon_of, devidp, started
from test_ids import N_CROWDED, SMALL, collisions_of


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
    code, told, trouble = authctl(settled, "users", "export")
    assert code == 0, trouble
    assert settled.getent("passwd", "ada") in told.splitlines()
    code, told, trouble = authctl(settled, "groups", "export")
    assert code == 0, trouble
    ours = settled.getent("group", "eng-platform").split(":")
    lines = {line.split(":")[0]: line.split(":") for line in told.splitlines()}
    assert lines["eng-platform"][2] == ours[2] and sorted(lines["eng-platform"][3].split(",")) == sorted(ours[3].split(","))


def test_an_audit_without_trouble_ends_well(settled):
    code, told, trouble = authctl(settled, "ids", "audit")
    assert code == 0, told + trouble


def test_an_audit_names_each_collision_and_ends_badly(new_host, programs, tmp_path):
    few = {f"q{n:02d}": (f"Q {n}", []) for n in range(N_CROWDED)}
    with devidp(programs, tmp_path, few=few) as provider, new_host() as host:
        users = {"id_range": f"{SMALL}-{SMALL + 999}", "groups": None}
        with started(daemon_of(host, provider, users=users)) as daemon:
            code, told, trouble = authctl(host, "ids", "audit")
            assert code != 0
            for collision in collisions_of(daemon):
                assert str(collision["id"]) in told + trouble


def test_a_plain_user_may_not_list_the_people(settled):
    done = settled.run("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "authctl", "users")
    assert done.returncode != 0 and "ada" not in done.stdout
