"""CBOR (RFC 8949, shortest heads) and DER (X.690), as much as is needed."""


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in (24, 1), (25, 2), (26, 4), (27, 8):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError(n)


class Open(dict):
    """A map of indefinite length."""


class Pairs(list):
    """A map as it is written, keys in any order and as often as wanted."""


def cbor(v):
    if v is None:
        return b"\xf6"
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, (dict, Pairs)):
        pairs = list(v.items()) if isinstance(v, dict) else v
        body = b"".join(cbor(k) + cbor(x) for k, x in pairs)
        return b"\xbf" + body + b"\xff" if isinstance(v, Open) \
            else head(5, len(pairs)) + body
    return head(4, len(v)) + b"".join(map(cbor, v))


def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    size = (n.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + n.to_bytes(size, "big") + body


def seq(*parts):
    return der(0x30, *parts)


def set_of(*parts):
    return der(0x31, *sorted(parts))


def num(v):
    return der(2, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = b""
    for v in [first * 40 + second] + rest:
        piece = bytes([v & 0x7f])
        while v > 0x7f:
            v >>= 7
            piece = bytes([0x80 | v & 0x7f]) + piece
        out += piece
    return der(6, out)


def bits(data, unused=0):
    return der(3, bytes([unused]), data)


def octets(data):
    return der(4, data)


def text(s):
    return der(12, s.encode())


def context(n, *parts):
    return der(0xa0 | n, *parts)


NULL = b"\5\0"
TRUE = b"\1\1\xff"
SIGNATURES = {"sha256": "1.2.840.10045.4.3.2", "sha384": "1.2.840.10045.4.3.3",
              "sha512": "1.2.840.10045.4.3.4"}
DIGESTS = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2",
           "sha512": "2.16.840.1.101.3.4.2.3",
           "sha3_256": "2.16.840.1.101.3.4.2.8"}
KEY_USAGE, BASIC, PURPOSE = "2.5.29.15", "2.5.29.19", "2.5.29.37"
SIGNING, CERTIFYING = bits(b"\x80", 7), bits(b"\4", 2)


def signed(key, hash_name, data):
    """Ecdsa-Sig-Value."""
    return seq(*map(num, key.sign(data, hash_name)))


def extension(name, value, critical=True):
    return seq(oid(name), TRUE if critical else b"", octets(value))


def authority(depth=None):
    return extension(BASIC, seq(TRUE, b"" if depth is None else num(depth)))


def dn(name):
    return seq(der(0x31, seq(oid("2.5.4.3"), text(name))))


class Cert:
    """X.509 v3 (RFC 5280), signed by `by` (or by itself)."""

    def __init__(self, name, key, by=None, extensions=(), serial=1,
                 start="200101000000Z", end="491231235959Z", signer=None,
                 hash_name=None):
        self.name, self.key, self.serial = name, key, serial
        issuer = by or self
        signer = signer or issuer.key
        hash_name = hash_name or {"P-256": "sha256", "P-384": "sha384"}[
            signer.curve.name]
        algorithm = seq(oid(SIGNATURES[hash_name]))
        self.issuer = dn(issuer.name)
        body = seq(
            context(0, num(2)), num(serial), algorithm, self.issuer,
            seq(der(0x17, start.encode()), der(0x17, end.encode())), dn(name),
            seq(seq(oid("1.2.840.10045.2.1"), oid(key.curve.oid)),
                bits(key.public())),
            context(3, seq(*extensions)))
        self.der = seq(body, algorithm, bits(signed(signer, hash_name, body)))
