#!/usr/bin/python3
"""TAP: notary-verify and contrib/verify.py say the same, for the same reason,
of what nobody would hand in on purpose."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.realpath(os.environ.get("NOTARYFS_BUILD",
                                        os.path.join(HERE, "../../build")))
OURS = [os.path.join(BUILD, "notary-verify")]
STRANGERS = [sys.executable, "-B", os.path.join(HERE, "../../contrib/verify.py")]
tests = []


def judged(program, args):
    """(exit code, verdict, recorded path), and that nothing raw is written."""
    anchor = [] if "--anchor" in args else ["--anchor", "anchor"]
    done = subprocess.run(
        [*program, "--json", *anchor, *args], timeout=600,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False)
    said = json.loads(done.stdout) if done.stdout else {}
    assert b"\x1b" not in done.stdout + done.stderr
    return done.returncode, said.get("verdict"), said.get("path")


def both(want, what, *args):
    """Both exit so, with this verdict."""
    ours, strangers = judged(OURS, args), judged(STRANGERS, args)
    good = ours == strangers and ours[:2] == want
    tests.append(good)
    print("%sok %d - %s" % ("" if good else "not ", len(tests), what))
    if not good:
        print("# %s\n# ours %.300r, the other %.300r"
              % (want, ours, strangers))


VALID, UNREAD = (0, "valid"), (2, "unread")


def contents(file, cert):
    def save(name, data):
        with open(name, "wb") as f:
            f.write(data)
        return name
    with open(file, "rb") as f:
        data = f.read()
    with open(cert, "rb") as f:
        raw = f.read()
    both(VALID, "a file as it was", file)
    both((1, "size"), "an empty file", save("empty", b""), cert)
    both((1, "malformed"), "an empty certificate", file, "empty")
    both((1, "malformed"), "one of one byte", file, save("byte", raw[:1]))
    both((1, "malformed"), "one cut in half", file, save("half", raw[:1500]))
    both((1, "malformed"), "one with a byte behind", file,
         save("behind", raw + b"\0"))
    both((1, "malformed"), "the file as its certificate", file, file)
    both((1, "size"), "the certificate as the file", cert, cert)
    both((1, "malformed"), "both the wrong way round", cert, file)
    both((1, "content"), "another byte", save("other", b"x" + data[1:]), cert)
    both((1, "size"), "a byte more", save("more", data + b"x"), cert)
    both((1, "size"), "another file's certificate", file,
         "tree/folder/file-1.cert")
    both(VALID, "a file without bytes", "tree/folder/file-1")
    both((1, "malformed"), "a certificate of the limit", file,
         save("limit", raw + bytes(262144 - len(raw))))
    both((1, "malformed"), "one of a byte more", file,
         save("over", raw + bytes(262145 - len(raw))))
    both((1, "malformed"), "text", file, save("text", b"-----BEGIN\r\n"))
    both((1, "range"), "a part that it does not have", "--range", "0-9001", file)
    both((2, "part"), "a part as a whole", "piece")
    both((1, "range"), "another part", "--range", "1-2", "piece")
    both(VALID, "a record whose name is 4095 bytes of anything", "large")


def kinds(file, cert):
    os.mkfifo("pipe")
    os.mkdir("folder.cert")
    os.symlink(file, "link")
    os.symlink(cert, "link.cert")
    os.symlink("loop", "loop")
    os.symlink("nowhere", "dangling")
    both(VALID, "symbolic links to both", "link")
    for name in "loop", "dangling", "nothing", "tree", "pipe", "/dev/null", \
            "/dev/zero", "/dev/stdin", "-", "", file + "/", file + "/x":
        both(UNREAD, "as a file: %r" % name, name, cert)
        if name:
            both(UNREAD, "as a certificate: %r" % name, file, name)
    both(UNREAD, "a file without a certificate", "anchor")
    both((64, None), "too many", file, cert, cert)
    both((64, None), "none")


def options(file):
    """What an option takes, and does not."""
    with open("anchor", "rb") as f:
        anchor = f.read().strip()
    for what, data in ("with a newline", anchor + b"\n"), (
            "without", anchor), ("as Windows has it", anchor + b"\r\n"), (
            "in capitals", anchor.upper()):
        with open("an-anchor", "wb") as f:
            f.write(data)
        both(VALID, "an anchor " + what, "--anchor", "an-anchor", file)
    for what, data in ("of nothing", b""), ("with a blank", anchor + b" "), (
            "behind a blank", b" " + anchor), ("of two lines", anchor + b"\n"
                                               + anchor), (
            "of a digit less", anchor[1:]), ("of other digits", "\u0661"
                                             .encode() * 64):
        with open("no-anchor", "wb") as f:
            f.write(data)
        both((64, None), "an anchor " + what, "--anchor", "no-anchor", file)
    for name in "pipe", "tree", "nothing", "/dev/zero", "/dev/null", "":
        for option in "--anchor", "--witness":
            both((64, None), "%s %r" % (option, name), option, name, file)
    for n in "0", "1", "-1", "", "x", "\u0661", " 1", "99999999999999999999":
        both((64, None), "--witnesses %r of none" % n, "--witnesses", n, file)
    for text in "0-0", "1-0", "-1", "1-", "a-b", "+0-1", "0- 1", "\u0660-1", \
            "0-9223372036854775808", "0-18446744073709551617":
        both((64, None), "--range %r" % text, "--range", text, file)
    both((1, "range"), "--range of what no file has", "--range",
         "0-9223372036854775807", file)


def names(file, cert):
    """Beside one another under any name that a file can have."""
    for name in (b"new\nline", b"\x1b[2Jred", b"\xff\xfe", b"\xc2\x9b1m",
                 "ä".encode(), "a\u0308".encode(), b" ", b"a ", b"'\"$(x)`",
                 b"%s%n", b"back\\slash", b"-r", b".cert", b"n" * 250,
                 b"n" * 251, b"\xc3\xa4" * 127):
        shutil.copy(file, b"names/" + name)
        beside = name + b".cert" if len(name) <= 250 else name[:229] + b"~" + \
            hashlib.sha3_256(name).hexdigest()[:16].encode() + b".cert"
        shutil.copy(cert, b"names/" + beside)
        both(VALID, "named %r" % name[:20], b"names/" + name)
        os.unlink(b"names/" + beside)
        both(UNREAD, "and without a certificate", b"names/" + name)
        os.unlink(b"names/" + name)
    os.chdir("names")
    shutil.copy("../anchor", "anchor")
    for name in "-r", "--json":
        shutil.copy("../" + file, name)
        shutil.copy("../" + cert, name + ".cert")
        both(VALID, "behind --, a file called " + name, "--", name)
    os.chdir("..")


def main():
    subprocess.run([os.path.join(BUILD, "tests/mkcert"), ".", "1", "70000"],
                   check=True)
    os.mkdir("names")
    file = "tree/folder/file-3"
    contents(file, file + ".cert")
    kinds(file, file + ".cert")
    options(file)
    names(file, file + ".cert")


if __name__ == "__main__":
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        main()
    finally:
        os.chdir("/")
        shutil.rmtree(folder)
    print("1..%d" % len(tests))
    sys.exit(0 if all(tests) else 1)
