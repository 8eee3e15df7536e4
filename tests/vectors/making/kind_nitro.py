"""Attestation documents in the form of AWS Nitro, under a root of our own.

What must hold is from the AWS page "Validating attestation documents" (steps
of the certificate path, ES384, PCRs that are zero in debug mode) and from RFC
5280 and RFC 9052, which it rests on.
"""
import hashlib
import json

from ecdsa import P384, Key
from encode import (BASIC, CERTIFYING, KEY_USAGE, SIGNING, Cert, Open, Pairs,
                    authority, cbor, extension, seq)

AT = 1767323045678  # 2026-01-02T03:04:05.678Z
MODULE = "i-0123456789abcdef0-enc0123456789abcdef"
USAGE_CA = extension(KEY_USAGE, CERTIFYING)
USAGE_LEAF = extension(KEY_USAGE, SIGNING)
NOT_CA = extension(BASIC, seq())


def pcr(n):
    return hashlib.sha384(b"pcr %d" % n).digest()


class Chain:
    """root -> zone -> instance -> enclave, as AWS has it."""

    def __init__(self, **leaf):
        self.root = Cert("aws.nitro-enclaves", Key(P384, "nitro root"),
                         extensions=[authority(), USAGE_CA])
        self.zone = Cert("zone.nitro-enclaves", Key(P384, "nitro zone"),
                         self.root, [authority(2), USAGE_CA], 2)
        self.instance = Cert("i-0123456789abcdef0", Key(P384, "nitro instance"),
                             self.zone, [authority(0), USAGE_CA], 3)
        self.key = Key(P384, "nitro enclave")
        how = dict(by=self.instance, extensions=[NOT_CA, USAGE_LEAF],
                   start="260102020405Z", end="260102050405Z", serial=4)
        how.update(leaf)
        self.leaf = Cert(MODULE, self.key, **how)

    def bundle(self):
        return [self.root.der, self.zone.der, self.instance.der]


CHAIN = Chain()


class Document:
    def __init__(self, chain=CHAIN, **fields):
        self.chain = chain
        self.fields = {
            "module_id": MODULE, "digest": "SHA384", "timestamp": AT,
            "pcrs": {n: pcr(n) if n < 5 else bytes(48) for n in range(16)},
            "certificate": chain.leaf.der, "cabundle": chain.bundle(),
            "public_key": b"a key", "user_data": b"some data", "nonce": None}
        self.fields.update(fields)
        self.payload, self.header, self.tag = None, cbor({1: -35}), b""
        self.key, self.hash, self.context = chain.key, "sha384", "Signature1"

    def encoded(self):
        return cbor(self.fields) if self.payload is None else self.payload

    def signature(self):
        r, s = self.key.sign(cbor([self.context, self.header, b"",
                                   self.encoded()]), self.hash)
        return self.key.curve.octets(r) + self.key.curve.octets(s)

    def message(self, signature=None, payload=None):
        return self.tag + cbor([
            self.header, {}, self.encoded() if payload is None else payload,
            self.signature() if signature is None else signature])


def good():
    yield "valid", Document(), "as AWS makes them"
    d = Document()
    d.tag = b"\xd2"
    yield "valid-tagged", d, "RFC 9052 2: the tag may stand there"
    d = Document(pcrs=Open({n: pcr(n) for n in range(16)}))
    d.fields = Open(d.fields)
    yield "valid-indefinite", d, "maps of indefinite length, as AWS also makes"
    yield "valid-nonce", Document(nonce=bytes(range(32)), public_key=None,
                                  user_data=None), "the other optional field"
    yield "valid-last-second", Document(timestamp=AT + 7198 * 1000), \
        "within its certificates' time"
    short = Chain(by=CHAIN.root)
    short.bundle = lambda: [short.root.der]
    yield "valid-short-path", Document(short), "the root signs the enclave's"


