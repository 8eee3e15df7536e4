"""ECDSA over P-256, P-384 and P-521 with the nonces of RFC 6979, so that the
same vectors are made again.  Slow and open to timing: for keys that are in
this folder for everybody to read."""
import hashlib
import hmac


class Curve:
    """y^2 = x^3 - 3x + b over a prime field (SP 800-186)."""

    def __init__(self, name, p, b, g, n, oid):
        self.name, self.p, self.b, self.g, self.n = name, p, b, g, n
        self.oid, self.size = oid, (p.bit_length() + 7) // 8
        x, y = g
        assert (y * y - x * x * x + 3 * x - b) % p == 0
        assert self.times(n - 1, g) == (x, p - y)  # so n * g is infinity

    def add(self, one, two):
        if one is None or two is None:
            return one or two
        (x1, y1), (x2, y2), p = one, two, self.p
        if x1 == x2 and (y1 + y2) % p == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, p) if one == two \
            else (y2 - y1) * pow(x2 - x1, -1, p)
        x = (slope * slope - x1 - x2) % p
        return x, (slope * (x1 - x) - y1) % p

    def times(self, k, point):
        total = None
        while k:
            if k & 1:
                total = self.add(total, point)
            point = self.add(point, point)
            k >>= 1
        return total

    def integer(self, digest):
        """bits2int, RFC 6979 2.3.2."""
        v = int.from_bytes(digest, "big")
        return v >> max(0, len(digest) * 8 - self.n.bit_length())

    def octets(self, v):
        return v.to_bytes((self.n.bit_length() + 7) // 8, "big")

    def nonces(self, secret, digest, hash_name):
        """RFC 6979 3.2."""
        def mac(k, v):
            return hmac.new(k, v, hash_name).digest()
        size = hashlib.new(hash_name).digest_size
        h = self.octets(secret) + self.octets(self.integer(digest) % self.n)
        v, k = b"\1" * size, b"\0" * size
        for i in b"\0", b"\1":
            k = mac(k, v + i + h)
            v = mac(k, v)
        while True:
            t = b""
            while len(t) * 8 < self.n.bit_length():
                v = mac(k, v)
                t += v
            nonce = self.integer(t)
            if 0 < nonce < self.n:
                yield nonce
            k = mac(k, v + b"\0")
            v = mac(k, v)


P256 = Curve(
    "P-256", 2**256 - 2**224 + 2**192 + 2**96 - 1,
    0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b,
    (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5),
    0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551,
    "1.2.840.10045.3.1.7")
P384 = Curve(
    "P-384", 2**384 - 2**128 - 2**96 + 2**32 - 1,
    0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875a
    << 128 | 0xc656398d8a2ed19d2a85c8edd3ec2aef,
    (0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38
     << 128 | 0x5502f25dbf55296c3a545e3872760ab7,
     0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c0
     << 128 | 0x0a60b1ce1d7e819d7a431d7c90ea0e5f),
    2**384 - 0x389cb27e0bc8d220a7e5f24db74f58851313e695333ad68d,
    "1.3.132.0.34")
P521 = Curve(
    "P-521", 2**521 - 1,
    int("51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e1"
        "56193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00", 16),
    (int("c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dba"
         "a14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66", 16),
     int("11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662"
         "c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
         16)),
    int("1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16),
    "1.3.132.0.35")


class Key:
    """One of its own for each name."""

    def __init__(self, curve, name):
        self.curve = curve
        seed = hashlib.sha512(b"notaryfs test key " + name.encode()).digest()
        self.secret = int.from_bytes(seed * 2, "big") % (curve.n - 1) + 1
        self.point = curve.times(self.secret, curve.g)

    def public(self):
        """The uncompressed point (SEC 1, 2.3.3)."""
        return b"\4" + b"".join(v.to_bytes(self.curve.size, "big")
                                for v in self.point)

    def sign(self, data, hash_name):
        """(r, s)"""
        c, digest = self.curve, hashlib.new(hash_name, data).digest()
        for k in c.nonces(self.secret, digest, hash_name):
            r = c.times(k, c.g)[0] % c.n
            s = pow(k, -1, c.n) * (c.integer(digest) + r * self.secret) % c.n
            if r and s:
                return r, s


def check():
    """The example of RFC 6979 A.2.5."""
    key = Key(P256, "")
    key.secret = int("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B"
                     "120F6721", 16)
    assert key.sign(b"sample", "sha256") == (
        int("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
            16),
        int("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
            16))


check()
