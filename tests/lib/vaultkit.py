"""vaultkit: a vault of one's own for mount tests written in Python.

Standard library only.  Every Vault unmounts and ends what it started, whether
the test passes or not, and removes its folder (immutable flags included).
"""
import atexit
import ctypes
import errno
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from stuck import waits_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("NOTARYFS_BUILD", os.path.join(TOP, "build"))
NOTARYFS = os.path.join(BUILD, "notaryfs")
VERIFY = os.path.join(BUILD, "notary-verify")

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    """A function of libc that is negative when it fails."""
    r = getattr(libc, name)(*args)
    if r < 0:
        raise OSError(ctypes.get_errno(), name)
    return r


def answer(f, *args, **kw):
    """What f returns, "ok" for nothing, or the name of the error."""
    try:
        r = f(*args, **kw)
        return "ok" if r is None else r
    except OSError as e:
        return errno.errorcode[e.errno]


def said(f, *args, **kw):
    """"ok", whatever f returns, or the name of the error."""
    return answer(lambda: (f(*args, **kw), None)[1])


class Tap:
    """What a test says; the plan is printed at the end.  What is said after a
    failure goes to standard error, which prove shows in every summary."""

    def __init__(self):
        self.n = self.failed = 0
        self.good = True
        self.told = time.monotonic()

    def ok(self, cond, what):
        self.n += 1
        self.good = bool(cond)
        if not cond:
            self.failed += 1
        print("%sok %d - %s" % ("" if cond else "not ", self.n, what), flush=True)
        return bool(cond)

    def is_(self, got, want, what):
        if not self.ok(got == want, what):
            self.diag("got  %r" % (got,))
            self.diag("want %r" % (want,))
        return got == want

    def diag(self, text):
        for line in str(text).splitlines():
            print("# " + line, flush=True, file=sys.stdout if self.good else sys.stderr)

    def progress(self, text):
        """Of a long run: once a minute."""
        if time.monotonic() - self.told >= 60:
            self.told = time.monotonic()
            print("# " + text, flush=True)

    def done(self):
        print("1..%d" % self.n, flush=True)
        sys.exit(1 if self.failed or not self.n else 0)


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def need_fuse():
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        skip_all("no access to /dev/fuse: mount tests need it")
    if not os.access(NOTARYFS, os.X_OK):
        skip_all("no %s: build first" % NOTARYFS)


def let_go(*but):
    """In a mount namespace of our own: takes the vaults away that others have
    mounted, but those.  A namespace holds whatever was mounted when it began,
    and a daemon does not end, nor umount, before the last one lets go."""
    with open("/proc/self/mountinfo") as f:
        lines = f.readlines()
    for line in reversed(lines):  # what lies in another first
        at = line.split()[4].encode().decode("unicode_escape").encode("latin-1")
        if " - fuse.notaryfs " in line and at not in map(os.fsencode, but):
            ctypes.CDLL(None).umount2(at, 2)  # MNT_DETACH


def own_namespace():
    """The test goes on in a mount namespace of its own, or is skipped."""
    if sys.argv[1:2] == ["inside"]:
        del sys.argv[1]
        let_go()
        return
    enter = ["unshare", "-m", "--propagation", "private"]
    p = run(*enter, "true")
    if p.returncode != 0:
        skip_all("no mount namespace to be had: " + p.stderr.decode().strip())
    os.execvp(enter[0], enter + [sys.executable, sys.argv[0], "inside"] + sys.argv[1:])


