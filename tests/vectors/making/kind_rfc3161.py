"""Time-stamp responses of an authority of our own: RFC 3161, with RFC 5652 for
what is signed, RFC 5035 and 5816 for who signed, RFC 5280 for the path."""
import base64
import hashlib
import json

from ecdsa import P256, P384, Key
from encode import (CERTIFYING, DIGESTS, KEY_USAGE, NULL, PURPOSE, SIGNATURES,
                    SIGNING, Cert, authority, context, der, dn, extension, num,
                    octets, oid, seq, set_of, signed)

DATA = b"hello"
STAMPING = oid("1.3.6.1.5.5.7.3.8")
SERVER = oid("1.3.6.1.5.5.7.3.1")
USAGE_CA = extension(KEY_USAGE, CERTIFYING)
USAGE = extension(KEY_USAGE, SIGNING)


def purpose(*oids, critical=True):
    return extension(PURPOSE, seq(*oids), critical)


ROOT = Cert("own tsa root", Key(P256, "tsa root"),
            extensions=[authority(), USAGE_CA])
CA = Cert("own tsa authority", Key(P384, "tsa authority"), ROOT,
          [authority(0), USAGE_CA], 2)
SIGNER = Cert("own tsa", Key(P256, "tsa"), CA, [USAGE, purpose(STAMPING)], 3)
DECOY = Cert("own tsa", Key(P256, "decoy"), CA, [USAGE, purpose(STAMPING)], 4)


def algorithm(name, null=True):
    return seq(oid(DIGESTS[name]), NULL if null else b"")


class Token:
    def __init__(self, signer=SIGNER, **how):
        self.signer, self.named = signer, signer
        self.imprint, self.hash, self.data = "sha256", "sha256", DATA
        self.time, self.version, self.extensions = "20260102030405Z", 1, b""
        self.type, self.embedded = "1.2.840.113549.1.9.16.1.4", [CA, signer]
        self.ess, self.attributes, self.status = "v2", True, 0
        self.digest_of, self.more = None, []
        self.__dict__.update(how)

    def info(self):
        """TSTInfo, RFC 3161 2.4.2."""
        return seq(num(self.version), oid("1.2.3.4.1"), seq(
            algorithm(self.imprint), octets(hashlib.new(
                self.imprint, self.data).digest())),
            num(7), der(0x18, self.time.encode()), self.extensions)

    def signing_certificate(self):
        named = self.named
        serial = seq(seq(context(4, dn(CA.name))), num(named.serial))
        if self.ess == "v1":  # ESSCertID, RFC 2634 5.4.1
            return attribute("1.2.840.113549.1.9.16.2.12", seq(seq(seq(
                octets(hashlib.sha1(named.der).digest()), serial))))
        return attribute("1.2.840.113549.1.9.16.2.47", seq(seq(seq(
            octets(hashlib.sha256(named.der).digest()), serial))))

    def signer_info(self, info):
        digest = hashlib.new(self.hash, self.digest_of or info).digest()
        attributes = [attribute("1.2.840.113549.1.9.3", oid(self.type)),
                      attribute("1.2.840.113549.1.9.4", octets(digest))]
        if self.ess:
            attributes.append(self.signing_certificate())
        key = self.signer.key
        # RFC 5652 5.4: the attributes are signed as a SET
        signature = signed(key, self.hash, set_of(*attributes)
                           if self.attributes else info)
        body = b"".join(sorted(attributes))
        return seq(num(1), seq(self.signer.issuer, num(self.signer.serial)),
                   algorithm(self.hash),
                   der(0xa0, body) if self.attributes else b"",
                   seq(oid(SIGNATURES[self.hash])), octets(signature))

    def token(self):
        info = self.info()
        certs = b"".join(c.der for c in self.embedded)
        return seq(oid("1.2.840.113549.1.7.2"), context(0, seq(
            num(3), set_of(algorithm(self.hash)),
            seq(oid(self.type), context(0, octets(info))),
            der(0xa0, certs) if certs else b"",
            set_of(self.signer_info(info), *(
                t.signer_info(info) for t in self.more)))))

    def response(self):
        return seq(seq(num(self.status)), self.token())


def attribute(name, value):
    return seq(oid(name), set_of(value))


def good():
    yield "sha256", Token(), "by the book"
    for name in "sha384", "sha512", "sha3_256":
        yield name.replace("_", "-"), Token(imprint=name), "another imprint"
    yield "signed-sha512", Token(hash="sha512"), "signed with another digest"
    yield "p384", Token(Cert("own tsa", Key(P384, "tsa p384"), CA, [
        USAGE, purpose(STAMPING)], 5)), "a key on P-384"
    yield "fraction", Token(time="20260102030405.5Z"), \
        "RFC 3161 2.4.2: fractions of a second"
    yield "with-mods", Token(status=1), "2.4.2: grantedWithMods has a token"
    yield "ess-v1", Token(ess="v1"), "RFC 5816: the old form is as good"
    yield "order", Token(embedded=[SIGNER, CA]), "certificates are a set"
    yield "decoy", Token(embedded=[DECOY, CA, SIGNER]), \
        "the signer is the one whose serial number is named"
    yield "with-root", Token(embedded=[CA, SIGNER, ROOT]), "the root is no secret"
    yield "no-usage", Token(Cert("own tsa", Key(P256, "tsa bare"), CA, [
        purpose(STAMPING)], 6)), "a key usage need not be there"
    yield "last-second", Token(Cert("own tsa", Key(P256, "tsa brief"), CA, [
        USAGE, purpose(STAMPING)], 7, end="260102030406Z")), \
        "stamped while its certificate was valid"
    yield "no-embedded-cert", Token(embedded=[]), "the verifier has them"


