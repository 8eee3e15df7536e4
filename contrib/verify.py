#!/usr/bin/python3
"""Judges a notaryfs certificate offline, by core/FORMAT.md and nothing else.

A second opinion: it shares no code with notary-verify and must give the same
verdict for the same reason.  "(n)" in a comment is a section of FORMAT.md.
Needs Python 3.9 and python3-cryptography 38 or newer, for signatures only.
"""
import base64
import calendar
import hashlib
import itertools
import json
import os
import re
import stat
import sys
import time
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    ec, ed25519, padding, rsa, utils)

USAGE = """\
usage: verify.py [--anchor HEX|FILE] [--json] [--range A-B]
                 [--witness VKEY|FILE]... [--witnesses N] FILE [FILE.cert]

Checks a file against its certificate without any network or service.

  --anchor HEX|FILE  the chain to trust: 64 hex digits, or a file that
                     holds them; without it nothing is called valid
  --range A-B        FILE is bytes A to B-1 of the recorded file, counted
                     from 0, and the certificate is of those
  --witness VKEY|FILE  somebody who must have signed the checkpoint in the
                     certificate: NAME+ID+KEY (C2SP), or a file that holds it
  --witnesses N      that many of those named are enough
  --json             facts as JSON, one object a line

Exit: 0 valid, 1 refused, 2 incomplete or cannot say, 64 wrong usage."""

CERTIFICATE_MAX, RECORD_MAX, BLOCK_MAX = 262144, 131072, 256
NOTE_MAX, RECEIPT_MAX, VKEY_MAX = 65536, 4096, 512
PARAMS_MAX, STAMP_MAX, STATEMENT_MAX, DOCUMENT_MAX = 16384, 32768, 512, 20000
TIME_MAX = 253402300799999  # the last millisecond of the year 9999
ZERO = bytes(32)

# Verdicts of (11) that are not refusals; all others are.
INCOMPLETE = {"no-anchor", "unsupported", "part"}


class Refused(Exception):
    """The verdict: one of the names of (11)."""


class Bad(ValueError):
    """Something is not of its form; `form` says which verdict that is."""


def need(condition, verdict):
    if not condition:
        raise Refused(verdict)


def must(condition):
    if not condition:
        raise Bad


def form(verdict):
    """What a decoder refuses is that verdict."""
    def wrap(decoder):
        def call(*args):
            try:
                return decoder(*args)
            except Bad:
                raise Refused(verdict) from None
        return call
    return wrap


# ---------------------------------------------------------------- (1), (2)

def H(*parts):
    return hashlib.sha3_256(b"".join(parts)).digest()


def be(value, size):
    return value.to_bytes(size, "big")


class Map(list):
    """The pairs of a CBOR map, in their order."""

    def table(self, kind):
        """As a dict whose keys are all of that kind."""
        must(all(type(k) is kind for k, _ in self))
        return dict(self)


class Tag(tuple):
    """(number, item)"""


class Cbor:
    """Reads deterministic CBOR."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        must(n <= len(self.data) - self.at)
        self.at += n
        return self.data[self.at - n:self.at]

    def head(self):
        """Major type and number; None: of indefinite length."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if first == 0xbf:
            return major, None
        must(info < 28 and major != 7)
        size = 1 << info - 24
        n = int.from_bytes(self.take(size), "big")
        must(n >= (24 if size == 1 else 1 << 4 * size))
        return major, n

    def item(self, level, loose=()):
        """The next item, on that level of nesting.  loose: what may be in
        any order and of indefinite length, here and in the members named."""
        must(level <= 16)
        major, n = self.head()
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            try:
                return self.take(n).decode("utf-8")
            except UnicodeDecodeError:
                raise Bad from None
        if major == 4:
            must(n <= len(self.data) - self.at)
            return [self.item(level + 1) for _ in range(n)]
        if major == 5:
            return self.pairs(n, level + 1, loose)
        if major == 6:
            return Tag((n, self.item(level + 1)))
        must(n in (20, 21, 22))
        return {20: False, 21: True, 22: None}[n]

    def pairs(self, n, level, loose):
        must(loose if n is None else 2 * n <= len(self.data) - self.at)
        out, seen, last = Map(), set(), b""
        while n is None or len(out) < n:
            if n is None and self.data[self.at:self.at + 1] == b"\xff":
                self.at += 1
                break
            start = self.at
            key = self.item(level)
            raw = self.data[start:self.at]
            must(raw not in seen and (loose or raw > last))
            seen.add(raw)
            last = raw
            inner = loose and type(key) is str and key in loose and ("-",)
            out.append((key, self.item(level, inner)))
        return out


def decode(data, limit, level=1, loose=()):
    """One item and nothing behind it; level: of the outermost (2)."""
    must(len(data) <= limit)
    reader = Cbor(data)
    value = reader.item(level, loose)
    must(reader.at == len(data))
    return value


def encode_head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    size = next(s for s in (1, 2, 4, 8) if n < 1 << 8 * s)
    return bytes([major << 5 | 23 + size.bit_length()]) + be(n, size)


def encode(v):
    """Of what is signed: arrays of numbers, bytes and text."""
    if isinstance(v, int):
        return encode_head(0, v)
    if isinstance(v, bytes):
        return encode_head(2, len(v)) + v
    if isinstance(v, str):
        return encode_head(3, len(v.encode())) + v.encode()
    return encode_head(4, len(v)) + b"".join(map(encode, v))


def uint(v, top=(1 << 64) - 1, low=0):
    must(type(v) is int and low <= v <= top)
    return v


def blob(v, low, top=None):
    """Bytes, `low` to `top` of them; exactly `low` if there is no top."""
    must(type(v) is bytes and low <= len(v) <= (low if top is None else top))
    return v


def text(v, low, top):
    must(type(v) is str and low <= len(v.encode()) <= top)
    return v


def array(v, low, top=None):
    must(type(v) is list and low <= len(v) <= (low if top is None else top))
    return v


def table(v, kind):
    must(type(v) is Map)
    return v.table(kind)


# ---------------------------------------------------------------- trees

def fold(leaves, inner):
    """The top of an RFC 9162 tree: complete subtrees, joined from the right."""
    stack = []
    for i, node in enumerate(leaves):
        while i & 1:
            node = inner(stack.pop(), node)
            i >>= 1
        stack.append(node)
    top = stack.pop() if stack else ZERO
    while stack:
        top = inner(stack.pop(), top)
    return top


class Content:
    """A file, or with `asked` = (from, to) those bytes of one."""

    def __init__(self, stream, asked=None):
        self.stream, self.asked = stream, asked
        self.size = stream.seek(0, os.SEEK_END)

    def chunks(self, before=b"", behind=b""):
        self.stream.seek(0)
        rest, more = before, b"-"
        while more:
            more = self.stream.read(65536)
            rest += more if more else behind
            while len(rest) >= 4096:
                yield rest[:4096]
                rest = rest[4096:]
        if rest:
            yield rest

    def whole(self):
        """(3): content root and SHA-256."""
        sha256 = hashlib.sha256()

        def leaves():
            for chunk in self.chunks():
                sha256.update(chunk)
                yield H(chunk, b"\x10")
        top = fold(leaves(), chunk_node)
        return content_root(self.size, top), sha256.digest()

    def feed(self, hasher):
        for chunk in self.chunks():
            hasher.update(chunk)

    def piece(self, r, size):
        """(11): the content root that these bytes of a file lead to."""
        leaves = (H(c, b"\x10") for c in self.chunks(r["left"], r["right"]))
        others = iter(r["hashes"])
        top = walk(r, size, lambda: next(others),
                   lambda n: fold(itertools.islice(leaves, n), chunk_node),
                   chunk_node)
        return content_root(size, top)


def chunk_node(left, right):
    return H(left, right, b"\x11")


def content_root(size, top):
    return H(be(size, 8), top, b"\x12")


