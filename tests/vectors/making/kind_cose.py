"""COSE_Sign1 in the form of cose-wg/Examples.  RFC 9052 4.4 says what is
signed, RFC 9053 2.1 how ECDSA signs it."""
import base64
import json

from ecdsa import P256, P384, P521, Key
from encode import cbor

ALGORITHMS = {"ES256": (-7, P256, "sha256"), "ES384": (-35, P384, "sha384"),
              "ES512": (-36, P521, "sha512")}
TEXT = b"This is what is signed."
TAG = b"\xd2"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Message:
    def __init__(self, alg, key=None, header=None, named=None):
        self.alg = alg
        number, curve, self.hash = ALGORITHMS[alg]
        self.key = key or Key(curve, "cose " + alg)
        self.header = cbor({1: number}) if header is None else header
        self.protected = {"alg": alg} if named is None else named
        self.unprotected, self.payload, self.tag = {}, TEXT, TAG
        self.external, self.context = b"", "Signature1"
        self.r, self.s = self.key.sign(self.to_sign(), self.hash)
        self.signature = self.raw(self.r, self.s)

    def raw(self, r, s):
        return self.key.curve.octets(r) + self.key.curve.octets(s)

    def to_sign(self):
        return cbor([self.context, self.header, self.external, self.payload])

    def again(self):
        self.r, self.s = self.key.sign(self.to_sign(), self.hash)
        self.signature = self.raw(self.r, self.s)

    def example(self, title, fail):
        c = self.key.curve
        x, y = (v.to_bytes(c.size, "big") for v in self.key.point)
        sign = {"key": {"kty": "EC", "crv": c.name, "x": b64(x), "y": b64(y)},
                "protected": self.protected, "alg": self.alg}
        if self.unprotected:
            sign["unprotected"] = {"kid": "11"}
        if self.external:
            sign["external"] = self.external.hex()
        return {"title": title, "fail": fail,
                "input": {"plaintext": TEXT.decode(), "sign0": sign},
                "output": {"cbor": (self.tag + cbor([
                    self.header, self.unprotected, self.payload,
                    self.signature])).hex()}}


def good():
    for alg in ALGORITHMS:
        yield "%s-valid" % alg.lower(), Message(alg), "by the book"
        m = Message(alg)
        m.tag = b""
        yield "%s-untagged" % alg.lower(), m, "RFC 9052 2: the tag may be left out"
        m = Message(alg)
        m.signature = m.raw(m.r, m.key.curve.n - m.s)
        yield "%s-other-s" % alg.lower(), m, "(r, n - s) verifies as well"
    m = Message("ES256")
    m.unprotected = {4: b"11"}
    yield "es256-kid", m, "nothing signs what is not protected"
    m = Message("ES256")
    m.payload = b""
    m.again()
    yield "es256-empty", m, "an empty payload is one"
    m = Message("ES256")
    m.external = b"outside"
    m.again()
    yield "es256-external", m, "RFC 9052 4.3: signed, but not in the message"
    m = Message("ES256", header=cbor({1: -7, 3: 0}),
                named={"alg": "ES256", "ctyp": 0})
    yield "es256-type", m, "more is protected than the algorithm"


def changed(alg):
    """One step away from a good one, and RFC's word on it."""
    def fresh():
        return Message(alg)
    m = fresh()
    m.payload = TEXT[:-1] + b"!"
    yield "payload", m, "other content than was signed"
    m = fresh()
    m.header = cbor({1: ALGORITHMS[alg][0], 2: [1]})
    yield "header", m, "the protected header is signed"
    m = fresh()
    m.context = "Signature"
    m.again()
    yield "context", m, "RFC 9052 4.4: the context of COSE_Sign1 is Signature1"
    m = fresh()
    m.external = b"outside"
    m.again()
    m.external = b""
    yield "external", m, "external data was signed, and none is given"
    m = fresh()
    m.signature = bytes([m.signature[0] ^ 1]) + m.signature[1:]
    yield "r", m, "one bit of r"
    m = fresh()
    m.signature = m.signature[:-1] + bytes([m.signature[-1] ^ 1])
    yield "s", m, "one bit of s"
    for what, r, s in ("r-zero", 0, 1), ("s-zero", 1, 0), ("both-zero", 0, 0):
        m = fresh()
        m.signature = m.raw(r and m.r, s and m.s)
        yield what, m, "ECDSA: r and s are in 1 .. n-1"
    m = fresh()
    if m.s + m.key.curve.n < 1 << 8 * len(m.key.curve.octets(0)):
        m.signature = m.raw(m.r, m.s + m.key.curve.n)
        yield "s-plus-n", m, "ECDSA: s is below n"
    m = fresh()
    m.signature = m.raw(m.s, m.r)
    yield "swapped", m, "r comes first"
    m = fresh()
    m.signature = m.signature[:-1]
    yield "short", m, "RFC 9053 2.1: each half has the length of the order"
    m = fresh()
    m.signature = b"\0" + m.signature
    yield "long", m, "RFC 9053 2.1: each half has the length of the order"
    m = fresh()
    m.signature = b""
    yield "none", m, "there is no signature"
    m = fresh()
    m.key = Key(m.key.curve, "another")
    yield "key", m, "another's key"


def crossed():
    """Algorithm and key that do not belong together (RFC 9053 2.1)."""
    m = Message("ES384", header=cbor({1: -7}), named={"alg": "ES256"})
    yield "es256-named-for-p384", m, "SHA-384 was used, and ES256 is SHA-256"
    m = Message("ES256", header=cbor({1: -35}), named={"alg": "ES384"})
    m.alg = "ES384"
    yield "es384-named-for-p256", m, "the header says ES384, the key is on P-256"
    m = Message("ES256", header=b"", named={})
    m.unprotected = {1: -7}
    m.tag = TAG
    yield ("algorithm-unprotected", m, "RFC 9052 3.1: the algorithm is "
           "authenticated wherever that is possible")


def make():
    files = {}

    def add(name, message, why, fail):
        case = message.example(why, fail)
        files[name + ".json"] = (json.dumps(case, indent=1) + "\n").encode()
    for name, message, why in good():
        add(name, message, why, False)
    for alg in "ES256", "ES384":
        for name, message, why in changed(alg):
            add("%s-fail-%s" % (alg.lower(), name), message, why, True)
    for name, message, why in crossed():
        add("fail-" + name, message, why, True)
    return files
