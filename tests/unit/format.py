#!/usr/bin/python3
"""TAP: a verifier written from core/FORMAT.md alone takes its certificate.

No code of notaryfs is used, so what this needs to know must stand in that page.
"""
import hashlib
import os
import re
import sys
from datetime import datetime, timezone

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
    from cryptography.hazmat.primitives.serialization import \
        load_der_public_key
except ImportError:
    print("1..0 # SKIP python3-cryptography is not installed")
    sys.exit(0)

# 2.25.290383716153911238734518294571620043807 as DER, and TRUE behind it; the
# library does not read certificates with an arc this long.
UUID, LOCAL_MARK = 290383716153911238734518294571620043807, b"\x69"
for shift in range(126, -1, -7):
    LOCAL_MARK += bytes([UUID >> shift & 127 | (128 if shift else 0)])
LOCAL_MARK = b"\x06" + bytes([len(LOCAL_MARK)]) + LOCAL_MARK + b"\1\1\xff"


def H(*parts):
    return hashlib.sha3_256(b"".join(parts)).digest()


def be(value, size):
    return value.to_bytes(size, "big")




def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + be(n, size)
    raise ValueError(n)


def encode(v):
    if v is None:
        return b"\xf6"
    if v is True:
        return b"\xf5"
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(encode, v))
    if isinstance(v, dict):
        keys = sorted(v, key=encode)
        return head(5, len(v)) + b"".join(encode(k) + encode(v[k]) for k in keys)
    raise TypeError(v)


def item(s, i):
    major, n = s[i] >> 5, s[i] & 31
    i += 1
    if major == 7:
        return {20: False, 21: True, 22: None}[n], i
    if n >= 24:
        size = 1 << n - 24
        n, i = int.from_bytes(s[i:i + size], "big"), i + size
    if major == 0:
        return n, i
    if major == 1:
        return -1 - n, i
    if major in (2, 3):
        v = s[i:i + n]
        if len(v) != n:
            raise ValueError("short")
        return (v if major == 2 else v.decode()), i + n
    if major == 4:
        out = []
        for _ in range(n):
            v, i = item(s, i)
            out.append(v)
        return out, i
    if major == 5:
        out = {}
        for _ in range(n):
            k, i = item(s, i)
            out[k], i = item(s, i)
        return out, i
    raise ValueError("tag")


def decode(s, deterministic=True):
    v, end = item(s, 0)
    if end != len(s) or (deterministic and encode(v) != s):
        raise ValueError("not deterministic CBOR")
    return v


def need(cond, why):
    if not cond:
        raise ValueError(why)


def split(n):
    return 1 << (n - 1).bit_length() - 1


def content_top(chunks):
    if len(chunks) == 1:
        return H(chunks[0], b"\x10")
    k = split(len(chunks))
    return H(content_top(chunks[:k]), content_top(chunks[k:]), b"\x11")


def content_root(data):
    chunks = [data[i:i + 4096] for i in range(0, len(data), 4096)]
    top = content_top(chunks) if chunks else bytes(32)
    return H(be(len(data), 8), top, b"\x12")


def tree_root(dh, index, n, path):
    need(index < n, "index")
    node, i, k, left = H(b"\0", dh), index, n, list(path)
    while k > 1:
        if i % 2 or i + 1 < k:
            need(left, "path too short")
            other = left.pop(0)
            node = H(b"\1", other, node) if i % 2 else H(b"\1", node, other)
        i, k = i // 2, (k + 1) // 2
    need(not left, "path too long")
    return H(b"\2", be(n, 8), node)


def cose(raw, alg, key):
    protected, unprotected, payload, sig = decode(raw)
    need(decode(protected) == {1: alg} and unprotected == {}, "header")
    digest = {-7: hashes.SHA256(), -35: hashes.SHA384()}[alg]
    half = len(sig) // 2
    der = utils.encode_dss_signature(int.from_bytes(sig[:half], "big"),
                                     int.from_bytes(sig[half:], "big"))
    key.verify(der, encode(["Signature1", protected, b"", payload]),
               ec.ECDSA(digest))
    return payload


def timestamp(stamp, params):
    kind, raw = stamp
    need(kind == 0, "type of timestamp")
    y, p, g = decode(raw)
    for authority, key, _ in params[7]:
        if authority == 0:
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(
                g, H(encode(["notaryfs.t.v1", y, p])))
            return y, p
    raise ValueError("no authority")


def der(s):
    """The elements of one level: (tag, value, whole encoding)."""
    while s:
        n, at = s[1], 2
        if n >= 128:
            at = 2 + n - 128
            n = int.from_bytes(s[2:at], "big")
        yield s[0], s[at:at + n], s[:at + n]
        s = s[at + n:]


