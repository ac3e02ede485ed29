"""figures: what a row of the fault matrix counts, and how the rows become a table.

The definition of a wrong answer stands here and nowhere else: GOOD must be valid, BAD must not be;
what is neither (OPEN) is only counted as sent. No answer at all is wrong for each of them.
"""

import json
import re
from dataclasses import asdict, dataclass, field

GOOD, BAD, OPEN = "good", "bad", "open"
VALID, NO_ANSWER = "valid", "none"
HEAD = ["row", "sent", "wrongly refused", "wrongly accepted", "unanswered", "beside"]


@dataclass
class Figures:
    sent: int = 0
    wrongly_refused: int = 0
    wrongly_accepted: int = 0
    unanswered: int = 0
    examples: list = field(default_factory=list)  # of what was wrong, for a person

    def count(self, kind, reason, n=1):
        self.sent += n
        if reason == NO_ANSWER:
            self.unanswered += n
        elif kind == GOOD and reason != VALID:
            self.wrongly_refused += n
        elif kind == BAD and reason == VALID:
            self.wrongly_accepted += n
        else:
            return
        self.examples.append(f"{n} × {reason} for a {kind} token")

    def add(self, other):
        for name in ("sent", "wrongly_refused", "wrongly_accepted", "unanswered", "examples"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def wrong(self):
        return self.wrongly_refused + self.wrongly_accepted + self.unanswered


class Row:
    """One line of the table; close() writes it down, then fails if anything was wrong."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.figures, self.beside = Figures(), {}

    def note(self, **figures):
        """What else the row measured: printed and recorded, never a reason to fail."""
        self.beside.update(figures)

    def close(self):
        wrong = self.figures.examples[:10]
        if self.folder:
            document = {"row": self.name, **asdict(self.figures), "beside": self.beside}
            (self.folder / f"{re.sub('[^a-z0-9]+', '-', self.name.lower())}.json").write_text(json.dumps(document))
        assert self.figures.sent, f"{self.name}: nothing was asked"
        assert not self.figures.wrong, f"{self.name}: {wrong}"


def load(folder):
    """The rows of a folder, by name."""
    return sorted((json.loads(file.read_text()) for file in folder.glob("*.json")), key=lambda row: row["row"])


def cells(row):
    beside = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row["beside"].items())
    return [row["row"], *(str(row[name]) for name in ("sent", "wrongly_refused", "wrongly_accepted", "unanswered")),
            beside]


def table(rows):
    return markdown([HEAD, *map(cells, rows)])


def markdown(lines):
    """A table, its head first, as lines of Markdown: readable on a terminal as well."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    rule = ["-" * width for width in widths]
    return ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
            for line in [lines[0], rule, *lines[1:]]]
