"""Inclusion and consistency proofs, by the definitions of RFC 9162: trees and
proofs by the recursions of 2.1.1, 2.1.3.1 and 2.1.4.1; whether a changed one
holds by the steps of 2.1.3.2 and 2.1.4.2, which are written in another way."""
import base64
import hashlib
import json

SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaves(n):
    return [sha(b"\0", b"leaf %d" % i) for i in range(n)]


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root(d):
    """MTH of leaf hashes, 2.1.1."""
    if len(d) == 1:
        return d[0]
    k = split(len(d))
    return sha(b"\1", root(d[:k]), root(d[k:]))


def path(m, d):
    """PATH(m, D), 2.1.3.1."""
    if len(d) == 1:
        return []
    k = split(len(d))
    return path(m, d[:k]) + [root(d[k:])] if m < k \
        else path(m - k, d[k:]) + [root(d[:k])]


def subproof(m, d, whole):
    """SUBPROOF(m, D, b), 2.1.4.1."""
    if m == len(d):
        return [] if whole else [root(d)]
    k = split(len(d))
    return subproof(m, d[:k], whole) + [root(d[k:])] if m <= k \
        else subproof(m - k, d[k:], False) + [root(d[:k])]


def included(leaf, index, size, proof, want):
    """2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha(b"\1", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == want


def consistent(first, first_root, second, second_root, proof):
    """2.1.4.2, which is for 0 < first < second and refuses an empty proof.  Of
    equal trees 2.1.4.1 has the empty one, and 2.1.4 speaks of no empty tree:
    that stands in every other, by an empty proof, when its root is right."""
    if first > second:
        return False
    if first == second:
        return proof == [] and first_root == second_root
    if first == 0:
        return proof == [] and first_root == sha(b"")
    if not proof:
        return False
    if first & first - 1 == 0:
        proof = [first_root] + proof
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha(b"\1", c, fr), sha(b"\1", c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha(b"\1", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


def flip(h):
    return bytes([h[0] ^ 1]) + h[1:]


def proofs(proof):
    """It, and others that are wrong somewhere."""
    yield "whole", proof
    yield "one-more", proof + [bytes(32)]
    if proof:
        yield "cut", proof[:-1]
        yield "beheaded", proof[1:]
        yield "changed", [flip(proof[0])] + proof[1:]
        yield "end-changed", proof[:-1] + [flip(proof[-1])]
        yield "reversed", proof[::-1]
        yield "empty", []


def b64(h):
    return base64.b64encode(h).decode()


def inclusion(out):
    for size in SIZES:
        d = leaves(size)
        for index in {0, size // 2, size - 1}:
            proof = path(index, d)
            tries = [(what, index, size, d[index], p, root(d))
                     for what, p in proofs(proof)]
            tries += [
                ("other-index", index ^ 1, size, d[index], proof, root(d)),
                ("index-is-size", size, size, d[index], proof, root(d)),
                ("larger", index, size + 1, d[index], proof, root(d)),
                ("smaller", index, size - 1, d[index], proof, root(d)),
                ("leaf-changed", index, size, flip(d[index]), proof, root(d)),
                ("root-changed", index, size, d[index], proof, flip(root(d))),
                ("inner-as-leaf", index, size, sha(b"\1", d[index]), proof,
                 root(d))]
            for what, i, n, leaf, p, r in tries:
                out["inclusion/%d-of-%d/%s" % (index, size, what)] = {
                    "leafIdx": i, "treeSize": n, "leafHash": b64(leaf),
                    "root": b64(r), "proof": [b64(h) for h in p],
                    "wantErr": not included(leaf, i, n, p, r)}


def consistency(out):
    for second in SIZES:
        d = leaves(second)
        for first in {1, second // 2, second - 1, second} - {0}:
            proof = subproof(first, d, True)
            one, two = root(d[:first]), root(d)
            tries = [(what, first, one, second, two, p)
                     for what, p in proofs(proof)]
            tries += [
                ("swapped", second, two, first, one, proof),
                ("first-changed", first, flip(one), second, two, proof),
                ("second-changed", first, one, second, flip(two), proof),
                ("first-larger", first + 1, one, second, two, proof),
                ("second-larger", first, one, second + 1, two, proof)]
            for what, m, a, n, b, p in tries:
                out["consistency/%d-in-%d/%s" % (first, second, what)] = {
                    "size1": m, "root1": b64(a), "size2": n, "root2": b64(b),
                    "proof": [b64(h) for h in p],
                    "wantErr": not consistent(m, a, n, b, p)}


def any_text(out):
    """Of two trees of one size the roots are compared, whatever they are."""
    for what, one, two, n in (("same", b"one", b"one", 1),
                              ("other", b"one", b"two", 1),
                              ("larger", b"one", b"one", 2)):
        out["consistency/any-text/" + what] = {
            "size1": 1, "root1": b64(one), "size2": n, "root2": b64(two),
            "proof": [], "wantErr": not consistent(1, one, n, two, [])}


def make():
    cases = {}
    inclusion(cases)
    consistency(cases)
    any_text(cases)
    return {"cases.json": (json.dumps(cases, indent=0, sort_keys=True)
                           + "\n").encode()}