def certificates():
    def one(what, serial, extensions, why, **how):
        cert = Cert("own tsa", Key(P256, "tsa " + what), CA, extensions,
                    serial, **how)
        return what, Token(cert), why
    yield one("purpose-none", 20, [USAGE], "RFC 3161 2.3: for time stamping")
    yield one("purpose-other", 21, [USAGE, purpose(SERVER)],
              "RFC 3161 2.3: for time stamping")
    yield one("purpose-two", 22, [USAGE, purpose(STAMPING, SERVER)],
              "RFC 3161 2.3: for time stamping alone")
    yield one("purpose-idle", 23, [USAGE, purpose(STAMPING, critical=False)],
              "RFC 3161 2.3: the purpose is critical")
    yield one("usage", 24, [USAGE_CA, purpose(STAMPING)],
              "RFC 5280 4.2.1.12: usages have to agree")
    yield one("expired", 25, [USAGE, purpose(STAMPING)],
              "genTime is after notAfter", end="260102030404Z")
    yield one("early", 26, [USAGE, purpose(STAMPING)],
              "genTime is before notBefore", start="260102030406Z")
    yield one("critical", 27, [USAGE, purpose(STAMPING), extension(
        "1.2.3.4.5", seq())], "RFC 5280 4.2: critical, and nobody knows it")
    yield one("not-by-issuer", 28, [USAGE, purpose(STAMPING)],
              "RFC 5280 6.1.3: not signed by its issuer",
              signer=Key(P384, "tsa stranger"))
    rogue = Cert(ROOT.name, Key(P256, "rogue root"),
                 extensions=[authority(), USAGE_CA])
    false_ca = Cert(CA.name, Key(P384, "rogue authority"), rogue,
                    [authority(0), USAGE_CA], 2)
    impostor = Cert("own tsa", Key(P256, "rogue tsa"), false_ca,
                    [USAGE, purpose(STAMPING)], 3)
    yield "impostor", Token(impostor, embedded=[impostor, false_ca, rogue]), \
        "the same names, up to another root"
    under = Cert("own tsa", Key(P256, "tsa under"), SIGNER,
                 [USAGE, purpose(STAMPING)], 3)
    yield "by-leaf", Token(under, embedded=[under, SIGNER, CA]), \
        "RFC 5280 6.1.4 (k): no authority issued it"


def bad():
    """(name, answer of the runner, response, why)"""
    for name, token, why in certificates():
        yield name, "refused", token.response(), why
    yield "data", "imprint", Token(data=b"hullo").response(), "over other bytes"
    yield "rejected", "status", seq(seq(num(2))), "2.4.2: there is no token"
    yield "waiting", "status", seq(seq(num(3))), "2.4.2: there is no token"
    yield "rejected-token", "status", Token(status=2).response(), \
        "2.4.2: a token that must not be there"
    full = Token().response()
    yield "signature", "signature", full[:-1] + bytes([full[-1] ^ 1]), \
        "a bit of the signature"
    yield "key", "signature", Token(Cert(
        "own tsa", Key(P256, "tsa thief"), CA, [USAGE, purpose(STAMPING)], 3),
        embedded=[CA, SIGNER], named=SIGNER).response(), \
        "not signed by the key of the certificate"
    yield "digest", "digest", Token(digest_of=b"else").response(), \
        "RFC 5652 11.2: message-digest is of the content"
    yield "type", "refused", Token(
        type="1.2.840.113549.1.7.1").response(), \
        "2.4.2: the content is id-ct-TSTInfo"
    yield "no-attributes", "refused", Token(attributes=False).response(), \
        "RFC 5652 5.3: such content has signed attributes"
    yield "no-ess", "refused", Token(ess=None).response(), \
        "RFC 3161 2.4.1: signing-certificate is there"
    yield "ess-other", "ess", Token(
        named=DECOY, embedded=[CA, DECOY, SIGNER]).response(), \
        "RFC 5035 5: it names the signer's certificate"
    yield "two-signers", "signers", Token(
        more=[Token(DECOY)], embedded=[CA, SIGNER, DECOY]).response(), \
        "RFC 3161 2.4.1: the authority's signature alone"
    yield "version", "refused", Token(version=2).response(), \
        "RFC 3161 2.4.2: version 1"
    yield "extension", "refused", Token(extensions=context(1, extension(
        "1.2.3.4.5", seq()))).response(), "a critical extension nobody knows"
    yield "behind", "malformed", full + b"\0", "bytes behind the response"
    yield "cut", "malformed", full[:-1], "it ends early"
    yield "empty", "malformed", b"", "there is nothing"
    yield "indefinite", "malformed", b"\x30\x80" + full[4:] + b"\0\0", \
        "RFC 3161 2.4.2: DER"


def pem(cert):
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(
        cert.der) + b"-----END CERTIFICATE-----\n"


def make():
    files = {"own/ts_chain.pem": pem(CA) + pem(ROOT) + pem(SIGNER)}
    expect = {}

    def add(name, answer, response, why):
        files["own/" + name] = response
        expect[name] = {"answer": answer, "why": why}
    for name, token, why in good():
        add("response-%s.tsr" % name, "valid", token.response(), why)
    for name, answer, response, why in bad():
        add("response-invalid-%s.tsr" % name, answer, response, why)
    files["der/ts_chain.pem"] = ROOT.der  # whatever it is called
    files["der/response.tsr"] = Token(embedded=[CA, SIGNER]).response()
    files["own/expect.json"] = (json.dumps(expect, indent=1)
                                + "\n").encode()
    return files
