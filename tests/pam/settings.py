"""settings: authd.conf of a host on which people log in: the example as shipped, and services of the rows' own."""

import contextlib
import os

import host as hosts
import realm
import stack as stacks

EXAMPLE = stacks.SOURCE / "examples" / "pam" / "authd.conf"
DEFAULT_POLICY = f"[policy default]\naudience = {realm.CLIENT}\n"
# Beside those of the example. name: keys of [pam NAME]; each is a PAM service of the common files.
SERVICES = {
    "sshd-pw": {"ways": "password", "environment": "true", "attempts": 1000},
    "sshd-dev": {"ways": "device;token", "enter": "true", "attempts": 1000},
    "login": {"ways": "password;device", "enter": "true"},
    "w-device": {"ways": "device", "enter": "false"},
    "w-enter": {"ways": "device", "enter": "true"},
    "w-ascii": {"ways": "device", "qr": "ascii"},
    "w-none": {"ways": "device", "qr": "none"},
    "w-short": {"ways": "device", "timeout": "10s"},
    "w-password": {"ways": "password", "attempts": 1000},
    "w-token": {"ways": "token", "attempts": 1000},
    "w-push": {"ways": "push", "enter": "false"},
    "w-all": {"ways": "token;password;push;device"},
    "w-ops": {"ways": "password", "policy": "administrators", "attempts": 1000},
    "w-tight": {"ways": "password", "attempts": 2, "lockout": "4s"},
    "w-offline": {"ways": "password", "offline_for": "1h"},
    "w-brief": {"ways": "device", "fence_stale_for": "7s"},
    "w-strict": {"ways": "device", "fence_stale_for": "0s"},
}


def section(name, keys):
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in keys.items()), ""])


def services(**more):
    every = {**SERVICES, **more}
    return [section(f"pam {name}", {"policy": "logins", **keys}) for name, keys in every.items()]


def daemon_of(host, provider, client=realm.CLIENT, users=None, **more):
    """The daemon of a host, with settings for the provider, not started. more: further services."""
    daemon = hosts.Authd(host, host.folder)
    host.reach(provider)
    host.write("/etc/authd/client.secret", f"{client}-secret", 0o600)
    os.chown(host.path("/etc/authd/client.secret"), hosts.AUTHD_ID, hosts.AUTHD_ID)
    issuer = {"url": provider.people_url, "client_id": client, "client_secret_file": "/etc/authd/client.secret"}
    people = {"issuer": "holodeck", "groups": "/**", "sync_rate": 1000, "sync": "1h", **(users or {})}
    daemon.write(
        section("issuer holodeck", issuer),
        section("users", people),
        DEFAULT_POLICY,
        EXAMPLE.read_text(),
        *services(**more),
        allow_development_issuers="true",
    )
    for name in {**SERVICES, **more}:
        if not host.path(f"/etc/pam.d/{name}").exists():
            host.service(name)
    return daemon


@contextlib.contextmanager
def running(host, provider, sshds=stacks.SSHDS, environment=None, **more):
    """The daemon, ready, everybody in its table, and the sshds; the host's own from now on."""
    daemon = daemon_of(host, provider, **more)
    host.daemon, host.provider = daemon, provider
    daemon.environment = environment or {}
    daemon.start()
    try:
        daemon.sync()
        for name in sshds:
            host.start_sshd(name)
        yield daemon
    finally:
        daemon.end()
