#!/usr/bin/python3
"""Every public function of core, backends and enclave that can run out of
memory was seen to: it stands in the backtrace of an allocation that a test had
fail.  Which ones can is read from the code as it was compiled: whoever calls an
allocation, or somebody who can.  What is called through a pointer alone is
under the mount's test, where one in so many of all allocations fails
(tests/mount/nomemory.t).

  tests/unit/allocations.py --list    says of each by which test, or that none
"""
import bisect
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("NOTARYFS_BUILD", os.path.join(TOP, "build")))
PARTS = ("core", "backends", "enclave")
TESTS = {"t_alloc": "400", "t_alloc_make": "100", "t_alloc_io": "100", "t_alloc_notary": "100", "t_life_memory": "200", "t_chain": "500"}

# An allocation as a library's function is called: libc's, or any of a library
# that has some.
ALLOCATES = re.compile(
    r"(m|c|re)alloc|reallocarray|strn?dup|v?asprintf|aligned_alloc|posix_memalign|getline|f?open(dir|_memstream)"
    r"|fdopen(dir)?|sqlite3_(?!free|column|bind|reset|finalize|errcode|close)\w+|curl_(?!\w*(cleanup|free_all)$)\w+|pthread_create"
    r"|(?!SHA256_|SHA512_|CRYPTO_memcmp|OPENSSL_cleanse|EVP_EncodeBlock|EVP_DigestUpdate$|EVP_DigestFinal_ex$|OBJ_obj2nid$|X509_ALGOR_get0$|OPENSSL_sk_(num|value)$|\w+_free$|\w+_get0?_|\w+_(size|is_a)$)[A-Z][A-Za-z0-9]*_\w+|[di]2[di]_\w+")

# These go on without memory (core/hash.h), and so does who asks nobody else.
GO_ON = re.compile(r"hash_\w+|hasher_(add|add_zeros|end|free)|keccak_\w+")

# Why no allocation fails below these.
EXCEPT = {
    "arena_install": "once, before libcrypto: without memory that takes the heap",
    "json_close_array": "as json_object(), one byte",
    "json_close_object": "as json_object(), one byte",
    "range_fits": "makes a tree without contents",
    "seq_local_start": "as seq_local_genesis(), with processes that a mount starts (tests/mount/nomemory.t)",
    "tempfile_clean": "opendir(3) alone, whose memory is libc's own",
    "verify_cache_add_recent": "one of hundreds in verify_cached(): t_alloc 0",
}
# Whether one of those that a shorter run has fail is in these depends on how many come before.
BY_CHANCE = {"verify_cache_add_recent"}


def said(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout


def libraries():
    for part in PARTS:
        for d, _, names in os.walk(os.path.join(BUILD, part)):
            if d.endswith(part):
                yield from (os.path.join(d, n) for n in sorted(names) if n.endswith(".a"))


def graph():
    """{(object, function): names that it calls}, {name: its (object, function)}."""
    calls, known = {}, {}
    for lib in libraries():
        obj = cur = None
        for line in said("objdump", "-dr", "--no-show-raw-insn", lib).splitlines():
            if m := re.match(r"(\S+\.o):", line):
                obj = lib + m[1]
            elif m := re.match(r"[0-9a-f]+ <(\S+)>:", line):
                cur = obj, m[1].split(".")[0]
                calls.setdefault(cur, set())
            elif m := re.search(r"R_X86_64_(?:PLT32|PC32|\w*GOT\w*)\s+(\w+)", line) or \
                    re.search(r"\s(?:call|j\w+)\s+[0-9a-f]+ <(\w+)", line):
                calls[cur].add(m[1])
        for line in said("nm", lib).splitlines():
            if m := re.match(r"(\S+\.o):", line):
                obj = lib + m[1]
            elif m := re.match(r"[0-9a-f]+ T (\w+)", line):
                known[m[1]] = obj, m[1]
    return calls, known


def may_allocate(calls, known):
    callers, found = {}, set()
    for f, names in calls.items():
        for name in names:
            to = (f[0], name) if (f[0], name) in calls else known.get(name)
            if to is not None and not GO_ON.fullmatch(name):
                callers.setdefault(to, set()).add(f)
            elif to is None and ALLOCATES.fullmatch(name) and not GO_ON.fullmatch(f[1]):
                found.add(f)
    todo = list(found)
    while todo:
        for f in callers.get(todo.pop(), ()):
            if f not in found:
                found.add(f)
                todo.append(f)
    return found


def public():
    """Functions that a header names which is not for the files of one module."""
    out = {}
    for part in PARTS:
        for name in sorted(os.listdir(os.path.join(TOP, part))):
            if name.endswith(".h") and not name.endswith("_impl.h"):
                with open(os.path.join(TOP, part, name)) as f:
                    text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
                for word in re.findall(r"\b(\w+)\s*\(", text):
                    out.setdefault(word, "%s/%s" % (part, name))
    return out


def entered(test):
    """Functions in the backtraces of what the test had fail."""
    program = os.path.join(BUILD, "tests", test)
    with tempfile.NamedTemporaryFile("r") as trace:
        env = dict(os.environ, ALLOCFAIL_TRACE=trace.name)
        p = subprocess.run([program, TESTS[test]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        if p.returncode != 0:
            sys.exit("Bail out! %s fails" % test)
        places = [int(x, 16) for x in trace.read().split()]
    symbols = sorted((int(line.split()[0], 16), line.split()[2]) for line in said("nm", "--defined-only", program).splitlines()
                     if line.split()[1] in "tT")
    at = [x for x, _ in symbols]
    # a return address stands behind its call
    return {symbols[bisect.bisect_right(at, x - 1) - 1][1].split(".")[0] for x in places}


def sanitized():
    with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
        return re.search(r"^NOTARYFS_SANITIZE:\w+=.", f.read(), re.M) is not None


def main():
    if sanitized():
        print("1..0 # SKIP sanitizers call things of their own: it is read in the other build")
        return 0
    calls, known = graph()
    may, names = may_allocate(calls, known), public()
    want = sorted(name for name, f in known.items() if f in may and name in names)
    seen = {}
    for test in TESTS:
        for name in entered(test):
            seen.setdefault(name, test)
    if "--list" in sys.argv:
        for name in want:
            print("%-40s %-28s %s" % (name, names[name], seen.get(name, EXCEPT.get(name, "-"))))
        return 0
    print("1..3")
    bad = 0
    for n, wrong, what in (
            (1, [] if len(want) > 150 else want, "the code is read"),
            (2, [x for x in want if x not in seen and x not in EXCEPT], "every public function that allocates ran out of it"),
            (3, [x for x in EXCEPT if (x in seen and x not in BY_CHANCE) or x not in want], "what is excepted has to be")):
        print("%sok %d - %s" % ("not " if wrong else "", n, what))
        for name in wrong:
            print("# %s (%s)" % (name, names.get(name)), file=sys.stderr)
        bad += bool(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