def debug():
    none = {n: bytes(48) for n in range(16)}
    yield "debug", Document(pcrs=none), "PCRs are zero in debug mode"
    yield "debug-pcr0", Document(pcrs={
        n: pcr(n) if n else bytes(48) for n in range(16)}), \
        "one of PCR 0, 1, 2 is zero: code that nobody measured"


def signatures():
    d = Document()
    yield "payload", d.message(payload=d.encoded().replace(
        b"some data", b"same data")), "other user data than was signed"
    good_one = d.signature()
    yield "r", d.message(bytes([good_one[0] ^ 1]) + good_one[1:]), "a bit of r"
    yield "s", d.message(good_one[:-1] + bytes([good_one[-1] ^ 1])), "a bit of s"
    yield "zero", d.message(bytes(96)), "r and s are in 1 .. n-1"
    d = Document()
    d.key = Key(P384, "nitro thief")
    yield "key", d.message(), "not signed by the certificate's key"
    d = Document()
    d.hash = "sha256"
    yield "sha256", d.message(), "ES384 is ECDSA with SHA-384 (RFC 9053 2.1)"
    d = Document()
    d.context = "Signature"
    yield "context", d.message(), "RFC 9052 4.4: COSE_Sign1 signs Signature1"


def roots():
    c = Chain()
    c.root = Cert("aws.nitro-enclaves", Key(P384, "nitro impostor"),
                  extensions=[authority(), USAGE_CA])
    c.zone = Cert("zone.nitro-enclaves", c.zone.key, c.root,
                  [authority(2), USAGE_CA], 2)
    yield "impostor", c, "another root that calls itself so"
    c = Chain()
    c.instance = Cert("i-0123456789abcdef0", c.instance.key, c.zone,
                      [authority(0), USAGE_CA], 3, signer=Key(P384, "stranger"))
    yield "signature", c, "RFC 5280 6.1.3 (a)(1): not signed by its issuer"
    c = Chain()
    c.instance = Cert("i-0123456789abcdef0", c.instance.key, c.root,
                      [authority(0), USAGE_CA], 3)
    yield "gap", c, "RFC 5280 6.1.3 (a)(4): its issuer is not the one before"
    c = Chain()
    c.zone = Cert("zone.nitro-enclaves", c.zone.key, c.root,
                  [NOT_CA, USAGE_CA], 2)
    yield "no-authority", c, "RFC 5280 6.1.4 (k): it may not issue"
    c = Chain()
    c.zone = Cert("zone.nitro-enclaves", c.zone.key, c.root,
                  [authority(0), USAGE_CA], 2)
    yield "depth", c, "RFC 5280 6.1.4 (m): too many follow"
    c = Chain()
    c.zone = Cert("zone.nitro-enclaves", c.zone.key, c.root,
                  [authority(2), USAGE_LEAF], 2)
    yield "usage", c, "RFC 5280 6.1.4 (n): it may not sign certificates"
    c = Chain()
    c.zone = Cert("zone.nitro-enclaves", c.zone.key, c.root,
                  [authority(2), USAGE_CA, extension("1.2.3.4.5", seq())], 2)
    yield "critical", c, "RFC 5280 4.2: a critical extension that nobody knows"
    c = Chain()
    c.bundle = lambda: [c.root.der, c.instance.der, c.zone.der]
    yield "order", c, "the bundle is in order, from the root down"
    yield "leaf-is-authority", Chain(extensions=[authority(0), USAGE_LEAF]), \
        "AWS: the end entity is no authority"
    yield "leaf-usage", Chain(extensions=[NOT_CA, USAGE_CA]), \
        "AWS: its key usage has digitalSignature"


def expired():
    yield "late", Document(timestamp=AT + 7201 * 1000), "after notAfter"
    yield "early", Document(timestamp=AT - 3601 * 1000), "before notBefore"
    c = Chain()
    c.instance = Cert("i-0123456789abcdef0", c.instance.key, c.zone,
                      [authority(0), USAGE_CA], 3, end="260101000000Z")
    yield "issuer", Document(c), "RFC 5280 6.1.3 (a)(2): one on the path is"


