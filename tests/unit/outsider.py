#!/usr/bin/python3
"""TAP: a stranger's verifier agrees with notary-verify, file by file.

The verifier is that of format.py, written from core/FORMAT.md in Python's
standard library and python3-cryptography; it shares no code with notaryfs.

    outsider.py                    chains that tests/mkcert makes
    outsider.py ANCHOR DIR CERTS   every DIR/PATH with a CERTS/PATH.cert
"""
import importlib.util
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("NOTARYFS_BUILD", os.path.join(HERE, "../../build"))
spec = importlib.util.spec_from_file_location(
    "stranger", os.path.join(HERE, "format.py"))
stranger = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(stranger)
tests = []


def ok(cond, what):
    tests.append(cond)
    print("%sok %d - %s" % ("" if cond else "not ", len(tests), what))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def ours(anchor, path, cert):
    """notary-verify's exit code."""
    return subprocess.run(
        [os.path.join(BUILD, "notary-verify"), "--anchor", anchor.hex(), path,
         cert], stdout=subprocess.DEVNULL, check=False).returncode


def accepted(verdict):
    return not isinstance(verdict, str)


def each(top):
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path, os.path.relpath(path, top)


def agree(anchor, top, certs):
    """How many files have a certificate, and which of those are not valid for
    the stranger or for us."""
    n, bad = 0, []
    for path, name in each(top):
        cert = os.path.join(certs, name + ".cert")
        if name.endswith(".cert") or not os.path.isfile(cert):
            continue
        n += 1
        got = stranger.verdict(read(cert), anchor, read(path))
        if not accepted(got) or got[0] != os.fsencode(name):
            bad.append((name, got))
        elif ours(anchor, path, cert) != 0:
            bad.append((name, "notary-verify refuses it"))
    return n, bad


def forgeries(anchor, top, scratch):
    """One bit in many places: both must refuse."""
    path = os.path.join(top, "folder/file-3")
    cert, content = read(path + ".cert"), read(path)
    bad = []
    for i in range(0, len(cert), 37):
        forged = cert[:i] + bytes([cert[i] ^ 4]) + cert[i + 1:]
        with open(scratch, "wb") as f:
            f.write(forged)
        if accepted(stranger.verdict(forged, anchor, content)):
            bad.append((i, "the stranger takes it"))
        if ours(anchor, path, scratch) == 0:
            bad.append((i, "we take it"))
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
