#!/usr/bin/python3
"""TAP: contrib/verify.py agrees with notary-verify, file by file.

    outsider.py                    chains that tests/mkcert makes
    outsider.py ANCHOR DIR CERTS   every DIR/PATH with a CERTS/PATH.cert
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("NOTARYFS_BUILD", os.path.join(HERE, "../../build"))
VERIFY = os.path.join(HERE, "../../contrib/verify.py")
tests = []


def ok(cond, what):
    tests.append(cond)
    print("%sok %d - %s" % ("" if cond else "not ", len(tests), what))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def judged(program, anchor, path, cert, *more):
    """(exit code, verdict, path) of a verifier."""
    done = subprocess.run(
        [*program, "--json", "--anchor", anchor.hex(), *more, path, cert],
        stdout=subprocess.PIPE, check=False)
    said = json.loads(done.stdout) if done.stdout else {}
    return done.returncode, said.get("verdict"), said.get("path")


def ours(*case):
    return judged([os.path.join(BUILD, "notary-verify")], *case)


def strangers(*case):
    return judged([sys.executable, "-B", VERIFY], *case)


def each(top):
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path, os.path.relpath(path, top)


def agree(anchor, top, certs):
    """How many files have a certificate, and which of those are not valid for
    both."""
    n, bad = 0, []
    for path, name in each(top):
        cert = os.path.join(certs, name + ".cert")
        if name.endswith(".cert") or not os.path.isfile(cert):
            continue
        n += 1
        got = strangers(anchor, path, cert)
        if got[:2] != (0, "valid") or got[2].encode() != os.fsencode(name):
            bad.append((name, got))
        if ours(anchor, path, cert) != got:
            bad.append((name, "notary-verify says otherwise"))
    return n, bad


def forgeries(anchor, top, scratch):
    """One bit in many places: both must refuse for the same reason."""
    path = os.path.join(top, "folder/file-3")
    cert = read(path + ".cert")
    bad = []
    for i in range(0, len(cert), 311):
        forged = cert[:i] + bytes([cert[i] ^ 4]) + cert[i + 1:]
        with open(scratch, "wb") as f:
            f.write(forged)
        got = strangers(anchor, path, scratch)
        if got[0] == 0 or ours(anchor, path, scratch) != got:
            bad.append((i, got))
    return bad


def made(epoch):
    with tempfile.TemporaryDirectory() as d:
        subprocess.run([os.path.join(BUILD, "tests/mkcert"), d, str(epoch)],
                       check=True)
        anchor = bytes.fromhex(read(os.path.join(d, "anchor")).decode())
        top = os.path.join(d, "tree")
        n, bad = agree(anchor, top, top)
        ok(n == 5 and not bad, "epoch %d: both take all of %d files %s"
           % (epoch, n, bad))
        other = bytes([anchor[0] ^ 1]) + anchor[1:]
        ok(len(agree(other, top, top)[1]) == n, "and none under another anchor")
        bad = forgeries(anchor, top, os.path.join(d, "forged"))
        ok(not bad, "and no forged certificate %s" % bad)


def main():
    if len(sys.argv) == 4:
        anchor = bytes.fromhex(read(sys.argv[1]).decode())
        n, bad = agree(anchor, sys.argv[2], sys.argv[3])
        ok(n > 0 and not bad, "both take all of %d files %s" % (n, bad[:5]))
    else:
        for epoch in 0, 2:
            made(epoch)
    print("1..%d" % len(tests))
    return 0 if all(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
