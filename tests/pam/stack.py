"""stack: a host on which people log in: real sshd, sudo, login and PAM, with pam_authd in its stacks.

A Host of tests/nss with the module, the shipped Debian profile put in by pam-auth-update, accounts of
its own, an sshd a port. The name that sshd is called by is its PAM service's: "sshd-pw" is a service.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "nss"))

import harness  # noqa: E402
import host as hosts  # noqa: E402
import realm  # noqa: E402
from terminal import Terminal  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
PAM_MODULE = "pam_authd.so"
LOCAL, LOCAL_PASSWORD = "loc", "loc-password"  # an account of the host's own
ROOT_PASSWORD = "root-password"
LOCALS = {LOCAL: 1500, realm.UNIX_NAME: 1501}  # each with "<name>-password"
KEY, HOST_KEY = "/root/.ssh/id_ed25519", "/etc/ssh/ssh_host_ed25519_key"
# name of the PAM service: port. Each is an sshd of its own.
SSHDS = {"sshd": 22, "sshd-pw": 23, "sshd-dev": 24}
SSHD_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
PidFile none
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin yes
LoginGraceTime 60
MaxStartups 200
MaxSessions 100
MaxAuthTries 20
LogLevel VERBOSE
Subsystem sftp internal-sftp
PrintMotd no
PrintLastLog no
{example}
{more}
"""
SUDOERS = """
Defaults !lecture, timestamp_timeout=5, passwd_tries=1
root ALL=(ALL:ALL) ALL
%ops ALL=(ALL:ALL) ALL
%eng ALL=(ALL:ALL) /usr/bin/id
loc ALL=(ALL:ALL) ALL
"""
INCLUDES = """@include common-auth
@include common-account
@include common-session
@include common-password
"""
SSH_OPTIONS = ["StrictHostKeyChecking=yes", "ConnectTimeout=10", "GSSAPIAuthentication=no", "IdentityAgent=none",
               "ControlMaster=no"]
BY_DIALOGUE = ["PreferredAuthentications=keyboard-interactive", "PubkeyAuthentication=no", "NumberOfPasswordPrompts=1"]
BY_PASSWORD = ["PreferredAuthentications=password", "PubkeyAuthentication=no", "NumberOfPasswordPrompts=1"]
BY_KEY = ["PreferredAuthentications=publickey"]


def crypted(password):
    return subprocess.run(["openssl", "passwd", "-6", password], capture_output=True, text=True, check=True).stdout.strip()


class Stack(hosts.Host):
    """profile: put in Debian's profile; without it the stacks are as the machine has them."""

    def __init__(self, programs, folder, name="host", profile=True, passwd="files authd"):
        super().__init__(programs, folder, name, passwd=passwd)
        self.sshds, self.keys = {}, set()
        self.lay_module()
        self.add_locals()
        if profile:
            self.lay_profile()

    # What it has

    def lay_module(self):
        folder = self.path(f"{hosts.libdir()}/security")
        shutil.copy(self.programs.pam_module, folder / PAM_MODULE)

    def add_locals(self):
        for name, uid in LOCALS.items():
            self.add_local("passwd", f"{name}:x:{uid}:{uid}::/home/{name}:/bin/sh")
            self.add_local("group", f"{name}:x:{uid}:")
            self.add_local("shadow", f"{name}:{crypted(realm.password_of(name))}:19000:0:99999:7:::")
            self.run("install", "-d", "-o", uid, "-g", uid, f"/home/{name}")
        self.add_local("shadow", f"root:{crypted(ROOT_PASSWORD)}:19000:0:99999:7:::")
        self.write("/etc/sudoers", SUDOERS, 0o440)

    def lay_profile(self, text=None):
        """Debian's profiles as shipped, or another text in the first one's place, by the real pam-auth-update."""
        for name in ("authd", "authd-password"):
            shipped = (SOURCE / "packaging" / f"{name}.pam-config").read_text()
            self.write(f"/usr/share/pam-configs/{name}", text if text and name == "authd" else shipped)
        done = self.run("pam-auth-update", "--package", "--force", env={"DEBIAN_FRONTEND": "noninteractive"})
        assert done.returncode == 0, done.stderr
        assert PAM_MODULE in self.path("/etc/pam.d/common-auth").read_text(), done.stdout

    def lay_example(self, *services):
        """examples/pam's own stacks instead."""
        for service in services:
            self.write(f"/etc/pam.d/{service}", (SOURCE / "examples" / "pam" / service).read_text())

    def service(self, name):
        """A PAM service of this name, of the common files."""
        self.write(f"/etc/pam.d/{name}", INCLUDES)

    # sshd and its clients

    def start_sshd(self, name="sshd", more=""):
        port = SSHDS[name]
        program = "/usr/sbin/sshd"
        if name != "sshd":
            self.run("ln", "-sf", "/usr/sbin/sshd", f"/usr/sbin/{name}")
            self.run("cp", "/etc/pam.d/sshd", f"/etc/pam.d/{name}")
            program = f"/usr/sbin/{name}"
        self.make_keys(port)
        example = (SOURCE / "examples" / "pam" / "sshd_config.conf").read_text()
        self.write(f"/etc/ssh/{name}_config", SSHD_CONFIG.format(port=port, example=example, more=more))
        log = self.folder / f"{name}.log"
        with open(log, "ab") as file:
            process = self.start(program, "-D", "-e", "-f", f"/etc/ssh/{name}_config", stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.sshds[name] = (process, log)
        harness.until(f"{name} listens", lambda: f"port {port}" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()

    def make_keys(self, port):
        """The host's, the client's, and that the client knows the host's."""
        self.run("sh", "-c", "mkdir -p /run/sshd /root/.ssh; chmod 700 /root/.ssh")
        for file in (KEY, HOST_KEY):
            if file not in self.keys:
                self.run("sh", "-c", f"rm -f {file}; ssh-keygen -q -t ed25519 -N '' -f {file}")
                self.keys.add(file)
        key = self.path(f"{HOST_KEY}.pub").read_text()
        name = "127.0.0.1" if port == 22 else f"[127.0.0.1]:{port}"
        with open(self.path("/root/.ssh/known_hosts"), "a", encoding="ascii") as known:
            known.write(f"{name} {key}")

    def public_key(self):
        return self.path(f"{KEY}.pub").read_text().strip()

    def ssh(self, user, *command, sshd="sshd", how=BY_DIALOGUE, tty=False, columns=80, env=None):
        """A client at a terminal. user may be any text."""
        options = [word for one in [*SSH_OPTIONS, *how] for word in ("-o", one)]
        argv = ["ssh", "-F", "none", *options, *(["-tt"] if tty else []), "-p", SSHDS[sshd], "-l", user, "127.0.0.1", *command]
        return self.terminal(*argv, columns=columns, env=env)

    def terminal(self, *argv, columns=80, env=None):
        usual = {"LC_ALL": "C.UTF-8", "PATH": hosts.PATH, "TERM": "linux"}
        return Terminal([*self.prefix(), *argv], {**os.environ, **usual, **(env or {})}, columns)

    def pamtester(self, service, user, *operations, env=None):
        """In a session of its own, at a terminal."""
        return self.terminal("pamtester", "-I", "tty=/dev/pts/7", service, user, *(operations or ["authenticate"]), env=env)

    def close(self):
        for process, _ in self.sshds.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        super().close()