def malformed():
    full = Document()
    pairs = list(full.fields.items())

    def with_pairs(new):
        d = Document()
        d.fields = Pairs(new)
        return d.message()
    for name in ("module_id", "digest", "timestamp", "pcrs", "certificate",
                 "cabundle"):
        yield ("without-" + name, with_pairs(
            [p for p in pairs if p[0] != name]), "AWS: it must be there")
    yield "twice", with_pairs(pairs + [("digest", "SHA384")]), \
        "RFC 8949 5.6: a key twice"
    yield "digest", Document(digest="SHA256").message(), "AWS: SHA384"
    yield "time-zero", Document(timestamp=0).message(), "AWS: above 0"
    yield "pcr-short", Document(pcrs={0: pcr(0), 1: pcr(1), 2: pcr(2)[:32]}
                                ).message(), "AWS: 48 bytes of SHA-384"
    yield "pcr-32", Document(pcrs={0: pcr(0), 1: pcr(1), 2: pcr(2), 32: pcr(3)}
                             ).message(), "AWS: index in 0 .. 31"
    yield "pcrs-none", Document(pcrs={}).message(), "AWS: at least one"
    yield "bundle-none", Document(cabundle=[]).message(), "AWS: not empty"
    yield "bundle-null", Document(cabundle=None).message(), "AWS: an array"
    yield "certificate-empty", Document(certificate=b"").message(), \
        "AWS: 1 to 1024 bytes"
    yield "behind-payload", full.message(
        payload=full.encoded() + b"\0"), "bytes behind the map"
    yield "behind", full.message() + b"\0", "bytes behind the message"
    yield "cut", full.message()[:-1], "it ends early"
    yield "empty", b"", "there is nothing"
    d = Document()
    d.header = b""
    yield "no-algorithm", d.message(), "RFC 9052 3.1: none is named"
    d = Document()
    d.header = cbor({1: -7})
    yield "es256", d.message(), "AWS: signed with ES384"


def emulated():
    """As QEMU's hw/virtio/virtio-nsm.c makes them: whole but for what would
    have to be signed with."""
    d = Document(module_id="i-234-enc5678", certificate=bytes(64),
                 cabundle=[bytes(64)], timestamp=AT // 1000 * 1000)
    d.header = cbor({1: -1})
    yield "qemu", d.message(bytes(64)), "algorithm -1, zeros for a signature"
    d = Document()
    d.header = cbor({1: -1})
    yield "of-genuine", d.message(bytes(64)), "with a genuine path"


def make():
    files, manifest = {}, []

    def add(name, verdict, raw, why):
        files[name + ".bin"] = raw
        manifest.append({
            "file": name + ".bin", "verdict": verdict, "note": why,
            "sha256": hashlib.sha256(raw).hexdigest(),
            "root": hashlib.sha256(CHAIN.root.der).hexdigest(),
            "module_id": MODULE, "timestamp_ms": AT,
            "pcr0": pcr(0).hex(), "pcr1": pcr(1).hex(), "pcr2": pcr(2).hex()})

    def facts(d):
        manifest[-1]["timestamp_ms"] = d.fields["timestamp"]
        for name in "user_data", "nonce", "public_key":
            v = d.fields[name]
            manifest[-1][name] = None if v is None else v.hex()
    for name, d, why in good():
        add(name, "valid", d.message(), why)
        facts(d)
    for name, d, why in debug():
        add(name, "debug", d.message(), why)
    for name, raw, why in signatures():
        add("signature-" + name, "bad-signature", raw, why)
    for name, chain, why in roots():
        add("root-" + name, "other-root", Document(chain).message(), why)
    for name, d, why in expired():
        add("expired-" + name, "expired", d.message(), why)
    for name, raw, why in malformed():
        add("malformed-" + name, "malformed", raw, why)
    for name, raw, why in emulated():
        add("emulated-" + name, "emulated", raw, why)
    files["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return files
