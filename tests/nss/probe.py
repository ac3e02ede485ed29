"""probe: one process on a host that asks libc, as long as a row wants it; its three results."""

import subprocess
from dataclasses import dataclass

import harness

FOUND, NONE, ERROR = "found", "none", "error"


@dataclass
class Told:
    """What libc gave: result, how long it took, and the entry or the errno's name."""

    result: str
    usec: int
    text: str


class Probe:
    """words: options of nss_probe ask (its first lines)."""

    def __init__(self, host, *words, as_first=False):
        self.process = host.start(
            "nss_probe", "ask", *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, question):
        return parse(self._say(question))

    def obey(self, option):
        """--closed, --forked, --chroot FOLDER…: from now on."""
        assert self._say("!" + option) == "done", option

    def _say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the asking process ended: {self.process.wait(harness.DEADLINE_SEC)}"
        return answer.rstrip("\n")

    def close(self):
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        self.process.wait(harness.DEADLINE_SEC)


def parse(line):
    result, usec, text = (line.split(" ", 2) + [""])[:3]
    return Told(result, int(usec), text.strip())


def ask_once(host, *questions, options=()):
    """A new process for these questions."""
    done = host.run("nss_probe", "ask", *options, input="".join(f"{one}\n" for one in questions))
    assert done.returncode == 0, f"{done.returncode} {done.stderr}"
    answers = [parse(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(questions), done.stdout
    return answers if len(questions) > 1 else answers[0]
