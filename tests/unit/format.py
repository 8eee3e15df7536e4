#!/usr/bin/python3
"""TAP: contrib/verify.py takes the certificate of core/FORMAT.md.

It is written from that page alone and shares no code with notaryfs, so what a
verifier needs to know must stand there.
"""
import io
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "../../contrib"))
try:
    import verify
except ImportError:
    print("1..0 # SKIP python3-cryptography is not installed")
    sys.exit(0)


def verdict(raw, anchor, content, facts=None):
    return verify.verdict(raw, anchor, verify.Content(io.BytesIO(content)),
                          facts)


def well_formed(raw):
    try:
        verify.decode(raw, len(raw))
        return True
    except verify.Bad:
        return False


def main():
    page = os.path.join(HERE, "../../core/FORMAT.md")
    with open(page, encoding="utf-8") as f:
        page = f.read()
    ex = {name: bytes.fromhex(text) for name, text in
          re.findall(r"^```hex (\S+)\n([0-9a-f\n]+)```$", page, re.M)}
    cert, content = ex["certificate"], ex["content"]
    anchor = verify.H(ex["block-zero"])
    tests, facts = [], {}

    def ok(cond, what):
        tests.append(cond)
        print("%sok %d - %s" % ("" if cond else "not ", len(tests), what))

    got = verdict(cert, anchor, content, facts)
    ok(got == "valid" and facts["path"] == "letters/hello.txt" and
       facts["recorded_after"] == 1767225600000 and
       facts["existed_by"] == 1767225601000 and
       facts["final_by"] == 1767225602000,
       "the certificate holds by the rules of FORMAT.md alone: %s %s"
       % (got, facts))
    got = verdict(cert, anchor, content + b"!")
    ok(got == "size", "other content is refused: %s" % got)
    got = verdict(cert, verify.H(ex["block-one"]), content)
    ok(got == "anchor", "another anchor is refused: %s" % got)
    got = verdict(cert, None, content)
    ok(got == "no-anchor", "without an anchor nothing is valid: %s" % got)
    def taken(i):
        """With a bit flipped there.  Key 12 made 13 is as if left out: it
        may be passed over, and then says less."""
        said = {}
        return verdict(cert[:i] + bytes([cert[i] ^ 1]) + cert[i + 1:],
                       anchor, content, said) == "valid" and \
            said != dict(facts, final_by=None)
    bad = [i for i in range(0, len(cert), 7) if taken(i)]
    ok(not bad, "a bit flipped in every seventh byte is refused %s" % bad)
    for name, raw in sorted(ex.items()):
        if name not in ("content", "share-header"):
            ok(well_formed(raw), "%s is deterministic CBOR" % name)
    print("1..%d" % len(tests))
    return 0 if all(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
