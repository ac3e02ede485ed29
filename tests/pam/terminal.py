"""terminal: a person at a terminal: what it shows, what is typed, and the QR code that a camera sees.

The program runs on a terminal of its own, which is its controlling one, of 80 columns. What it writes
is kept as it came; screen is what a person reads, and a byte that would move the cursor or clear
anything is a fault of whoever wrote it.
"""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import harness

ROWS, COLUMNS = 66, 80
EXPECT_SEC = 15
READ_SIZE = 65536
HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
WHOLES = {"  ": 0, "##": 1}
MODULE_PIXELS = 4
MARGIN_MODULES = 4  # of the terminal itself, around the drawing
HARMFUL = re.compile("[\x00-\x06\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")  # but BEL, BS, TAB, LF, CR


class Terminal:
    """with Terminal(argv) as one: one.expect("Password: "); one.send("…"); one.end()."""

    def __init__(self, argv, env=None, columns=COLUMNS):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        self.bytes, self.at, self.closed = b"", 0, False
        self.process = subprocess.Popen(
            [*map(str, argv)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=env,
            start_new_session=True,
            preexec_fn=lambda: (harness.die_with_parent(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),
        )
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What it shows

    @property
    def screen(self):
        return self.bytes.decode(errors="replace").replace("\r", "")

    @property
    def rest(self):
        """What came after what was expected last."""
        return self.bytes[self.at :].decode(errors="replace")

    def more(self, seconds):
        """Whatever comes next; False: nothing more ever."""
        ready, _, _ = select.select([self.ours], [], [], max(0, seconds))
        if not ready:
            return True
        try:
            part = os.read(self.ours, READ_SIZE)
        except OSError:  # EIO: nobody has it open any longer
            part = b""
        self.bytes += part
        self.closed = not part
        return bool(part)

    def expect(self, *words, seconds=EXPECT_SEC):
        """The first of these that comes, after what was expected before; the index of it."""
        wanted = [re.compile(re.escape(word.encode())) for word in words]
        end = time.monotonic() + seconds
        while True:
            found = [(match, index) for index, one in enumerate(wanted) if (match := one.search(self.bytes, self.at))]
            if found:
                match, index = min(found, key=lambda pair: pair[0].start())
                self.at = match.end()
                return index
            assert time.monotonic() < end, f"not within {seconds} s: {words} in\n{self.screen}"
            assert not self.closed, f"it ended without {words}:\n{self.screen}"
            self.more(end - time.monotonic())

    def send(self, line=""):
        os.write(self.ours, line.encode() + b"\n")

    def send_raw(self, data):
        os.write(self.ours, data)

    def end(self, seconds=EXPECT_SEC):
        """Reads to its end; the exit code."""
        end = time.monotonic() + seconds
        while not self.closed:
            assert time.monotonic() < end, f"not over within {seconds} s:\n{self.screen}"
            self.more(min(0.2, end - time.monotonic()))
            if self.process.poll() is not None and not select.select([self.ours], [], [], 0)[0]:
                break
        return self.process.wait(max(0.1, end - time.monotonic()))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.ours is not None:
            os.close(self.ours)
            self.ours = None


# --- what a camera sees ---


def drawing(screen):
    """The rows of light (1) and dark (0) modules of the first QR code on a screen, or None."""
    for alphabet, rows_of in ((HALVES, _rows_of_halves), (WHOLES, _rows_of_wholes)):
        block = _block(screen.splitlines(), "".join(alphabet))
        if block:
            return rows_of(block)
    return None


def _block(lines, characters):
    """The longest run of lines of these alone, of one length, that is no run of blanks."""
    best, run = [], []
    for line in [*lines, ""]:
        if line.strip() and not set(line) - set(characters) and (not run or len(line) == len(run[0])):
            run.append(line)
            continue
        best, run = max(best, run, key=len), []
    return best if len(best) >= 10 else None


def _rows_of_halves(block):
    return [[HALVES[one][half] for one in line] for line in block for half in (0, 1)]


def _rows_of_wholes(block):
    return [[WHOLES[line[at : at + 2]] for at in range(0, len(line), 2)] for line in block]


def image(rows):
    """As a terminal of light letters on dark shows it: a PGM."""
    width = len(rows[0]) + 2 * MARGIN_MODULES
    dark = [[0] * width] * MARGIN_MODULES
    framed = [*dark, *([0] * MARGIN_MODULES + row + [0] * MARGIN_MODULES for row in rows), *dark]
    lines = [bytes(255 * one for one in row for _ in range(MODULE_PIXELS)) for row in framed]
    body = b"".join(line for line in lines for _ in range(MODULE_PIXELS))
    return b"P5 %d %d 255\n" % (width * MODULE_PIXELS, len(framed) * MODULE_PIXELS) + body


def read_qr(screen, folder):
    """What a QR reader makes of the screen; None: there is no drawing, or it cannot be read."""
    rows = drawing(screen)
    if not rows:
        return None
    file = folder / "screen.pgm"
    file.write_bytes(image(rows))
    done = subprocess.run(["zbarimg", "--quiet", "--raw", str(file)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
