#!/usr/bin/env python3
"""Reads and verifies a whole store, without any code of fsk.

    reader.py STORE [NAMESPACE]

The keys are in FLECHE_SECRET_KEY, as fsk takes them; unset means no keys. It was written
from docs/format.md alone, with Python's standard library. BLAKE3 is not in that, so it is
here, from its own specification; it is slow, and meant for small stores.

It prints a line for each object, in the order of the digests, and for each ref, followed
by one for each of the records before, back to the first:

    object <digest> <verdict> <size of the payload> <id of the key> <where>
    ref <name> <reason> <digest> <number>
    before <name> <reason> <digest> <number>

with "-" for what there is not. The exit code is 0 if all of it is good, 1 if not, and 2 if
this is no store.
"""

import hashlib
import hmac
import os
import re
import stat
import struct
import sys

MARK = b"fsk-store 1\n"
PACK_MAGIC = b"fsk-pack 1\n"
INDEX_MAGIC = b"fsk-idx 1\n"
TRAILER = 64
MAX_STORED = 1_048_576 + TRAILER
MAX_OBJECTS = 1_048_576
MAX_PAYLOAD = 8 << 30
MAX_RECORD = 4096
ZEROS = "0" * 64
HEX64 = re.compile(r"[0-9a-f]{64}\Z")

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
MASK = 0xFFFFFFFF