def certificate(raw):
    """(signed part, signature, issuer, (from, to), subject, key)"""
    (_, inner, whole), _, (_, sig, _) = der(next(der(raw))[1])
    need(whole.count(LOCAL_MARK) == 1, "local mark")
    _, _, _, issuer, times, subject, spki, *_ = der(inner)
    times = [datetime.strptime(v.decode()[-13:], "%y%m%d%H%M%SZ")
             for _, v, _ in der(times[1])]
    return (whole, sig[1:], issuer[2], times, subject[2],
            load_der_public_key(spki[2]))


def document(raw, params):
    """Class local only, root and leaf, as in the example."""
    payload = decode(raw)[2]
    d = decode(payload, deterministic=False)
    certs = [certificate(c) for c in d["cabundle"] + [d["certificate"]]]
    need(hashlib.sha256(d["cabundle"][0]).digest() in params[6], "root")
    at = datetime.fromtimestamp(d["timestamp"] / 1000, timezone.utc)
    for above, cert in zip([certs[0]] + certs, certs):
        need(cert[2] == above[4], "issuer")
        above[5].verify(cert[1], cert[0], ec.ECDSA(hashes.SHA384()))
        need(cert[3][0] <= at.replace(tzinfo=None) <= cert[3][1], "time")
    need(d["module_id"].startswith("local-"), "module_id")
    need(all(d["pcrs"][i] == bytes(48) for i in range(3)), "PCR 0..2")
    cose(raw, -35, certs[-1][5])
    return payload, d


def verify(raw, anchor, content):
    need(raw[:3] == b"\xd9\xd9\xf7", "tag")
    c = decode(raw[3:])
    need(c[0] == "notaryfs-cert" and c[1] == 1, "magic")
    b0, raw_params = c[3]
    params = decode(raw_params)
    need(H(b0) == anchor == c[2], "anchor")
    need(decode(b0)[1] == tree_root(H(raw_params), 0, 1, []), "params")
    need(decode(b0)[2] == bytes(32), "block zero's parent")
    d = decode(c[4])
    need(d[4] == len(content) and d[7] == content_root(content), "content")
    need(d[8]["sha-256"] == hashlib.sha256(content).digest(), "digest")
    block = decode(c[6])
    need(tree_root(H(c[4]), *c[5]) == block[1], "path")
    y, by = timestamp(c[7], params)
    need(y == H(c[6]), "upper timestamp")
    _, after = timestamp(c[8], params)
    need(H(c[8][1]) == block[2], "link")
    payload, doc = document(c[10][0][1], params)
    s = decode(cose(c[9][1], -7, load_der_public_key(doc["public_key"])))
    need(s[0] == 1 and s[1] == anchor and s[4] == 0, "statement")
    need(s[5] == block[0] + H(c[7][1]), "number's block")
    need(s[7] >= 1 and s[9] == s[7] + 1, "height")
    data = decode(doc["user_data"])
    need(data[0] == "notaryfs.seq.v1", "data")
    need(s[2] == data[2] and s[3] >= data[3], "epoch")
    named = block[3].get(2) if len(block) > 3 else None
    if data[2] == 0:
        need(data[1:] == [bytes(32), 0, 0, bytes(32), 0], "first data")
        need(doc["public_key"] == params[3] and H(payload) == params[4], "K_S")
    else:
        need(data[1] == anchor and named, "later data")
    need(named in (None, H(payload)), "commitment")
    return d[3], after, by


def verdict(raw, anchor, content):
    try:
        return verify(raw, anchor, content)
    except Exception as e:  # a verifier: whatever fails is a refusal
        return "refused: %r" % e


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../../core/FORMAT.md"), encoding="utf-8") as f:
        page = f.read()
    ex = {name: bytes.fromhex(text) for name, text in
          re.findall(r"^```hex (\S+)\n([0-9a-f\n]+)```$", page, re.M)}
    cert, content = ex["certificate"], ex["content"]
    anchor = H(ex["block-zero"])
    tests = []

    def ok(cond, what):
        tests.append(cond)
        print("%sok %d - %s" % ("" if cond else "not ", len(tests), what))

    got = verdict(cert, anchor, content)
    ok(got == (b"letters/hello.txt", 1767225600000, 1767225601000),
       "the certificate holds by the rules of FORMAT.md alone: %r" % (got,))
    ok(isinstance(verdict(cert, anchor, content + b"!"), str),
       "other content is refused")
    ok(isinstance(verdict(cert, H(ex["block-one"]), content), str),
       "another anchor is refused")
    taken = [i for i in range(0, len(cert), 7)
             if not isinstance(verdict(cert[:i] + bytes([cert[i] ^ 1])
                                       + cert[i + 1:], anchor, content), str)]
    ok(not taken, "a bit flipped in every seventh byte is refused %s" % taken)
    for name, raw in sorted(ex.items()):
        if name not in ("content", "share-header", "document", "certificate"):
            ok(encode(decode(raw)) == raw, "%s is deterministic CBOR" % name)
    print("1..%d" % len(tests))
    return 0 if all(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
