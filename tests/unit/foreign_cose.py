#!/usr/bin/python3
"""TAP: somebody else's COSE library (Debian's ruby-cose, tests/cosecheck) takes
the messages out of a certificate, refuses them with a byte changed, and says
of our own vectors what was expected of them.
"""
import base64
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../..")
BUILD = os.path.realpath(os.environ.get("NOTARYFS_BUILD",
                                        os.path.join(TOP, "build")))
try:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (Encoding,
                                                              PublicFormat)
except ImportError:
    print("1..0 # SKIP python3-cryptography is not installed")
    sys.exit(0)
CHECK = os.path.join(TOP, "tests/cosecheck/check.rb")
# What COSE demands and that library does not look at.
LAX = {"fail-algorithm-unprotected"}
tests = []


def is_(got, want, what):
    tests.append(got == want)
    print("%sok %d - %s" % ("" if got == want else "not ", len(tests), what))
    if got != want:
        print("# got %s, expected %s" % (got, want))


def theirs(key, *messages):
    done = subprocess.run(["ruby", CHECK, key, *messages], check=True,
                          stdout=subprocess.PIPE)
    return done.stdout.decode().split()


def changed(path, step):
    """Copies with one bit changed, at every step bytes."""
    with open(path, "rb") as f:
        raw = f.read()
    for i in range(0, len(raw), step):
        name = "%s-%d" % (path, i)
        with open(name, "wb") as f:
            f.write(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1:])
        yield name


def certificate(epoch):
    subprocess.run([os.path.join(BUILD, "tests/mkcert"), ".", epoch],
                   check=True)
    subprocess.run([os.path.join(BUILD, "notary-verify"), "--anchor", "anchor",
                    "parts", "tree/folder/file-3.cert", "parts"], check=True,
                   stdout=subprocess.DEVNULL)
    for message, key, other, step in (
            ("s.cose", "sequencer.pem", "attestation-leaf.pem", 3),
            ("attestation.cose", "attestation-leaf.pem", "sequencer.pem", 23)):
        message, key, other = (os.path.join("parts", n)
                               for n in (message, key, other))
        is_(theirs(key, message), ["valid"], "epoch %s: %s holds by %s"
            % (epoch, message, key))
        is_(theirs(other, message), ["refused"], "and not by another key")
        copies = list(changed(message, step))
        is_(set(theirs(key, *copies)), {"refused"},
            "nor with any of %d bytes changed" % len(copies))


def pem(jwk):
    curve = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1,
             "P-521": ec.SECP521R1}[jwk["crv"]]()
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[c] + "=="), "big")
            for c in "xy")
    return ec.EllipticCurvePublicNumbers(x, y, curve).public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def vectors():
    for path in sorted(glob.glob(os.path.join(TOP, "tests/vectors/cose/*.json"))):
        with open(path) as f:
            case = json.load(f)
        sign, name = case["input"]["sign0"], os.path.basename(path)[:-5]
        # tests/cosecheck gives neither external data nor a key's name
        if name in LAX or "external" in sign or "unprotected" in sign:
            continue
        with open("key", "wb") as f:
            f.write(pem(sign["key"]))
        with open("message", "wb") as f:
            f.write(bytes.fromhex(case["output"]["cbor"]))
        is_(theirs("key", "message"), ["refused" if case["fail"] else "valid"],
            "vector %s" % name)


def main():
    for epoch in "0", "2":
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        try:
            certificate(epoch)
            if epoch == "2":
                vectors()
        finally:
            os.chdir("/")
            shutil.rmtree(folder)
    print("1..%d" % len(tests))
    return 0 if all(tests) else 1


def have_library():
    return shutil.which("ruby") is not None and subprocess.run(
        ["ruby", "-e", "require 'cose'"], check=False,
        stderr=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    if not have_library():
        print("# no COSE library: the messages were NOT held against somebody "
              "else's (apt-get install ruby-cose)", file=sys.stderr)
        print("1..0 # SKIP needs ruby-cose")
        sys.exit(0)
    sys.exit(main())