def walk(r, size, outside, inside, join):
    """The tree of a file from its top, in the order of the file: nodes
    without a chunk of the range, nodes of n of its chunks, and the others."""
    first, last = r["from"] // 4096, (r["to"] - 1) // 4096

    def node(low, n):
        if low > last or low + n <= first:
            return outside()
        if low >= first and low + n - 1 <= last:
            return inside(n)
        half = 1 << (n - 1).bit_length() - 1
        left = node(low, half)
        return join(left, node(low + half, n - half))
    return node(0, -(-size // 4096))


def range_fits(r, size):
    if not r["from"] < r["to"] <= size < 1 << 63:
        return False
    end = min(-(-r["to"] // 4096) * 4096, size)
    return len(r["left"]) == r["from"] % 4096 \
        and len(r["right"]) == end - r["to"] and len(r["hashes"]) == walk(
            r, size, lambda: 1, lambda n: 0, lambda a, b: a + b)


def tree_root(dh, index, n, path):
    """(5): mH, or None where the path is not one of that tree."""
    if not index < n <= 16384:
        return None
    node, i, k, rest = H(b"\0", dh), index, n, list(path)
    while k > 1:
        if i % 2 or i + 1 < k:
            if not rest:
                return None
            other = rest.pop(0)
            node = H(b"\1", other, node) if i % 2 else H(b"\1", node, other)
        i, k = i // 2, (k + 1) // 2
    return None if rest else H(b"\2", be(n, 8), node)


# ---------------------------------------------------------------- (4)

PUT, MKDIR, SYMLINK, LINK, TOMBSTONE, APPEND = range(6)
RETENTION, HOLD, DELETION, COMPLIANCE, RENEWAL = 7, 8, 9, 10, 11
DIGEST_NAME = re.compile(r"[a-z0-9-]{1,32}")


def path_is_good(p):
    return b"\0" not in p and all(
        part not in (b"", b".", b"..") for part in p.split(b"/"))


def plain_text(v, top):
    must(not re.search(r"[\x00-\x1f\x7f]", text(v, 1, top)))


@form("malformed")
def record(raw):
    v = array(decode(raw, RECORD_MAX), 10)
    must(uint(v[0], 1, 1) and uint(v[1], 11) != 6)
    kind, path, size, root = v[1], blob(v[3], 0, 4095), uint(v[4]), v[7]
    blob(v[2], 16)
    must(path == b"" if kind == COMPLIANCE else
         path_is_good(path) or (path == b"" and kind == MKDIR))
    uint(v[5], 0o7777)
    uint(v[6], (1 << 63) - 1, -(1 << 63))
    has_root = blob(root, 32) != ZERO
    digests = table(v[8], str)
    must(len(digests) <= 8)
    for name, value in digests.items():
        must(DIGEST_NAME.fullmatch(name))
        blob(value, 1, 64)
    ext = table(v[9], int)
    must(set(ext) <= {*range(1, 16)})
    must(has_root if kind in (PUT, APPEND) else kind == LINK or not has_root)
    must(has_root or (size == 0 and not digests and 4 not in ext))
    must((1 in ext) == (kind in (SYMLINK, LINK) or ext.get(8) == 2))
    if kind == SYMLINK:
        must(b"\0" not in blob(ext[1], 1, 4095))
    elif 1 in ext:
        must(path_is_good(blob(ext[1], 1, 4095)))
    common_extensions(ext)
    class_extensions(kind, size, ext)
    about_extensions(kind, ext)
    must((15 in ext) == (kind == RENEWAL))
    if kind in (TOMBSTONE, RETENTION, HOLD, DELETION, COMPLIANCE, RENEWAL):
        must(v[5] == v[6] == 0 and not set(ext) & {2, 3, 4}
             and not digests)
    renewal = None
    if 15 in ext:
        renewal = array(ext[15], 3)
        must(type(renewal[0]) is str and DIGEST_NAME.fullmatch(renewal[0]))
        blob(renewal[1], 1, 64), blob(renewal[2], 1, 64)
    return {"kind": kind, "path": path, "size": size, "root": root,
            "about": ext.get(10), "renewal": renewal,
            "digests": digests}


def common_extensions(ext):
    if 2 in ext:
        for n in array(ext[2], 2):
            uint(n, 0xffffffff)
    if 3 in ext:
        xattrs = table(ext[3], bytes)
        must(1 <= len(xattrs) <= 64)
        for name, value in xattrs.items():
            must(b"\0" not in blob(name, 1, 255) and type(value) is bytes)
        must(sum(len(k) + len(x) for k, x in xattrs.items()) <= 65536)
    must(ext.get(4, True) is True)


def class_extensions(kind, size, ext):
    """Versions and appends."""
    must(not set(ext) & {5, 7} or kind in (PUT, SYMLINK, LINK, APPEND))
    must(6 not in ext or (kind == MKDIR and type(ext[6]) is str
                          and DIGEST_NAME.fullmatch(ext[6])))
    must(8 not in ext or kind == TOMBSTONE)
    must((9 in ext) == (kind == APPEND))
    if 5 in ext:
        uint(ext[5], 2, 1)
    if 7 in ext:
        blob(ext[7], 32)
    if 8 in ext:
        uint(ext[8], 4, 1)
    if 9 in ext:
        start, root = array(ext[9], 2)
        must(ext.get(5) == 2 and 7 in ext and 0 < uint(start) < size)
        must(blob(root, 32) != ZERO)


def about_extensions(kind, ext):
    """Retention, holds and deletions."""
    must((10 in ext) == (8 in ext or kind in (RETENTION, HOLD, DELETION,
                                              COMPLIANCE, RENEWAL)))
    must(11 not in ext or kind in (PUT, APPEND, SYMLINK, RETENTION))
    must(kind != RETENTION or 11 in ext)
    must((13 in ext) == (14 in ext))
    if kind == HOLD:
        must((12 in ext) != (13 in ext))
    else:
        must(12 not in ext and (13 not in ext or
                                kind in (DELETION, COMPLIANCE)))
        must(13 in ext or kind != COMPLIANCE)
    if 10 in ext:
        blob(ext[10], 32)
    if 11 in ext:
        uint(ext[11], 253402300799, 1)
    if 12 in ext:
        plain_text(ext[12], 64)
    if 13 in ext:
        plain_text(ext[13], 1024)
        blob(ext[14], 1, 2048)


# ---------------------------------------------------------------- (6), (7)

@form("malformed")
def block(raw):
    v = array(decode(raw, BLOCK_MAX), 3, 4)
    blob(v[0], 16), blob(v[1], 32), blob(v[2], 32)
    ext = {}
    if len(v) == 4:
        ext = table(v[3], int)
        must(ext and set(ext) <= {1, 2})
    if 1 in ext:
        uint(array(ext[1], 2)[0])
        blob(ext[1][1], 32)
    if 2 in ext:
        blob(ext[2], 32)
    return {"u": v[0], "mh": v[1], "th": v[2], "doc": ext.get(2),
            "log": ext.get(1)}


def opening(reader, magic):
    """Keys 0 and 1 of a map; another version may go on as it likes."""
    major, n = reader.head()
    must(major == 5 and n and n <= 64 and
         2 * n <= len(reader.data) - reader.at)
    must(reader.item(1) == 0 and reader.item(1) == magic)
    must(n > 1 and reader.item(1) == 1)
    need(uint(reader.item(1)) == 1, "unsupported")


@form("malformed")
def params(raw):
    must(len(raw) <= PARAMS_MAX)
    reader = Cbor(raw)
    opening(reader, "notaryfs-chain")
    must(raw[0] in (0xaf, 0xb0) and reader.item(1) == 2)
    need(uint(reader.item(1)) <= 1, "unsupported")
    v = table(decode(raw, PARAMS_MAX), int)
    must(set(v) in (set(range(15)), set(range(16))))
    blob(v[3], 1, 512)
    blob(v[4], 32)
    must(v[5] is not None or v[2] == 0)
    if v[5] is not None:
        for image in array(v[5], 1, 16):
            pcrs(image, 1)
    for root in array(v[6], 1, 8):
        blob(root, 32)
    for a in array(v[7], 1, 8):
        kind, key, name = array(a, 3)
        uint(kind, 2), blob(key, 1, 4096), text(name, 1, 255)
        must(kind != 0 or len(key) == 32)
    uint(v[8], len(v[7]), 1)
    shares = array(v[9], 4)
    must(1 <= uint(shares[0]) <= uint(shares[1]) <= 16 and uint(shares[2], 8, 8))
    must(uint(shares[3], 1 << 20, 1) % 64 == 0)
    for name in array(v[10], shares[1]):
        text(name, 1, 255)
    keys = array(array(v[11], 2)[1], 1, 8)
    uint(v[11][0], 1, 1)
    uint(v[12], 2)
    names = array(v[13], 0, 8)
    for name in names:
        must(type(name) is str and DIGEST_NAME.fullmatch(name))
    must(all((len(a), a) < (len(b), b) for a, b in zip(names, names[1:])))
    blob(v[14], 16)
    if 15 in v:
        must(v[12] != 0)
        keys = keys + array(v[15], 1, 8)
    for key in keys:
        blob(key, 1, 512)
    return {"trust": v[2], "key": v[3], "doc": v[4], "images": v[5],
            "roots": v[6], "authorities": v[7], "quorum": v[8],
            "installation": v[14], "digests": v[13]}


def pcrs(v, low):
    t = table(v, int)
    must(low <= len(t) <= 32)
    for n, value in t.items():
        uint(n, 31), blob(value, 48)
    return t


# ---------------------------------------------------------------- DER

def oid(dotted):
    """The contents of an OBJECT IDENTIFIER."""
    arcs = [int(a) for a in dotted.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        tail = bytes([arc & 127])
        while arc > 127:
            arc >>= 7
            tail = bytes([arc & 127 | 128]) + tail
        out += tail
    return out


def elements(s):
    """The elements of one level: [(tag, contents, whole encoding)]."""
    out, at = [], 0
    while at < len(s):
        must(at + 2 <= len(s) and s[at] & 31 != 31)
        n, begin = s[at + 1], at + 2
        if n >= 128:
            size = n - 128
            must(1 <= size <= 3 and begin + size <= len(s))
            n = int.from_bytes(s[begin:begin + size], "big")
            must(n >= (128 if size == 1 else 1 << 8 * (size - 1)))
            begin += size
        must(n <= len(s) - begin)
        out.append((s[at], s[begin:begin + n], s[at:begin + n]))
        at = begin + n
    return out


def check_der(s, depth=0):
    """Is it DER all through?"""
    for tag, v, _ in elements(s):
        must(depth <= 24)
        if tag & 0x20:
            must(tag & 0xc0 or tag in (SEQUENCE, SET))
            check_der(v, depth + 1)
        elif not tag & 0xc0:
            must(PRIMITIVE.get(tag, lambda v: False)(v))


def bits_good(v):
    return v and v[0] < 8 and (
        v[-1] & (1 << v[0]) - 1 == 0 if len(v) > 1 else v[0] == 0)


def oid_good(v):
    return v and v[-1] < 128 and not re.search(b"(?:^|[\0-\x7f])\x80", v,
                                               re.DOTALL)


def integer_good(v):
    return v and not (len(v) > 1 and v[0] in (0, 255)
                      and v[0] >> 7 == v[1] >> 7)


PRIMITIVE = {1: lambda v: v in (b"\0", b"\xff"), 2: integer_good,
             3: bits_good, 5: lambda v: not v, 6: oid_good, 10: integer_good}
for _tag in (4, 12, 18, 19, 20, 22, 23, 24, 26, 28, 30):
    PRIMITIVE[_tag] = lambda v: True


def one(s, tag):
    """The contents of the only element."""
    e = elements(s)
    must(len(e) == 1 and e[0][0] == tag)
    return e[0][1]


class Fields:
    """Walks the elements of a SEQUENCE in order."""

    def __init__(self, s):
        self.rest = elements(s)

    def next(self, tag):
        must(self.rest and self.rest[0][0] == tag)
        return self.rest.pop(0)[1]

    def whole(self, tag):
        must(self.rest and self.rest[0][0] == tag)
        return self.rest.pop(0)[2]

    def maybe(self, tag):
        return self.next(tag) if self.rest and self.rest[0][0] == tag else None

    def end(self):
        must(not self.rest)


INTEGER, BITS, OCTETS, OID = 2, 3, 4, 6
UTC_TIME, GENERALIZED, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31


def integer(v):
    must(integer_good(v))
    return int.from_bytes(v, "big", signed=True)


def algorithm(v):
    """An AlgorithmIdentifier: OID, parameters as they are encoded."""
    e = elements(v)
    must(1 <= len(e) <= 2 and e[0][0] == OID)
    return e[0][1], e[1][2] if len(e) == 2 else b""


NAME_STRINGS = {12: "utf-8", 28: "utf-32-be", 30: "utf-16-be",
                **{tag: "latin-1" for tag in (3, 10, 18, 19, 20, 22, 0x30)}}


def check_name(v):
    for tag, parts, _ in elements(v):
        must(tag == SET)
        for tag_, pair, _ in elements(parts):
            must(tag_ == SEQUENCE)
            e = elements(pair)
            must(len(e) == 2 and e[0][0] == OID and e[1][0] in NAME_STRINGS)
            try:
                e[1][1].decode(NAME_STRINGS[e[1][0]])
            except UnicodeDecodeError:
                raise Bad from None


def seconds(tag, v):
    """UTCTime or GeneralizedTime of whole seconds, as RFC 5280 has them."""
    form_ = rb"\d{12}Z" if tag == UTC_TIME else rb"\d{14}Z"
    must(re.fullmatch(form_, v) and v[-3:-1] < b"60")
    s = v.decode()
    if tag == UTC_TIME:
        s = ("19" if s >= "50" else "20") + s
    try:
        return calendar.timegm(time.strptime(s, "%Y%m%d%H%M%SZ"))
    except ValueError:
        raise Bad from None


# ---------------------------------------------------------------- keys

P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
P384 = bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200")


CURVES = {oid("1.2.840.10045.3.1.7"): ec.SECP256R1(),
          oid("1.3.132.0.34"): ec.SECP384R1(),
          oid("1.3.132.0.35"): ec.SECP521R1()}
RSA_KEY, EC_KEY = oid("1.2.840.113549.1.1.1"), oid("1.2.840.10045.2.1")
NO_PARAMETERS = (b"", b"\5\0")


def plain_key(spki):
    """A P-256 or P-384 key in its one encoding (9), or None."""
    for prefix, size in (P256, 32), (P384, 48):
        if spki.startswith(prefix + b"\4") \
                and len(spki) == len(prefix) + 1 + 2 * size:
            return any_key(spki)
    return None


def any_key(spki):
    """A key that timestamps are signed with (11.4), or None.  Of a library is
    asked just what the numbers make, for libraries differ in what they read."""
    try:
        f = Fields(one(spki, SEQUENCE))
        name, parameters = algorithm(f.next(SEQUENCE))
        bits = f.next(BITS)
        f.end()
        must(bits[:1] == b"\0")
        if name == RSA_KEY and parameters in NO_PARAMETERS:
            return rsa_key(bits[1:])
        must(name == EC_KEY and parameters[:1] == bytes([OID]))
        return ec_key(CURVES.get(one(parameters, OID)), bits[1:])
    except (ValueError, UnsupportedAlgorithm):
        return None


def rsa_key(v):
    check_der(v)
    f = Fields(one(v, SEQUENCE))
    n, e = integer(f.next(INTEGER)), integer(f.next(INTEGER))
    f.end()
    must(1 << 2047 <= n < 1 << 8192 and 1 < e < 1 << 64 and n & e & 1)
    return rsa.RSAPublicNumbers(e, n).public_key()


def ec_key(curve, v):
    must(curve is not None)
    size = (curve.key_size + 7) // 8
    must(len(v) == 1 + 2 * size and v[0] == 4)
    x, y = (int.from_bytes(w, "big") for w in (v[1:1 + size], v[1 + size:]))
    return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()


def curve_of(key):
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else ""


def signed(key, signature, data, *scheme):
    try:
        key.verify(signature, data, *scheme)
        return True
    except (InvalidSignature, ValueError):
        return False


def signed_raw(key, signature, data, digest):
    """ECDSA with r and s one behind the other, each as long as the field."""
    half = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * half:
        return False
    r, s = (int.from_bytes(x, "big")
            for x in (signature[:half], signature[half:]))
    return signed(key, utils.encode_dss_signature(r, s), data,
                  ec.ECDSA(digest))


# ---------------------------------------------------------------- (9)

ALGS = {"secp256r1": (b"\xa1\x01\x26", hashes.SHA256()),
        "secp384r1": (b"\xa1\x01\x38\x22", hashes.SHA384())}


def cose(raw, limit, payload_limit, curve):
    """The parts of a COSE_Sign1 in our profile: payload, check(key)."""
    v = decode(raw, limit)
    if type(v) is Tag:
        must(v[0] == 18)
        v = v[1]
    protected, unprotected, payload, signature = array(v, 4)
    must(protected == ALGS[curve][0] and table(unprotected, str) == {})
    blob(payload, 0, payload_limit)
    blob(signature, 64 if curve == "secp256r1" else 96)

    def check(key):
        return curve_of(key) == curve and signed_raw(
            key, signature, encode(["Signature1", protected, b"", payload]),
            ALGS[curve][1])
    return payload, check


@form("sequence-malformed")
def statement(raw):
    payload, check = cose(raw, STATEMENT_MAX, STATEMENT_MAX, "secp256r1")
    v = array(decode(payload, STATEMENT_MAX), 11)
    uint(v[0], 1, 1), blob(v[1], 32), uint(v[2], 0xffffffff), uint(v[3])
    uint(v[4], 2), blob(v[5], 48), blob(v[6], 32)
    must(v[7] is None or uint(v[7]) >= 0)
    must(v[4] == 0 or (v[7] is None and v[5][:16] == bytes(16)))
    blob(v[8], 16), uint(v[9]), blob(v[10], 32)
    return {"check": check, "chain": v[1], "epoch": v[2], "k": v[3],
            "type": v[4], "y": v[5], "height": v[7], "r": v[8],
            "log-size": v[9]}


RECEIPT_HEADER = bytes.fromhex("a2012619018b01")


@form("log-malformed")
def receipt(raw):
    v = decode(raw, RECEIPT_MAX)
    must(type(v) is Tag and v[0] == 18)
    protected, proofs, payload, signature = array(v[1], 4)
    must(protected == RECEIPT_HEADER and payload is None)
    blob(signature, 64)
    proofs = table(proofs, int)
    must(list(proofs) == [396])
    kinds = table(proofs[396], int)
    must(list(kinds) == [-1])
    proof = array(decode(blob(array(kinds[-1], 1)[0], 0, RECEIPT_MAX),
                         RECEIPT_MAX), 3)
    for node in array(proof[2], 1, 64):
        blob(node, 32)

    def check(key, root):
        return curve_of(key) == "secp256r1" and signed_raw(
            key, signature, encode(["Signature1", protected, b"", root]),
            hashes.SHA256())
    return {"size": uint(proof[0]), "index": uint(proof[1]),
            "path": proof[2], "check": check}


def strict_base64(s):
    """RFC 4648, 4: one text for the same bytes."""
    must(re.fullmatch(rb"[A-Za-z0-9+/]*={0,2}", s) and len(s) % 4 == 0)
    try:
        value = base64.b64decode(s, validate=True)
    except ValueError:
        raise Bad from None
    must(base64.b64encode(value) == s)
    return value


def key_name(raw):
    must(1 <= len(raw) <= 255)
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad from None
    must(all(c >= " " and c != "+" and not c.isspace() for c in name))


@form("log-malformed")
def signed_note(raw):
    """Its text, and (name, key id, signature) of each line."""
    must(1 <= len(raw) <= NOTE_MAX)
    must(all(byte >= 32 or byte == 10 for byte in raw))
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad from None
    end = raw.rfind(b"\n\n")
    must(end >= 0)
    lines = raw[end + 2:].split(b"\n")
    must(lines.pop() == b"" and 1 <= len(lines) <= 64)
    out = []
    for line in lines:
        must(line.startswith("\u2014 ".encode()))
        name, space, value = line[4:].partition(b" ")
        must(space)
        key_name(name)
        value = strict_base64(value)
        must(len(value) >= 5)
        out.append((name, value[:4], value[4:]))
    return raw[:end + 1], out


@form("log-malformed")
def checkpoint(raw):
    """Origin, size and root."""
    lines = raw.split(b"\n")
    must(lines.pop() == b"" and len(lines) >= 3 and b"" not in lines)
    must(re.fullmatch(rb"0|[1-9][0-9]{0,19}", lines[1]))
    size, root = int(lines[1]), strict_base64(lines[2])
    must(size < 1 << 64 and len(root) == 32)
    return lines[0], size, root


def note_key_id(key):
    name, kind, public = key
    return hashlib.sha256(name + b"\n" + bytes([kind]) + public).digest()[:4]


def note_signed(text_, lines, key):
    """The time of that key's line in seconds, 0 for one without; None: it has
    none.  Raises Refused if one is wrong."""
    name, kind, public = key
    found = None
    for who, id_, signature in lines:
        if who != name or id_ != note_key_id(key):
            continue
        need(len(signature) == (72 if kind == 4 else 64), "log-signature")
        found, message = 0, text_
        if kind == 4:
            found = int.from_bytes(signature[:8], "big")
            need(found < 1 << 63, "log-signature")
            message = b"cosignature/v1\ntime %d\n" % found + text_
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(
                signature[-64:], message)
        except (InvalidSignature, ValueError):
            raise Refused("log-signature") from None
    return found


# ---------------------------------------------------------------- X.509

BASIC, USES, PURPOSES, KEY_ID, ISSUER_ID = (
    oid("2.5.29." + n) for n in ("19", "15", "37", "14", "35"))
DIGITAL_SIGNATURE, NON_REPUDIATION, CERT_SIGN = 0, 1, 5  # bits of USES
STAMPING = oid("1.3.6.1.5.5.7.3.8")
LOCAL_MARK = oid("2.25.290383716153911238734518294571620043807")
# name constraints, proxies, addresses: none of them on a path
STRANGE = {oid("2.5.29.30"), oid("1.3.6.1.5.5.7.1.14"),
           oid("1.3.6.1.5.5.7.1.7"), oid("1.3.6.1.5.5.7.1.8")}
# names, policies, lists of revoked ones: may be critical and are not read
UNREAD = {oid("2.5.29.%d" % n) for n in (17, 31, 32, 33, 36, 54)}
SHA = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
ECDSA, RSA = ec.EllipticCurvePublicKey, rsa.RSAPublicKey
SIGNATURES = {oid("1.2.840.10045.4.3.2"): (ECDSA, 256),
              oid("1.2.840.10045.4.3.3"): (ECDSA, 384),
              oid("1.2.840.10045.4.3.4"): (ECDSA, 512),
              oid("1.2.840.113549.1.1.11"): (RSA, 256),
              oid("1.2.840.113549.1.1.12"): (RSA, 384),
              oid("1.2.840.113549.1.1.13"): (RSA, 512)}


def signed_by(key, kind, bits, signature, data):
    """A signature as X.509 and CMS have it."""
    if not isinstance(key, kind):
        return False
    if kind is ECDSA:
        return signed(key, signature, data, ec.ECDSA(SHA[bits]))
    return signed(key, signature, data, padding.PKCS1v15(), SHA[bits])


class Certificate:
    """Read as far as its form goes; what it says is looked at in good()."""

    def __init__(self, raw):
        check_der(raw)
        self.raw = raw
        f = Fields(one(raw, SEQUENCE))
        self.tbs = f.whole(SEQUENCE)
        self.algorithm, bits = algorithm(f.next(SEQUENCE)), f.next(BITS)
        f.end()
        self.signature = bits[1:] if bits[0] == 0 else b""
        f = Fields(one(self.tbs, SEQUENCE))
        self.version = f.maybe(0xa0)
        if self.version is not None:
            integer(one(self.version, INTEGER))
        self.serial = f.next(INTEGER)
        self.inner = algorithm(f.next(SEQUENCE))
        self.issuer = f.whole(SEQUENCE)
        self.times = elements(f.next(SEQUENCE))
        must(len(self.times) == 2 and all(
            t in (UTC_TIME, GENERALIZED) for t, _, _ in self.times))
        self.subject, self.spki = f.whole(SEQUENCE), f.whole(SEQUENCE)
        for name in self.issuer, self.subject:
            check_name(one(name, SEQUENCE))
        spki = Fields(one(self.spki, SEQUENCE))
        algorithm(spki.next(SEQUENCE)), spki.next(BITS), spki.end()
        f.maybe(0x81), f.maybe(0x82)
        self.extensions = self.read_extensions(f.maybe(0xa3))
        f.end()
        self.key = any_key(self.spki)

    @staticmethod
    def read_extensions(v):
        """[(OID, critical, value)]"""
        out = []
        for tag, inner, _ in elements(one(v, SEQUENCE)) \
                if v is not None else ():
            must(tag == SEQUENCE)
            f = Fields(inner)
            name, critical = f.next(OID), f.maybe(1)
            out.append((name, critical == b"\xff", f.next(OCTETS)))
            f.end()
        return out

    def marked_local(self):
        return any(n == LOCAL_MARK and critical
                   for n, critical, _ in self.extensions)

    def good(self, known):
        """Version 3, no critical extension but the known, and what they say
        readable: fills begin, end, is_ca, depth, uses, purposes."""
        try:
            self.read(known)
            return True
        except Bad:
            return False

    def read(self, known):
        ext = {name: (critical, v) for name, critical, v in self.extensions}
        must(self.version == b"\2\1\2" and len(ext) == len(self.extensions)
             and self.algorithm == self.inner)
        must(not set(ext) & STRANGE)
        must({n for n, (critical, _) in ext.items() if critical} <= known)
        self.begin, self.end = (seconds(t, v) for t, v, _ in self.times)
        self.is_ca, self.depth, self.uses, self.purposes = False, None, None, ()
        if BASIC in ext:
            f = Fields(one(ext[BASIC][1], SEQUENCE))
            self.is_ca, depth = f.maybe(1) == b"\xff", f.maybe(INTEGER)
            f.end()
            self.depth = None if depth is None else integer(depth)
            must(depth is None or self.depth >= 0
             and (self.is_ca or self.depth == 0))
        if USES in ext:
            bits = one(ext[USES][1], BITS)
            must(bits_good(bits))
            self.uses = {i for i in range(8 * len(bits) - 8)
                         if bits[1 + i // 8] & 128 >> i % 8}
        if PURPOSES in ext:
            e = elements(one(ext[PURPOSES][1], SEQUENCE))
            must(e and all(tag == OID for tag, _, _ in e))
            self.purposes = (ext[PURPOSES][0], [v for _, v, _ in e])
        self.key_id = one(ext[KEY_ID][1], OCTETS) if KEY_ID in ext else None
        f = Fields(one(ext[ISSUER_ID][1], SEQUENCE)
                   if ISSUER_ID in ext else b"")
        self.issuer_id, names, self.issuer_serial = (
            f.maybe(tag) for tag in (0x80, 0xa1, 0x82))
        f.end()
        self.issuer_issuer = next((v for tag, v, _ in elements(names or b"")
                                   if tag == 0xa4), None)

    def certifies(self):
        return self.is_ca and (self.uses is None or CERT_SIGN in self.uses)

    def named(self, other):
        """May it be the issuer of the other, by names?"""
        return other.issuer == self.subject \
            and (None in (self.key_id, other.issuer_id)
                 or self.key_id == other.issuer_id) \
            and other.issuer_serial in (None, self.serial) \
            and other.issuer_issuer in (None, self.issuer)

    def signed(self, other):
        kind, bits = SIGNATURES.get(other.algorithm[0], (type(None), 0))
        must_be = (b"",) if kind is ECDSA else NO_PARAMETERS
        return other.algorithm[1] in must_be and signed_by(
            self.key, kind, bits, other.signature, other.tbs)


def path_good(path):
    """Root first: names, and what authorities may do; not the signatures."""
    return len({c.subject for c in path}) == len(path) and all(
        a.certifies() and a.named(c)
        and (a.depth is None or a.depth >= len(path) - i - 2)
        for i, (a, c) in enumerate(zip(path, path[1:])))


# ---------------------------------------------------------------- (10)

@form("attestation-malformed")
def document(raw):
    need(not is_emulated(raw), "attestation-emulated")
    payload, check = cose(raw, DOCUMENT_MAX, 16384, "secp384r1")
    v = table(decode(payload, 16384, 0, ("pcrs",)), str)
    doc = {"payload": payload, "check": check, "pcrs": pcrs(v.get("pcrs"), 3),
           "module": text(v.get("module_id"), 1, 255),
           "time": uint(v.get("timestamp"), TIME_MAX, 1)}
    must(v.get("digest") == "SHA384" and {0, 1, 2} <= set(doc["pcrs"]))
    doc["path"] = array(v.get("cabundle"), 1, 8) + [v.get("certificate")]
    for c in doc["path"]:
        blob(c, 1, 1024)
    for name in "public_key", "user_data", "nonce":
        doc[name] = v.get(name)
        must(doc[name] is None or blob(doc[name], 0, 4096) is not None)
    others = set(v) - set(("module_id digest timestamp pcrs certificate "
                           "cabundle public_key user_data nonce").split())
    must(len(others) <= 16 and all(len(k.encode()) <= 64 for k in others))
    return doc


def is_emulated(raw):
    """Signed by nobody, as QEMU does."""
    try:
        v = decode(raw, DOCUMENT_MAX)
        if type(v) is Tag:
            must(v[0] == 18)
            v = v[1]
        header, unprotected, payload, signature = array(v, 4)
        must(table(unprotected, str) == {})
        blob(payload, 0, 16384), blob(signature, 0, DOCUMENT_MAX)
        return header == b"\xa1\x01\x20"
    except Bad:
        return False


@form("attestation-malformed")
def document_der(doc):
    for c in doc["path"]:
        must(len(elements(c)) == 1)
        check_der(c)


@form("attestation-root")
def document_path(doc):
    return [Certificate(c) for c in doc["path"]]


# The root that AWS publishes: others are not its word (10).
AWS_ROOT = bytes.fromhex(
    "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b")


def judge_document(doc, p):
    document_der(doc)
    path = document_path(doc)
    local, zero = p["trust"] == 0, [doc["pcrs"][i] == bytes(48)
                                    for i in range(3)]
    need(doc["module"].startswith("local-") == local
         and all(c.marked_local() == local for c in path)
         and (all(zero) or not local), "attestation-class")
    need(hashlib.sha256(path[0].raw).digest() in p["roots"]
         and path_in_profile(path, local), "attestation-root")
    at, above = doc["time"] // 1000, None
    for c in path:
        need(above is None or above.signed(c), "attestation-root")
        need(c.begin <= at < c.end, "attestation-expired")
        above = c
    need(doc["check"](path[-1].key), "attestation-signature")
    need(local or not any(zero), "attestation-debug")
    asked = {16} if local else {0, 1, 2}
    need(p["images"] is None or any(
        asked <= {n for n, _ in image} and
        all(doc["pcrs"].get(n) == value for n, value in image)
        for image in p["images"]), "attestation-image")


def path_in_profile(path, local):
    known = {BASIC, USES} | ({LOCAL_MARK} if local else set())
    p384 = oid("1.2.840.10045.4.3.3"), b""
    leaf = path[-1]
    return all(c.good(known) and c.spki.startswith(P384 + b"\4") and c.key
               and c.algorithm == p384 for c in path) \
        and path[0].named(path[0]) and path_good(path) \
        and not leaf.is_ca and leaf.uses is not None \
        and DIGITAL_SIGNATURE in leaf.uses and CERT_SIGN not in leaf.uses


@form("attestation-data")
def document_data(raw):
    v = array(decode(raw or b"", 4096), 7)
    must(v[0] == "notaryfs.seq.v1")
    return {"chain": blob(v[1], 32), "epoch": uint(v[2], 0xffffffff),
            "first": uint(v[3]), "head": blob(v[4], 32),
            "recoveries": uint(v[5], 0xffffffff), "log": blob(v[6], 32)}


def judge_binding(data, doc, p, chain):
    """Of epoch 0 block zero names the document; a later one names the
    chain."""
    if data["epoch"] > 0:
        need(data["chain"] == chain, "attestation-data")
        return
    need(data["chain"] == data["head"] == ZERO
         and data["first"] == data["recoveries"] == 0
         and H(doc["payload"]) == p["doc"], "attestation-data")
    need(doc["public_key"] == p["key"], "attestation-key")


# ---------------------------------------------------------------- (8)

# What fails later says more: of several authorities the last one counts.
STAMP_ORDER = ["timestamp-malformed", "timestamp-type", "timestamp-signature",
               "timestamp-block"]


def judge_stamp(stamp, p, b):
    """(existed by, made after) in milliseconds.  b: what it is over, None
    where that is not held."""
    kind, raw = stamp
    if kind == 3:
        return judge_several(raw, p, b)
    need(p["quorum"] == 1, "timestamp-quorum")
    furthest = ""
    for authority in p["authorities"]:
        if authority[0] != kind:
            continue
        try:
            when_ = judge_by(authority, raw, b, p["bag"])
            return when_, when_
        except Refused as e:
            furthest = max(furthest, str(e), key=("", *STAMP_ORDER).index)
    raise Refused(furthest or "timestamp-type")


def judge_by(authority, raw, b, bag):
    kind, key, name = authority
    if kind == 1:
        return judge_tsp(raw, key, name, b, bag)
    return (judge_local, None, judge_jwt)[kind](raw, key, name, b)


@form("timestamp-malformed")
def stamp_set(raw):
    v = array(decode(raw, STAMP_MAX), 2, 8)
    for one_ in v:
        place, kind, t = array(one_, 3)
        uint(place, 7), uint(kind, 2), blob(t, 1, STAMP_MAX)
    places = [place for place, _, _ in v]
    must(places == sorted(places))
    return v, len(set(places)) == len(places)


def judge_several(raw, p, b):
    stamps, apart = stamp_set(raw)
    need(apart, "timestamp-twice")
    named = p["authorities"]
    need(all(i < len(named) and named[i][0] == kind for i, kind, _ in stamps),
         "timestamp-type")
    need(len({(kind, named[i][1]) for i, kind, _ in stamps}) == len(stamps),
         "timestamp-twice")
    need(len(stamps) >= p["quorum"], "timestamp-quorum")
    times = sorted([judge_by(named[i], t, b, p["bag"]) for i, _, t in stamps])
    return times[p["quorum"] - 1], times[-p["quorum"]]


@form("timestamp-malformed")
def judge_local(raw, key, _, b):
    y, p, g = array(decode(raw, STAMP_MAX), 3)
    blob(y, 32), uint(p, TIME_MAX), blob(g, 64)
    try:
        authority = ed25519.Ed25519PublicKey.from_public_bytes(key)
    except ValueError:
        raise Refused("timestamp-signature") from None
    need(signed(authority, g, H(encode(["notaryfs.t.v1", y, p]))),
         "timestamp-signature")
    need(b is None or y == H(b), "timestamp-block")
    return p


# Type 1: RFC 3161 over CMS (RFC 5652)

CMS = "1.2.840.113549.1."
SIGNED_DATA, TST_INFO = oid(CMS + "7.2"), oid(CMS + "9.16.1.4")
CONTENT_TYPE, MESSAGE_DIGEST = oid(CMS + "9.3"), oid(CMS + "9.4")
SIGNING_TIME, RECEIPT = oid(CMS + "9.5"), oid(CMS + "9.16.2.1")
COUNTERSIGNED = oid(CMS + "9.6")
ESS_V1, ESS_V2 = oid(CMS + "9.16.2.12"), oid(CMS + "9.16.2.47")
PLAIN_RSA = oid(CMS + "1.1")
SHA2 = {oid("2.16.840.1.101.3.4.2.%d" % n): bits
        for n, bits in ((1, 256), (2, 384), (3, 512))}
IMPRINTS = {oid("2.16.840.1.101.3.4.2." + n): name for n, name in (
    ("1", "sha256"), ("2", "sha384"), ("3", "sha512"), ("8", "sha3_256"))}


@form("timestamp-malformed")
def judge_tsp(raw, key, name, b, bag):
    need(name.startswith("tsa ") and len(name) > 4, "timestamp-signature")
    pinned = pinned_certificates(key)
    token = read_token(raw)
    info = tst_info(token["content"])
    judge_signer(token, pinned, bag, info["p"] // 1000)
    need(name == "tsa *" or dotted(info["policy"]) == name[4:],
         "timestamp-signature")
    imprint, parameters = info["algorithm"]
    need(imprint in IMPRINTS and parameters in NO_PARAMETERS,
         "timestamp-signature")
    digest = hashlib.new(IMPRINTS[imprint], b or b"").digest()
    must(len(info["imprint"]) == len(digest))
    need(b is None or info["imprint"] == digest, "timestamp-block")
    return info["p"]


@form("timestamp-signature")
def pinned_certificates(key):
    e = elements(key)
    must(1 <= len(e) <= 8)
    return [Certificate(c) for _, _, c in e]


def dotted(raw):
    arcs, n = [], 0
    for c in raw:
        n = n << 7 | c & 127
        if c < 128:
            arcs.append(n)
            n = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first] + arcs[1:]))


def read_token(raw):
    """The parts of a TimeStampResp or TimeStampToken."""
    must(len(raw) <= STAMP_MAX)
    one(raw, SEQUENCE)
    check_der(raw)
    f = Fields(one(raw, SEQUENCE))
    if f.rest and f.rest[0][0] == SEQUENCE:  # a response: PKIStatusInfo
        must(Fields(f.next(SEQUENCE)).next(INTEGER) in (b"\0", b"\1"))
        token = f.whole(SEQUENCE)
        f.end()
        f = Fields(one(token, SEQUENCE))
    must(f.next(OID) == SIGNED_DATA)
    data = f.next(0xa0)
    f.end()
    f = Fields(one(data, SEQUENCE))
    integer(f.next(INTEGER))
    for tag, v, _ in elements(f.next(SET)):
        must(tag == SEQUENCE)
        algorithm(v)
    content = Fields(f.next(SEQUENCE))
    must(content.next(OID) == TST_INFO)
    info = one(content.next(0xa0), OCTETS)
    content.end()
    bag = [Certificate(c) for tag, _, c in elements(f.maybe(0xa0) or b"")
           if tag == SEQUENCE or must(tag in (0xa0, 0xa1, 0xa2, 0xa3))]
    f.maybe(0xa1)
    signers = elements(f.next(SET))
    f.end()
    must(len(signers) == 1 and signers[0][0] == SEQUENCE)
    return dict(read_signer(signers[0][1]), content=info, bag=bag)


def read_signer(raw):
    f = Fields(raw)
    integer(f.next(INTEGER))
    out = {"sid": f.maybe(SEQUENCE)}
    if out["sid"] is not None:
        sid = Fields(out["sid"])
        out["sid"] = sid.whole(SEQUENCE), sid.next(INTEGER)
        sid.end()
        check_name(one(out["sid"][0], SEQUENCE))
    else:
        must(f.maybe(0x80) is not None)
    out["digest"] = algorithm(f.next(SEQUENCE))
    signed_attributes = f.maybe(0xa0) or b""
    out["attributes"] = read_attributes(signed_attributes)
    out["algorithm"] = algorithm(f.next(SEQUENCE))
    out["signature"] = f.next(OCTETS)
    out["unsigned"] = read_attributes(f.maybe(0xa1) or b"")
    f.end()
    out["signed"] = b"\x31" + length(len(signed_attributes)) \
        + signed_attributes
    return out


def length(n):
    if n < 128:
        return bytes([n])
    size = (n.bit_length() + 7) // 8
    return bytes([128 + size]) + be(n, size)


def read_attributes(v):
    """[(OID, values)]"""
    out = []
    for tag, attribute, _ in elements(v):
        must(tag == SEQUENCE)
        f = Fields(attribute)
        out.append((f.next(OID), elements(f.next(SET))))
        f.end()
    return out


def the_only(attributes, name, tag):
    """The contents of the attribute's one value; None: it is not so."""
    found = [v for n, v in attributes if n == name]
    if len(found) != 1 or len(found[0]) != 1 or found[0][0][0] != tag:
        return None
    return found[0][0][1]


def tst_info(raw):
    one(raw, SEQUENCE)
    check_der(raw)
    f = Fields(one(raw, SEQUENCE))
    must(integer(f.next(INTEGER)) == 1)
    out = {"policy": f.next(OID)}
    imprint = Fields(f.next(SEQUENCE))
    out["algorithm"] = algorithm(imprint.next(SEQUENCE))
    out["imprint"] = imprint.next(OCTETS)
    imprint.end()
    f.next(INTEGER)
    out["p"] = gen_time(f.next(GENERALIZED))
    accuracy = Fields(f.maybe(SEQUENCE) or b"")
    for tag in INTEGER, 0x80, 0x81:
        integer(accuracy.maybe(tag) or b"\0")
    accuracy.end()
    f.maybe(1), f.maybe(INTEGER)
    check_general_name(f.maybe(0xa0))
    extensions = f.maybe(0xa1)
    if extensions is not None:
        must(not any(critical for _, critical, _ in
                     Certificate.read_extensions(
                         b"\x30" + length(len(extensions)) + extensions)))
    f.end()
    return out


def check_general_name(v):
    if v is None:
        return
    e = elements(v)
    must(len(e) == 1 and e[0][0] in (0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x86,
                                     0x87, 0x88))
    if e[0][0] == 0xa4:
        check_name(one(e[0][1], SEQUENCE))
    must(e[0][0] != 0x88 or oid_good(e[0][1]))


def gen_time(v):
    """Milliseconds; no zeros at the end of a fraction, 1970 and later."""
    m = re.fullmatch(rb"(\d{14})(?:\.(\d*[1-9]))?Z", v)
    must(m and len(v) < 40 and v >= b"1970")
    return 1000 * seconds(GENERALIZED, m[1] + b"Z") \
        + int((m[2] or b"").ljust(3, b"0")[:3])


def judge_signer(token, pinned, further, at):
    digest, parameters = token["digest"]
    name, more = token["algorithm"]
    bits = SHA2.get(digest)
    kind = (RSA, bits) if name == PLAIN_RSA else SIGNATURES.get(name)
    need(bits and kind and kind[1] == bits and parameters in NO_PARAMETERS
         and more in NO_PARAMETERS, "timestamp-signature")
    content_type = the_only(token["attributes"], CONTENT_TYPE, OID)
    message = the_only(token["attributes"], MESSAGE_DIGEST, OCTETS)
    must(None not in (content_type, message) and content_type == TST_INFO)
    need(message == hashlib.new("sha%d" % bits, token["content"]).digest(),
         "timestamp-signature")
    must(token["sid"] is not None and len(token["bag"]) <= 16)
    every = token["bag"] + pinned + further
    bag = rooted(every, pinned[0])
    need(attributes_allowed(token) and any(
        signer_good(c, kind, token, bag, at)
        for c in every
        if (c.issuer, c.serial) == token["sid"]), "timestamp-signature")


def attributes_allowed(token):
    """Each known attribute once, with one value, where it belongs."""
    once = {CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, ESS_V1, ESS_V2,
            RECEIPT}
    there = [n for n, _ in token["attributes"]]
    return COUNTERSIGNED not in there \
        and all(there.count(n) <= 1 for n in once) \
        and all(len(v) == 1 for n, v in token["attributes"] if n in once) \
        and not any(n in once for n, _ in token["unsigned"])


KNOWN = {BASIC, USES, PURPOSES} | UNREAD


def signer_good(cert, kind, token, bag, at):
    """Is it for time stamping alone, and critically so, and does it verify,
    and does a path lead to the root that the token's attributes name?"""
    return cert.good(KNOWN) and cert.purposes == (True, [STAMPING]) \
        and cert.uses in (None, {DIGITAL_SIGNATURE}, {NON_REPUDIATION},
                          {DIGITAL_SIGNATURE, NON_REPUDIATION}) \
        and signed_by(cert.key, *kind, token["signature"], token["signed"]) \
        and any(path_holds(path, at) and named_by(token["attributes"], path)
                for path in paths([cert], bag, bag[0], [100]))


def rooted(bag, root):
    """Those that the root has signed, or an authority that it has: what
    else lies in a token must cost no time."""
    found, seen = [root], {root.raw}
    for above in found:
        if not above.good(KNOWN) or not above.certifies():
            continue
        for c in bag:
            if c.raw not in seen and c.issuer == above.subject \
                    and above.signed(c):
                found.append(c)
                seen.add(c.raw)
    return found


def paths(path, bag, root, left):
    """Ways up by names alone that begin with this and end at the root; root
    first.  left: [how many steps may still be taken]"""
    if path[0].raw == root.raw:
        yield path
        return
    for above in bag if len(path) <= 9 else ():
        if above.subject == path[0].issuer and left[0] > 0 \
                and all(above.subject != c.subject for c in path):
            left[0] -= 1
            yield from paths([above] + path, bag, root, left)


def path_holds(path, at):
    return all(c.good(KNOWN) and c.begin <= at < c.end and c.key is not None
               for c in path) and path_good(path) \
        and all(a.signed(c) for a, c in zip(path, path[1:]))


def named_by(attributes, path):
    """signing-certificate of either version: the first certificate that it
    names is the signer, others that it names are on the path."""
    for name in ESS_V1, ESS_V2:
        if not any(n == name for n, _ in attributes):
            continue
        v = the_only(attributes, name, SEQUENCE)
        try:
            must(v is not None)
            f = Fields(v)
            found = [ess_of(i, name == ESS_V1, path[::-1])
                     for i in elements(f.next(SEQUENCE))]
            for tag, policy, _ in elements(f.maybe(SEQUENCE) or b""):
                p = Fields(policy)
                must(tag == SEQUENCE and p.next(OID))
                p.maybe(SEQUENCE), p.end()
            f.end()
        except Bad:
            return False
        if not found or found[0] != 0 or not all(found[1:]):
            return False
    return any(n in (ESS_V1, ESS_V2) for n, _ in attributes)


ESS_DIGESTS = {oid("1.3.14.3.2.26"): "sha1", **IMPRINTS}


def ess_of(id_, old, certificates):
    """Which of them an ESSCertID names."""
    must(id_[0] == SEQUENCE)
    f = Fields(id_[1])
    digest = "sha1" if old else "sha256"
    if not old and f.rest and f.rest[0][0] == SEQUENCE:
        digest = ESS_DIGESTS.get(algorithm(f.next(SEQUENCE))[0])
    value, which = f.next(OCTETS), f.maybe(SEQUENCE)
    f.end()
    must(digest)
    for n, c in enumerate(certificates):
        if hashlib.new(digest, c.raw).digest() == value and (
                which is None or which == issuer_serial(c)):
            return n
    return None


def issuer_serial(c):
    name = b"\xa4" + length(len(c.issuer)) + c.issuer
    return b"\x30" + length(len(name)) + name \
        + b"\2" + length(len(c.serial)) + c.serial


# Type 2: JSON Web Token (RFC 7515), JSON Web Key Set (RFC 7517)

def unbase64(s):
    """base64url without padding, in its one spelling."""
    must(re.fullmatch(rb"[A-Za-z0-9_-]*", s) and len(s) % 4 != 1)
    v = base64.urlsafe_b64decode(s + b"=" * (-len(s) % 4))
    must(base64.urlsafe_b64encode(v).rstrip(b"=") == s)
    return v


class Json:
    """Strict JSON, 6 levels, 64 members each; names have no escapes and no
    name stands twice.  Text stays as it is written, escapes and all."""
    BLANK = re.compile(rb"[ \t\n\r]*")
    TEXT = re.compile(
        rb'"((?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*)"')
    NUMBER = re.compile(rb"-?(?:0|[0-9]+)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
    WORDS = {b"null": None, b"true": True, b"false": False}

    def __init__(self, data):
        self.data, self.at = data, 0

    def token(self, pattern):
        self.at = self.BLANK.match(self.data, self.at).end()
        m = re.compile(pattern).match(self.data, self.at)
        if m:
            self.at = m.end()
        return m

    def text(self):
        m = self.token(self.TEXT)
        must(m)
        try:
            m[1].decode("utf-8")
        except UnicodeDecodeError:
            raise Bad from None
        return m[1]

    def value(self, level):
        if self.token(rb"(?=\")"):
            return self.text()
        if self.token(rb"{"):
            return self.members(level, True)
        if self.token(rb"\["):
            return self.members(level, False)
        m = self.token(rb"null|true|false")
        if m:
            return self.WORDS[m[0]]
        m = self.token(self.NUMBER)
        must(m)
        return int(m[0]) if re.fullmatch(rb"[0-9]{1,20}", m[0]) else m

    def members(self, level, named):
        must(level < 6)
        out, end = [], rb"}" if named else rb"\]"
        if self.token(end):
            return {} if named else out
        while True:
            must(len(out) < 64)
            if named:
                name = self.text()
                must(b"\\" not in name and all(n != name for n, _ in out)
                     and self.token(rb":"))
                out.append((name, self.value(level + 1)))
            else:
                out.append(self.value(level + 1))
            if not self.token(rb","):
                must(self.token(end))
                return dict(out) if named else out


def json_object(raw):
    reader = Json(raw)
    must(reader.token(rb"(?={)"))
    v = reader.value(0)
    must(reader.token(rb"\Z"))
    return v


def string(o, name):
    """The text of a member; None if it is not there."""
    if name not in o:
        return None
    must(type(o[name]) is bytes and b"\\" not in o[name])
    return o[name]


def is_string(o, name, want):
    return type(o.get(name)) is bytes and o[name] == want \
        and b"\\" not in want


@form("timestamp-malformed")
def judge_jwt(raw, keys, issuer, b):
    must(len(raw) <= STAMP_MAX)
    parts = raw.split(b".")
    must(len(parts) == 3 and all(parts))
    header, claims, signature = map(unbase64, parts)
    header = json_object(header)
    alg = string(header, b"alg")
    must(alg is not None)
    need(alg in (b"RS256", b"ES256") and b"crit" not in header,
         "timestamp-signature")
    kid = string(header, b"kid")
    must(kid != b"")
    need(signed_by_set(keys, alg, kid, signature, b".".join(parts[:2])),
         "timestamp-signature")
    claims = json_object(claims)
    need(is_string(claims, b"iss", issuer.encode()) and
         is_string(claims, b"token_use", b"id"), "timestamp-signature")
    uint(claims.get(b"iat"), TIME_MAX // 1000)
    email, user = string(claims, b"email"), string(claims, b"cognito:username")
    named = {m[1] for m in (re.match(rb"([0-9a-f]{64})@", email or b""),
                            re.match(rb"([0-9a-f]{64})(?:@|\Z)", user or b""))
             if m}
    must(len(named) == 1)
    need(b is None or named == {H(b).hex().encode()}, "timestamp-block")
    return 1000 * claims[b"iat"]


def signed_by_set(keys, alg, kid, signature, message):
    """By one of the keys; one that cannot be read ends the search."""
    try:
        keys = json_object(keys).get(b"keys")
        must(type(keys) is list and len(keys) <= 16)
        for k in keys:
            must(type(k) is dict)
            if is_meant(k, alg, kid) and signed_by_jwk(
                    k, alg, signature, message):
                return True
    except Bad:
        pass
    return False


def is_meant(k, alg, kid):
    return (is_string(k, b"kty", b"RSA" if alg == b"RS256" else b"EC")
            and (b"alg" not in k or is_string(k, b"alg", alg))
            and (b"use" not in k or is_string(k, b"use", b"sig"))
            and (kid is None or is_string(k, b"kid", kid)))


def signed_by_jwk(k, alg, signature, message):
    def member(name, *limits):
        v = string(k, name)
        must(v is not None)
        return int.from_bytes(blob(unbase64(v), *limits), "big")
    try:
        if alg == b"ES256":
            must(is_string(k, b"crv", b"P-256"))
            key = ec.EllipticCurvePublicNumbers(
                member(b"x", 32), member(b"y", 32), ec.SECP256R1()) \
                .public_key()
            return signed_raw(key, signature, message, SHA[256])
        n, e = member(b"n", 0, 1024), member(b"e", 0, 8)
        must(n.bit_length() >= 2048 and n & e & 1 and e > 1)
        key = rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise Bad from None
    return signed(key, signature, message, padding.PKCS1v15(), SHA[256])


# ---------------------------------------------------------------- (11)

LIMITS = {"b0": BLOCK_MAX, "params": PARAMS_MAX, "d": RECORD_MAX,
          "b": BLOCK_MAX, "s": STATEMENT_MAX, "doc": DOCUMENT_MAX}


@form("malformed")
def certificate(raw):
    must(len(raw) <= CERTIFICATE_MAX and raw[:3] == b"\xd9\xd9\xf7")
    opening(Cbor(raw[3:]), "notaryfs-cert")
    v = table(decode(raw[3:], CERTIFICATE_MAX, 0), int)
    must(set(range(11)) <= set(v) and len(v) <= 64)
    must(all(-1 << 63 <= k < 1 << 63 for k in v))
    parts = {"known": set(v) - {11, 12, 13, 14, 15, 17} <= set(range(11)) | {
        k for k in v if k < 0}, "chain": blob(v[2], 32), "d": v[4],
             "b": v[6], "upper": v[7], "lower": v[8]}
    parts["b0"], parts["params"] = array(v[3], 2)
    parts["index"], parts["n"], parts["path"] = array(v[5], 3)
    uint(parts["index"]), uint(parts["n"])
    for node in array(parts["path"], 0, 64):
        blob(node, 32)
    for kind, t in (array(v[7], 2), array(v[8], 2)):
        uint(kind), blob(t, 0, STAMP_MAX)
    parts["old"] = blob(v[14], 1, CERTIFICATE_MAX) if 14 in v else None
    parts["bag"] = [blob(c, 1, 4096) for c in array(v[15], 1, 16)] \
        if 15 in v else []
    parts["log"] = array(v[11], 2) if 11 in v else None
    if parts["log"]:
        blob(v[11][0], 1, NOTE_MAX), blob(v[11][1], 1, RECEIPT_MAX)
    parts["final"] = later_block(v[12]) if 12 in v else None
    must(13 not in v or size_of_value(raw[3:], 13) <= 65536)
    parts["range"] = proved_range(v[17]) if 17 in v else None
    parts["s"] = of_type_one(v[9], parts)
    parts["doc"] = of_type_one(array(v[10], 1)[0], parts)
    for name, top in LIMITS.items():
        if parts[name] is not UNKNOWN:
            blob(parts[name], 0, top)
    need(parts["known"], "unsupported")
    return parts


def later_block(v):
    b2, stamp, path = array(v, 3)
    blob(b2, 0, BLOCK_MAX)
    uint(array(stamp, 2)[0]), blob(stamp[1], 0, STAMP_MAX)
    for node in array(path, 0, 64):
        blob(node, 32)
    return {"b": b2, "stamp": stamp, "path": path}


def size_of_value(raw, key):
    """Bytes that the value of a key takes in a map."""
    reader = Cbor(raw)
    reader.head()
    while True:
        found = reader.item(1) == key
        start = reader.at
        reader.item(1)
        if found:
            return reader.at - start


def proved_range(v):
    start, end, left, right, hashes_ = array(v, 5)
    uint(start), uint(end), blob(left, 0, 4095), blob(right, 0, 4095)
    must(start < end)
    for node in array(hashes_, 0, 104):
        blob(node, 32)
    return {"from": start, "to": end, "left": left, "right": right,
            "hashes": hashes_}


UNKNOWN = object()


def of_type_one(v, parts):
    """[1, bytes]; [another number, ...] is of a form unknown here."""
    if uint(array(v, 1, 64)[0]) != 1:
        parts["known"] = False
        return UNKNOWN
    return blob(array(v, 2)[1], 0, DOCUMENT_MAX)


STRENGTH = {"sha-256": 128, "sha-384": 192, "sha-512": 256,
            "sha3-256": 128, "sha3-384": 192, "sha3-512": 256}


def named_digest(name):
    return hashlib.new(name.replace("-", "", 1) if name.startswith("sha-")
                       else name.replace("-", "_"))


def layers(raw):
    """The certificates in one another, outermost first."""
    out = [raw]
    while True:
        try:
            old = certificate(out[-1])["old"]
        except Refused:
            return out
        if old is None:
            return out
        need(len(out) <= 8, "malformed")
        out.append(old)


def judge(raw, anchor, content, facts=None, witnesses=(), quorum=0):
    """The steps of (11) in their order: raises Refused.  facts: filled."""
    every = layers(raw)
    file = below = judge_layer(every[-1], anchor, content, facts)
    strength, inner = 128, every[-1]
    for outer in every[-2::-1]:
        layer = judge_layer(outer, anchor)
        strength = judge_renewal(file, below, layer, strength, inner)
        if content is not None:
            hasher = named_digest(layer["d"]["renewal"][0])
            content.feed(hasher)
            need(hasher.digest() == layer["d"]["renewal"][1], "digest")
        if facts is not None and facts["final_by"] is None:
            facts["final_by"] = layer["by"]
        below, inner = layer, outer
    note = file["c"]["log"] and file["c"]["log"][0]
    seen = judge_witnesses(note, witnesses, quorum)
    if facts is not None:
        facts["witnesses"] = seen
    need(anchor is not None, "no-anchor")


def judge_renewal(file, below, layer, strength, inner):
    """11.5: is this the renewal of just that?  The strength of its hash."""
    d, f = layer["d"], file["d"]
    need(d["renewal"] and d["about"] == H(file["c"]["d"])
         and d["path"] == f["path"]
         and layer["c"]["chain"] == file["c"]["chain"]
         and file["c"]["range"] is None, "renewal-record")
    name, _, named = d["renewal"]
    need(name in STRENGTH and name in layer["p"]["digests"],
         "renewal-algorithm")
    need(STRENGTH[name] >= strength, "renewal-weaker")
    hasher = named_digest(name)
    hasher.update(inner)
    need(hasher.digest() == named, "renewal-certificate")
    need(layer["place"] > below["place"], "renewal-order")
    return STRENGTH[name]


def judge_layer(raw, anchor, content=None, facts=None):
    """One certificate, whatever it holds in key 14."""
    c = certificate(raw)
    p, d, b0, b = params(c["params"]), record(c["d"]), block(c["b0"]), \
        block(c["b"])
    need(c["range"] is None or range_fits(c["range"], d["size"]), "malformed")
    p["bag"] = [x for x in map(readable, c["bag"]) if x]
    b2 = c["final"] and block(c["final"]["b"])
    need(H(c["b0"]) == c["chain"] and anchor in (None, c["chain"]), "anchor")
    need(b0["mh"] == tree_root(H(c["params"]), 0, 1, []) and b0["th"] == ZERO,
         "params")
    if content is not None:
        judge_content(content, d, c["range"])
    need(tree_root(H(c["d"]), c["index"], c["n"], c["path"]) == b["mh"],
         "path")
    doc = document(c["doc"])
    by, _ = judge_stamp(c["upper"], p, c["b"])
    need(H(c["lower"][1]) == b["th"], "link")
    _, after = judge_stamp(c["lower"], p, None)
    s = judge_number(c, doc, b)
    data = document_data(doc["user_data"])
    judge_document(doc, p)
    judge_binding(data, doc, p, c["chain"])
    need(s["epoch"] == data["epoch"] and s["k"] >= data["first"],
         "sequence-epoch")
    need(b["doc"] == H(doc["payload"]) or
         (b["doc"] is None and data["epoch"] == 0), "attestation-link")
    final = judge_final(c, b2, s, p) if b2 else None
    log_size = judge_log(c, s, doc, data) if c["log"] else None
    if facts is not None:
        facts.update(
            trust="local" if p["trust"] == 0 else
            "nitro" if set(p["roots"]) == {AWS_ROOT} else "other", recorded_after=after,
            existed_by=by, final_by=final, height=s["height"], index=c["index"],
            count=c["n"], k=s["k"], path=name_text(
                d["path"]), size=d["size"],
            root=d["root"].hex(), anchor=c["chain"].hex(), epoch=s["epoch"],
            recoveries=data["recoveries"], log_size=log_size)
    return {"c": c, "d": d, "p": p, "by": by,
            "place": (s["height"], c["index"])}


def readable(der_):
    """A certificate, or None: nobody vouches for those of key 15."""
    try:
        return Certificate(der_)
    except Bad:
        return None


def judge_content(content, d, r):
    need(d["root"] != ZERO, "no-content")
    if r is not None:
        need(content.asked, "part")
        need(content.asked == (r["from"], r["to"]), "range")
        need(content.size == r["to"] - r["from"], "size")
        need(content.piece(r, d["size"]) == d["root"], "content")
        return
    need(content.asked is None or content.asked[1] <= d["size"], "range")
    need(content.size == d["size"], "size")
    root, sha256 = content.whole()
    need(root == d["root"], "content")
    need(d["digests"].get("sha-256") in (None, sha256), "digest")


def judge_number(c, doc, b):
    s = statement(c["s"])
    need(s["check"](plain_key(doc["public_key"] or b"")),
         "sequence-signature")
    need(s["chain"] == c["chain"], "sequence-chain")
    need(s["type"] == 0 and s["height"] and s["log-size"] == s["height"] + 1,
         "sequence-height")
    need(s["y"] == b["u"] + H(c["upper"][1]), "sequence-block")
    return s


def log_root(leaf, index, size, path):
    """RFC 9162, 2.1.3.2; None where the path has another length."""
    node, last, rest = leaf, size - 1, list(path)
    while last:
        if index % 2 or index < last:
            if not rest:
                return None
            other = rest.pop(0)
            pair = (other, node) if index % 2 else (node, other)
            node = hashlib.sha256(b"\1" + b"".join(pair)).digest()
        index, last = index // 2, last // 2
    return None if rest else node


def log_leaf(c, s):
    entry = encode([s["height"], s["k"], H(c["b"]), H(c["upper"][1]), s["r"]])
    return hashlib.sha256(b"\0" + entry).digest()


def judge_log(c, s, doc, data):
    """Key 11: checkpoint and receipt.  The size of their log."""
    note, receipt_ = c["log"]
    text_, lines = signed_note(note)
    origin, size, root = checkpoint(text_)
    r = receipt(receipt_)
    name = b"notaryfs/" + c["chain"].hex().encode()
    need(r["index"] == s["height"] and origin == name and size == r["size"],
         "log-entry")
    need(r["index"] < size and root == log_root(
        log_leaf(c, s), r["index"], size, r["path"]), "log-path")
    need(r["check"](plain_key(doc["public_key"]), root), "log-signature")
    need(note_signed(text_, lines, (name, 1, data["log"])) is not None,
         "log-signature")
    return size


def judge_witnesses(note, witnesses, quorum):
    """Whose lines stand under the note, and when; note may be None."""
    seen = []
    if note is not None:
        text_, lines = signed_note(note)
        for key in witnesses:
            try:
                at = note_signed(text_, lines, key)
            except Refused:
                raise Refused("witness") from None
            if at is not None:
                seen.append({"name": key[0].decode(), "time": when_seen(at)})
    need(len(seen) >= quorum, "witness")
    return seen


def when_seen(s):
    if not s:
        return None
    return when(s * 1000) if s * 1000 <= TIME_MAX else "beyond the year 9999"


def judge_final(c, b2, s, p):
    """Key 12: by when the block had its number."""
    need(b2["log"] and b2["log"][0] > s["height"], "final-log")
    leaf = log_leaf(c, s)
    size, root = b2["log"]
    need(log_root(leaf, s["height"], size, c["final"]["path"]) == root,
         "final-path")
    try:
        return judge_stamp(c["final"]["stamp"], p, c["final"]["b"])[0]
    except Refused:
        raise Refused("final-stamp") from None


def verdict(raw, anchor, content, facts=None, witnesses=(), quorum=0):
    """One of the names of (11).  witnesses: (name, type, key) of each."""
    try:
        judge(raw, anchor, content, facts, witnesses, quorum)
        return "valid"
    except Refused as e:
        return str(e)


# ---------------------------------------------------------------- program

def name_text(name):
    """What is not UTF-8 becomes U+FFFD, byte by byte."""
    out = ""
    while name:
        try:
            return out + name.decode()
        except UnicodeDecodeError as e:
            out += name[:e.start].decode() + "\ufffd" * (e.end - e.start)
            name = name[e.end:]
    return out


def shown(text_):
    """Nothing in a name may move a terminal's cursor, begin a line, turn the
    direction of what follows or be invisible."""
    return re.sub("[\\0-\\x1f\\x7f-\\x9f\\\\\xad\u061c\u200b\u200e\u200f"
                  "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
                  "\U000e0000-\U000e007f\ud800-\udfff]",
                  lambda m: "".join("\\x%02x" % b for b in m[0].encode(
                      "utf-8", "surrogateescape")), text_)


def when(ms):
    return "%s.%03dZ" % (datetime.fromtimestamp(ms // 1000, timezone.utc)
                         .strftime("%Y-%m-%dT%H:%M:%S"), ms % 1000)


class Trouble(Exception):
    """(sentence, exit code)"""


def open_file(path):
    try:  # a pipe with nobody at its other end must not hold us
        f = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
                              | os.O_NOCTTY), "rb")
    except OSError as e:
        raise Trouble("%s: %s" % (path, e.strerror), 2) from None
    if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
        raise Trouble("%s: is not a regular file" % path, 2)
    return f


def read_line(path, limit):
    """All that a small file holds but its newline."""
    with open_file(path) as f:
        line = f.read(limit + 3)
    must(len(line) <= limit + 2)
    return line.rstrip(b"\r\n").decode()


def read_anchor(text_):
    try:
        if not re.fullmatch("[0-9a-fA-F]{64}", text_):
            text_ = read_line(text_, 64)
        must(re.fullmatch("[0-9a-fA-F]{64}", text_))
    except (Trouble, OSError, ValueError):
        raise Trouble("--anchor takes 64 hex digits or a file that holds "
                      "them", 64) from None
    return bytes.fromhex(text_)


def read_witness(text_):
    """NAME+ID+KEY, or a file that holds it."""
    try:
        if not re.fullmatch(r"[^+]+\+[0-9a-fA-F]{8}\+[A-Za-z0-9+/=]+", text_):
            text_ = read_line(text_, VKEY_MAX)
        name, id_, value = text_.split("+", 2)
        value = strict_base64(value.encode())
        key = name.encode(), value[0], value[1:]
        key_name(key[0])
        must(key[1] in (1, 4) and len(key[2]) == 32
             and note_key_id(key) == bytes.fromhex(id_))
        return key
    except (Trouble, OSError, ValueError, IndexError):
        raise Trouble("--witness takes a verifier key, NAME+ID+KEY, or a file "
                      "that holds one", 64) from None


def read_range(text_):
    m = re.fullmatch(r"([0-9]{1,20})-([0-9]{1,20})", text_)
    if not m or not int(m[1]) < int(m[2]) < 1 << 63:
        raise Trouble("--range takes A-B, two numbers with A < B", 64)
    return int(m[1]), int(m[2])


def beside(path):
    """The name of a certificate beside its file (11)."""
    folder, name = os.path.split(os.fsencode(path))
    if len(name) > 250:
        name = name[:229] + b"~" + hashlib.sha3_256(name).hexdigest()[
            :16].encode()
    return os.fsdecode(os.path.join(folder, name + b".cert"))


def parse(argv):
    anchor, as_json, asked, names = None, False, None, []
    witnesses, quorum = [], None
    rest, given = list(argv), set()
    while rest:
        arg = rest.pop(0)
        if arg in ("--anchor", "--range", "--witnesses"):
            if arg in given:  # the last must not win
                raise Trouble("%s is given twice" % arg, 64)
            given.add(arg)
        if arg in ("--help", "-h"):
            return None
        if arg == "--json":
            as_json = True
        elif arg == "--anchor" and rest:
            anchor = read_anchor(rest.pop(0))
        elif arg == "--range" and rest:
            asked = read_range(rest.pop(0))
        elif arg == "--witness" and rest:
            witnesses.append(read_witness(rest.pop(0)))
            if len({k[2] for k in witnesses}) < len(witnesses):
                raise Trouble("--witness: its key was given already; each "
                              "counts once", 64)
        elif arg == "--witnesses" and rest:
            quorum = rest.pop(0)
        elif arg.startswith(("--anchor=", "--range=", "--witness=",
                             "--witnesses=")):
            rest = arg.split("=", 1) + rest
        elif arg == "--":
            names, rest = names + rest, []
        elif arg.startswith("-") and arg != "-":
            raise Trouble(USAGE, 64)
        else:
            names.append(arg)
    if not 1 <= len(names) <= 2:
        raise Trouble(USAGE, 64)
    if quorum is not None and not (
            re.fullmatch("[0-9]{1,9}", quorum)
            and 1 <= int(quorum) <= len(witnesses)) or len(witnesses) > 16:
        raise Trouble("--witnesses takes a number from 1 to that of those "
                      "named with --witness, which are 16 at most", 64)
    return {"anchor": anchor, "json": as_json, "range": asked,
            "file": names[0], "cert": (names + [beside(names[0])])[1],
            "witnesses": witnesses,
            "quorum": len(witnesses) if quorum is None else int(quorum)}


def main(argv):
    facts, as_json = {}, False
    try:
        options = parse(argv)
        if options is None:
            print(USAGE)
            return 0
        as_json = options["json"]
        with open_file(options["file"]) as f:
            with open_file(options["cert"]) as g:
                raw = g.read(CERTIFICATE_MAX + 1)
            v = verdict(raw, options["anchor"], Content(f, options["range"]),
                        facts, options["witnesses"], options["quorum"])
    except Trouble as e:
        return unread(e.args[0], as_json, e.args[1])
    except OSError as e:
        return unread(str(e), as_json, 2)
    say(v, facts, as_json)
    return 0 if v == "valid" else 2 if v in INCOMPLETE else 1


def unread(why, as_json, code):
    """What could not be judged; as JSON too, unless it was asked wrongly."""
    print("verify.py: %s" % (why if code == 64 else shown(why)),
          file=sys.stderr)
    if as_json and code == 2:
        print(json.dumps(dict(verdict="unread", valid=False, reason=why)))
    return code


def say(v, facts, as_json):
    facts = {name: when(value) if value is not None and name in
             ("recorded_after", "existed_by", "final_by")
             else value for name, value in facts.items()}
    if as_json:
        print(json.dumps(dict(verdict=v, valid=v == "valid", **facts)))
        return
    print(v if v == "valid" else
          ("incomplete: " if v in INCOMPLETE else "refused: ") + v)
    for name, value in facts.items():
        print("%s: %s" % (name.replace("_", " "), shown(str(value))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
