"""table: the mapped file as bytes, to be spoiled: what stands where in its head (authd/users/tableform.h)."""

import os
import re
from pathlib import Path

TABLE = "/run/authd/users.table"
FORM = Path(__file__).resolve().parents[2] / "authd" / "users" / "tableform.h"
SIZES = {"uint64_t": 8, "uint32_t": 4}


def fields(name):
    """{member: (offset, size)} of a struct of tableform.h, read from the header itself."""
    text = re.sub(r"/\*.*?\*/", "", FORM.read_text(), flags=re.DOTALL)
    body = re.search(rf"struct {name} \{{(.*?)\}};", text, re.DOTALL).group(1)
    found, offset = {}, 0
    for kind, members in re.findall(r"(uint\d+_t)\s+([^;]+);", body):
        for member in re.split(r",\s*", members.strip()):
            offset += -offset % SIZES[kind]
            found[member] = (offset, SIZES[kind])
            offset += SIZES[kind]
    return found


HEAD, PERSON = fields("table_head"), fields("table_person")


def read(host):
    return bytearray(host.path(TABLE).read_bytes())


def get(data, member, layout=None, base=0):
    offset, size = (layout or HEAD)[member]
    return int.from_bytes(data[base + offset : base + offset + size], "little")


def put(data, member, value, layout=None, base=0):
    offset, size = (layout or HEAD)[member]
    data[base + offset : base + offset + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
    return data


def with_uid(data, old, new):
    """A table that gives the person of the one uid another."""
    size = max(offset + size for offset, size in PERSON.values())
    first = get(data, "people_offset")
    for base in range(first, first + get(data, "n_people") * size, size):
        if get(data, "uid", PERSON, base) == old:
            return put(data, "uid", new, PERSON, base)
    raise AssertionError(f"uid {old} is not in the table")


def generation(host):
    """0: there is none."""
    path = host.path(TABLE)
    return get(bytearray(path.read_bytes()), "generation") if path.exists() else 0


def lay(host, data, owner=None, mode=0o644):
    """Puts a file in the table's place, as the daemon does: another one, renamed; owner None: the folder's."""
    place = host.path(TABLE)
    part = place.with_name("part")
    part.write_bytes(data)
    part.chmod(mode)
    folder = place.parent.stat()
    os.chown(part, *(owner or (folder.st_uid, folder.st_gid)))
    part.rename(place)


def take_away(host):
    """None: whoever has none mapped must ask the socket."""
    host.path(TABLE).unlink(missing_ok=True)


