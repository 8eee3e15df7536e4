"""Named changes to certificates: bytes, CBOR, DER, and meanings.

ALL is [(name, fits, make)]: fits(chain) says whether it makes sense there,
make(chain, index, rng, others) gives (anchor, certificate, content, range).
"""
import base64
import copy
import hashlib

import forge
from forge import H, Map, Raw, Tag, X509, cbor, der, oid, put

ALL = []
SINGLE = []  # all but those that are two at once
HOOKS = []  # (name, fits, stage, change) of those that change one stage


def anywhere(_):
    return True


def tsa(chain):
    return chain.stamper.kind == 1


def jwt(chain):
    return chain.stamper.kind == 2


def local_time(chain):
    return chain.stamper.kind == 0


def several(chain):
    return chain.stamper.kind == 3


def cbor_time(chain):
    return chain.stamper.kind in (0, 3)


def between(chain):
    return chain.between


def local(chain):
    return chain.trust == 0


def later(chain):
    return chain.epoch > 0


def first(chain):
    return chain.epoch == 0


def add(name, make, fits=anywhere):
    ALL.append((name, fits, make))


def hooked(name, stage, change, fits=anywhere):
    """A change of what a stage is made of: change(value, rng)."""
    def make(chain, index, rng, _):
        return chain.build(index, {stage: lambda v: change(
            copy.copy(v), rng)})
    add("%s: %s" % (stage, name), make, fits)
    HOOKS.append(("%s: %s" % (stage, name), fits, stage, change))


# -- bytes

def flip(v, rng):
    return edit(v, rng, lambda c: c ^ 1 << rng.randrange(8))


HEADS = bytes.fromhex("0017181a1b203b40585b5f607f809b9fa0bfc2d8f4f5f6f7f9ff"
                      "0203040506300a0c1331")


def set_byte(v, rng):
    return edit(v, rng, lambda c: rng.choice(
        (rng.randrange(256), rng.choice(HEADS))))


def edit(v, rng, f):
    if not v:
        return v
    i = rng.randrange(len(v))
    return v[:i] + bytes([f(v[i])]) + v[i + 1:]


def insert(v, rng):
    i = rng.randrange(len(v) + 1)
    return v[:i] + rng.randbytes(rng.randrange(1, 9)) + v[i:]


def cut(v, rng):
    i = rng.randrange(len(v) + 1)
    return v[:i] + v[i + rng.randrange(1, 9):]


def splice(v, rng):
    i, j, n = rng.randrange(len(v) + 1), rng.randrange(len(v) + 1), \
        rng.randrange(1, 33)
    return v[:j] + v[i:i + n] + v[j + rng.choice((0, n)):]


def bomb(v, rng):
    size = rng.randrange(4)
    i = rng.randrange(len(v) + 1)
    n = bytearray(1 << size)
    n[rng.randrange(len(n))] = 0x7f
    return v[:i] + bytes([rng.randrange(2, 6) << 5 | 24 + size]) + n + v[i:]


def truncate(v, rng):
    return v[:rng.randrange(len(v) + 1)]


def lengthen(v, rng):
    return v + rng.choice((b"\0", b"\xf6", rng.randbytes(3)))


BYTES = (flip, set_byte, insert, cut, splice, bomb, truncate, lengthen)


# -- CBOR: (major, n, children or None, bytes of a string)

def parse(s, i=0):
    major, info = s[i] >> 5, s[i] & 31
    i += 1
    n = info
    if info >= 24:
        size = 1 << info - 24
        n, i = int.from_bytes(s[i:i + size], "big"), i + size
    if major in (2, 3):
        return [major, n, [], s[i:i + n]], i + n
    children = []
    for _ in range({4: n, 5: 2 * n, 6: 1}.get(major, 0)):
        child, i = parse(s, i)
        children.append(child)
    return [major, n, children, b""], i


def write(node):
    if isinstance(node, bytes):
        return node
    major, n, children, text = node
    return forge.head(major, n) + text + b"".join(map(write, children))


def nodes(node, kinds):
    found = [node] if node[0] in kinds else []
    for child in node[2]:
        found += nodes(child, kinds)
    return found


def on_cbor(kinds, change):
    """change(node, rng): in place, or gives the bytes to stand there."""
    def op(v, rng):
        try:
            top, _ = parse(v)
        except (IndexError, ValueError):
            return v
        found = nodes(top, kinds)
        if not found:
            return flip(v, rng)
        node = rng.choice(found)
        new = change(node, rng)
        if new is not None:
            node[:] = [0, 0, [], b""]
            mark = write(top)
            node[:] = [6, 0xabcdef0123, [[0, 0, [], b""]], b""]
            marked = write(top)
            assert mark != marked
            return marked.replace(
                bytes.fromhex("db000000abcdef012300"), new, 1)
        return write(top)
    op.__name__ = change.__name__
    return op


def head_longer(node, rng):
    major, n, children, text = node
    sizes = [i for i, size in enumerate((1, 2, 4, 8))
             if n < 1 << 8 * size and (n < 24 or i > (
                 0 if n < 256 else 1 if n < 65536 else 2))]
    i = rng.choice(sizes)
    return bytes([major << 5 | 24 + i]) + n.to_bytes(1 << i, "big") + text \
        + b"".join(map(write, children))


def indefinite(node, rng):
    major, _, children, text = node
    inner = forge.head(major, len(text)) + text if major in (2, 3) else \
        b"".join(map(write, children))
    return bytes([major << 5 | 31]) + inner + b"\xff"