def compress(chain, block, counter, flags):
    """The compression function of BLAKE3: eight words of 32 bits."""
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*chain, *IV[:4], counter & MASK, counter >> 32, len(block), flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(COLUMNS + DIAGONALS):
            for word, right, left in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                v[a] = v[a] + v[b] + word & MASK
                x = v[d] ^ v[a]
                v[d] = x >> right | x << 32 - right & MASK
                v[c] = v[c] + v[d] & MASK
                x = v[b] ^ v[c]
                v[b] = x >> left | x << 32 - left & MASK
        m = [m[i] for i in PERMUTATION]
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def tree(data, key, flags, chunk=0):
    """What BLAKE3 makes of the chunks from number chunk on; flags are those of the last step."""
    if len(data) > 1024:
        left = 1024
        while left * 2 < len(data):
            left *= 2
        below = flags & ~ROOT
        halves = tree(data[:left], key, below, chunk) + tree(data[left:], key, below, chunk + left // 1024)
        return compress(key, struct.pack("<16I", *halves), 0, flags | PARENT)
    chain = key
    for at in range(0, max(len(data), 1), 64):
        first = CHUNK_START if at == 0 else 0
        last = CHUNK_END if at + 64 >= len(data) else 0
        chain = compress(chain, data[at : at + 64], chunk, flags & ~ROOT | first | last | (last and flags & ROOT))
    return chain


def blake3(data, context=None):
    """BLAKE3-256 in hexadecimal, with a context in derive_key mode."""
    key, flags = IV, 0
    if context:
        key, flags = tree(context.encode(), IV, CONTEXT | ROOT), MATERIAL
    return struct.pack("<8I", *tree(data, key, flags | ROOT)).hex()


class Key:
    def __init__(self, secret):
        self.secret = secret
        self.id = blake3(secret, "fsk 2026-11-22 key id v1")[:16]
        self.for_refs = bytes.fromhex(blake3(secret, "fsk 2026-11-22 ref seal v1"))

    def seal(self, payload):
        return hmac.new(self.secret, payload, hashlib.sha256).hexdigest().encode()

    def ref_seal(self, record):
        return hmac.new(self.for_refs, record, hashlib.sha256).hexdigest().encode()


def parse_keys(text):
    if text is None:
        return []
    if not re.match(r"([0-9a-fA-F]{2})+(:([0-9a-fA-F]{2})+)*\Z", text):
        sys.exit("the keys are malformed")
    keys, seen = [], set()
    for part in text.split(":"):
        secret = bytes.fromhex(part)
        block = hashlib.sha256(secret).digest() if len(secret) > 64 else secret
        block = block.ljust(64, b"\0")
        if block not in seen:
            seen.add(block)
            keys.append(Key(secret))
    if len(keys) > 16:
        sys.exit("there are too many keys")
    return keys


def read_regular(path, limit=None):
    """The bytes of a regular file; a word if there is none, or one that is refused."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return "missing"
    except OSError:
        if os.path.islink(path):
            return "not-regular"
        raise
    with os.fdopen(fd, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            return "not-regular"
        if limit is not None and info.st_size > limit:
            return "too-large"
        data = file.read(info.st_size)
    return data if len(data) == info.st_size else "changed-during-read"


def verdict(digest, stored, keys):
    """The verdict, the size of the payload, and the key."""
    p, t = (stored[:-TRAILER], stored[-TRAILER:]) if len(stored) >= TRAILER else (None, b"")
    hx = bool(re.match(rb"[0-9a-f]{64}\Z", t))
    key = next((k for k in keys if hx and hmac.compare_digest(t, k.seal(p))), None)
    h1 = p is not None and blake3(p) == digest
    h0 = not h1 and blake3(stored) == digest
    if keys:
        if h1 and key:
            return "ok", len(p), key
        if h0:
            return "unsealed", None, None
        if h1:
            return ("bad-seal" if hx else "malformed-trailer"), None, None
        return ("wrong-name" if key else "corrupt"), None, None
    if h0:
        return "ok-plain", len(stored), None
    if h1:
        return ("ok-unverified", len(p), None) if hx else ("malformed-trailer", None, None)
    return "corrupt", None, None


def loose(root):
    """Yields digest, stored bytes or a reason, and where it was."""
    top = os.path.join(root, "objects")
    for two in listed(top):
        if not re.match(r"[0-9a-f]{2}\Z", two):
            continue
        for rest in listed(os.path.join(top, two)):
            if re.match(r"[0-9a-f]{62}\Z", rest):
                yield two + rest, read_regular(os.path.join(top, two, rest), MAX_PAYLOAD + TRAILER), "loose"


def listed(directory):
    if os.path.islink(directory) or not os.path.isdir(directory):
        return []
    return sorted(os.listdir(directory))


def packed(root):
    """Yields digest, stored bytes, and the id of the pack, as its index tells."""
    directory = os.path.join(root, "objects", "pack")
    for name in listed(directory):
        pack_id, suffix = os.path.splitext(name)
        if suffix != ".idx" or not HEX64.match(pack_id):
            continue
        index = read_regular(os.path.join(directory, name))
        pack = read_regular(os.path.join(directory, pack_id + ".pack"))
        if isinstance(index, str) or isinstance(pack, str):
            continue
        entries = parse_index(index, pack_id)
        if entries != scan(pack):
            sys.exit(f"pack {pack_id}: pack and index do not fit")
        for digest, (offset, length) in entries.items():
            yield digest, pack[offset : offset + length], pack_id


def parse_index(index, pack_id):
    """Offset and length by digest."""
    n, rest = divmod(len(index) - 1066, 48)
    if n < 0 or n > MAX_OBJECTS or rest or index[:10] != INDEX_MAGIC:
        sys.exit(f"index {pack_id}: not an index")
    if index[-32:].hex() != pack_id or blake3(index[:-32]) != pack_id:
        sys.exit(f"index {pack_id}: the checksum is not right")
    fan_out = struct.unpack(">256I", index[10:1034])
    entries, last = {}, b""
    for i in range(n):
        digest, offset, length = struct.unpack_from(">32sQQ", index, 1034 + 48 * i)
        if digest <= last:
            sys.exit(f"index {pack_id}: the digests are in disorder")
        entries[digest.hex()] = offset, length
        last = digest
    if fan_out != tuple(sum(int(d[:2], 16) <= i for d in entries) for i in range(256)):
        sys.exit(f"index {pack_id}: the fan-out is wrong")
    return entries


def scan(pack):
    """What parse_index returns, from the pack itself."""
    if pack[:11] != PACK_MAGIC:
        sys.exit("not a pack")
    entries, at = {}, 11
    while at < len(pack):
        if at + 40 > len(pack) or len(entries) == MAX_OBJECTS:
            sys.exit("a pack is cut off, or too long")
        digest, length = struct.unpack_from(">32sQ", pack, at)
        if length > MAX_STORED or at + 40 + length > len(pack) or digest.hex() in entries:
            sys.exit("a pack is damaged")
        entries[digest.hex()] = at + 40, length
        at += 40 + length
    return entries


RECORD = re.compile(
    rb"(fsk-ref 1\n"
    rb"ns (?P<ns>[^ \n]+)\n"
    rb"name (?P<name>[^ \n]+)\n"
    rb"digest (?P<digest>[0-9a-f]{64})\n"
    rb"seq (?P<seq>[1-9][0-9]{0,19})\n"
    rb"time [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\n"
    rb"prev (?P<prev>[0-9a-f]{64})\n"
    rb"(?P<attrs>(attr [a-z0-9-]{1,32} [\x20-\x7e]{0,512}\n){0,16}))"
    rb"(key (?P<key>[0-9a-f]{16})\nseal (?P<seal>[0-9a-f]{64})\n)?\Z"
)
COMPONENT = re.compile(r"(?!(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z))(?!.*\.lock\Z)(?!.*\.\Z)[a-z0-9][a-z0-9._-]{0,99}\Z")


def is_name(name, namespace=False):
    good = len(name) <= 255 and all(COMPONENT.match(c) for c in name.split("/"))
    return good and (namespace or not re.match(r"[0-9a-f]+\Z", name))


def is_record(m):
    attrs = [line.split(b" ")[1] for line in m["attrs"].splitlines()]
    return (
        attrs == sorted(set(attrs))
        and int(m["seq"]) < 1 << 64
        and (int(m["seq"]) > 1 or m["prev"].decode() == ZEROS)
        and is_name(m["name"].decode())
        and is_name(m["ns"].decode(), namespace=True)
    )


def check_ref(name, record, namespace, keys):
    """Reason, digest and number of a ref, and the digest of the record before."""
    if record in ("missing", "not-regular"):
        return record, None, None, None
    m = None if isinstance(record, str) else RECORD.match(record)
    if not m or not is_record(m):
        return "malformed-ref", None, None, None
    seal = m["seal"]
    if keys and not seal:
        return "unsealed", None, None, None
    signed = record[: -len(b"seal \n") - 64] if seal else None
    if keys and not any(hmac.compare_digest(seal, k.ref_seal(signed)) for k in keys):
        return "bad-seal", None, None, None
    if m["name"].decode() != name:
        return "wrong-name", None, None, None
    if m["ns"].decode() != namespace:
        return "wrong-namespace", None, None, None
    if keys:
        return named("ok", m)
    return named("ok-unverified" if seal else "ok-plain", m)


def named(reason, m):
    """What a good record says."""
    digest, seq, prev = m["digest"].decode(), int(m["seq"]), m["prev"].decode()
    return ("missing", None, seq, prev) if digest == ZEROS else (reason, digest, seq, prev)


def history(name, namespace, seq, prev, payloads):
    """Yields the records before one."""
    while prev and prev != ZEROS:
        m = RECORD.match(payloads.get(prev, b""))
        seq -= 1
        if not m or m["seal"] or not is_record(m) or (m["name"].decode(), m["ns"].decode(), int(m["seq"])) != (name, namespace, seq):
            yield "corrupt", None, None
            return
        reason, digest, _, prev = named("ok", m)
        yield reason, digest, seq


def refs(root, namespace, keys):
    top = os.path.join(root, "refs")
    for directory, dirs, files in os.walk(top):
        dirs.sort()
        for file in sorted(files):
            name = os.path.relpath(os.path.join(directory, file), top).replace(os.sep, "/")
            if is_name(name):
                yield name, *check_ref(name, read_regular(os.path.join(directory, file), MAX_RECORD), namespace, keys)


def main(root, namespace="default"):
    keys = parse_keys(os.environ.get("FLECHE_SECRET_KEY"))
    if read_regular(os.path.join(root, "fsk-store"), len(MARK)) != MARK:
        print(f"{root}: not a store of version 1", file=sys.stderr)
        return 2
    found, payloads = {}, {}
    for copies in (packed(root), loose(root)):
        for digest, stored, where in copies:
            if isinstance(stored, str):
                result = stored, None, None, where
            else:
                result = *verdict(digest, stored, keys), where
                if result[0].startswith("ok"):
                    payloads[digest] = stored[: result[1]]
            if digest not in found or not found[digest][0].startswith("ok") and result[0].startswith("ok"):
                found[digest] = result
    bad = False

    def show(*words):
        print(*("-" if word is None else word for word in words))

    for digest, (reason, size, key, where) in sorted(found.items()):
        bad |= not reason.startswith("ok")
        show("object", digest, reason, size, key.id if key else None, where)
    for name, *present, prev in sorted(refs(root, namespace, keys)):
        before = history(name, namespace, present[2], prev, payloads)
        for kind, (reason, digest, seq) in [("ref", present), *(("before", b) for b in before)]:
            bad |= not reason.startswith("ok") and not (reason == "missing" and seq)  # deleted
            show(kind, name, reason, digest, seq)
    return int(bad)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
