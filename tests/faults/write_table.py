#!/usr/bin/python3
"""write_table: the rows that `tests/run faults` left, as a table.

    write_table.py ROWS               prints it
    write_table.py ROWS DOCUMENT      writes it into the document (docs/BENCHMARKS.md), between its marks

Nothing else writes between the marks. A row with a wrong answer leaves the document as it was.
"""

import os
import pathlib
import platform
import sys
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

import figures  # noqa: E402
from record import processor  # noqa: E402

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


def machine():
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return f"Measured {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores of {processor()}, {system}."


def rewrite(text, rows):
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"write_table: the document lacks {BEGIN} or {END}")
    return "\n".join([before + begin, machine(), "", *figures.table(rows), end + after])


def main(folder, document=None):
    rows = figures.load(pathlib.Path(folder))
    if not document:
        print("\n".join(figures.table(rows)))
        return
    wrong = [row["row"] for row in rows if row["examples"]]
    if wrong or not rows:
        sys.exit(f"write_table: nothing is written: {', '.join(wrong) or 'no rows'}")
    path = pathlib.Path(document)
    path.write_text(rewrite(path.read_text(), rows))
    print(f"{len(rows)} rows recorded in {document}")


if __name__ == "__main__":
    main(*sys.argv[1:])