def pairs_swapped(node, rng):
    c = node[2]
    if len(c) >= 4:
        i = 2 * rng.randrange(len(c) // 2 - 1)
        c[i:i + 4] = c[i + 2:i + 4] + c[i:i + 2]


def pair_doubled(node, rng):
    c = node[2]
    if c:
        i = 2 * rng.randrange(len(c) // 2)
        c[i:i] = c[i:i + 2]
        node[1] += 1


def pair_taken(node, rng):
    c = node[2]
    if c:
        i = 2 * rng.randrange(len(c) // 2)
        del c[i:i + 2]
        node[1] -= 1


def pair_added(node, rng):
    key = rng.choice((4, 5, 11, 15, 16, 99, -1, -9, "zzz", "nonce2", b"\1",
                      None, 1 << 63, -(1 << 63) - 1))
    value = rng.choice((0, None, b"\1" * 32, "text", [], Map(), True))
    new = [list(parse(cbor(x))[0]) for x in (key, value)]
    pairs = [node[2][i:i + 2] for i in range(0, len(node[2]), 2)] + [new]
    if rng.random() < .8:
        pairs.sort(key=lambda p: write(p[0]))
    node[2] = [x for p in pairs for x in p]
    node[1] += 1


def item_taken(node, rng):
    if node[2]:
        del node[2][rng.randrange(len(node[2]))]
        node[1] -= 1


def item_doubled(node, rng):
    if node[2]:
        i = rng.randrange(len(node[2]))
        node[2].insert(i, node[2][i])
        node[1] += 1


def items_swapped(node, rng):
    if len(node[2]) > 1:
        rng.shuffle(node[2])


def tagged(node, rng):
    return cbor(Tag((rng.choice((0, 18, 24, 55799)), Raw(write(node)))))


def replaced(node, rng):
    return rng.choice((
        b"\xf4", b"\xf5", b"\xf6", b"\xf7", b"\xf8\x20", b"\xf9\0\0", b"\xe0",
        b"\0", b"\x20", b"\x40", b"\x60", b"\x80", b"\xa0", b"\x1b" + b"\xff"
        * 8, b"\x3b" + b"\xff" * 8, b"\x1b\x7f" + b"\xff" * 7, b"\x61\xff",
        b"\x63\xed\xa0\x80", b"\x62\xc0\x80", b"\x41\0", b"\xff", b"\x1c"))


def nested(node, rng):
    inner = rng.choice((b"\0", b"\x80", b"\xa0", b"\xa1\0\0"))
    return rng.choice((b"\x81", b"\xc1", b"\xa1\0")) * rng.randrange(12, 19) \
        + inner


def kind_turned(node, rng):
    node[0] ^= 1


def count_off(node, rng):
    node[1] = max(0, node[1] + rng.choice((-1, 1, 1000)))


def number_off(node, rng):
    node[1] = rng.choice((0, 1, 2, 3, 7, max(0, node[1] - 1), node[1] + 1,
                          (1 << 32), (1 << 63), (1 << 64) - 1))
    node[1] = min(node[1], (1 << 64) - 1)


def string_changed(node, rng):
    node[3] = rng.choice(BYTES)(node[3], rng)
    node[1] = len(node[3])


def string_emptied(node, rng):
    node[1], node[3] = 0, b""


EVERY = range(7)
CBOR = tuple(on_cbor(kinds, change) for kinds, change in (
    (EVERY, head_longer), ((2, 3, 4, 5), indefinite), ((5,), pairs_swapped),
    ((5,), pair_doubled), ((5,), pair_taken), ((5,), pair_added),
    ((4,), item_taken), ((4,), item_doubled), ((4,), items_swapped),
    (EVERY, tagged), (EVERY, replaced), (EVERY, nested),
    ((2, 3, 4, 5), kind_turned), ((2, 3, 4, 5), count_off),
    ((0, 1), number_off), ((2, 3), string_changed), ((2, 3), string_emptied)))


# -- DER: [tag, children or None, contents]

def der_parse(s, deep=True):
    out, i = [], 0
    while i < len(s):
        tag, n, begin = s[i], s[i + 1], i + 2
        if n >= 128:
            begin += n - 128
            n = int.from_bytes(s[i + 2:begin], "big")
        v = s[begin:begin + n]
        i = begin + n
        if i > len(s):
            raise ValueError
        children = None
        if tag & 0x20:
            children = der_parse(v)
        elif tag in (3, 4) and v[:1] and (v[0] in (0x30, 0)):
            try:
                children = der_parse(v[tag == 3:])
            except (ValueError, IndexError):
                children = None
        out.append([tag, children, v])
    return out


def der_write(node):
    if isinstance(node, bytes):
        return node
    tag, children, v = node
    if children is not None:
        lead = v[:1] if tag == 3 else b""
        v = lead + b"".join(map(der_write, children))
    return der(tag, v)


def der_nodes(found, out):
    for i, node in enumerate(found):
        out.append((found, i))
        if node[1] is not None:
            der_nodes(node[1], out)
    return out


def on_der(change):
    """change(siblings, i, rng)"""
    def op(v, rng):
        try:
            top = der_parse(v)
        except (ValueError, IndexError):
            return flip(v, rng)
        siblings, i = rng.choice(der_nodes(top, [])[rng.randrange(2):])
        change(siblings, i, rng)
        return b"".join(map(der_write, top))
    op.__name__ = change.__name__
    return op


def element_taken(s, i, rng):
    del s[i]


def element_doubled(s, i, rng):
    s.insert(i, s[i])


def elements_swapped(s, i, rng):
    j = rng.randrange(len(s))
    s[i], s[j] = s[j], s[i]


def element_added(s, i, rng):
    s.insert(i + rng.randrange(2), rng.choice((
        b"\5\0", b"\4\1x", b"\2\1\5", b"\x30\0", b"\xa0\0", b"\xa1\2\5\0",
        b"\1\1\xff", b"\1\1\0", b"\x80\1\1", b"\x0c\2hi", b"\x31\0")))


def tag_turned(s, i, rng):
    s[i] = [rng.choice((s[i][0] ^ 0x20, s[i][0] ^ 1, 0x30, 0x31, 4, 2, 0x0c,
                        0x13, 0x16, 0x17, 0x18, 0xa0, 0x80, 0x1f, 9)),
            s[i][1], s[i][2]]


def element_emptied(s, i, rng):
    s[i] = [s[i][0], None, b""]


def primitive_changed(s, i, rng):
    v = s[i][2]
    s[i] = [s[i][0], None, rng.choice(BYTES)(v, rng)]


def length_longer(s, i, rng):
    whole = der_write(s[i])
    n = whole[1]
    if n < 128:
        s[i] = whole[:1] + b"\x81" + whole[1:]
    else:
        s[i] = whole[:1] + bytes([n + 1]) + b"\0" + whole[2:]


def length_indefinite(s, i, rng):
    inner = s[i][2]
    s[i] = bytes([s[i][0] | 0x20, 0x80]) + inner + b"\0\0"


def integer_padded(s, i, rng):
    v = s[i][2]
    s[i] = [s[i][0], None, rng.choice((b"\0", b"\xff")) + v]


def boolean_odd(s, i, rng):
    for node in s:
        if node[0] == 1:
            node[2] = rng.choice((b"\1", b"\0", b"", b"\xff\xff"))


DER = tuple(map(on_der, (
    element_taken, element_doubled, elements_swapped, element_added,
    tag_turned, element_emptied, primitive_changed, length_longer,
    length_indefinite, integer_padded, boolean_odd)))


def grid():
    """Every operation on every stage that is of its kind."""
    cbor_stages = [(s, anywhere) for s in (
        "params.raw", "b0.raw", "record.raw", "block.raw", "statement.raw",
        "s.raw", "doc.raw", "payload.raw", "data.raw", "certificate.raw")] \
        + [("upper.raw", cbor_time), ("lower.raw", cbor_time)]
    der_stages = [("root.raw", anywhere), ("root.tbs", anywhere),
                  ("leaf.raw", anywhere), ("leaf.tbs", anywhere),
                  ("mid.tbs", between), ("mid.raw", between)] + [
        (s, tsa) for s in ("tsa.root.tbs", "tsa.ca.tbs", "tsa.cert.tbs",
                           "tsa.cert.raw", "tsa.root.raw", "upper.tst.raw",
                           "upper.attributes.raw", "upper.raw", "lower.raw",
                           "lower.tst.raw")]
    text_stages = [(s, jwt) for s in (
        "jwks.raw", "upper.jwt.header.raw", "upper.jwt.claims.raw",
        "lower.jwt.claims.raw", "upper.jwt.signature", "upper.raw",
        "lower.raw")]
    for stages, ops in (cbor_stages, BYTES + CBOR), \
            (der_stages, BYTES + DER), (text_stages, BYTES):
        for stage, fits in stages:
            for op in ops:
                hooked(op.__name__.replace("_", " "), stage, op, fits)


# -- meanings

# P-256: b, the generator and its order (SP 800-186)
P256 = (
    0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b,
    0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
    0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5,
    0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551)

def at(i, value):
    """The list or tuple with another value at i: a value or f(old)."""
    def change(v, rng):
        new = list(v)
        new[i] = value(v[i]) if callable(value) else value
        return type(v)(new)
    return change


def key(k, value):
    """The map with another value under k."""
    def change(v, rng):
        old = dict(v)[k] if k in dict(v) else None
        return put(v, k, value(old) if callable(value) else value)
    return change


def field(**fields):
    def change(v, rng):
        for k, value in fields.items():
            if isinstance(v, dict):
                v[k] = value(v[k]) if callable(value) else value
            else:
                old = getattr(v, k)
                setattr(v, k, value(old) if callable(value) else value)
        return v
    return change


def table(stage, rows, fits=anywhere):
    for row in rows:
        hooked(row[0], stage, row[1], row[2] if len(row) > 2 else fits)


OTHER = b"\x77" * 32


def of_kind(kind, **more):
    """A whole record of that kind, good unless `more` says otherwise."""
    def change(v, rng):
        empty = kind in (1, 2, 4, 7, 8, 9, 10, 11) or more.get("empty")
        ext = Map(sorted(more.get("ext", {}).items()))
        return [1, kind, v[2], more.get("path", v[3]), 0 if empty else v[4],
                more.get("mode", 0 if kind > 3 and kind != 5 else v[5]),
                0 if kind > 3 and kind != 5 else v[6], bytes(32) if empty else v[7],
                Map() if empty else v[8], ext]
    return change


def records():
    about = {10: OTHER}
    grown = {5: 2, 7: OTHER, 9: [1, OTHER]}
    table("record", [
        ("size off", at(4, lambda n: n + 1)), ("other root", at(7, OTHER)),
        ("no root", at(7, bytes(32))), ("version 2", at(0, 2)),
        ("mode too large", at(5, 0o10000)), ("no digests", at(8, Map())),
        ("other digest", at(8, Map([("sha-256", OTHER)]))),
        ("short digest", at(8, Map([("sha-256", b"x")]))),
        ("unknown digest", at(8, Map([("sha3-256", OTHER)]))),
        ("nine digests", at(8, Map([("d%d" % i, b"x") for i in range(9)]))),
        ("digest's name bad", at(8, Map([("SHA", b"x")]))),
        ("time below zero", at(6, -1)), ("time too small", at(6, -2**63 - 1)),
        ("time smallest", at(6, -2**63)), ("time largest", at(6, 2**63 - 1)),
        ("time too large", at(6, 2**63)),
        ("folder", of_kind(1)), ("root folder", of_kind(1, path=b"")),
        ("symlink", of_kind(2, ext={1: b"../x"})),
        ("symlink to NUL", of_kind(2, ext={1: b"a\0"})),
        ("symlink without", of_kind(2)), ("link", of_kind(3, ext={1: b"a"})),
        ("link to a bad path", of_kind(3, ext={1: b"/a"})),
        ("link of nothing", of_kind(3, empty=True, ext={1: b"a"})),
        ("tombstone", of_kind(4)), ("tombstone with mode", of_kind(4, mode=1)),
        ("kind 6", of_kind(6)), ("kind 12", of_kind(12)),
        ("compliance", of_kind(10, path=b"", ext={**about, 13: "r",
                                                  14: b"o"})),
        ("compliance of a path", of_kind(10, ext={**about, 13: "r",
                                                  14: b"o"})),
        ("compliance unordered", of_kind(10, path=b"", ext=about)),
        ("renewal about itself alone", of_kind(11, ext={
            **about, 15: ["sha3-512", bytes(64), bytes(64)]})),
        ("version", of_kind(0, ext={5: 1, 7: OTHER})),
        ("folder's class", of_kind(1, ext={5: 1})),
        ("folder's previous", of_kind(1, ext={7: OTHER})),
        ("folder's preset", of_kind(1, ext={6: "git-gc"})),
        ("folder's preset bad", of_kind(1, ext={6: "Git"})),
        ("folder's preset long", of_kind(1, ext={6: "g" * 33})),
        ("link of a version", of_kind(3, ext={1: b"a", 5: 1})),
        ("removed", of_kind(4, ext={**about, 8: 1})),
        ("renamed", of_kind(4, ext={**about, 1: b"b", 8: 2})),
        ("renamed to a bad path", of_kind(4, ext={**about, 1: b"/", 8: 2})),
        ("renamed to nothing", of_kind(4, ext={**about, 8: 2})),
        ("replaced by name", of_kind(4, ext={**about, 1: b"b", 8: 3})),
        ("rewritten", of_kind(4, ext={**about, 8: 4})),
        ("change unknown", of_kind(4, ext={**about, 8: 5})),
        ("change of nothing", of_kind(4, ext={8: 1})),
        ("tombstone about", of_kind(4, ext=about)),
        ("file removed", of_kind(0, ext={8: 1})),
        ("append", of_kind(5, ext=grown)),
        ("append with a date", of_kind(5, ext={**grown, 11: 5})),
        ("append of class 1", of_kind(5, ext={**grown, 5: 1})),
        ("append without class", of_kind(5, ext={7: OTHER, 9: [1, OTHER]})),
        ("append to nothing", of_kind(5, ext={5: 2, 9: [1, OTHER]})),
        ("append from 0", of_kind(5, ext={**grown, 9: [0, OTHER]})),
        ("append from the end", of_kind(5, ext={**grown, 9: [1 << 40, OTHER]})),
        ("append without root", of_kind(5, ext={**grown, 9: [1, bytes(32)]})),
        ("append of three", of_kind(5, ext={**grown, 9: [1, OTHER, 0]})),
        ("put that has grown", of_kind(0, ext=grown)),
        ("retention", of_kind(7, ext={**about, 11: 5})),
        ("retention without date", of_kind(7, ext=about)),
        ("hold", of_kind(8, ext={**about, 12: "case"})),
        ("hold lifted", of_kind(8, ext={**about, 13: "r", 14: b"o"})),
        ("hold of both", of_kind(8, ext={**about, 12: "c", 13: "r",
                                         14: b"o"})),
        ("hold of neither", of_kind(8, ext=about)),
        ("deletion", of_kind(9, ext=about)),
        ("deletion ordered", of_kind(9, ext={**about, 13: "r", 14: b"o"})),
        ("deletion half ordered", of_kind(9, ext={**about, 13: "r"})),
        ("deletion about nothing", of_kind(9))])
    for e in ({2: [1, 2]}, {2: [1]}, {2: [1 << 32, 0]}, {3: Map()},
              {3: Map([(b"a", b"")])}, {3: Map([(b"a\0", b"")])},
              {3: Map([(b"", b"")])}, {3: Map([(b"a", bytes(65536))])},
              {3: Map([(b"a", bytes(65535))])}, {4: True}, {4: False},
              {11: 1}, {11: 0}, {11: 253402300799}, {11: 253402300800},
              {10: OTHER}, {12: "c"}, {13: "r", 14: b"o"}, {1: b"x"},
              {3: Map([(b"%02d" % i, b"") for i in range(64)])},
              {3: Map([(b"%02d" % i, b"") for i in range(65)])},
              {5: 1}, {5: 0}, {5: 3}, {7: OTHER}, {7: b"x"}, {6: "git"},
              {15: 1}, {}):
        label = "extension %s" % (repr(e)[:40],)
        hooked(label, "record", at(9, Map(sorted(e.items()))))
    for e in ({10: OTHER, 12: "a\x1f"}, {10: OTHER, 12: "a\x7f"},
              {10: OTHER, 12: "a\x80"}, {10: OTHER, 12: ""},
              {10: OTHER, 12: "é" * 32}, {10: OTHER, 12: "é" * 33},
              {10: OTHER, 13: "r" * 1025, 14: b"o"},
              {10: OTHER, 13: "r", 14: b""},
              {10: OTHER, 13: "r", 14: bytes(2049)}):
        hooked("hold with %s" % (repr(e)[40:80],), "record",
               of_kind(8, ext=e))
    for p in (b"/a", b"a/", b"a//b", b"./a", b"a/..", b"a\0", b"", b".",
              b"a/.b", b"...", b"x" * 4095, b"x" * 4096, b"a/../b"):
        hooked("path %r" % p[:9], "record", at(3, p))


def blocks():
    table("block", [
        ("other tree", at(1, OTHER)), ("other parent", at(2, OTHER)),
        ("no extensions", lambda v, rng: v[:3]),
        ("other document", at(3, lambda m: put(m, 2, OTHER))),
        ("log alone", at(3, Map([(1, [1, OTHER])]))),
        ("extension 3", at(3, lambda m: put(m, 3, 0))),
        ("empty map", at(3, Map())), ("other u", at(0, b"\xb1" * 16))])
    table("b0", [
        ("other tree", at(1, OTHER)), ("has a parent", at(2, OTHER)),
        ("with extensions", lambda v, rng: v + [Map([(1, [1, OTHER])])]),
        ("with an empty map", lambda v, rng: v + [Map()])])
    hooked("another beside it", "leaves", lambda v, rng: v + [OTHER])
    hooked("many beside it", "leaves", lambda v, rng: v + [
        OTHER] * rng.choice((100, 1000)))


def many(chain, index, rng, _):
    """A tree of 20000 leaves, which no block has: one subtree repeated."""
    def leaves(v):
        return v + [OTHER] * 19995
    return chain.build(index, {"leaves": leaves})


def parameters():
    def no_kind(kind):
        return lambda a: [[kind, bytes(32), "x"]]
    table("params", [
        ("version 2", key(1, 2)), ("version 0", key(1, 0)),
        ("class turned", key(2, lambda t: 1 - t)), ("class 2", key(2, 2)),
        ("other magic", key(0, "notaryfs-chair")),
        ("other key", key(3, lambda k: k[:-1] + bytes([k[-1] ^ 1]))),
        ("other document", key(4, OTHER)),
        ("any image", key(5, None)), ("other root", key(6, [OTHER])),
        ("one root more", key(6, lambda r: [OTHER] + r)),
        ("no image agrees", key(5, [Map([(0, forge.pcr(9)), (
            1, forge.pcr(2)), (2, forge.pcr(3)), (16, forge.pcr(16))])])),
        ("image of PCR 3", key(5, [Map([(3, forge.pcr(4))])])),
        ("image of both classes", key(5, [Map([(n, forge.pcr(
            1 + n)) for n in range(3)] + [(16, forge.pcr(16))])])),
        ("image without PCR 2", key(5, [Map([(n, forge.pcr(
            1 + n)) for n in range(2)])])),
        ("second image agrees", key(5, [Map([(0, OTHER + bytes(16))]), Map([
            (n, forge.pcr(1 + n)) for n in range(3)])])),
        ("local image", key(5, [Map([(16, forge.pcr(16))])])),
        ("image of PCR 32", key(5, [Map([(32, forge.pcr(0))])])),
        ("authorities of type 0", key(7, no_kind(0))),
        ("authorities of type 1", key(7, no_kind(1))),
        ("authorities of type 2", key(7, no_kind(2))),
        ("authority of type 3", key(7, no_kind(3))),
        ("a useless authority before", key(7, lambda a: [
            [a[0][0], bytes(32), "x"]] + a)),
        ("a useless authority behind", key(7, lambda a: a + [
            [a[0][0], bytes(32), "x"]])),
        ("nine authorities", key(7, lambda a: a * 9)),
        ("key too long", key(3, bytes(513))),
        ("quorum 0", key(8, 0)), ("quorum 2", key(8, 2)),
        ("quorum 2 of 2", lambda v, rng: put(put(
            v, 8, 2), 7, dict(v)[7] * 2)),
        ("odd cell", key(9, [3, 6, 8, 65])), ("w 16", key(9, [3, 6, 16, 64])),
        ("k above n", key(9, [7, 6, 8, 64])), ("k true", key(9, [
            True, 6, 8, 64])), ("five buckets", key(10, list("01234"))),
        ("m above keys", key(11, [2, [b"key"]])),
        ("m of keys", key(11, [2, [b"key", b"kez"]])),
        ("one of keys", key(11, [1, [b"key", b"kez"]])),
        ("m of nobody", key(11, [0, [b"key"]])),
        ("retention 2", key(12, 2)), ("retention 3", key(12, 3)),
        ("governed", lambda v, rng: put(put(v, 12, 1), 15, [b"key"])),
        ("governed without mode", key(15, [b"key"])),
        ("governed by none", lambda v, rng: put(put(v, 12, 1), 15, [])),
        ("no digests", key(13, [])),
        ("digests out of order", key(13, ["sha-512", "sha-256"])),
        ("digests shorter first", key(13, ["z", "aa"])),
        ("digest twice", key(13, ["a", "a"])),
        ("key 16", key(16, 0)), ("no key 14", key(14, ...))])


def numbers():
    u64 = 2**64 - 1
    table("statement", [
        ("version 2", at(0, 2)), ("other chain", at(1, OTHER)),
        ("other epoch", at(2, lambda n: n + 1)),
        ("epoch too large", at(2, 1 << 32)), ("k 0", at(3, 0)),
        ("k large", at(3, u64)), ("k below first", at(3, 3), later),
        ("type 1", at(4, 1)), ("type 3", at(4, 3)),
        ("hand-over", lambda v, rng: v[:4] + [1, bytes(16) + OTHER, v[6],
                                              None] + v[8:]),
        ("recovery", lambda v, rng: v[:4] + [2, bytes(16) + OTHER, v[6],
                                             None] + v[8:]),
        ("hand-over with u", lambda v, rng: v[:4] + [1, v[5], v[6],
                                                     None] + v[8:]),
        ("other y", at(5, OTHER + bytes(16))), ("no height", at(7, None)),
        ("height 0", lambda v, rng: v[:7] + [0, v[8], 1, v[10]]),
        ("height 2", at(7, 2)), ("log size 0", at(9, 0)),
        ("height and log large", lambda v, rng: v[:7] + [
            u64, v[8], rng.choice((0, u64)), v[10]]),
        ("height and log at the end", lambda v, rng: v[:7] + [
            u64 - 1, v[8], u64, v[10]]),
        ("another height", lambda v, rng: v[:7] + [77, v[8], 78, v[10]])])
    table("s", [
        ("other header", at(0, b"\xa1\x01\x27")),
        ("header of 384", at(0, b"\xa1\x01\x38\x22")),
        ("no header", at(0, b"")), ("header with kid", at(
            1, Map([(4, b"k")]))), ("tagged", lambda v, rng: Tag((18, v))),
        ("tagged 17", lambda v, rng: Tag((17, v))),
        ("tagged twice", lambda v, rng: Tag((18, Tag((18, v))))),
        ("no signature", at(3, b"")), ("signature of zeros", at(3, bytes(64))),
        ("detached", at(2, None)),
        ("malleable", at(3, malleable)), ("long signature", at(3, bytes(96)))])

    def other_key(chain, index, rng, _):
        return chain.build(index, {"s.key": lambda k: chain.keys.p256[
            rng.randrange(1, 4)]})
    add("s: by another key", other_key)

    def by_384(chain, index, rng, _):
        return chain.build(index, {"s.key": lambda k: chain.keys.p384[3]})
    add("s: by a P-384 key", by_384)

    def all_384(chain, index, rng, _):
        k = chain.keys.p384[3]
        return chain.build(index, {
            "s.key": lambda _: k, "payload.key": lambda _: forge.spki(k),
            "params": lambda v: put(v, 3, forge.spki(k))})
    add("s: the sequencer has a P-384 key", all_384)


P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


def malleable(s):
    return s[:32] + (P256_ORDER - int.from_bytes(s[32:], "big")).to_bytes(
        32, "big")


def emulated(v, rng):
    """As QEMU's security module makes them."""
    return [b"\xa1\x01\x20", Map(), v[2], bytes(64)]


def documents():
    def pcrs(n, value):
        return key("pcrs", lambda m: put(m, n, value))
    table("payload", [
        ("class turned by name", key("module_id", lambda m: "i-1" if m[
            :6] == "local-" else "local-1")),
        ("name empty", key("module_id", "")),
        ("name long", key("module_id", "x" * 256)),
        ("name of 255", key("module_id", "i" * 255)),
        ("digest", key("digest", "SHA256")), ("time 0", key("timestamp", 0)),
        ("time early", key("timestamp", forge.AT - 10**9)),
        ("time late", key("timestamp", forge.AT + 10**9)),
        ("time at the end", key("timestamp", forge.AT + 10800999)),
        ("time behind the end", key("timestamp", forge.AT + 10801000)),
        ("time far", key("timestamp", 253402300799999)),
        ("time beyond", key("timestamp", 253402300800000)),
        ("time huge", key("timestamp", 2**63 - 1)),
        ("time too huge", key("timestamp", 2**63)),
        ("PCR 0 other", pcrs(0, forge.pcr(9))), ("PCR 0 zero", pcrs(
            0, bytes(48))), ("PCR 2 missing", pcrs(2, ...)),
        ("all zero", lambda v, rng: put(v, "pcrs", Map(
            [(n, bytes(48)) for n in range(3)] + [(16, forge.pcr(16))]))),
        ("PCR 16 other", pcrs(16, forge.pcr(9))), ("PCR 16 missing", pcrs(
            16, ...)), ("PCR 31", pcrs(31, forge.pcr(9))),
        ("PCR 32", pcrs(32, forge.pcr(9))), ("PCR short", pcrs(1, bytes(47))),
        ("no bundle", key("cabundle", None)),
        ("empty bundle", key("cabundle", [])),
        ("root twice", key("cabundle", lambda b: b[:1] + b)),
        ("root behind", key("cabundle", lambda b: b + b[:1])),
        ("bundle turned", key("cabundle", lambda b: b[::-1]), between),
        ("bundle without between", key("cabundle", lambda b: b[:1]), between),
        ("bundle without root", key("cabundle", lambda b: b[1:]), between),
        ("nine in the bundle", key("cabundle", lambda b: b[:1] * 9)),
        ("leaf in the bundle", lambda v, rng: put(v, "cabundle", dict(v)[
            "cabundle"] + [dict(v)["certificate"]])),
        ("root as the leaf", lambda v, rng: put(v, "certificate", dict(v)[
            "cabundle"][0])),
        ("junk certificate", key("certificate", b"\x30\0")),
        ("long certificate", key("certificate", bytes(1025))),
        ("key null", key("public_key", None)), ("key absent", key(
            "public_key", ...)), ("key empty", key("public_key", b"")),
        ("key compressed", key("public_key", lambda k: forge.der(
            0x30, k[2:23], forge.der(3, b"\0\2" + k[27:59])))),
        ("key off the curve", key("public_key", lambda k: k[:-1] + bytes(
            [k[-1] ^ 1]))),
        ("data null", key("user_data", None)), ("data long", key(
            "user_data", bytes(4097))), ("data of 4096", key(
                "user_data", bytes(4096))),
        ("nonce", key("nonce", b"n")), ("nonce absent", key("nonce", ...)),
        ("unknown field", key("firmware", [1, Map([("a", 1)])])),
        ("unknown field with a long name", key("x" * 65, 1)),
        ("unknown field of 64", key("x" * 64, 1)),
        ("unknown map out of order", key("firmware", Map([(2, 1), (1, 1)]))),
        ("unknown map twice", key("firmware", Map([(2, 1), (2, 1)]))),
        ("unknown map of no length", key("firmware", Raw(b"\xbf\xff"))),
        ("unknown nested 15", key("firmware", Raw(b"\x81" * 15 + b"\0"))),
        ("unknown nested 16", key("firmware", Raw(b"\x81" * 16 + b"\0"))),
        ("unknown nested 17", key("firmware", Raw(b"\x81" * 17 + b"\0"))),
        ("unknown empty 16", key("firmware", Raw(b"\x81" * 15 + b"\x80"))),
        ("16 unknown", lambda v, rng: Map(v + [("u%02d" % i, i) for i in range(
            16)])), ("17 unknown", lambda v, rng: Map(v + [(
                "u%02d" % i, i) for i in range(17)])),
        ("key that is no text", lambda v, rng: Map(v + [(7, 7)])),
        ("of no length", lambda v, rng: Raw(
            b"\xbf" + cbor(Map(v))[1:] + b"\xff")),
        ("PCRs of no length", key("pcrs", lambda m: Raw(
            b"\xbf" + cbor(m)[1:] + b"\xff"))),
        ("PCRs out of order", key("pcrs", lambda m: Map(m[::-1]))),
        ("PCRs of no length out of order", key("pcrs", lambda m: Raw(
            b"\xbf" + cbor(Map(m[::-1]))[1:] + b"\xff"))),
        ("PCR twice", key("pcrs", lambda m: Map(m[:1] + m))),
        ("shuffled", shuffled), ("field twice", lambda v, rng: Map(
            v + [rng.choice(v)]))])
    table("doc", [
        ("tagged", lambda v, rng: Tag((18, v))),
        ("tagged 17", lambda v, rng: Tag((17, v))),
        ("signature off", at(3, lambda s: s[:-1] + bytes([s[-1] ^ 1]))),
        ("header of 256", at(0, b"\xa1\x01\x26")),
        ("header longer", at(0, b"\xa2\x01\x38\x22\x04\x41x")),
        ("header unprotected", at(1, Map([(1, -35)]))),
        ("empty", at(2, b""))] + [("emulated" + how, change) for how, change in (
            ("", emulated), (", tagged", lambda v, rng: Tag((
                18, emulated(v, rng)))), (", tagged 17", lambda v, rng: Tag((
                    17, emulated(v, rng)))),
            (", signed", at(0, b"\xa1\x01\x20")),
            (", header longer", lambda v, rng: at(0, b"\xa1\x01\x38\x20")(
                emulated(v, rng), rng)),
            (", header unprotected", lambda v, rng: at(1, Map([(1, -1)]))(
                emulated(v, rng), rng)),
            (", empty", lambda v, rng: at(2, b"")(emulated(v, rng), rng)),
            (", junk", lambda v, rng: at(2, b"junk")(emulated(v, rng), rng)),
            (", long", lambda v, rng: at(2, bytes(16384))(
                emulated(v, rng), rng)),
            (", too long", lambda v, rng: at(2, bytes(16385))(
                emulated(v, rng), rng)),
            (", without signature", lambda v, rng: at(3, b"")(
                emulated(v, rng), rng)),
            (", signature null", lambda v, rng: at(3, None)(
                emulated(v, rng), rng)),
            (", a key more", lambda v, rng: emulated(v, rng) + [0]))])

    def other_key(chain, index, rng, _):
        return chain.build(index, {"doc.key": lambda k: chain.keys.p384[3]})
    add("doc: by another key", other_key)

    def twice_and_late(chain, index, rng, _):
        return chain.build(index, {
            "payload": lambda v: key("cabundle", lambda b: b[:1] + b)(v, rng),
            "root": lambda c: field(begin=forge.utc(forge.AT + 10**9))(
                copy.copy(c), rng)})
    add("payload: root twice, and not yet valid", twice_and_late)

    def other_sequencer(chain, index, rng, _):
        k = chain.keys.p256[3]
        return chain.build(index, {"payload.key": lambda _: forge.spki(k),
                                   "s.key": lambda _: k})
    add("payload: speaks for another key", other_sequencer)
    add("payload: speaks for another key at first", other_sequencer, first)
    table("data", [
        ("other magic", at(0, "notaryfs.seq.v2")), ("chain", at(1, OTHER)),
        ("no chain", at(1, bytes(32))), ("epoch 1", at(2, 1)),
        ("epoch 0", at(2, 0)), ("first number", at(3, 1)),
        ("first number late", at(3, 1000)), ("head", at(4, OTHER)),
        ("log key", at(6, bytes(32))), ("log key short", at(6, bytes(31))),
        ("recoveries", at(5, 7)), ("recoveries too many", at(5, 1 << 32)),
        ("empty", lambda v, rng: Raw(b""))])


def shuffled(v, rng):
    v = Map(v)
    rng.shuffle(v)
    return v


def extensions(*wanted):
    """Those extensions, and the local mark where it was."""
    def change(old):
        local_ = [e for e in old if forge.oid(forge.LOCAL_MARK) in e]
        return local_ + list(wanted)
    return change


def certificates():
    ca = (forge.basic(True), forge.usage("5"))
    leaf = (forge.basic(False), forge.usage("0"))
    ext = forge.extension

    def more(*extra):
        return field(extensions=lambda old: old + list(extra))
    common = [
        ("version 1", field(version=0)), ("version 2", field(version=1)),
        ("SHA-256", field(digest="sha256")), ("SHA-512", field(
            digest="sha512")), ("SHA-1", field(digest="sha1")),
        ("algorithm inside", field(inner=forge.algorithm(
            forge.ECDSA["sha256"]))), ("algorithm outside", field(
                outer=forge.algorithm(forge.ECDSA["sha256"]))),
        ("algorithm with NULL", field(inner=forge.algorithm(
            forge.ECDSA["sha384"], b"\5\0"), outer=forge.algorithm(
                forge.ECDSA["sha384"], b"\5\0"))),
        ("other issuer", field(issuer=forge.name("nobody"))),
        ("other subject", field(subject=forge.name("somebody"))),
        ("issuer in capitals", field(issuer=forge.name("ATTESTATION ROOT"))),
        ("issuer as PrintableString", field(issuer=forge.name(
            "attestation root", 0x13))),
        ("not yet", field(begin=forge.utc(forge.AT + 10**9))),
        ("no more", field(end=forge.utc(forge.AT - 10**7))),
        ("generalized time", field(end=forge.utc(
            forge.AT + 10**9, "%Y%m%d%H%M%SZ", 0x18))),
        ("time without seconds", field(end=der(0x17, b"3001010000Z"))),
        ("time with a zone", field(end=der(0x17, b"300101000000+0100"))),
        ("no such month", field(end=der(0x17, b"301301000000Z"))),
        ("of 1950", field(begin=der(0x17, b"500101000000Z"))),
        ("second 60", field(end=der(0x17, b"300101000060Z"))),
        ("critical unknown", more(ext("1.2.3.4", True, b"\5\0"))),
        ("unknown", more(ext("1.2.3.4", False, b"\5\0"))),
        ("extension twice", more(ext("1.2.3.4", False, b"\5\0"), ext(
            "1.2.3.4", False, b"\5\0"))),
        ("constraints twice", more(forge.basic(True))),
        ("policies", more(ext("2.5.29.32", True, der(0x30, der(
            0x30, oid("1.2.3")))))),
        ("Netscape's type", more(ext("2.16.840.1.113730.1.1", True, der(
            3, b"\0\xff")))),
        ("other names, critical", more(ext("2.5.29.17", True, der(
            0x30, der(0x82, b"example.org"))))),
        ("name constraints", more(ext("2.5.29.30", True, der(0x30, der(
            0xa0, der(0x30, der(0x82, b"example.org"))))))),
        ("name constraints, not critical", more(ext(
            "2.5.29.30", False, der(0x30, der(0xa0, der(0x30, der(
                0x82, b"example.org"))))))),
        ("issuer's key named", more(ext("2.5.29.35", False, der(0x30, der(
            0x80, b"key"))))),
        ("issuer's serial named", more(ext("2.5.29.35", False, der(
            0x30, b"\x82\2\x12\x34")))),
        ("issuer's serial misnamed", more(ext("2.5.29.35", False, der(
            0x30, b"\x82\2\x12\x35")))),
        ("issuer's issuer named", more(ext("2.5.29.35", False, der(
            0x30, der(0xa1, der(0xa4, forge.name("attestation root"))))))),
        ("issuer's issuer in capitals", lambda c, rng: more(ext(
            "2.5.29.35", False, der(0x30, der(0xa1, der(
                0xa4, forge.name(rng.choice((
                    "TSA ROOT", "ATTESTATION ROOT"))))))))(c, rng)),
        ("issuer's issuer misnamed", more(ext("2.5.29.35", False, der(
            0x30, der(0xa1, der(0xa4, forge.name("nobody"))))))),
        ("issuer's identifier strange", more(ext("2.5.29.35", False, der(
            0x30, der(0xa5, b""))))),
        ("own key named by both", more(ext("2.5.29.35", False, der(
            0x30, der(0x80, b"own"))), ext("2.5.29.14", False, der(
                4, b"own")))),
        ("key named", more(ext("2.5.29.14", False, der(4, b"other")))),
        ("long serial", field(serial=1 << 170)), ("serial below zero", field(
            serial=-5)), ("no constraints", field(
                extensions=extensions(forge.usage("05")))),
        ("no usage", field(extensions=extensions(forge.basic(True)))),
        ("an authority", field(extensions=extensions(*ca))),
        ("no authority", field(extensions=extensions(*leaf))),
        ("constraints not critical", field(extensions=extensions(
            forge.basic(True, critical=False), forge.usage("5")))),
        ("depth 0", field(extensions=extensions(
            forge.basic(True, 0), forge.usage("5")))),
        ("depth 1", field(extensions=extensions(
            forge.basic(True, 1), forge.usage("5")))),
        ("depth below zero", field(extensions=extensions(
            forge.basic(True, -1), forge.usage("5")))),
        ("depth of no authority", field(extensions=extensions(
            forge.basic(False, 0), forge.usage("0")))),
        ("no extensions", field(extensions=[])),
        ("other usage", field(extensions=extensions(
            forge.basic(False), forge.usage("6")))),
        ("usage both", field(extensions=extensions(
            forge.basic(False), forge.usage("05")))),
        ("no use at all", field(extensions=extensions(
            forge.basic(False), forge.usage("")))),
        ("mark added", more(forge.mark())), ("mark not critical", field(
            extensions=lambda old: [forge.mark(False)] + [
                e for e in old if forge.oid(forge.LOCAL_MARK) not in e])),
        ("no mark", field(extensions=lambda old: [
            e for e in old if forge.oid(forge.LOCAL_MARK) not in e]))]
    for stage, fits in (("root", anywhere), ("mid", between),
                        ("leaf", anywhere), ("tsa.root", tsa),
                        ("tsa.ca", tsa), ("tsa.cert", tsa)):
        table(stage, common, fits)

    def with_key(stage, pick, fits):
        def make(chain, index, rng, _):
            return chain.build(index, {stage: lambda c: field(
                spki=forge.spki(pick(chain.keys)))(copy.copy(c), rng)})
        return make
    for stage, fits in (("root", anywhere), ("mid", between),
                        ("leaf", anywhere), ("tsa.root", tsa),
                        ("tsa.ca", tsa), ("tsa.cert", tsa)):
        for label, pick in (("P-256", lambda k: k.p256[3]), (
                "other P-384", lambda k: k.p384[3]), ("RSA", lambda k: k.rsa[
                    0]), ("weak RSA", lambda k: k.weak)):
            add("%s: key %s" % (stage, label), with_key(stage, pick, fits),
                fits)

    def signed_by_p256(stage):
        def make(chain, index, rng, _):
            return chain.build(index, {stage: lambda c: field(
                signer=chain.keys.p256[3])(copy.copy(c), rng)})
        return make
    for stage, fits in (("root", anywhere), ("leaf", anywhere),
                        ("mid", between), ("tsa.cert", tsa), ("tsa.ca", tsa),
                        ("tsa.root", tsa)):
        add(stage + ": signed by another", signed_by_p256(stage), fits)


def tsa_meanings():
    ext = field

    def only(*e):
        return ext(extensions=list(e))
    p, u = forge.purposes, forge.usage
    table("tsa.cert", [
        ("purposes not critical", only(p(forge.STAMPING, critical=False),
                                       u("0"))),
        ("two purposes", only(p(forge.STAMPING, "1.3.6.1.5.5.7.3.4"),
                              u("0"))),
        ("an unknown purpose too", only(p(forge.STAMPING, "1.2.3.4"),
                                        u("0"))),
        ("another purpose", only(p("1.3.6.1.5.5.7.3.3"), u("0"))),
        ("stamping twice", only(p(forge.STAMPING, forge.STAMPING), u("0"))),
        ("no purposes", only(u("0"))),
        ("no usage at all", only(p(forge.STAMPING))),
        ("non-repudiation", only(p(forge.STAMPING), u("1"))),
        ("usage besides", only(p(forge.STAMPING), u("03"))),
        ("an authority for stamping", only(
            p(forge.STAMPING), u("0"), forge.basic(True))),
        ("no authority", only(p(forge.STAMPING), u("0"),
                              forge.basic(False)))], tsa)
    table("tsa.ca", [
        ("depth 0", only(forge.basic(True, 0), u("5"))),
        ("stamping alone", only(forge.basic(True), u("5"), p(
            forge.STAMPING))), ("mail alone", only(
                forge.basic(True), u("5"), p("1.3.6.1.5.5.7.3.4")))], tsa)
    table("tsa.root", [
        ("mail alone", only(forge.basic(True), u("5"), p(
            "1.3.6.1.5.5.7.3.4"))), ("by somebody else", field(
                issuer=forge.name("elsewhere")))], tsa)

    def ess_junk(version):
        return [der(0x30, oid(forge.CMS + "9.16.2." + version), der(
            0x31, der(0x30, b"\5\0")))]

    for side in "upper", "lower":
        table(side + ".tst", [
            ("version 2", field(version=2)), ("policy", field(
                policy="1.2.3.4.2")), ("other data", field(data=b"x")),
            ("SHA-1", field(imprint="sha1")), ("SHA-384", field(
                imprint="sha384")), ("SHA-256", field(imprint="sha256")),
            ("SHA3", field(imprint="sha3_256")),
            ("NULL parameters", field(parameters=b"\5\0")),
            ("parameters", field(parameters=b"\4\0")),
            ("fraction ends in zero", field(
                time="20260921141320.250Z")),
            ("no fraction", field(time="20260921141320Z")),
            ("empty fraction", field(time="20260921141320.Z")),
            ("long fraction", field(time="20260921141320.1234567Z")),
            ("very long fraction", field(
                time="20260921141320." + "1" * 30 + "Z")),
            ("no seconds", field(time="202609211413Z")),
            ("zone", field(time="20260921141320+0100")),
            ("second 60", field(time="20260921141360Z")),
            ("30 February", field(time="20260230141320Z")),
            ("leap day", field(time="20240229141320Z")),
            ("of 1969", field(time="19691231235959Z")),
            ("of 1970", field(time="19700101000000Z")),
            ("of 9999", field(time="99991231235959.999Z")),
            ("before the certificates", field(time="20200101000000Z")),
            ("after the certificates", field(time="20400101000000Z")),
            ("nonce", field(more=b"\2\1\5")), ("ordering", field(
                more=b"\1\1\xff")), ("accuracy", field(
                    more=der(0x30, b"\2\1\1\x80\1\1"))),
            ("accuracy strange", field(more=der(0x30, b"\x82\1\1"))),
            ("tsa's name", field(more=der(0xa0, der(
                0xa4, forge.name("tsa"))))),
            ("extension", field(more=der(0xa1, forge.extension(
                "1.2.3.4", False, b"x")))),
            ("critical extension", field(more=der(0xa1, forge.extension(
                "1.2.3.4", True, b"x")))),
            ("order", field(more=b"\2\1\5\1\1\xff"))], tsa)
        time_attribute = der(0x30, oid(forge.CMS + "9.5"), der(
            0x31, der(0x17, b"260921141320Z")))
        counter = der(0x30, oid(forge.CMS + "9.6"), der(0x31, der(0x30)))
        table(side + ".token", [
            ("status 1", field(status=1, bare=False)), ("status 2", field(
                status=2, bare=False)), ("status below zero", field(
                    status=-1, bare=False)), ("status 256", field(
                        status=256, bare=False)),
            ("response", field(bare=False)), ("bare", field(bare=True)),
            ("SHA-384", field(digest="sha384")), ("SHA-512", field(
                digest="sha512")), ("SHA-1", field(digest="sha1")),
            ("two signers", field(signers=2)), ("no signer", field(
                signers=0)), ("no certificates", field(bag=[])),
            ("certificates twice", field(bag=lambda b: b * 2)),
            ("17 certificates", field(bag=lambda b: (b * 17)[:17])),
            ("16 certificates", field(bag=lambda b: (b * 16)[:16])),
            ("certificates turned", field(bag=lambda b: b[::-1])),
            ("junk certificate", field(bag=lambda b: b + [b"\x30\0"])),
            ("attribute certificate", field(bag=lambda b: b + [der(
                0xa2, der(0x30))])),
            ("strange certificate", field(bag=lambda b: b + [b"\x80\0"])),
            ("other content", field(type="7.1")),
            ("other content, unsigned", field(content="7.1")),
            ("response with more behind", field(bare=False,
                                                behind=b"\5\0")),
            ("digest with NULL", field(**{"digest parameters": b"\5\0"})),
            ("digest with parameters", field(**{
                "digest parameters": b"\4\0"})),
            ("junk as ESS 1", field(extra=ess_junk("12"))),
            ("junk as ESS 2", field(extra=ess_junk("47"))),
            ("issuer in capitals", field(issuer=forge.name("TSA CA"))),
            ("other serial", field(serial=78)), ("other issuer", field(
                issuer=forge.name("nobody"))), ("key identifier", field(
                    sid=b"\x80\4abcd")),
            ("no ESS", field(ess=[])), ("ESS twice", field(
                ess=lambda e: e * 2)),
            ("ESS of another", field(ess=lambda e: [e[0][:-1] + bytes([e[0][
                -1] ^ 1])])), ("signing time", field(extra=[time_attribute])),
            ("signing time twice", field(extra=[time_attribute] * 2)),
            ("countersignature signed", field(extra=[counter])),
            ("unsigned attribute", field(unsigned=der(0xa1, counter))),
            ("unsigned signing time", field(unsigned=der(
                0xa1, time_attribute))), ("unsigned empty", field(
                    unsigned=b"\xa1\0"))], tsa)
        table(side + ".attributes", [
            ("no content type", lambda v, rng: v[1:]), ("no digest", lambda
                v, rng: v[:1] + v[2:]), ("turned", lambda v, rng: v[::-1]),
            ("content type twice", lambda v, rng: v[:1] + v),
            ("none", lambda v, rng: [])], tsa)
    def impostor(where, issuer):
        """A certificate of the authority's name and another key."""
        def make(chain, index, rng, _):
            made = X509("tsa ca", chain.keys.p256[0], extensions=[
                forge.basic(True), forge.usage("5")])
            made.issuer = forge.name(issuer)
            return chain.build(index, {"upper.token": lambda o: dict(
                o, bag=o["bag"][:where] + [made.der()] + o["bag"][where:])})
        return make
    for where in 0, 1, 2:
        add("upper.token: an impostor at %d" % where, impostor(
            where, "tsa ca"), tsa)
        add("upper.token: an impostor of the root's at %d" % where, impostor(
            where, "tsa root"), tsa)

    def path_of(names, issuer=None, root=(), beside=lambda chain: []):
        """Authorities of these names between root and signer; issuer: what
        the signer calls the last of them; root: its extensions instead;
        beside: further certificates."""
        def make(chain, index, rng, _):
            t = chain.stamper
            above, bag = t.root, [c.der() for c in beside(chain)]
            for i, n in enumerate(names):
                above = X509(n, chain.keys.p256[3], above, digest="sha256",
                             serial=i + 1, extensions=[
                                 forge.basic(True), forge.usage("5")])
                bag.append(above.der())
            cert = X509("tsa", t.cert.key, above, digest="sha256", serial=77,
                        extensions=t.cert.extensions)
            cert.issuer = issuer or cert.issuer
            bag.append(cert.der())

            def token(o):
                return dict(o, bag=bag, ess=t.ess(cert.der()),
                            issuer=cert.issuer)
            hooks = {"upper.token": token, "lower.token": token}
            if root:
                hooks["tsa.root"] = lambda c: only(*root)(copy.copy(c), rng)
            return chain.build(index, hooks)
        return make
    for n in (0, 1, 7, 8, 9, 10):
        add("tsa path: %d between" % n, path_of(["ca %d" % i for i in range(
            n)]), tsa)
    add("tsa path: right below a root of usage alone", path_of(
        [], root=[u("5")]), tsa)

    def impostors(chain):
        """Of a name on the path, by somebody who is no authority."""
        k = chain.keys.p256
        other = X509("other", k[0], chain.stamper.root, extensions=[
            forge.basic(False), forge.usage("0")])
        return [other, X509("ca 1", k[1], other, digest="sha256", extensions=[
            forge.basic(True), forge.usage("5")])]
    add("tsa path: an impostor by no authority", path_of(
        ["ca 0", "ca 1"], beside=impostors), tsa)
    def twins(change, before):
        """The signer's authority, and another certificate of its name by the
        same root: which of them a path needs does not hang on their order."""
        def make(chain, index, rng, _):
            t = chain.stamper
            other = field(serial=55, **change(chain))(copy.copy(t.ca), rng)
            both = [other.der(), t.ca.der()][::1 if before else -1]
            return chain.build(index, {"upper.token": lambda o: dict(
                o, bag=both + o["bag"][1:])})
        return make

    def twin_key(chain):
        key = chain.keys.p256[0]
        return {"key": key, "spki": forge.spki(key)}
    for label, change in (
            ("of another key", twin_key),
            ("no authority", lambda chain: {"extensions": [
                forge.basic(False), forge.usage("5")]}),
            ("with a critical extension", lambda chain: {"extensions": [
                forge.basic(True, 0), forge.usage("5"),
                forge.extension("1.2.3.4", True, b"\5\0")]}),
            ("signed with SHA-1", lambda chain: {"digest": "sha1"}),
            ("that had ended", lambda chain: {
                "end": forge.utc(forge.AT - 1000)}),
            ("that ends later", lambda chain: {
                "end": forge.utc(forge.AT + 10**11)})):
        for before in False, True:
            add("tsa path: a twin %s, %s" % (
                label, "first" if before else "last"), twins(change, before),
                tsa)

    def lattice(layers, each, depth=None):
        """`each` authorities of every name, all of one key: so many ways up
        that not all of them may be tried."""
        def make(chain, index, rng, _):
            t = chain.stamper
            above, bag = t.root, []
            for i in range(layers):
                row = [X509("ca %d" % i, chain.keys.p256[3], above, digest=
                            "sha256", serial=10 * i + n + 1, extensions=[
                                forge.basic(True, None if n else depth),
                                forge.usage("5")]) for n in range(each)]
                bag += [c.der() for c in row]
                above = row[0]
            cert = X509("tsa", t.cert.key, above, digest="sha256", serial=77,
                        extensions=t.cert.extensions)
            return chain.build(index, {"upper.token": lambda o: dict(
                o, bag=bag + [cert.der()], ess=t.ess(cert.der()),
                issuer=cert.issuer)})
        return make
    for layers, each, depth in ((3, 5, None), (7, 2, None), (3, 5, 0),
                                (5, 3, 0), (7, 2, 0)):
        add("tsa path: %d layers of %d, depth %s" % (layers, each, depth),
            lattice(layers, each, depth), tsa)
    add("tsa path: of the root's name", path_of(["tsa root"]), tsa)
    add("tsa path: one name twice", path_of(["tsa ca", "tsa b", "tsa ca"]),
        tsa)
    add("tsa path: of the signer's name", path_of(["tsa"]), tsa)
    for label, issuer in (
            ("in capitals", forge.name("TSA CA")),
            ("as PrintableString", forge.name("tsa ca", 0x13)),
            ("with a blank", forge.name("tsa  ca"))):
        add("tsa path: issuer " + label, path_of(["tsa ca"], issuer), tsa)

    # A genuine key of the path, written otherwise.
    def rewritten(who, change, fits):
        def make(chain, index, rng, _):
            return chain.build(index, {"tsa." + who: lambda c: field(
                spki=change(c.spki, c.key))(copy.copy(c), rng)})

        def possible(chain):
            if not tsa(chain):
                return False
            key = getattr(chain.stamper, who).key
            return isinstance(key, fits) and (
                key.key_size == 256 or change != curve_spelt)
        return make, possible
    ec_, rsa_ = forge.ec.EllipticCurvePrivateKey, forge.rsa.RSAPrivateKey

    def curve_spelt(spki, key):
        numbers = key.public_key().public_numbers()
        p, (b, gx, gy, n) = 2**256 - 2**224 + 2**192 + 2**96 - 1, P256
        size = (p.bit_length() + 7) // 8

        def octets(v):
            return v.to_bytes(size, "big")
        return der(0x30, forge.algorithm("1.2.840.10045.2.1", der(
            0x30, forge.der_int(1), der(0x30, oid("1.2.840.10045.1.1"),
                                        forge.der_int(p)),
            der(0x30, der(4, octets(p - 3)), der(4, octets(b))),
            der(4, b"\4" + octets(gx) + octets(gy)), forge.der_int(n),
            forge.der_int(1))), der(3, b"\0\4" + octets(numbers.x)
                                    + octets(numbers.y)))

    def point(form):
        def change(spki, key):
            numbers = key.public_key().public_numbers()
            size = (key.curve.key_size + 7) // 8
            x, y = (v.to_bytes(size, "big") for v in (numbers.x, numbers.y))
            v = bytes([2 + (numbers.y & 1)]) + x if form == "compressed" else \
                bytes([6 + (numbers.y & 1)]) + x + y
            return with_point(key, v)
        return change

    def with_point(key, v, unused=0):
        curve = {256: "1.2.840.10045.3.1.7", 384: "1.3.132.0.34",
                 521: "1.3.132.0.35"}[key.curve.key_size]
        return der(0x30, forge.algorithm("1.2.840.10045.2.1", oid(curve)),
                   der(3, bytes([unused]) + v))

    def point_of(edit_):
        """The uncompressed point, changed."""
        def change(spki, key):
            v = der_parse(spki)[0][1][1][2]
            return with_point(key, edit_(v[1:]))
        return change

    def bits_unused(spki, key):
        v = der_parse(spki)[0][1][1][2][1:]
        free = (v[-1] & -v[-1]).bit_length() - 1 if v[-1] else 7
        return with_point(key, v, max(free, 1))

    def rsa_of(edit_):
        """RSAPublicKey, from n and e."""
        def change(spki, key):
            n = key.public_key().public_numbers()
            return der(0x30, forge.algorithm(
                "1.2.840.113549.1.1.1", b"\5\0"), der(3, b"\0" + edit_(
                    n.n.to_bytes(256, "big"), n.e.to_bytes(3, "big"))))
        return change

    def whole(v):
        return der(2, v)

    def key_of(dotted, *parameters):
        def change(spki, key):
            inner = der_parse(spki)[0][1]
            return der(0x30, forge.algorithm(dotted, *parameters),
                       der_write(inner[1]))
        return change
    for label, change, fits in (
            ("a curve spelt out", curve_spelt, ec_),
            ("a compressed point", point("compressed"), ec_),
            ("a hybrid point", point("hybrid"), ec_),
            ("a point beside the curve", point_of(
                lambda v: v[:-1] + bytes([v[-1] ^ 1])), ec_),
            ("no point", point_of(lambda v: b"\0"), ec_),
            ("a byte behind the point", point_of(lambda v: v + b"\0"), ec_),
            ("a point cut", point_of(lambda v: v[:-1]), ec_),
            ("bits unused", bits_unused, ec_),
            ("PSS", key_of("1.2.840.113549.1.1.10"), rsa_),
            ("no NULL", key_of("1.2.840.113549.1.1.1"), rsa_),
            ("odd parameters", key_of("1.2.840.113549.1.1.1", b"\4\0"),
             rsa_), ("OAEP", key_of("1.2.840.113549.1.1.7"), rsa_),
            ("ea-rsa", key_of("2.5.8.1.1", b"\5\0"), rsa_),
            ("bytes behind it", rsa_of(lambda n, e: der(
                0x30, whole(b"\0" + n), whole(e)) + b"\5\0"), rsa_),
            ("more in it", rsa_of(lambda n, e: der(
                0x30, whole(b"\0" + n), whole(e), b"\5\0")), rsa_),
            ("a modulus below zero", rsa_of(lambda n, e: der(
                0x30, whole(n), whole(e))), rsa_),
            ("zeros before the modulus", rsa_of(lambda n, e: der(
                0x30, whole(b"\0\0" + n), whole(e))), rsa_),
            ("zeros before the exponent", rsa_of(lambda n, e: der(
                0x30, whole(b"\0" + n), whole(b"\0" + e))), rsa_),
            ("exponent 1", rsa_of(lambda n, e: der(
                0x30, whole(b"\0" + n), whole(b"\1"))), rsa_),
            ("an even exponent", rsa_of(lambda n, e: der(
                0x30, whole(b"\0" + n), whole(b"\2"))), rsa_),
            ("a long exponent", rsa_of(lambda n, e: der(
                0x30, whole(b"\0" + n), whole(b"\1" + bytes(5) + e))), rsa_),
            ("an even modulus", rsa_of(lambda n, e: der(
                0x30, whole(b"\0" + n[:-1] + b"\0"), whole(e))), rsa_),
            ("a length in BER", rsa_of(lambda n, e: der(
                0x30, whole(b"\0" + n), b"\2\x81\3" + e)), rsa_)):
        for who in ("cert", "ca", "root") if fits == ec_ else ("cert",):
            add("tsa.%s: key with %s" % (who, label),
                *rewritten(who, change, fits))

    # signing-certificate of version 2 by other hashes, and what else it may
    # say; of version 1 with what only the other has.
    def ess(make, version="47"):
        def token(o, chain, rng):
            cert = chain.stamper.certs(lambda _, v: v)[2]
            return dict(o, ess=[der(0x30, oid(forge.CMS + "9.16.2." + version),
                                    der(0x31, make(chain, cert, rng)))])

        def build(chain, index, rng, _):
            return chain.build(index, {"upper.token": lambda o: token(
                o, chain, rng)})
        return build

    def certs(*ids):
        return der(0x30, der(0x30, *ids))

    def hashed(name, cert):
        return der(4, hashlib.new(name, cert).digest())

    def under(number, name, *parameters):
        return ess(lambda chain, cert, rng: certs(der(0x30, forge.algorithm(
            number, *parameters), hashed(name, cert))))
    for name, number in (
            ("sha224", "2.16.840.1.101.3.4.2.4"),
            ("sha256", "2.16.840.1.101.3.4.2.1"),
            ("sha384", "2.16.840.1.101.3.4.2.2"),
            ("sha512", "2.16.840.1.101.3.4.2.3"),
            ("sha512_224", "2.16.840.1.101.3.4.2.5"),
            ("sha512_256", "2.16.840.1.101.3.4.2.6"),
            ("sha3_224", "2.16.840.1.101.3.4.2.7"),
            ("sha3_256", "2.16.840.1.101.3.4.2.8"),
            ("sha3_384", "2.16.840.1.101.3.4.2.9"),
            ("sha3_512", "2.16.840.1.101.3.4.2.10"),
            ("sha1", "1.3.14.3.2.26"), ("md5", "1.2.840.113549.2.5"),
            ("ripemd160", "1.3.36.3.2.1"), ("sm3", "1.2.156.10197.1.401")):
        if name in hashlib.algorithms_available:
            add("upper.token: ESS 2 by " + name, under(number, name), tsa)
    add("upper.token: ESS 2 with parameters", under(
        "2.16.840.1.101.3.4.2.1", "sha256", b"\5\0"), tsa)
    add("upper.token: ESS 2 with odd parameters", under(
        "2.16.840.1.101.3.4.2.1", "sha256", b"\4\1x"), tsa)

    def serial(chain, names, number=b"\2\1\x4d"):
        return der(0x30, der(0x30, *names), number)
    for version, name in (("47", "sha256"), ("12", "sha1")):
        for label, make in (
                ("with issuer and serial", lambda chain: serial(chain, [der(
                    0xa4, chain.stamper.cert.issuer)])),
                ("with another serial", lambda chain: serial(chain, [der(
                    0xa4, chain.stamper.cert.issuer)], b"\2\1\x4e")),
                ("with another issuer", lambda chain: serial(chain, [der(
                    0xa4, forge.name("nobody"))])),
                ("with issuer in capitals", lambda chain: serial(chain, [der(
                    0xa4, forge.name("TSA CA"))])),
                ("with an issuer of two names", lambda chain: serial(chain, [
                    der(0xa4, chain.stamper.cert.issuer)] * 2)),
                ("with an issuer's mail", lambda chain: serial(chain, [der(
                    0x81, b"a@example.org")])),
                ("with no issuer", lambda chain: serial(chain, []))):
            add("upper.token: ESS %s %s" % (version, label), ess(
                lambda chain, cert, rng, make=make, name=name: certs(der(
                    0x30, hashed(name, cert), make(chain))), version), tsa)
        for label, make in (
                ("of all on the path", lambda name, c: certs(*[der(
                    0x30, hashed(name, x)) for x in c[::-1]])),
                ("of the authority first", lambda name, c: certs(*[der(
                    0x30, hashed(name, x)) for x in c[1:]])),
                ("of the signer twice", lambda name, c: certs(*[der(
                    0x30, hashed(name, x)) for x in c[2:] * 2])),
                ("of another too", lambda name, c: certs(*[der(
                    0x30, hashed(name, x)) for x in (c[2], b"x")])),
                ("of none", lambda name, c: certs()),
                ("with policies", lambda name, c: der(0x30, der(0x30, der(
                    0x30, hashed(name, c[2]))), der(0x30, der(0x30, oid(
                        "1.2.3"))))),
                ("with odd policies", lambda name, c: der(0x30, der(
                    0x30, der(0x30, hashed(name, c[2]))), der(0x30, der(
                        0x30, b"\5\0")))),
                ("with more behind", lambda name, c: der(0x30, der(
                    0x30, der(0x30, hashed(name, c[2]))), b"\5\0"))):
            add("upper.token: ESS %s %s" % (version, label), ess(
                lambda chain, cert, rng, make=make, name=name: make(
                    name, chain.stamper.certs(lambda _, v: v)), version), tsa)

    def on_another_curve(stage):
        def make(chain, index, rng, _):
            k = chain.keys.other_curve

            def change(c):
                return field(key=k, spki=forge.spki(k))(copy.copy(c), rng)

            def under(c):
                return field(signer=k)(copy.copy(c), rng)
            hooks = {"tsa." + stage: change}
            below = {"root": "ca", "ca": "cert"}.get(stage)
            if below:
                hooks["tsa." + below] = under
            else:
                hooks["upper.token"] = hooks["lower.token"] = lambda o: dict(
                    o, key=k)
            return chain.build(index, hooks)
        return make
    for stage in "root", "ca", "cert":
        add("tsa.%s: on another curve" % stage, on_another_curve(stage), tsa)
    table("tsa.ca", [
        ("usage alone", only(u("5"))), ("no extensions", only()),
        ("constraints alone", only(forge.basic(True)))], tsa)
    table("tsa.root", [("usage alone", only(u("5"))), ("nothing", only())],
          tsa)

    for side in "upper", "lower":
        table(side + ".token.algorithm", [
            ("plain RSA", lambda v, rng: forge.algorithm(
                "1.2.840.113549.1.1.1", b"\5\0")),
            ("PSS", lambda v, rng: forge.algorithm("1.2.840.113549.1.1.10")),
            ("SHA-384", lambda v, rng: forge.algorithm(rng.choice((
                forge.ECDSA, forge.RSA))["sha384"])),
            ("without parameters", lambda v, rng: v[:1] + bytes(
                [v[1] - 2]) + v[2:-2] if v[-2:] == b"\5\0" else v),
            ("strange parameters", lambda v, rng: der(
                0x30, v[2:13], b"\4\0"))], tsa)

    def renamed(policy):
        return key(7, lambda a: [[1, a[0][1], policy]])
    table("params", [("tsa name " + n, renamed(n)) for n in (
        "tsa *", "tsa 1.2.3.4.1", "tsa 1.2.3.4.2", "tsa ", "tsa", "TSA *",
        "tsa 1.2.3.4.01", "tsa  *")], tsa)

    def pinned(change):
        return key(7, lambda a: [[1, change(a[0][1]), a[0][2]]])
    table("params", [
        ("pinned twice", pinned(lambda k: k * 2)),
        ("pinned with a byte behind", pinned(lambda k: k + b"\0")),
        ("nothing pinned", pinned(lambda k: b"\x30\0")),
        ("pinned nine", pinned(lambda k: (k * 9)[:4096])),
    ], tsa)

    def signer_pinned(chain, index, rng, _):
        cert = chain.stamper.certs(lambda n, v: v)
        which = rng.choice((1, 2))
        return chain.build(index, {"params": lambda v: put(v, 7, [
            [1, cert[which] + b"".join(cert), "tsa *"]])})
    add("params: signer or authority pinned", signer_pinned, tsa)


def jwt_meanings():
    def claims(**c):
        def change(v, rng):
            v = dict(v)
            for k, x in c.items():
                k = {"user": "cognito:username"}.get(k, k)
                if x is ...:
                    v.pop(k, None)
                else:
                    v[k] = x(v) if callable(x) else x
            return v
        return change

    def local_part(v):
        return v["email"].split("@")[0]
    for side in "upper", "lower":
        table(side + ".jwt.claims", [
            ("issuer", claims(iss="https://other.example")),
            ("no issuer", claims(iss=...)), ("issuer a number", claims(
                iss=7)), ("access token", claims(token_use="access")),
            ("no use", claims(token_use=...)), ("no time", claims(iat=...)),
            ("time as text", claims(iat="1")), ("time below zero", claims(
                iat=-1)), ("time a fraction", claims(iat=1.5)),
            ("time far", claims(iat=253402300799)), ("time beyond", claims(
                iat=253402300800)), ("time huge", claims(iat=2**64)),
            ("no name", claims(email=...)), ("no @", claims(
                email=local_part)), ("upper case", claims(
                    email=lambda v: v["email"].upper())),
            ("user name", claims(user=local_part, email=...)),
            ("user name with @", claims(user=lambda v: v["email"],
                                        email=...)),
            ("user name with more", claims(user=lambda v: local_part(
                v) + "0", email=...)),
            ("both", claims(user=local_part)), ("both differ", claims(
                user=OTHER.hex())), ("email of another", claims(
                    email=OTHER.hex() + "@x")),
            ("user a number", claims(user=7)), ("email with escape", claims(
                email=lambda v: v["email"] + "\n")),
            ("email with NUL", claims(email=lambda v: v["email"] + "\0")),
            ("user of no hash", claims(user="me")),
            ("65 members", lambda v, rng: dict(v, **{
                "m%d" % i: 0 for i in range(60)})),
            ("deep 5", claims(deep=[[[[[0]]]]])), ("deep 6", claims(
                deep=[[[[[[0]]]]]]))], jwt)
        table(side + ".jwt.claims.raw", [
            ("member twice", lambda v, rng: v[:-1] + b', "iat": 1}'),
            ("inner twice", lambda v, rng: v[:-1] + b', "q": {"a":1,"a":2}}'),
            ("name with escape", lambda v, rng: v[:-1] + b', "\\u0061": 1}'),
            ("leading zero", lambda v, rng: v[:-1] + b', "q": 01}'),
            ("NaN", lambda v, rng: v[:-1] + b', "q": NaN}'),
            ("surrogate", lambda v, rng: v[:-1] + b', "q": "\\ud800"}'),
            ("not UTF-8", lambda v, rng: v[:-1] + b', "q": "\xff"}'),
            ("control", lambda v, rng: v[:-1] + b', "q": "\x1f"}'),
            ("DEL", lambda v, rng: v[:-1] + b', "q": "\x7f"}'),
            ("odd escape", lambda v, rng: v[:-1] + b', "q": "\\x"}'),
            ("comma", lambda v, rng: v[:-1] + b",}"),
            ("blanks", lambda v, rng: b" \t\r\n" + v + b" \n"),
            ("form feed", lambda v, rng: v + b"\f"),
            ("byte order mark", lambda v, rng: b"\xef\xbb\xbf" + v),
            ("array", lambda v, rng: b"[" + v + b"]"),
            ("exponent", lambda v, rng: v[:-1] + b', "q": -1.5E+7}'),
            ("lone minus", lambda v, rng: v[:-1] + b', "q": -}'),
            ("point", lambda v, rng: v[:-1] + b', "q": 1.}'),
            ("plus", lambda v, rng: v[:-1] + b', "q": +1}'),
            ("many digits", lambda v, rng: v[:-1] + b', "q": '
             + b"9" * 4500 + b"}")], jwt)
        table(side + ".jwt.header", [
            ("none", claims(alg="none")), ("HS256", claims(alg="HS256")),
            ("no algorithm", claims(alg=...)), ("other algorithm", claims(
                alg=lambda v: "ES256" if v["alg"] == "RS256" else "RS256")),
            ("crit", claims(crit=["x"])), ("crit empty", claims(crit=[])),
            ("other kid", claims(kid="two")), ("no kid", claims(kid=...)),
            ("kid empty", claims(kid="")), ("kid a number", claims(kid=1)),
            ("kid with escape", claims(kid="o\"")), ("jwk", claims(
                jwk={"kty": "EC"}))], jwt)
        table(side + ".jwt.signature", [
            ("empty", lambda v, rng: b""), ("longer", lambda v, rng: v + v[
                :1]), ("zeros", lambda v, rng: bytes(len(v))),
            ("malleable", lambda v, rng: malleable(v) if len(
                v) == 64 else v)], jwt)
        table(side + ".raw", [
            ("four parts", lambda v, rng: v + b".x"), ("two parts", lambda
                v, rng: v.rpartition(b".")[0]), ("padded", lambda
                    v, rng: v + b"="), ("bits left over", lambda v, rng: v[
                        :-1] + bytes([v[-1] ^ 1])), ("part empty", lambda
                            v, rng: b"." + v.partition(b".")[2]),
            ("standard alphabet", lambda v, rng: v.replace(
                b"-", b"+").replace(b"_", b"/"))], jwt)

    # An issuer whose name, as JSON writes it, is that of the parameters.
    def escaped(chain, index, rng, _):
        def issued(v):
            return v.replace(b"https://issuer", b"https:\\/\\/issuer")
        return chain.build(index, {
            "params": lambda v: put(v, 7, [[k, key_, name.replace(
                "/", "\\/")] for k, key_, name in dict(v)[7]]),
            "upper.jwt.claims.raw": issued, "lower.jwt.claims.raw": issued})
    add("jwt: issuer with escapes in both", escaped, jwt)

    def jwk(**c):
        return lambda v, rng: {"keys": [claims(**c)(v["keys"][0], rng)]}
    table("jwks", [
        ("other kid", jwk(kid="two")), ("no kid", jwk(kid=...)),
        ("no kty", jwk(kty=...)), ("alg other", jwk(alg="PS256")),
        ("alg a number", jwk(alg=1)), ("use enc", jwk(use="enc")),
        ("short x", jwk(x="AA")), ("crv other", jwk(crv="P-384")),
        ("e 1", jwk(e="AQ")), ("e even", jwk(e="BA")), ("e long", jwk(
            e="AQAAAAAAAAAB")), ("e empty", jwk(e="")),
        ("n short", jwk(n="_" * 43)), ("n even", jwk(
            n=lambda v: v.get("n", "AAAA")[:-3] + "AAA")),
        ("no keys", lambda v, rng: {}), ("keys empty", lambda
            v, rng: {"keys": []}), ("keys no list", lambda v, rng: {
                "keys": v["keys"][0]}), ("a number first", lambda
                    v, rng: {"keys": [1] + v["keys"]}),
        ("unreadable first", lambda v, rng: {"keys": [dict(
            v["keys"][0], x="AA", n="AA")] + v["keys"]}),
        ("unreadable behind", lambda v, rng: {"keys": v["keys"] + [dict(
            v["keys"][0], x="AA", n="AA")]}),
        ("another first", lambda v, rng: {"keys": [dict(
            v["keys"][0], kid="zero")] + v["keys"]}),
        ("17 keys", lambda v, rng: {"keys": [{"kid": "x"}] * 16 + v[
            "keys"]}), ("16 keys", lambda v, rng: {"keys": [{
                "kid": "x"}] * 15 + v["keys"]})], jwt)


def local_stamps():
    for side in "upper", "lower":
        table(side + ".stamp", [
            ("other block", at(0, OTHER)), ("time 0", at(1, 0)),
            ("time last", at(1, 253402300799999)),
            ("time beyond", at(1, 253402300800000))], local_time)
        table(side + ".stamp.signed", [
            ("time off", at(1, lambda p: p + 1)), ("zeros", at(
                2, bytes(64))), ("one item more", lambda v, rng: v + [0])],
            local_time)

        def other(chain, index, rng, _, side=side):
            return chain.build(index, {side + ".stamp": lambda v: (
                v[0], v[1], chain.keys.ed[1])})
        add(side + ".stamp: by another authority", other, local_time)
    hooked("clock went back", "upper.stamp", at(1, forge.AT - 5), local_time)


def wholes():
    def part(k, value):
        def change(v, rng):
            m = v[1]
            old = dict(m).get(k)
            return Tag((v[0], put(m, k, value(old) if callable(value)
                                  else value)))
        return change

    def path(f):
        return part(5, lambda p: f(*p))
    table("certificate", [
        ("no tag", lambda v, rng: v[1]), ("other tag", lambda v, rng: Tag(
            (55798, v[1]))), ("tagged twice", lambda v, rng: Tag((55799, v))),
        ("other magic", part(0, "notaryfs-cart")), ("version 2", part(1, 2)),
        ("version 0", part(1, 0)), ("version true", part(1, True)),
        ("version 2 and junk", lambda v, rng: Tag((55799, put(put(
            v[1], 1, 2), 2, Raw(b"\xff"))))),
        ("other anchor", part(2, OTHER)), ("key 11", part(11, [])),
        ("key 17", part(17, 0)), ("key 1000", part(1000, 0)),
        ("key -1", part(-1, [1, Map([("a", 1)])])),
        ("key -2^63", part(-2**63, 0)), ("key -2^63-1", part(-2**63 - 1, 0)),
        ("key 2^63-1", part(2**63 - 1, 0)), ("key 2^63", part(2**63, 0)),
        ("key of text", part("x", 0)), ("key 11 nested 15", part(
            11, Raw(b"\x81" * 15 + b"\0"))), ("key -1 nested 15", part(
                -1, Raw(b"\x81" * 15 + b"\0"))), ("key -1 nested 16", part(
                    -1, Raw(b"\x81" * 16 + b"\0"))), ("key -1 empty 16", part(
                        -1, Raw(b"\x81" * 15 + b"\x80"))),
        ("64 keys", lambda v, rng: Tag((55799, Map(v[1] + [
            (-1 - i, i) for i in range(53)])))),
        ("65 keys", lambda v, rng: Tag((55799, Map(v[1] + [
            (-1 - i, i) for i in range(54)])))),
        ("order of type 2", part(9, [2, b"x", b"y"])),
        ("order of type 0", part(9, lambda o: [0, o[1]])),
        ("order with more", part(9, lambda o: o + [0])),
        ("order empty", part(9, [])), ("order of type 2 alone", part(9, [2])),
        ("order of 65", part(9, [2] * 65)), ("order of 64", part(
            9, [2] * 64)),
        ("order of text", part(9, ["x", b"y"])),
        ("attestation of type 2", part(10, [[2, 5]])),
        ("two attestations", part(10, lambda d: d * 2)),
        ("no attestation", part(10, [])),
        ("order of type 2 and key 11", lambda v, rng: Tag((55799, put(put(
            v[1], 9, [2]), 11, 0)))),
        ("order of type 2, record too long", lambda v, rng: Tag((55799, put(
            put(v[1], 9, [2]), 4, bytes(131073))))),
        ("index off", path(lambda i, n, p: [i + 1, n, p])),
        ("index out", path(lambda i, n, p: [n, n, p])),
        ("n off", path(lambda i, n, p: [i, n + 1, p])),
        ("n 0", path(lambda i, n, p: [0, 0, []])),
        ("n 2^64-1", path(lambda i, n, p: [i, 2**64 - 1, p])),
        ("sibling taken", path(lambda i, n, p: [i, n, p[1:]])),
        ("sibling added", path(lambda i, n, p: [i, n, p + [OTHER]])),
        ("64 siblings", path(lambda i, n, p: [i, n, [OTHER] * 64])),
        ("65 siblings", path(lambda i, n, p: [i, n, [OTHER] * 65])),
        ("siblings turned", path(lambda i, n, p: [i, n, p[::-1]])),
        ("upper type 0", part(7, lambda t: [0, t[1]])),
        ("upper type 1", part(7, lambda t: [1, t[1]])),
        ("upper type 2", part(7, lambda t: [2, t[1]])),
        ("upper type 3", part(7, lambda t: [3, t[1]])),
        ("lower type 0", part(8, lambda t: [0, t[1]])),
        ("lower type 2^64-1", part(8, lambda t: [2**64 - 1, t[1]])),
        ("upper empty", part(7, lambda t: [t[0], b""])),
        ("lower empty", part(8, lambda t: [t[0], b""])),
        ("upper too long", part(7, lambda t: [t[0], bytes(32769)])),
        ("upper as lower", lambda v, rng: Tag((55799, put(
            v[1], 8, dict(v[1])[7])))),
        ("stamps swapped", lambda v, rng: Tag((55799, put(put(
            v[1], 8, dict(v[1])[7]), 7, dict(v[1])[8])))),
        ("block as block zero", lambda v, rng: Tag((55799, put(
            v[1], 3, [dict(v[1])[6], dict(v[1])[3][1]])))),
        ("record empty", part(4, b"")), ("block empty", part(6, b"")),
        ("statement empty", part(9, [1, b""])), ("document empty", part(
            10, [[1, b""]])), ("statement too long", part(
                9, [1, bytes(513)])), ("statement long", part(
                    9, [1, bytes(512)])), ("document too long", part(
                        10, [[1, bytes(20001)]])),
        ("record too long", part(4, bytes(131073))),
        ("too long", lambda v, rng: Tag((55799, put(
            v[1], -1, bytes(262144)))))])
    for i in range(11):
        hooked("no key %d" % i, "certificate", part(i, ...))
        hooked("key %d null" % i, "certificate", part(i, None))
        hooked("key %d with a null" % i, "certificate", part(
            i, lambda old: old[:-1] + [None] if type(old) is list else [old]))
    hooked("another", "anchor", lambda v, rng: OTHER)
    hooked("none", "anchor", lambda v, rng: b"")
    hooked("one byte more", "content", lambda v, rng: v + b"x")
    hooked("one byte less", "content", lambda v, rng: v[:-1])
    hooked("a byte turned", "content", lambda v, rng: flip(v, rng))
    hooked("another file", "content", lambda v, rng: b"other")
    hooked("nothing", "certificate.raw", lambda v, rng: b"")
    hooked("as it is", "certificate.raw", lambda v, rng: v)

    def swapped(k):
        def make(chain, index, rng, others):
            other = rng.choice(others)
            theirs = {"value": None}

            def see(v):
                theirs["value"] = dict(v[1])[k]
                return v
            other.build(rng.randrange(len(forge.SIZES)),
                        {"certificate": see})
            return chain.build(index, {"certificate": lambda v: Tag((
                v[0], put(v[1], k, theirs["value"])))})
        return make
    for k in range(2, 11):
        add("certificate: part %d of another" % k, swapped(k))


def sets():
    for side in "upper", "lower":
        table(side + ".set", [
            ("two of them", lambda v, rng: v[:2]),
            ("one of them", lambda v, rng: v[1:2]),
            ("none", lambda v, rng: []),
            ("nine", lambda v, rng: v * 3),
            ("turned", lambda v, rng: v[::-1]),
            ("one twice", lambda v, rng: [v[0]] + v),
            ("twice and out of order", lambda v, rng: [v[0], v[0], v[2], v[
                1]]), ("twice and of no authority", lambda v, rng: [
                    v[0], v[0], [7, 0, v[0][2]]]),
            ("of no authority", lambda v, rng: v + [[4, 0, v[0][2]]]),
            ("of place 8", lambda v, rng: v + [[8, 0, v[0][2]]]),
            ("by the spare", lambda v, rng: v + [[3, 0, v[0][2]]]),
            ("another type", lambda v, rng: [[0, 2, v[0][2]]] + v[1:]),
            ("type 3", lambda v, rng: [[0, 3, v[0][2]]] + v[1:]),
            ("one empty", lambda v, rng: [[0, 0, b""]] + v[1:]),
            ("one with junk", lambda v, rng: [[0, 0, b"\0"]] + v[1:]),
            ("authorities exchanged", lambda v, rng: [
                v[0], [1, 1, v[2][2]], [2, 2, v[1][2]]]),
            ("one of another block", lambda v, rng: v[:2] + [
                [2, 2, v[2][2][:-2] + b"AA"]])], several)
    table("params", [
        ("quorum 3 of several", key(8, 3)), ("quorum 4 of several", key(8, 4)),
        ("quorum 1 of several", key(8, 1)),
        ("spare is the first", key(7, lambda a: a[:3] + [a[0]])),
        ("authorities turned", key(7, lambda a: a[::-1])),
        ("fewer authorities", key(7, lambda a: a[:2]))], several)

    def spare_first(chain, index, rng, _):
        return chain.build(index, {
            "params": lambda v: put(v, 7, dict(v)[7][:3] + dict(v)[7][:1]),
            "upper.set": lambda v: v + [[3, 0, v[0][2]]],
            "lower.set": lambda v: v + [[3, 0, v[0][2]]]})
    add("set: one key under two names", spare_first, several)

    # Of two authorities, one of which cannot have made it, the verdict is of
    # the one that came further.
    def useless(place, stage, change):
        def make(chain, index, rng, _):
            kind = chain.stamper.kind

            def two(v):
                a = list(dict(v)[7])
                a.insert(place, [kind, bytes(32), "x"])
                return put(v, 7, a)
            return chain.build(index, {"params": two, stage: lambda v: change(
                v, rng)})
        return make
    for place, where in (0, "before"), (1, "behind"):
        add("two authorities: of another block, useless one " + where,
            useless(place, "upper.stamp", at(0, OTHER)), local_time)
        add("two authorities: of another block, useless one %s (TSA)" % where,
            useless(place, "upper.tst", field(data=b"x")), tsa)
        add("two authorities: of another block, useless one %s (JWT)" % where,
            useless(place, "upper.jwt.claims", lambda v, rng: dict(
                v, email=OTHER.hex() + "@x")), jwt)
        add("two authorities: wrong, useless one %s" % where,
            useless(place, "upper.raw", flip))

    def clocks(chain, index, rng, _):
        def off(v):
            return v[0], forge.AT + rng.randrange(-10**6, 10**6), v[2]
        return chain.build(index, {"upper.stamp": off, "lower.stamp": off})
    add("set: clocks differ", clocks, several)

    def alone(chain, index, rng, _):
        def first_(v):
            return Raw(v[0][2])
        return chain.build(index, {
            "upper.set": first_, "certificate": lambda v: Tag((v[0], put(
                v[1], 7, [0, dict(v[1])[7][1]])))})
    add("set: one alone", alone, several)


def ranges():
    """Certificates of some bytes alone (key 17), and changes of them."""
    def of(change=lambda r, rng: r, asked=lambda a, b, rng: (a, b),
           content=lambda v, rng: v, whole=False):
        def make(chain, index, rng, _):
            index = rng.choice((2, 3, 5))
            data = chain.files[index]
            grid_ = rng.choice((1, 4096))
            start = rng.randrange(len(data) // grid_) * grid_
            end = start + rng.randrange(1, len(data) - start + 1)
            if rng.random() < .3:
                end = len(data)
            r = change(forge.range_of(data, start, end), rng)
            a = asked(start, end, rng)
            return chain.build(index, {
                "certificate": lambda v: Tag((v[0], put(v[1], 17, r))),
                "content": lambda v: content(
                    v if whole else v[start:end], rng),
                "asked": lambda _: b"" if a is None else
                a[0].to_bytes(8, "big") + a[1].to_bytes(8, "big")})
        return make

    def hashes(f):
        return lambda r, rng: r[:4] + [f(list(r[4]))]
    for label, make in (
            ("as it is", of()), ("not asked for", of(
                asked=lambda a, b, rng: None)),
            ("whole file", of(asked=lambda a, b, rng: None, whole=True)),
            ("another asked for", of(asked=lambda a, b, rng: (a, b + 1))),
            ("whole file for a range", of(whole=True)),
            ("a byte turned", of(content=flip)),
            ("a byte less", of(content=lambda v, rng: v[:-1])),
            ("hash taken", of(hashes(lambda h: h[1:]))),
            ("hash added", of(hashes(lambda h: h + [OTHER]))),
            ("hashes turned", of(hashes(lambda h: h[::-1]))),
            ("other hashes", of(hashes(lambda h: [OTHER] * len(h)))),
            ("105 hashes", of(hashes(lambda h: [OTHER] * 105))),
            ("left longer", of(at(2, lambda v: v + b"x"))),
            ("left other", of(at(2, lambda v: bytes(len(v))))),
            ("left too long", of(at(2, bytes(4096)))),
            ("right shorter", of(at(3, lambda v: v[1:]))),
            ("right other", of(at(3, lambda v: bytes(len(v))))),
            ("empty", of(lambda r, rng: [r[0], r[0]] + r[2:])),
            ("turned", of(lambda r, rng: [r[1], r[0]] + r[2:])),
            ("beyond the end", of(at(1, 1 << 40))),
            ("far beyond", of(at(1, (1 << 64) - 1))),
            ("moved", of(at(0, lambda n: n + 1))),
            ("item more", of(lambda r, rng: r + [0])),
            ("no array", of(lambda r, rng: Map()))):
        add("range: " + label, make)

    def asked_of_whole(chain, index, rng, _):
        n = rng.choice((1, len(chain.files[index]), 1 << 20))
        return chain.build(index, {"asked": lambda _: bytes(8)
                                   + n.to_bytes(8, "big")})
    add("range: asked of a whole file", asked_of_whole)
    for op in BYTES + CBOR:
        add("range: " + op.__name__.replace("_", " "), of(
            lambda r, rng, op=op: Raw(op(cbor(r), rng))))
    for size in (1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        def huge(chain, index, rng, _, size=size):
            return chain.build(index, {
                "record": lambda v: v[:4] + [size] + v[5:],
                "certificate": lambda v: Tag((v[0], put(v[1], 17, [
                    0, rng.choice((1, size)), b"", b"", [OTHER] * 50])))})
        add("range: in a file of %d" % size, huge)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def finals():
    """A later block that names the log (key 12), and changes of it."""
    def of(change=lambda f, rng: f, block=lambda b, rng: b,
           entry=lambda e: e, stamped=lambda b: b, kind=lambda k: k):
        def make(chain, index, rng, _):
            n = rng.randrange(2, 9)

            def complete(v):
                parts = dict(v[1])
                leaves = [sha256(bytes([i])) for i in range(n)]
                leaves[1] = sha256(b"\0", cbor(entry(
                    [1, 1 + 2 * chain.epoch, H(parts[6]), H(parts[7][1]),
                     b"\xd0" * 16])))
                top, paths = forge.tree(
                    leaves, lambda a, b: sha256(b"\1", a, b))
                b2 = cbor(block([b"\xc0" * 16, OTHER, OTHER,
                                 Map([(1, [n, top])])], rng))
                stamp = chain.stamper.stamp(
                    stamped(b2), forge.AT + 3 * forge.STEP, lambda _, x: x)
                return Tag((v[0], put(v[1], 12, change(
                    [b2, [kind(chain.stamper.kind), stamp], paths[1]], rng))))
            return chain.build(index, {"certificate": complete})
        return make

    def path(f):
        return of(at(2, lambda p: f(list(p))))

    def log(f):
        return of(block=at(3, lambda m: f(dict(m)[1])))
    for label, make in (
            ("as it is", of()), ("b2 is junk", of(at(0, b"junk"))),
            ("b2 with a key more", of(block=at(3, lambda m: Map(
                list(m) + [(3, 0)])))),
            ("b2 without a log", of(block=lambda b, rng: b[:3])),
            ("b2 with a document alone", log(lambda l: Map([(2, OTHER)]))),
            ("a log of one", log(lambda l: Map([(1, [1, l[1]])]))),
            ("a log of none", log(lambda l: Map([(1, [0, l[1]])]))),
            ("a larger log", log(lambda l: Map([(1, [l[0] * 4, l[1]])]))),
            ("the largest log", log(lambda l: Map([(
                1, [(1 << 64) - 1, l[1]])]))),
            ("another root", log(lambda l: Map([(1, [l[0], OTHER])]))),
            ("hash taken", path(lambda p: p[1:])),
            ("hash added", path(lambda p: p + [OTHER])),
            ("other hashes", path(lambda p: [OTHER] * len(p))),
            ("64 hashes", path(lambda p: [OTHER] * 64)),
            ("65 hashes", path(lambda p: [OTHER] * 65)),
            ("short hash", path(lambda p: [OTHER[1:]])),
            ("another r", of(entry=at_(4, b"\xd1" * 16))),
            ("another number", of(entry=at_(1, 99))),
            ("another block", of(entry=at_(2, OTHER))),
            ("another stamp", of(entry=at_(3, OTHER))),
            ("stamped another block", of(stamped=lambda b: b + b"x")),
            ("stamp of another kind", of(kind=lambda k: (k + 1) % 5)),
            ("stamp changed", of(at(1, lambda s: [s[0], s[1][:-1]]))),
            ("stamp empty", of(at(1, lambda s: [s[0], b""]))),
            ("stamp too long", of(at(1, lambda s: [s[0], bytes(32769)]))),
            ("item more", of(lambda f, rng: f + [0])),
            ("no array", of(lambda f, rng: Map()))):
        add("final by: " + label, make)

    def some(f, rng):
        stamps, _ = parse(f[1][1])
        n = rng.choice((1, 2))
        stamps[1], stamps[2] = n, stamps[2][:n]
        return [f[0], [f[1][0], write(stamps)], f[2]]
    add("final by: some of the stamps", of(some), several)
    for op in BYTES + CBOR:
        add("final by: " + op.__name__.replace("_", " "), of(
            lambda f, rng, op=op: Raw(op(cbor(f), rng))))
    for label, value in (("a number", 0), ("a map", Map([("a", [1])])), (
            "65536 bytes", bytes(65533 - 2)), ("one more", bytes(65532)),
            ("junk", Raw(b"\xff")), ("nested", Raw(b"\x81" * 16 + b"\0"))):
        def sync(chain, index, rng, _, value=value):
            return chain.build(index, {"certificate": lambda v: Tag((
                v[0], put(v[1], 13, value)))})
        add("sync: " + label, sync)


def logs():
    """Receipt and checkpoint of the main log (key 11), and changes of them."""
    def lines(text, name, anchor):
        return forge.note_line(name, 1, forge.LOG_SIGNER, text)

    def of(change=lambda v, rng: v, note=lambda n, rng: n,
           receipt=lambda r, rng: r, raw=lambda r, rng: r,
           entry=lambda e: e, origin=lambda o: o, size=lambda n: n,
           root=lambda h: h, proof=lambda p: p, key=None, signed=lines,
           beside=b""):
        def make(chain, index, rng, _):
            n = rng.randrange(2, 9)

            def complete(v):
                parts = dict(v[1])
                leaves = [sha256(bytes([i])) for i in range(n)]
                leaves[1] = sha256(b"\0", cbor(entry(
                    [1, 1 + 2 * chain.epoch, H(parts[6]), H(parts[7][1]),
                     b"\xd0" * 16])))
                top, paths = forge.tree(
                    leaves, lambda a, b: sha256(b"\1", a, b))
                name = b"notaryfs/" + parts[2].hex().encode()
                text = b"%s\n%s\n%s\n%s" % (
                    origin(name), str(size(n)).encode(),
                    base64.b64encode(root(top)), beside)
                a = note(text + b"\n" + signed(text, name, parts[2]), rng)
                made = proof([n, 1, paths[1]])
                b = raw(cbor(Tag((18, receipt(forge.receipt(
                    key(chain) if key else chain.k_e, *made, top), rng)))),
                    rng)
                return Tag((v[0], put(v[1], 11, change([a, b], rng))))
            return chain.build(index, {"certificate": complete})
        return make

    def cosigned(*changes, seconds=forge.AT // 1000, name=forge.WITNESS_NAME,
                 signer=forge.WITNESS_SIGNER, times=1, kind=4):
        """Lines of the witness below that of the log."""
        def signed(text, log, anchor):
            line = forge.note_line(name, kind, signer, text, seconds)
            for a, b in changes:
                line = line.replace(a, b)
            return lines(text, log, anchor) + line * times
        return of(signed=signed)

    def line_of(f):
        return of(signed=lambda text, name, anchor: f(
            lines(text, name, anchor)))
    for label, make in (
            ("as it is", of()), ("note is junk", of(note=lambda n, r: b"x")),
            ("note empty", of(note=lambda n, r: b"")),
            ("note too long", of(note=lambda n, r: n + bytes(65536))),
            ("note ends early", of(note=lambda n, r: n[:-1])),
            ("note without a line", of(signed=lambda t, n, a: b"")),
            ("note with a control", of(beside=b"a\x1fb\n")),
            ("note not UTF-8", of(beside=b"a\xff\n")),
            ("note with DEL", of(beside=b"a\x7fb\n")),
            ("a further line", of(beside=b"more\n")),
            ("an empty further line", of(beside=b"\n")),
            ("a text after an empty line", of(beside=b"\nmore\n")),
            ("another origin", of(origin=lambda o: o[:-1] + b"x")),
            ("no origin", of(origin=lambda o: b"")),
            ("origin in capitals", of(origin=lambda o: o.upper())),
            ("another size", of(size=lambda n: n + 1)),
            ("size with a zero", of(size=lambda n: "0%d" % n)),
            ("size below zero", of(size=lambda n: -n)),
            ("size too large", of(size=lambda n: 1 << 64)),
            ("another root", of(root=lambda h: OTHER)),
            ("root short", of(root=lambda h: h[1:])),
            ("root long", of(root=lambda h: h + b"x")),
            ("root empty", of(root=lambda h: b"")),
            ("signed by another", of(signed=lambda t, n, a: forge.note_line(
                n, 1, forge.WITNESS_SIGNER, t))),
            ("signed under another name", of(
                signed=lambda t, n, a: forge.note_line(
                    b"x" + n, 1, forge.LOG_SIGNER, t))),
            ("signed as a cosignature", of(
                signed=lambda t, n, a: forge.note_line(
                    n, 4, forge.LOG_SIGNER, t))),
            ("another text signed", of(signed=lambda t, n, a: forge.note_line(
                n, 1, forge.LOG_SIGNER, t + b"x\n"))),
            ("signed twice", line_of(lambda s: s * 2)),
            ("64 lines", line_of(lambda s: s * 64)),
            ("65 lines", line_of(lambda s: s * 65)),
            ("one good, one wrong", of(
                signed=lambda t, n, a: lines(t, n, a) + forge.note_line(
                    n, 1, forge.LOG_SIGNER, t + b"x\n"))),
            ("line without a dash", line_of(lambda s: s + b"x " + s[4:])),
            ("line without a name", line_of(
                lambda s: s + b"\xe2\x80\x94  AAAAAAA=\n")),
            ("line of no signature", line_of(
                lambda s: s + b"\xe2\x80\x94 a AAAAAA==\n")),
            ("line of one byte", line_of(
                lambda s: s + b"\xe2\x80\x94 a AAAAAAA=\n")),
            ("line with loose bits", line_of(
                lambda s: s + b"\xe2\x80\x94 a AAAAAAB=\n")),
            ("line without padding", line_of(
                lambda s: s + b"\xe2\x80\x94 a AAAAAAA\n")),
            ("line with much padding", line_of(
                lambda s: s + b"\xe2\x80\x94 a AAAAA===\n")),
            ("line in URL letters", line_of(
                lambda s: s + b"\xe2\x80\x94 a AAAAAA-_\n")),
            ("name with a plus", line_of(
                lambda s: s + b"\xe2\x80\x94 a+b AAAAAAA=\n")),
            ("name of 255", line_of(lambda s: s + b"\xe2\x80\x94 "
                                    + b"n" * 255 + b" AAAAAAA=\n")),
            ("name of 256", line_of(lambda s: s + b"\xe2\x80\x94 "
                                    + b"n" * 256 + b" AAAAAAA=\n")),
            ("a witness", cosigned()), ("it says no time", cosigned(seconds=0)),
            ("the largest time", cosigned(seconds=(1 << 63) - 1)),
            ("a time too large", cosigned(seconds=1 << 63)),
            ("a witness twice", cosigned(times=2)),
            ("a witness's other key", cosigned(signer=forge.LOG_SIGNER)),
            ("a witness's other name", cosigned(name=b"other.example")),
            ("a witness without a time", cosigned(kind=1)),
            ("a line of the witness that is wrong", of(
                signed=lambda t, n, a: lines(t, n, a) + forge.note_line(
                    forge.WITNESS_NAME, 4, forge.WITNESS_SIGNER, t + b"\n"))),
            ("the witness alone", of(signed=lambda t, n, a: forge.note_line(
                forge.WITNESS_NAME, 4, forge.WITNESS_SIGNER, t))),
            ("another r", of(entry=at_(4, b"\xd1" * 16))),
            ("another number", of(entry=at_(1, 99))),
            ("another block", of(entry=at_(2, OTHER))),
            ("another stamp", of(entry=at_(3, OTHER))),
            ("receipt of another entry", of(proof=lambda p: [p[0], 0, p[2]])),
            ("receipt beyond the log", of(proof=lambda p: [1, 1, p[2]])),
            ("receipt of another size", of(
                proof=lambda p: [p[0] * 4, 1, p[2]])),
            ("both of another size", of(size=lambda n: n * 4, proof=lambda p: [
                p[0] * 4, 1, p[2]])),
            ("both of the largest size", of(
                size=lambda n: (1 << 64) - 1,
                proof=lambda p: [(1 << 64) - 1, 1, p[2]])),
            ("hash taken", of(proof=lambda p: p[:2] + [p[2][1:]])),
            ("hash added", of(proof=lambda p: p[:2] + [p[2] + [OTHER]])),
            ("other hashes", of(proof=lambda p: p[:2] + [[OTHER] * len(p[2])])),
            ("64 hashes", of(proof=lambda p: p[:2] + [[OTHER] * 64])),
            ("65 hashes", of(proof=lambda p: p[:2] + [[OTHER] * 65])),
            ("no hashes", of(proof=lambda p: p[:2] + [[]])),
            ("short hash", of(proof=lambda p: p[:2] + [[OTHER[1:]]])),
            ("by the attested key's neighbour", of(
                key=lambda c: c.keys.p256[0 if c.epoch else 1])),
            ("by a key on another curve", of(key=lambda c: c.keys.p384[0])),
            ("receipt is junk", of(raw=lambda r, rng: b"junk")),
            ("receipt empty", of(raw=lambda r, rng: b"")),
            ("receipt too long", of(raw=lambda r, rng: r + bytes(4096))),
            ("receipt without its tag", of(raw=lambda r, rng: r[1:])),
            ("of another algorithm", of(receipt=at(0, bytes.fromhex(
                "a201382219018b01")))),
            ("of another structure", of(receipt=at(0, bytes.fromhex(
                "a2012619018b02")))),
            ("with a payload", of(receipt=at(2, b""))),
            ("of two proofs", of(receipt=at(1, lambda m: Map([(396, Map([(
                -1, dict(dict(m)[396])[-1] * 2)]))])))),
            ("of another kind of proof", of(receipt=at(1, lambda m: Map([(
                396, Map([(-2, dict(dict(m)[396])[-1])]))])))),
            ("with a header more", of(receipt=at(1, lambda m: Map(
                list(m) + [(397, 0)])))),
            ("signature short", of(receipt=at(3, lambda s: s[1:]))),
            ("signature changed", of(receipt=at(3, lambda s: bytes(
                [s[0] ^ 1]) + s[1:]))),
            ("item more", of(lambda v, rng: v + [0])),
            ("note alone", of(lambda v, rng: v[:1])),
            ("no array", of(lambda v, rng: Map()))):
        add("log: " + label, make)
    # spaces, their neighbours, and what looks like one
    for c in (0x7f, 0x85, 0x84, 0xa0, 0xa1, 0x1680, 0x180e, 0x1fff, 0x2000,
              0x2005, 0x200a, 0x200b, 0x2028, 0x2029, 0x202f, 0x205f, 0x2060,
              0x20a0, 0x3000, 0x3001, 0xfeff):
        add("log: name with U+%04X" % c, line_of(
            lambda s, c=c: s + ("\u2014 a%sb AAAAAAA=\n" % chr(c)).encode()))
        add("log: name ends in U+%04X" % c, line_of(
            lambda s, c=c: s + ("\u2014 a%s AAAAAAA=\n" % chr(c)).encode()))
    for op in BYTES + CBOR:
        label = op.__name__.replace("_", " ")
        add("log: " + label, of(
            lambda v, rng, op=op: Raw(op(cbor(v), rng))))
        add("receipt: " + label, of(
            raw=lambda r, rng, op=op: op(r, rng)))
    for op in BYTES:
        add("checkpoint: " + op.__name__.replace("_", " "), of(
            note=lambda n, rng, op=op: op(n, rng)))


def bags():
    """Key 15: what tokens lack."""
    def of(change):
        def make(chain, index, rng, _):
            tsa = chain.stamper
            certs = tsa.certs(lambda _, v: v)

            def complete(v):
                return Tag((v[0], put(v[1], 15, change(certs[1:], rng))))
            return chain.build(index, {
                "certificate": complete,
                "upper.token": lambda o: dict(o, bag=[]),
                "lower.token": lambda o: dict(o, bag=[])})
        return make

    def stamps(chain):
        return isinstance(chain.stamper, forge.Tsa) and chain.stamper.embedded
    for label, change in (
            ("all", lambda c, rng: c), ("turned", lambda c, rng: c[::-1]),
            ("and junk", lambda c, rng: [b"junk"] + c),
            ("and more behind one", lambda c, rng: [c[0] + b"x", c[1]]),
            ("signer alone", lambda c, rng: c[1:]),
            ("authority alone", lambda c, rng: c[:1]),
            ("each eight times", lambda c, rng: c * 8),
            ("17", lambda c, rng: c * 8 + c[:1]),
            ("none", lambda c, rng: []), ("an empty one", lambda c, rng: [
                b""] + c), ("too long", lambda c, rng: [bytes(4097)] + c),
            ("one changed", lambda c, rng: [flip(c[0], rng), c[1]]),
            ("the signer changed", lambda c, rng: [c[0], flip(c[1], rng)]),
            ("no array", lambda c, rng: c[0])):
        add("bag: " + label, of(change), stamps)


def renewals():
    """A certificate renewed under another hash (key 14), and changes."""
    def digest(name, v):
        return hashlib.new(name.replace("-", "", 1) if "sha3" not in name
                           else name.replace("-", "_"), v).digest()

    def of(name="sha-512", record=lambda v, rng: v, held=lambda c, rng: c,
           height=2, depth=1, names=None):
        def make(chain, index, rng, _):
            case = chain.build(index)
            path = b"folder/file-%d" % index
            about = H(cbor(chain.record(index)))
            for i in range(depth):
                old = case[1]
                hash_ = (names or [name] * depth)[i]
                made = record([
                    1, 11, bytes([i]) * 16, path, 0, 0, 0, bytes(32), Map(),
                    Map([(10, about), (15, [
                        hash_, digest(hash_, chain.files[index]),
                        digest(hash_, old)])])], rng)
                case = chain.build(index, {
                    "record": lambda v: made,
                    "statement": lambda v: v[:7] + [
                        height + i, v[8], height + i + 1] + v[10:],
                    "certificate": lambda v: Tag((v[0], put(
                        v[1], 14, held(old, rng))))})
            return case
        return make

    def renewed(i, value):
        def change(v, rng):
            parts = list(dict(v[9])[15])
            parts[i] = value(parts[i]) if callable(value) else value
            return v[:9] + [put(v[9], 15, parts)]
        return of(record=change)

    def whole(f):
        return of(held=lambda c, rng: f(c))

    def ext(key, value):
        return of(record=lambda v, rng: v[:9] + [put(v[9], key, value)])
    for label, make in (
            ("as it is", of()), ("under sha-384", of("sha-384")),
            ("under sha-256", of("sha-256")), ("twice", of(depth=2)),
            ("eight times", of(depth=8)), ("nine times", of(depth=9)),
            ("stronger", of(depth=2, names=["sha-384", "sha-512"])),
            ("weaker", of(depth=2, names=["sha-512", "sha-384"])),
            ("under sha3-512", of("sha3-512")),
            ("an unknown hash", renewed(0, "blake3")),
            ("a bad name", renewed(0, "SHA")),
            ("a hash as bytes", renewed(0, b"sha-512")),
            ("of another file", renewed(1, lambda v: v[::-1])),
            ("short digest", renewed(1, lambda v: v[:-1])),
            ("digest too long", renewed(1, bytes(65))),
            ("empty digest", renewed(1, b"")),
            ("of another certificate", renewed(2, lambda v: v[::-1])),
            ("empty certificate's", renewed(2, b"")),
            ("of nothing", ext(15, ...)), ("about nothing", ext(10, ...)),
            ("about another", ext(10, OTHER)), ("with a case", ext(12, "x")),
            ("with a date", ext(11, 5)), ("with an owner", ext(2, [1, 1])),
            ("of another name", of(record=at(3, b"folder/other"))),
            ("of the root", of(record=at(3, b""))),
            ("with a size", of(record=at(4, 1))),
            ("with mode", of(record=at(5, 1))),
            ("of kind put", of(record=at(1, 0))),
            ("of kind hold", of(record=at(1, 8))),
            ("at the same place", of(height=1)),
            ("item more", renewed(0, "sha-512")),
            ("inner is junk", whole(lambda c: b"junk")),
            ("inner is empty", whole(lambda c: b"")),
            ("inner is no bytes", whole(lambda c: [c])),
            ("inner cut", whole(lambda c: c[:-1])),
            ("inner changed", of(held=flip)),
            ("inner of version 2", whole(lambda c: c.replace(
                b"notaryfs-cert\1\1", b"notaryfs-cert\1\2"))),
            ("inner with key 11", whole(lambda c: c[:3] + bytes([c[3] + 1])
                                        + c[4:] + b"\x0b\0"))):
        add("renewal: " + label, make)
    for op in BYTES + CBOR:
        add("renewal: inner: " + op.__name__.replace("_", " "), of(
            held=lambda c, rng, op=op: op(c, rng)))

    def no_renewal(chain, index, rng, _):
        old = chain.build(index)[1]
        return chain.build(index, {"certificate": lambda v: Tag((v[0], put(
            v[1], 14, old)))})
    add("renewal: by no renewal", no_renewal)


# What the program makes certificates of, and how each says so.
ABOUT = {10: OTHER}
SHAPES = (
    ("file", lambda v, rng: v),
    ("version", of_kind(0, ext={3: Map([(b"user.a", b"b")]), 5: 1, 7: OTHER})),
    ("file cut off, kept until", of_kind(0, ext={2: [7, 8], 4: True, 11: 9})),
    ("file grown", of_kind(5, ext={5: 2, 7: OTHER, 9: [1, OTHER]})),
    ("folder", of_kind(1, ext={6: "mirror"})),
    ("symlink", of_kind(2, ext={1: b"../a b"})),
    ("link", of_kind(3, ext={1: b"folder/first"})),
    ("name gone", of_kind(4, ext={**ABOUT, 8: 1})),
    ("name changed", of_kind(4, ext={**ABOUT, 1: b"folder/b", 8: 2})),
    ("version replaced", of_kind(4, ext={**ABOUT, 8: 3})),
    ("version rewritten", of_kind(4, ext={**ABOUT, 8: 4})),
    ("folder gone", of_kind(4)),
    ("date", of_kind(7, ext={**ABOUT, 11: 5})),
    ("hold", of_kind(8, ext={**ABOUT, 12: "case"})),
    ("hold's end", of_kind(8, ext={**ABOUT, 13: "why", 14: b"order"})),
    ("deletion", of_kind(9, ext=ABOUT)),
    ("compliance", of_kind(10, path=b"", ext={**ABOUT, 13: "r", 14: b"o"})))


def main_log(chain, parts, n):
    """Top of a log of n, and the path of this block's entry, its second."""
    leaves = [sha256(bytes([i])) for i in range(n)]
    leaves[1] = sha256(b"\0", cbor([parts["height"], 1 + 2 * chain.epoch, H(
        parts[6]), H(parts[7][1]), b"\xd0" * 16]))
    top, paths = forge.tree(leaves, lambda a, b: sha256(b"\1", a, b))
    return top, paths[1]


def log_evidence(chain, parts, rng):
    """Key 11, by a log that has a witness or none."""
    n = rng.randrange(2, 9)
    top, path = main_log(chain, parts, n)
    name = b"notaryfs/" + parts[2].hex().encode()
    text = b"%s\n%d\n%s\n" % (name, n, base64.b64encode(top))
    note = text + b"\n" + forge.note_line(name, 1, forge.LOG_SIGNER, text)
    if rng.random() < .5:
        note += forge.note_line(forge.WITNESS_NAME, 4, forge.WITNESS_SIGNER,
                                text)
    return [note, cbor(Tag((18, forge.receipt(
        chain.k_e, n, parts["height"], path, top))))]


def final_by(chain, parts, rng):
    """Key 12."""
    n = rng.randrange(2, 9)
    top, path = main_log(chain, parts, n)
    b2 = cbor([b"\xc0" * 16, OTHER, OTHER, Map([(1, [n, top])])])
    stamp = chain.stamper.stamp(b2, forge.AT + 3 * forge.STEP, lambda _, x: x)
    return [b2, [chain.stamper.kind, stamp], path]


def spare_certificates(chain, parts, rng):
    """Key 15: of no use to tokens that are whole."""
    return [chain.root.der(), b"junk"][:rng.randrange(1, 3)]


ADDITIONS = ((11, log_evidence), (12, final_by),
             (13, lambda chain, parts, rng: [1, Map([("a", b"b")])]),
             (15, spare_certificates),
             (-7, lambda chain, parts, rng: Map([(0, None)])))


def added(chain, rng, fixed=(), height=1):
    """A change of the certificate: some of the additions, and fixed pairs."""
    some = [a for a in ADDITIONS if rng.random() < .5]

    def complete(v):
        pairs, parts = v[1], dict(v[1], height=height)
        for k, value in fixed:
            pairs = put(pairs, k, value)
        for k, make in some:
            if k not in (11, 12) or height == 1:
                pairs = put(pairs, k, make(chain, parts, rng))
        return Tag((v[0], pairs))
    return complete


def piece_of(chain, index, rng):
    """Key 17 for some bytes of a file, which are not its last."""
    data = chain.files[index]
    start = rng.randrange(len(data))
    end = rng.randrange(start + 1, len(data) + 1)
    return start, end, forge.range_of(data, start, end)


def shape(chain, index, rng, record, renewed, piece):
    """A certificate with whatever can be in one; mostly without the content
    that the record does not have."""
    fixed, hooks = [], {"record": lambda v: record(v, rng)}
    if record(chain.record(index), rng)[7] == bytes(32):
        if rng.random() < .9:
            hooks["asked"] = lambda _: b"\0"
    elif piece and chain.files[index]:
        start, end, value = piece_of(chain, index, rng)
        fixed = [(17, value)]
        hooks["content"] = lambda v: v[start:end]
        hooks["asked"] = lambda _: start.to_bytes(8, "big") \
            + end.to_bytes(8, "big")
    hooks["certificate"] = added(chain, rng, fixed)
    case = chain.build(index, hooks)
    for i in range(renewed):
        old = case[1]
        if i == 0:
            d = dict(parse_certificate(old))[4]
        name = rng.choice(("sha-256", "sha-512"))
        # the content of what has none is that of the file beside it
        made = [1, 11, bytes([i]) * 16, record_path(d), 0, 0, 0, bytes(32),
                Map(), Map([(10, H(d)), (15, [name] + [hashlib.new(name.replace(
                    "-", ""), x).digest() for x in (case[2], old)])])]
        height = 2 + i
        case = chain.build(index, {
            "record": lambda v: made,
            "statement": lambda v: v[:7] + [height, v[8], height + 1] + v[10:],
            "certificate": added(chain, rng, [(14, old)], height),
            **{k: hooks[k] for k in ("content", "asked") if k in hooks}})
    return case


def parse_certificate(raw):
    """The pairs of a certificate: number and bytes of what is bytes."""
    top, _ = parse(raw)
    pairs = top[2][0][2]
    return [(k[1], v[3]) for k, v in zip(pairs[::2], pairs[1::2])]


def record_path(d):
    return parse(d)[0][2][3][3]


def shapes():
    """Each kind of record with all that a certificate can have beside it, and
    one thing wrong."""
    def nothing(v, rng):
        return v

    def turned(case, rng, op):
        anchor, certificate, content, asked = case
        where = rng.randrange(4)
        if where == 0 and content:
            content = flip(content, rng)
        elif where == 1:
            anchor = rng.choice((b"", OTHER))
        else:
            certificate = op(certificate, rng)
        return anchor, certificate, content, asked
    for label, record in SHAPES:
        for renewed in range(3):
            for piece in (False, True):
                def make(chain, index, rng, _, record=record, renewed=renewed,
                         piece=piece, op=nothing):
                    return shape(chain, index, rng, record, renewed, piece)

                def wrong(chain, index, rng, others, make=make):
                    return turned(make(chain, index, rng, others), rng,
                                  rng.choice(BYTES + CBOR))
                name = "shape: %s%s%s" % (label, " of a piece" * piece,
                                          ", renewed %d" % renewed)
                add(name, make)
                add(name + ", changed", wrong)


class Spoilt:
    """A chain one stage of which is changed whatever else is."""

    def __init__(self, chain, stage, change):
        self.chain, self.stage, self.change = chain, stage, change

    def __getattr__(self, name):
        return getattr(self.chain, name)

    def build(self, index=0, hooks=None):
        hooks = dict(hooks or {})
        then = hooks.get(self.stage, lambda v: v)
        hooks[self.stage] = lambda v: then(self.change(v))
        return self.chain.build(index, hooks)


def two_at_once(chain, index, rng, others):
    """One change and another: the verdict is of what is judged first."""
    a, _, make = rng.choice([m for m in SINGLE if m[1](chain)])
    b, _, stage, change = rng.choice([h for h in HOOKS if h[1](chain)])
    two_at_once.what = "%s; %s" % (a, b)
    spoilt = Spoilt(chain, stage, lambda v: change(copy.copy(v), rng))
    try:
        return make(spoilt, index, rng, others)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return spoilt.build(index)  # nothing is left that a could change


def somewhere(v, rng, depth=0):
    """Changed at any depth: of CBOR in strings in CBOR, DER at the end."""
    try:
        top, end = parse(v)
        inside = [n for n in nodes(top, (2,)) if len(n[3]) > 20] \
            if end == len(v) else []
        ops = BYTES + CBOR if end == len(v) else BYTES
    except (IndexError, RecursionError):
        inside, ops = [], BYTES
    if v[:1] == b"\x30":
        ops = BYTES + DER
    if not inside or depth > 6 or rng.random() < .25:
        return rng.choice(ops)(v, rng)
    node = rng.choice(inside)
    node[3] = somewhere(node[3], rng, depth + 1)
    node[1] = len(node[3])
    return write(top)


def changed_somewhere(chain, index, rng, _):
    """Signed by nobody again."""
    def change(v):
        for _ in range(rng.choice((1, 1, 1, 2))):
            v = somewhere(v, rng)
        return v
    return chain.build(index, {"certificate.raw": change})


# Of each type one, and the largest and smallest numbers.
TYPES = [bytes.fromhex(v) for v in (
    "f6", "f5", "f4", "00", "01", "20", "40", "60", "80", "a0", "c000",
    "f7", "4100", "6161", "8100", "a10000", "1b7fffffffffffffff",
    "1b8000000000000000", "1bffffffffffffffff", "3b7fffffffffffffff",
    "3b8000000000000000", "3bffffffffffffffff")]


def retyped():
    """Every part of every stage, as something else.  The part is counted off
    while it is made, so the name says only the stage."""
    def change(v, rng):
        return on_cbor(range(8), lambda node, rng_: rng_.choice(TYPES))(v, rng)
    for stage, times, fits in (
            ("certificate", 40, anywhere), ("params", 25, anywhere),
            ("payload", 15, anywhere), ("statement", 10, anywhere),
            ("record", 10, anywhere), ("block", 8, anywhere),
            ("data", 8, anywhere), ("s", 6, anywhere), ("doc", 6, anywhere),
            ("upper", 5, cbor_time), ("lower", 5, cbor_time),
            ("b0", 4, anywhere)):
        for _ in range(times):
            hooked("a part of another type", stage + ".raw", change, fits)


def at_(i, value):
    return lambda v: v[:i] + [value] + v[i + 1:]


def fill():
    grid()
    for table_of in (records, blocks, parameters, numbers, documents,
                     certificates, tsa_meanings, jwt_meanings, local_stamps,
                     wholes, sets, ranges, finals, logs, bags,
                     renewals, shapes, retyped):
        table_of()
    add("leaves: 20000 of them", many)
    SINGLE.extend(ALL)
    for _ in range(400):
        add("two at once", two_at_once)
    for _ in range(200):
        add("changed somewhere", changed_somewhere)


fill()
