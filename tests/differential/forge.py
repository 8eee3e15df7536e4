"""Makes certificates of every kind with keys at hand, good ones and others.

A chain is a few stages, each made of those before it.  A hook may change
what a stage is made of ("block") or its bytes ("block.raw"); what stands on
it is then hashed and signed again, so that the checks behind it are reached.
Nothing here is shared with the verifiers.
"""
import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import (
    ec, ed25519, padding, rsa, utils)

AT = 1790000000000  # milliseconds; a second is divided into STEPs
STEP = 250


def raw_public(signer):
    return signer.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw)


LOG_SIGNER = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_KEY = raw_public(LOG_SIGNER)  # of the document
WITNESS_NAME = b"witness.example/7"
WITNESS_SIGNER = ed25519.Ed25519PrivateKey.from_private_bytes(b"\7" * 32)


def note_id(name, kind, signer):
    return hashlib.sha256(name + b"\n" + bytes([kind])
                          + raw_public(signer)).digest()[:4]


def note_line(name, kind, signer, text, seconds=AT // 1000):
    """One signature under a note (C2SP signed-note, tlog-cosignature)."""
    stamp = seconds.to_bytes(8, "big") if kind == 4 else b""
    head = b"cosignature/v1\ntime %d\n" % seconds if kind == 4 else b""
    return b"\xe2\x80\x94 %s %s\n" % (name, base64.b64encode(
        note_id(name, kind, signer) + stamp + signer.sign(head + text)))


# the key that both verifiers are given
WITNESS = "%s+%s+%s" % (
    WITNESS_NAME.decode(), note_id(WITNESS_NAME, 4, WITNESS_SIGNER).hex(),
    base64.b64encode(b"\4" + raw_public(WITNESS_SIGNER)).decode())


def H(*parts):
    return hashlib.sha3_256(b"".join(parts)).digest()


# -- CBOR

class Map(list):
    """pairs, written in this order"""


class Tag(tuple):
    """(number, item)"""


class Raw(bytes):
    """written as it is"""


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError(n)


def cbor(v):
    if isinstance(v, Raw):
        return bytes(v)
    if v is None or isinstance(v, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[v]
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, Map):
        return head(5, len(v)) + b"".join(cbor(k) + cbor(x) for k, x in v)
    if isinstance(v, Tag):
        return head(6, v[0]) + cbor(v[1])
    return head(4, len(v)) + b"".join(map(cbor, v))


def put(m, key, value):
    """A map with that pair in its place, or without it: value ..."""
    pairs = [(k, v) for k, v in m if k != key]
    if value is not ...:
        pairs.append((key, value))
    return Map(sorted(pairs, key=lambda p: cbor(p[0])))


# -- DER

def der(tag, *parts):
    v = b"".join(parts)
    n = len(v)
    size = (n.bit_length() + 7) // 8
    return bytes([tag]) + (bytes([n]) if n < 128 else
                           bytes([128 + size]) + n.to_bytes(size, "big")) + v


def der_int(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    arcs = [int(a) for a in dotted.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        tail = bytes([arc & 127])
        while arc > 127:
            arc >>= 7
            tail = bytes([arc & 127 | 128]) + tail
        out += tail
    return der(6, out)


def algorithm(dotted, *parameters):
    return der(0x30, oid(dotted), *parameters)


ECDSA = {"sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3",
         "sha512": "1.2.840.10045.4.3.4", "sha1": "1.2.840.10045.4.1"}
RSA = {"sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12",
       "sha512": "1.2.840.113549.1.1.13", "sha1": "1.2.840.113549.1.1.5"}
DIGEST = {"sha256": "2.16.840.1.101.3.4.2.1",
          "sha384": "2.16.840.1.101.3.4.2.2",
          "sha512": "2.16.840.1.101.3.4.2.3",
          "sha3_256": "2.16.840.1.101.3.4.2.8", "sha1": "1.3.14.3.2.26"}
HASH = {"sha256": hashes.SHA256, "sha384": hashes.SHA384,
        "sha512": hashes.SHA512, "sha1": hashes.SHA1}
LOCAL_MARK = "2.25.290383716153911238734518294571620043807"


def algorithm_of(key, digest):
    if isinstance(key, rsa.RSAPrivateKey):
        return algorithm(RSA[digest], b"\5\0")
    return algorithm(ECDSA[digest])


def sign(key, digest, data):
    """AlgorithmIdentifier and signature."""
    scheme = (padding.PKCS1v15(), HASH[digest]()) \
        if isinstance(key, rsa.RSAPrivateKey) else \
        (ec.ECDSA(HASH[digest]()),)
    return algorithm_of(key, digest), key.sign(data, *scheme)


def spki(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)


def name(cn, tag=0x0c):
    return der(0x30, der(0x31, der(0x30, oid("2.5.4.3"),
                                   der(tag, cn.encode()))))


def utc(ms, form="%y%m%d%H%M%SZ", tag=0x17):
    import time
    return der(tag, time.strftime(form, time.gmtime(ms // 1000)).encode())


def extension(dotted, critical, *value):
    return der(0x30, oid(dotted), b"\1\1\xff" if critical else b"",
               der(4, *value))


def basic(ca, depth=None, critical=True):
    return extension("2.5.29.19", critical, der(
        0x30, b"\1\1\xff" if ca else b"",
        b"" if depth is None else der_int(depth)))


def usage(bits, critical=True):
    """bits: "0", "05" ... as numbers of bits below 8."""
    v = 0
    for b in bits:
        v |= 128 >> int(b)
    low = (v & -v).bit_length() - 1 if v else 0
    return extension("2.5.29.15", critical,
                     der(3, bytes([low, v]) if v else b"\0"))


def purposes(*dotted, critical=True):
    return extension("2.5.29.37", critical, der(0x30, *map(oid, dotted)))


def mark(critical=True):
    return extension(LOCAL_MARK, critical, b"\x82\0\x40")


STAMPING = "1.3.6.1.5.5.7.3.8"


class X509:
    """What a certificate is made of; der() signs it."""
    made = {}

    def __init__(self, cn, key, issuer=None, **more):
        self.version, self.serial = 2, 0x1234
        self.subject, self.key, self.spki = name(cn), key, spki(key)
        self.issuer = issuer.subject if issuer else self.subject
        self.signer = issuer.key if issuer else key
        self.digest = "sha384"
        self.inner = self.outer = None  # AlgorithmIdentifier instead
        self.begin, self.end = utc(AT - 86400000), utc(AT + 10**10)
        self.extensions = []
        self.__dict__.update(more)

    def tbs(self):
        alg = self.inner or algorithm_of(self.signer, self.digest)
        return der(
            0x30, der(0xa0, der_int(self.version)) if self.version else b"",
            der_int(self.serial), alg, self.issuer,
            der(0x30, self.begin, self.end), self.subject, self.spki,
            der(0xa3, der(0x30, *self.extensions)) if self.extensions else b"")

    def der(self, tbs=None):
        """The same bytes each time, though signatures are not."""
        tbs = self.tbs() if tbs is None else tbs
        key = tbs, self.digest, self.outer, id(self.signer)
        if key not in X509.made:
            alg, signature = sign(self.signer, self.digest, tbs)
            X509.made[key] = der(0x30, tbs, self.outer or alg,
                                 der(3, b"\0", signature))
        return X509.made[key]


# -- keys, drawn once

class Keys:
    def __init__(self):
        self.p256 = [ec.generate_private_key(ec.SECP256R1()) for _ in range(4)]
        self.p384 = [ec.generate_private_key(ec.SECP384R1()) for _ in range(4)]
        self.p521 = ec.generate_private_key(ec.SECP521R1())
        self.other_curve = ec.generate_private_key(ec.SECP256K1())
        self.rsa = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
        self.weak = rsa.generate_private_key(65537, 1024)
        self.ed = [ed25519.Ed25519PrivateKey.generate() for _ in range(2)]


def raw_signature(key, digest, data):
    half = (key.curve.key_size + 7) // 8
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def receipt(key, size, index, path, root):
    """RFC 9942, as a list that can be changed."""
    protected = bytes.fromhex("a2012619018b01")
    signed = cbor(["Signature1", protected, b"", root])
    return [protected, Map([(396, Map([(-1, [cbor([size, index, path])])]))]),
            None, raw_signature(key, hashes.SHA256(), signed)]


def cose(key, payload, protected=None):
    small = key.curve.name == "secp256r1"
    protected = protected if protected is not None else \
        b"\xa1\x01\x26" if small else b"\xa1\x01\x38\x22"
    digest = hashes.SHA256() if small else hashes.SHA384()
    signed = cbor(["Signature1", protected, b"", payload])
    return [protected, Map(), payload, raw_signature(key, digest, signed)]


# -- trees

def tree(leaves, inner):
    """Top, and the path of each leaf (leaf upward), as RFC 9162 has it."""
    if len(leaves) == 1:
        return leaves[0], [[]]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    left, lp = tree(leaves[:k], inner)
    right, rp = tree(leaves[k:], inner)
    return inner(left, right), [p + [right] for p in lp] + \
        [p + [left] for p in rp]


def content_root(data):
    chunks = [H(data[i:i + 4096], b"\x10") for i in range(0, len(data), 4096)]
    top = tree(chunks, lambda a, b: H(a, b, b"\x11"))[0] if chunks \
        else bytes(32)
    return H(len(data).to_bytes(8, "big"), top, b"\x12")


def chunk_tree(data):
    """All nodes that have a place of their own: {(first chunk, n): hash}"""
    out = {}

    def node(low, n):
        if n == 1:
            v = H(data[4096 * low:4096 * low + 4096], b"\x10")
        else:
            k = 1 << (n - 1).bit_length() - 1
            v = H(node(low, k), node(low + k, n - k), b"\x11")
        out[low, n] = v
        return v
    node(0, -(-len(data) // 4096))
    return out


def range_of(data, start, end):
    """Key 17 for data[start:end]: the largest nodes that have none of it."""
    first, last = start // 4096, (end - 1) // 4096
    outside = {p: v for p, v in chunk_tree(data).items()
               if p[0] > last or sum(p) <= first}
    largest = [p for p in outside if not any(
        q != p and q[0] <= p[0] and sum(p) <= sum(q) for q in outside)]
    return [start, end, data[4096 * first:start],
            data[end:4096 * last + 4096], [outside[p] for p in sorted(largest)]]


def record_tree(hashes_):
    top, paths = tree([H(b"\0", h) for h in hashes_],
                      lambda a, b: H(b"\1", a, b))
    return H(b"\2", len(hashes_).to_bytes(8, "big"), top), paths


# -- timestamps

POLICY = "1.2.3.4.1"
CMS = "1.2.840.113549.1."


def base64url(v):
    return base64.urlsafe_b64encode(v).rstrip(b"=")


class Local:
    kind, label = 0, "local"

    def __init__(self, keys):
        self.key = keys.ed[0]

    def authority(self, _):
        return [0, self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw),
            "local clock"]

    def stamp(self, b, ms, h):
        y, ms, key = h("stamp", (H(b), ms, self.key))
        g = key.sign(H(cbor(["notaryfs.t.v1", y, ms])))
        return cbor(h("stamp.signed", [y, ms, g]))


class Tsa:
    kind = 1

    def __init__(self, keys, label, signer, digest="sha256", old=False,
                 imprint="sha3_256", bare=True, embedded=True, name_=POLICY):
        self.label, self.digest, self.old = label, digest, old
        self.imprint, self.bare, self.embedded = imprint, bare, embedded
        self.name = "tsa " + name_
        certifies = [basic(True), usage("56")]
        self.root = X509("tsa root", keys.p384[3], extensions=certifies)
        self.ca = X509("tsa ca", keys.p256[3], self.root, extensions=[
            basic(True, 0), usage("5")])
        self.cert = X509("tsa", signer, self.ca, digest="sha256", serial=77,
                         extensions=[purposes(STAMPING), usage("0")])

    def certs(self, h):
        """root, ca, signer as DER, with their hooks."""
        return [h("tsa.%s.raw" % n, h("tsa." + n, c).der(
            h("tsa.%s.tbs" % n, h("tsa." + n, c).tbs())))
            for n, c in (("root", self.root), ("ca", self.ca),
                         ("cert", self.cert))]

    def authority(self, h):
        certs = self.certs(h)
        return [1, b"".join(certs[:1] if self.embedded else certs),
                self.name]

    def stamp(self, b, ms, h):
        certs = self.certs(h)
        info = h("tst.raw", self.info(b, ms, h))
        o = h("token", {
            "digest": self.digest, "key": self.cert.key, "type": "9.16.1.4",
            "issuer": self.cert.issuer, "serial": self.cert.serial,
            "bag": certs[1:] if self.embedded else [], "status": 0,
            "bare": self.bare, "ess": self.ess(certs[2]), "extra": [],
            "unsigned": b"", "crls": b"", "signers": 1, "sid": None,
            "content": None, "digest parameters": b"", "behind": b""})
        attributes = self.attributes(o, info, h)
        alg, signature = sign(o["key"], o["digest"], der(0x31, attributes))
        alg = h("token.algorithm", alg)
        sid = o["sid"] or der(0x30, o["issuer"], der_int(o["serial"]))
        signer = der(0x30, der_int(1), sid, algorithm(
            DIGEST[o["digest"]], o["digest parameters"]),
                     der(0xa0, attributes), alg, der(4, signature),
                     o["unsigned"])
        data = der(
            0x30, der_int(3), der(0x31, algorithm(DIGEST[o["digest"]])),
            der(0x30, oid(CMS + (o["content"] or o["type"])),
                der(0xa0, der(4, info))),
            der(0xa0, *o["bag"]) if o["bag"] else b"", o["crls"],
            der(0x31, *[signer] * o["signers"]))
        token = der(0x30, oid(CMS + "7.2"), der(0xa0, data))
        if o["bare"]:
            return token
        return der(0x30, der(0x30, der_int(o["status"])), token, o["behind"])

    def info(self, b, ms, h):
        import time
        o = h("tst", {"version": 1, "policy": POLICY, "imprint": self.imprint,
                      "data": b, "parameters": b"", "more": b"",
                      "time": time.strftime("%Y%m%d%H%M%S", time.gmtime(
                          ms // 1000)) + ".25Z"})
        digest = hashlib.new(o["imprint"], o["data"]).digest()
        return der(
            0x30, der_int(o["version"]), oid(o["policy"]),
            der(0x30, algorithm(DIGEST[o["imprint"]], o["parameters"]),
                der(4, digest)), der_int(99), der(0x18, o["time"].encode()),
            o["more"])

    def ess(self, cert):
        if self.old:
            return [der(0x30, oid(CMS + "9.16.2.12"), der(0x31, der(
                0x30, der(0x30, der(0x30, der(4, hashlib.sha1(
                    cert).digest()))))))]
        return [der(0x30, oid(CMS + "9.16.2.47"), der(0x31, der(
            0x30, der(0x30, der(0x30, der(4, hashlib.sha256(
                cert).digest()))))))]

    def attributes(self, o, info, h):
        a = h("attributes", [
            der(0x30, oid(CMS + "9.3"), der(0x31, oid(CMS + o["type"]))),
            der(0x30, oid(CMS + "9.4"), der(0x31, der(4, hashlib.new(
                o["digest"], info).digest())))] + o["ess"] + o["extra"])
        return h("attributes.raw", b"".join(a))


class Jwt:
    kind = 2
    ISSUER = "https://issuer.example"

    def __init__(self, label, key):
        self.label, self.key = label, key

    def jwk(self, key=None):
        n = (key or self.key).public_key().public_numbers()

        def number(v, size):
            return base64url(v.to_bytes(size, "big")).decode()
        if isinstance(self.key, rsa.RSAPrivateKey):
            return {"kty": "RSA", "n": number(n.n, 256), "e": "AQAB",
                    "alg": "RS256", "kid": "one", "use": "sig"}
        return {"kty": "EC", "crv": "P-256", "x": number(n.x, 32),
                "y": number(n.y, 32), "kid": "one"}

    def authority(self, h):
        keys = h("jwks", {"keys": [self.jwk()]})
        return [2, h("jwks.raw", json.dumps(keys).encode()), self.ISSUER]

    def stamp(self, b, ms, h):
        rs = isinstance(self.key, rsa.RSAPrivateKey)
        header = h("jwt.header", {"alg": "RS256" if rs else "ES256",
                                  "kid": "one"})
        claims = h("jwt.claims", {
            "iss": self.ISSUER, "token_use": "id", "iat": ms // 1000,
            "exp": ms // 1000 + 3600,
            "email": H(b).hex() + "@blocks.example"})
        message = b".".join(base64url(v) for v in (
            h("jwt.header.raw", json.dumps(header).encode()),
            h("jwt.claims.raw", json.dumps(claims).encode())))
        signature = self.key.sign(message, padding.PKCS1v15(), hashes.SHA256()
                                  ) if rs else raw_signature(
            self.key, hashes.SHA256(), message)
        return message + b"." + base64url(h("jwt.signature", signature))


class Several:
    """Some of its authorities stamp, each a little later."""
    kind, quorum = 3, 2

    def __init__(self, label, stampers, spare):
        self.label, self.stampers, self.spare = label, stampers, spare

    def authorities(self, h):
        return [s.authority(h) for s in self.stampers] + [self.spare]

    def stamp(self, b, ms, h):
        return cbor(h("set", [[i, s.kind, s.stamp(b, ms + 7 * i, h)]
                              for i, s in enumerate(self.stampers)]))


# -- the chain

def pcr(n):
    return bytes([n]) * 48


SIZES = [100, 0, 4096, 9000, 1, 50000]
CLASSES = {"local": 0, "nitro": 1}


class Chain:
    """trust 0 or 1, epoch 0 or more, timestamps of one kind."""

    def __init__(self, keys, trust, epoch, stamper, between=False):
        self.keys, self.trust, self.epoch = keys, trust, epoch
        self.stamper = stamper
        self.label = "%s, epoch %d, %s%s" % (
            ("local", "nitro")[trust], epoch, stamper.label,
            ", between" if between else "")
        self.files = [bytes([97 + i]) * n for i, n in enumerate(SIZES)]
        marks = [] if trust else [mark()]
        self.root = X509("attestation root", keys.p384[0], extensions=marks + [
            basic(True), usage("56")])
        self.mid = X509("attestation between", keys.p384[2], self.root,
                        extensions=marks + [basic(True, 0), usage("5")])
        self.leaf = X509("attestation leaf", keys.p384[1],
                         self.mid if between else self.root,
                         begin=utc(AT - 60000), end=utc(AT + 10800000),
                         extensions=marks + [basic(False), usage("0")])
        self.between, self.k_s = between, keys.p256[0]
        self.k_e = keys.p256[1] if epoch else self.k_s
        self.cache = {}

    def build(self, index=0, hooks=None):
        """(anchor, certificate, content, range asked for) of a file."""
        made, dirty, hooks = {}, set(), hooks or {}
        families = {k.split(".")[0] for k in hooks}

        def h(stage, v):
            return hooks[stage](v) if stage in hooks else v

        def stage(name_, needs, make, family=()):
            if not needs & dirty and not families & {
                    name_.split("-")[0], *family}:
                key = name_, index if name_ in ("record", "block", "upper",
                                                "statement", "s") else 0
                if key not in self.cache:
                    self.cache[key] = make()
                made[name_] = self.cache[key]
            else:
                dirty.add(name_)
                made[name_] = make()
            return made[name_]

        def encoded(name_, make):
            return lambda: h(name_ + ".raw", cbor(h(name_, make())))

        def x509(n, c):
            def make():
                c_ = h(n, c)
                return h(n + ".raw", c_.der(h(n + ".tbs", c_.tbs())))
            return make
        certs = [stage("root", set(), x509("root", self.root))]
        if self.between:
            certs.append(stage("mid", set(), x509("mid", self.mid)))
        certs.append(stage("leaf", set(), x509("leaf", self.leaf)))
        certified = {"root", "mid", "leaf"}

        def document(key, data, lead):
            payload = stage("payload" + lead, certified | {"data" + lead},
                            encoded("payload", lambda: self.payload(
                                certs, key, data, h)))
            doc = stage("doc" + lead, {"payload" + lead}, encoded(
                "doc", lambda: cose(h("doc.key", self.keys.p384[1]), payload)))
            return doc, payload
        first = stage("data-0", set(), encoded("data", lambda: [
            "notaryfs.seq.v1", bytes(32), 0, 0, bytes(32), 0, LOG_KEY]))
        doc, payload = document(self.k_s, first, "-0")
        stage("authority", set(), lambda: getattr(
            self.stamper, "authorities",
            lambda h_: [self.stamper.authority(h_)])(h), ("tsa", "jwks"))
        params = stage("params", {"authority", "payload-0", "root"}, encoded(
            "params", lambda: self.params(certs[0], H(payload),
                                          made["authority"])))
        b0 = stage("b0", {"params"}, encoded("b0", lambda: [
            b"\xa0" * 16, record_tree([H(params)])[0], bytes(32)]))
        anchor = H(b0)
        lower = stage("lower", {"b0", "authority"}, lambda: h(
            "lower.raw", self.stamper.stamp(b0, AT, lambda n, v: h(
                "lower." + n, h("tsa" + n[3:], v) if n[:3] == "tsa" else v))))
        if self.epoch:
            later = stage("data-1", {"b0"}, encoded("data", lambda: [
                "notaryfs.seq.v1", anchor, self.epoch, 2 * self.epoch,
                H(b"head"), self.epoch, LOG_KEY]))
            doc, payload = document(self.k_e, later, "-1")
        record = stage("record", set(), encoded(
            "record", lambda: self.record(index)))
        dh = [H(b"sibling", bytes([i])) for i in range(len(SIZES))]
        dh[index] = H(record)
        dh = h("leaves", dh)
        mh, paths = record_tree(dh)
        last = "-1" if self.epoch else "-0"
        block = stage("block", {"record", "lower", "payload" + last}, encoded(
            "block", lambda: [b"\xb0" * 16, mh, H(lower), Map(
                [(1, [1, H(b"log")])] * (index % 2) +
                [(2, H(payload))])]), ("leaves",))
        upper = stage("upper", {"block", "authority"}, lambda: h(
            "upper.raw", self.stamper.stamp(block, AT + STEP, lambda n, v: h(
                "upper." + n, h("tsa" + n[3:], v) if n[:3] == "tsa" else v))))
        statement = stage("statement", {"b0", "block", "upper"}, encoded(
            "statement", lambda: [
                1, anchor, self.epoch, 1 + 2 * self.epoch, 0,
                b"\xb0" * 16 + H(upper), H(b"previous"), 1, b"\xd0" * 16, 2,
                H(b"log root")]))
        s = stage("s", {"statement"}, encoded("s", lambda: cose(
            h("s.key", self.k_e), statement)))
        kind = self.stamper.kind
        certificate = h("certificate.raw", cbor(h("certificate", Tag((
            55799, Map([
                (0, "notaryfs-cert"), (1, 1), (2, anchor), (3, [b0, params]),
                (4, record), (5, [index, len(dh), paths[index]]), (6, block),
                (7, [kind, upper]), (8, [kind, lower]), (9, [1, s]),
                (10, [[1, doc]])]))))))
        return h("anchor", anchor), certificate, h(
            "content", self.files[index]), h("asked", b"")

    def payload(self, certs, key, data, h):
        zero = self.trust == 0
        pcrs = Map([(n, pcr(0 if zero else 1 + n)) for n in range(3)]
                   + [(16, pcr(16))])
        return Map([
            ("module_id", "local-0011" if zero else "i-0123-enc4567"),
            ("digest", "SHA384"), ("timestamp", AT), ("pcrs", pcrs),
            ("certificate", certs[-1]), ("cabundle", list(certs[:-1])),
            ("public_key", h("payload.key", spki(key))),
            ("user_data", data), ("nonce", None)])

    def params(self, root, doc, authorities):
        image = Map([(16, pcr(16))] if self.trust == 0 else
                    [(n, pcr(1 + n)) for n in range(3)])
        return Map([
            (0, "notaryfs-chain"), (1, 1), (2, self.trust),
            (3, spki(self.k_s)), (4, doc),
            (5, None if self.trust == 0 and self.epoch == 0 else [image]),
            (6, [hashlib.sha256(root).digest()]), (7, authorities),
            (8, getattr(self.stamper, "quorum", 1)),
            (9, [3, 6, 8, 65536]), (10, list("012345")),
            (11, [1, [spki(self.k_s)]]), (12, 0), (13, ["sha-256", "sha-384", "sha-512"]),
            (14, b"\xe0" * 16)])

    def record(self, index):
        data = self.files[index]
        return [1, 0, bytes([index]) * 16, b"folder/file-%d" % index,
                len(data), 0o644, 1789999999000000000, content_root(data),
                Map([("sha-256", hashlib.sha256(data).digest())]), Map()]


def chains(trust, keys):
    """One of each kind of timestamp, epochs 0 and 2, with and without a
    certificate between."""
    local = Local(keys)
    stampers = [
        local, Tsa(keys, "rfc3161 P-256", keys.p256[2]),
        Tsa(keys, "rfc3161 RSA, response, ESS 1, SHA-256 imprint",
            keys.rsa[0], old=True, imprint="sha256", bare=False, name_="*"),
        Tsa(keys, "rfc3161 P-521, SHA-512, certificates pinned", keys.p521,
            "sha512", imprint="sha512", embedded=False),
        Jwt("jwt ES256", keys.p256[2]), Jwt("jwt RS256", keys.rsa[1])]
    spare = [0, keys.ed[1].public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw), "spare"]
    stampers.append(Several("several", [local, stampers[1], stampers[4]],
                            spare))
    out = [Chain(keys, trust, 0, local), Chain(keys, trust, 2, local, True)]
    return out + [Chain(keys, trust, 2 * (i % 2), s, i % 3 == 1)
                  for i, s in enumerate(stampers[1:])]