def run(*argv, timeout=600, check=False, **kw):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=timeout, **kw)
    if check and p.returncode != 0:
        raise RuntimeError("%s: exit %d\n%s%s" % (
            " ".join(map(str, argv)), p.returncode,
            p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")))
    return p


def wait_for(cond, timeout=120, step=0.02):
    """Wait for a condition, not for a time; its last value is returned."""
    end = time.monotonic() + timeout
    while True:
        v = cond()
        if v or time.monotonic() > end:
            return v
        time.sleep(step)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid):
    """Every descendant of pid: [(pid, name)]."""
    out, seen = [], [pid]
    while seen:
        p = seen.pop()
        kids = []
        try:
            for t in os.listdir("/proc/%d/task" % p):
                with open("/proc/%d/task/%s/children" % (p, t)) as f:
                    kids += [int(x) for x in f.read().split()]
        except OSError:
            continue
        for k in kids:
            try:
                with open("/proc/%d/stat" % k) as f:
                    name = f.read().split("(", 1)[1].rsplit(")", 1)[0]
            except OSError:
                continue
            out.append((k, name))
            seen.append(k)
    return out


class Vault:
    def __init__(self, settle="500ms", keep=False, base=None, init=True):
        self.dir = tempfile.mkdtemp(prefix="notaryfs-test-", dir=base)
        self.path = os.path.join(self.dir, "vault")
        self.mnt = os.path.join(self.dir, "mnt")
        os.mkdir(self.mnt)
        self.keep = keep
        atexit.register(self.close)
        if init:
            run(NOTARYFS, "init", self.path, "--settle", settle, check=True)
            with open(os.path.join(self.path, "anchor")) as f:
                self.anchor = f.read().strip()

    def mount(self, *more):
        return run(NOTARYFS, "mount", self.path, self.mnt, *more, check=True)

    def umount(self, *more, timeout=300):
        """What does not end in its time tells what it waits for."""
        argv = [NOTARYFS, "umount", self.mnt, *more]
        daemon = self.daemon_pid()
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            try:
                out, err = p.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                why = self.stuck(p.pid, daemon)
                p.kill()
                raise RuntimeError("umount did not end in %d s: %s\n%s" % (
                    timeout, p.communicate()[1].decode("utf-8", "replace"), why)) from None
        if p.returncode != 0:
            raise RuntimeError("%s: exit %d\n%s" % (" ".join(argv), p.returncode, err.decode("utf-8", "replace")))
        return subprocess.CompletedProcess(argv, p.returncode, out, err)

    def stuck(self, umount, daemon):
        who = [(umount, "umount"), (daemon, "daemon")] + children(daemon)
        return "".join(waits_for(*x) for x in who if x[0] > 0) + \
            "the end of its log:\n" + "".join(self.log().splitlines(True)[-20:])

    def status(self):
        with open(os.path.join(self.mnt, ".notary/status")) as f:
            return json.load(f)

    def pid(self):
        return int(self.status()["pid"])

    def mounted(self):
        with open("/proc/mounts") as f:
            return any(line.split()[1] == self.mnt for line in f)

    def log(self):
        try:
            with open(os.path.join(self.path, "state/notaryfs.log")) as f:
                return f.read()
        except OSError:
            return ""

    def buckets(self):
        return [os.path.join(self.path, "buckets", str(i)) for i in range(6)]

    def daemon_pid(self):
        """From the lock, which also tells when the mount hangs."""
        try:
            with open(os.path.join(self.path, "state/lock")) as f:
                return int(f.read().split()[0])
        except (OSError, ValueError, IndexError):
            return 0

    def close(self):
        atexit.unregister(self.close)
        if self.mounted():
            try:
                self.umount()
            except RuntimeError as e:
                print(e, file=sys.stderr)
        if self.mounted():
            subprocess.run(["fusermount3", "-uz", self.mnt],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not self.keep:
            drop(self.dir)


def thaw(path):
    """chattr -R -i, but also of what lies deeper than a path can name."""
    for _, _, names, top in os.fwalk(path):
        for name in names:
            try:
                fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=top)
            except OSError:
                continue
            try:
                flags, = struct.unpack("l", fcntl.ioctl(fd, 0x80086601, bytes(8)))
                fcntl.ioctl(fd, 0x40086602, struct.pack("l", flags & ~0x10))
            except OSError:
                pass
            os.close(fd)


def drop(path):
    """Remove a tree that may hold immutable files."""
    subprocess.run(["chattr", "-R", "-f", "-i", path],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(path, ignore_errors=True)
    if os.path.isdir(path):
        thaw(path)
        shutil.rmtree(path, ignore_errors=True)


def listing(top, skip=()):
    """What a restore must give back: kind, mode, mtime, size, link target or
    all names of a file that has several below top, by path."""
    out, names = {}, {}
    for d, dirs, files in os.walk(top):
        dirs[:] = [x for x in sorted(dirs) if os.path.join(d, x) not in skip]
        for name in dirs + sorted(files):
            p = os.path.join(d, name)
            rel = os.path.relpath(p, top)
            st = os.lstat(p)
            what = [oct(st.st_mode)]
            if os.path.islink(p):
                what.append(os.readlink(p))
            else:
                what.append(st.st_mtime_ns)
            if os.path.isfile(p) and not os.path.islink(p):
                what.append(st.st_size)
                if st.st_nlink > 1:
                    names.setdefault((st.st_dev, st.st_ino), []).append(rel)
            out[rel] = tuple(what)
    for several in names.values():
        if len(several) > 1:
            for rel in several:
                out[rel] += (tuple(sorted(several)),)
    return out
