"""Names that are none: refused with a reason, never folded or cut into what could be somebody else's."""

import pytest

from conftest import daemon_of, devidp, started
from probe import NONE, ask_once
from test_people import entry

# What the realm calls somebody, beside an honest person of the name that it could be taken for.
ODD = {
    "a slash": "ad/a",
    "a path": "../ada",
    "dots": "..",
    "a dot": ".",
    "a line break": "ada\nroot:x:0:0::/:/bin/sh",
    "a colon": "ada:x",
    "a leading dash": "-ada",
    "a space": "ada ",
    "a tab": "ada\t",
    "300 characters": "a" * 300,
    "33 characters": "a" * 33,
    "upper case": "Ada",
    "a Cyrillic a": "аda",
    "a full-width a": "ａda",
    "a dotless i": "ıda",
    "a combining mark": "a\u0301da",
    "a zero-width space": "a\u200bda",
    "a digit first": "0ada",
    "only digits": "1879048200",
    "a comma": "ada,root",
    "a percent sign": "%s%n",
    "a template": "{preferred_username}",
    "a foreign domain": "ada@elsewhere.example",
    "nobody": "nobody",
    "root": "root",
    "daemon": "daemon",
    "sudo": "sudo",
    "the daemon's own": "authd",
    "nothing": " ",
}
HONEST = {"ada": ("Ada Arden", ["/eng/platform"]), "a" * 32: ("A 32", []), "_x-9": ("Odd but fine", [])}


@pytest.fixture(scope="module")
def odd_host(new_host, programs, tmp_path_factory):
    few = {**HONEST, **{name: (f"odd {n}", ["/eng/platform"]) for n, name in enumerate(ODD.values())}}
    with devidp(programs, tmp_path_factory.mktemp("odd"), few=few) as provider, new_host() as host:
        with started(daemon_of(host, provider)) as daemon:
            host.daemon = daemon
            yield host


def local_names(host):
    return {line.split(":")[0] for line in host.path("/etc/passwd").read_text().splitlines()}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD.keys())
def test_it_is_no_account(odd_host, name):
    told = [one for one in odd_host.daemon.all_people() if one["username"] == name]
    for person in told:
        assert person["name"] is None and person["trouble"], person
    # A daemon that cannot even take the name in may leave it out: then it must not be an account either.
    asked = name.split("\n")[0]
    line = odd_host.getent("--", "passwd", asked) if asked.strip() and asked not in HONEST else None
    if line:
        assert line.split(":")[0] in local_names(odd_host), line


def test_the_honest_names_beside_them_are_theirs_alone(odd_host):
    for name, (full_name, _) in HONEST.items():
        assert entry(odd_host, name)[4] == full_name
    uids = [entry(odd_host, name)[2] for name in HONEST]
    assert len(set(uids)) == len(uids)
    assert odd_host.getent("group", "eng-platform").split(":")[3] == "ada", "none of the others is a member"


def test_everybody_odd_is_told_with_a_reason(odd_host):
    refused = [one for one in odd_host.daemon.all_people() if one["trouble"]]
    names = {one["username"] for one in refused}
    plain = {name for name in ODD.values() if name.isprintable() and name.strip() and len(name) <= 255}
    assert plain <= names, plain - names


def test_nothing_is_enumerated_that_is_not_a_name(new_host, programs, tmp_path):
    """Also with everybody shown."""
    few = {**HONEST, "Ada": ("Odd", []), "-x": ("Odd", [])}
    with devidp(programs, tmp_path, few=few) as provider, new_host() as host:
        with started(daemon_of(host, provider, users={"enumerate": "true"})):
            lines = host.run("getent", "-s", "authd", "passwd").stdout.splitlines()
            assert all(line.split(":")[0] in HONEST for line in lines), lines


@pytest.mark.parametrize("name", ODD.values(), ids=ODD.keys())
def test_asking_for_it_finds_none_and_breaks_nothing(odd_host, name):
    """What a program may be made to ask for: sshd takes any word as a login name."""
    if "\n" in name or name in local_names(odd_host):
        pytest.skip("asked for in test_it_is_no_account")
    told = ask_once(odd_host, f"passwd {name}", f"group {name}")
    assert [one.result for one in told] == [NONE, NONE] or name == "sudo", told


def test_a_group_with_a_name_that_is_none_is_refused(new_host, programs, tmp_path):
    few = {"ada": ("Ada", ["/Eng", "/eng/plat form", "/root", "/ok"])}
    with devidp(programs, tmp_path, few=few) as provider, new_host() as host:
        with started(daemon_of(host, provider)) as daemon:
            assert set(host.run("id", "-Gn", "ada").stdout.split()) >= {"ada", "ok"}
            assert "0" not in host.run("id", "-G", "ada").stdout.split()
            told = {one["source"]: one for one in daemon._pages("/v1/groups", "groups", 1000)}
            for source in ("/Eng", "/eng/plat form", "/root"):
                assert told[source]["name"] is None and told[source]["trouble"], told[source]


def test_a_domain_of_the_settings_is_cut_and_no_other(new_host, programs, tmp_path):
    few = {"ada@example.com": ("Ours", []), "bea@EXAMPLE.com": ("Ours", []), "cas@example.com.evil": ("Not", []),
           "dan@sub.example.com": ("Not", []), "eve@@example.com": ("Not", [])}
    with devidp(programs, tmp_path, few=few) as provider, new_host() as host:
        with started(daemon_of(host, provider, users={"strip_domain": "example.com"})):
            assert entry(host, "ada") and entry(host, "bea")
            assert not any(entry(host, name) for name in ("cas", "dan", "eve"))


def test_two_who_come_to_one_name_are_both_refused(new_host, programs, tmp_path):
    """ada and ada@example.com: neither gets the other's account by coming first."""
    few = {"ada": ("One", []), "ada@example.com": ("Two", [])}
    with devidp(programs, tmp_path, few=few) as provider, new_host() as host:
        with started(daemon_of(host, provider, users={"strip_domain": "example.com"})) as daemon:
            told = [one for one in daemon.all_people() if one["username"].startswith("ada")]
            accounts = [one for one in told if one["name"]]
            assert len(told) == 2 and all(one["trouble"] for one in told if one not in accounts), told
            assert len(accounts) <= 1, told
