#!/usr/bin/python3
"""TAP: contrib/verify.py and other people's files.

Genuine AWS Nitro documents, RFC 3161 tokens of public authorities and the COSE
examples, by the same expectations as tests/run-vectors has.  They lie in
NOTARYFS_VECTORS, by default ../shared/vectors beside the checkout.  Those of
our own making, of the same kinds, lie in tests/vectors.  The vectors of kind rfc9162 are over SHA-256, the main log's hash, which no
certificate is checked against.
"""
import base64
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../..")
VECTORS = os.environ.get("NOTARYFS_VECTORS",
                         os.path.join(TOP, "../shared/vectors"))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "contrib"))
try:
    import verify
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
except ImportError:
    print("1..0 # SKIP python3-cryptography is not installed")
    sys.exit(0)

# SHA-256 of the root certificate that AWS publishes (Root-G1).
ROOT_G1 = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"
NITRO = {"valid": "valid", "debug": "attestation-debug",
         "bad-signature": "attestation-signature",
         "other-root": "attestation-root",
         "no-chain": "attestation-malformed",
         "malformed": "attestation-malformed",
         "emulated": "attestation-emulated",
         "expired": "attestation-expired"}
# What contrib/verify.py calls the answers of tests/runner/kind_rfc3161.c.
TSP = {"valid": {"valid"}, "imprint": {"timestamp-block"},
       "malformed": {"timestamp-malformed", "malformed"},
       "status": {"timestamp-malformed", "malformed"},
       "signers": {"timestamp-malformed", "malformed"},
       "digest": {"timestamp-signature"}, "ess": {"timestamp-signature"},
       "signature": {"timestamp-signature"},
       "refused": {"timestamp-signature", "timestamp-malformed", "malformed"}}
OURS = os.path.join(TOP, "tests/vectors")
tests = []


def is_(got, want, what):
    tests.append(got == want)
    print("%sok %d - %s" % ("" if got == want else "not ", len(tests), what))
    if got != want:
        print("# got %s, expected %s" % (got, want))


def read(*names):
    with open(os.path.join(VECTORS, *names), "rb") as f:
        return f.read()


def answer(judge, *args):
    try:
        judge(*args)
        return "valid"
    except verify.Refused as e:
        return str(e)
    except verify.Bad:
        return "malformed"


def nitro():
    def judge(raw, images):
        verify.judge_document(verify.document(raw), {
            "trust": 1, "roots": [bytes.fromhex(root)], "images": images})
    for entry in json.loads(read("nitro", "manifest.json")):
        root = entry.get("root", ROOT_G1)
        image = [(n, bytes.fromhex(entry.get("pcr%d" % n) or "00" * 48))
                 for n in range(3)]
        raw = read("nitro", entry["file"])
        is_(answer(judge, raw, [image]), NITRO[entry["verdict"]],
            "%s: %s" % (entry["file"], entry["verdict"]))
        if entry["verdict"] == "valid":
            other = image[:2] + [(2, b"\1" * 48)]
            is_(answer(judge, raw, [other]), "attestation-image",
                "%s: not another image" % entry["file"])


def authority(folder):
    """The root alone, and with the other certificates behind it.  A file of
    one in DER is called so, too."""
    pem = read(folder, "ts_chain.pem")
    if not pem.startswith(b"-----"):
        return pem, pem
    found = [c + b"-----END CERTIFICATE-----\n" for c in
             pem.split(b"-----END CERTIFICATE-----")[:-1]]
    certs = [x509.load_pem_x509_certificate(c) for c in found]
    certs.sort(key=lambda c: c.issuer != c.subject)
    der = [c.public_bytes(Encoding.DER) for c in certs]
    return der[0], b"".join(der)


def theirs():
    """What run-vectors says of each response, by its name."""
    program = os.path.join(os.environ.get(
        "NOTARYFS_BUILD", os.path.join(TOP, "build")), "tests/run-vectors")
    done = subprocess.run([program, "rfc3161", os.path.join(
        VECTORS, "rfc3161")], stdout=subprocess.PIPE, check=False)
    said = {}
    for line in done.stdout.decode().splitlines():
        if ".tsr: " in line:
            path, text = line.split(".tsr: ")
            said[path.rsplit("/", 1)[1] + ".tsr"] = text
    return said


def rfc3161():
    said = theirs()
    for sub in sorted(os.listdir(os.path.join(VECTORS, "rfc3161"))):
        folder = os.path.join("rfc3161", sub)
        root, every = authority(folder)
        names = os.listdir(os.path.join(VECTORS, folder))
        data = read(folder, "payload") if "payload" in names else b"hello"
        for name in sorted(n for n in names if n.endswith(".tsr")):
            raw = read(folder, name)
            alone, full = (answer(verify.judge_tsp, raw, k, "tsa *", data, [])
                           for k in (root, every))
            if "expect.json" in names:
                want = json.loads(read(folder, "expect.json"))[name]["answer"]
                is_(full in TSP[want], True, "%s: %s, %s" % (name, want, full))
                continue
            if "invalid" in name:
                want = "timestamp-signature"
                is_(alone, want, "%s: refused by the root alone" % name)
            elif "no-embedded-cert" in name:
                want = "valid"
                is_(alone, "timestamp-signature", name + ": needs the others")
            elif name.startswith("response"):
                want = "valid"
            else:
                want = "valid" if said[name].endswith("the token holds") \
                    else full if full != "valid" else "refused"
            is_(full, want, "%s: %s" % (name, said.get(name, "")))


def curve(jwk):
    return {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1}.get(jwk["crv"])


def cose_file(name):
    example = json.loads(read("cose", name))
    sign = example["input"].get("sign0")
    if sign is None or "cbor" not in example["output"]:
        return
    profile = sign["alg"] in ("ES256", "ES384") and "external" not in sign \
        and list(sign.get("protected", {})) == ["alg"]
    good = profile and not example.get("fail")

    def judge():
        raw = bytes.fromhex(example["output"]["cbor"])
        v = verify.Cbor(raw).item(1)
        if type(v) is verify.Tag:
            verify.must(v[0] == 18)
            v = v[1]
        protected, _, payload, signature = v
        # nothing signs the unprotected map: our profile has none
        raw = b"\x84" + verify.encode(protected) + b"\xa0" \
            + verify.encode(payload) + verify.encode(signature)
        kind = curve(sign["key"])
        verify.must(kind)
        x, y = (int.from_bytes(base64.urlsafe_b64decode(
            sign["key"][c] + "=="), "big") for c in "xy")
        _, check = verify.cose(raw, 65536, 65536, kind.name)
        verify.need(check(ec.EllipticCurvePublicNumbers(
            x, y, kind()).public_key()), "signature")
    got = answer(judge)
    is_(got == "valid", good, "%s: %s, %s" % (name, sign["alg"], got))


def cose():
    for name in sorted(os.listdir(os.path.join(VECTORS, "cose"))):
        if name.endswith(".json"):
            cose_file(name)


def main():
    global VECTORS
    foreign = VECTORS
    for VECTORS in OURS, foreign:
        for kind in nitro, rfc3161, cose:
            if os.path.isdir(os.path.join(VECTORS, kind.__name__)):
                kind()
            else:
                print("# no %s/%s: NOT checked (set NOTARYFS_VECTORS)"
                      % (VECTORS, kind.__name__))
                tests.append(True)
                print("ok %d - # SKIP no vectors of kind %s"
                      % (len(tests), kind.__name__))
    print("1..%d" % len(tests))
    return 0 if all(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
