"""versionmodel: what a folder of class version or append must hold after random
operations, and what each of its names has sealed.

Nothing is sealed there before it is asked for, so the model knows what is.  One
Worker has a folder to itself; `tests/long/versions` runs some and says what must
hold (V1 to V4).
"""
import collections
import ctypes
import errno
import mmap
import os
import random

import vaultkit as kit

SAID = int(os.environ.get("SAID", 40))  # steps told after a failure
WAIT = 60       # s; a file is sealed in far less
EXCHANGE, NOREPLACE = 2, 1              # renameat2(2)
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16    # fallocate(2)
libc = ctypes.CDLL(None, use_errno=True)


class Differs(Exception):
    pass


def outcome(f, *a, **k):
    """(what f returns, None), or (None, the name of the errno)."""
    try:
        return f(*a, **k), None
    except OSError as e:
        return None, errno.errorcode[e.errno]


def checked(rc, what):
    if rc != 0:
        raise OSError(ctypes.get_errno(), what)


def rename2(a, b, flags):
    checked(libc.renameat2(-100, a.encode(), -100, b.encode(), flags), "renameat2")


def fallocate(fd, mode, off, n):
    checked(libc.fallocate(fd, mode, ctypes.c_long(off), ctypes.c_long(n)), "fallocate")


def state(path):
    return os.getxattr(path, "user.notary.state").decode()


def read(path):
    """What is in a file, or where a symbolic link leads."""
    if os.path.islink(path):
        return os.readlink(path).encode()
    with open(path, "rb") as f:
        return f.read()


class File:
    """link: where a symbolic link leads; else data.  fds: open for writing."""

    def __init__(self, ino, data=None, link=None):
        self.ino, self.data, self.link = ino, data, link
        self.names, self.fds = [], []
        self.sealed = False             # it certainly is
        self.floor = 0                  # of a log: what is sealed
        self.moved = False              # a log that was renamed: see resized()
        self.fixed = False              # a link of class append that was sealed
        self.attr = {}

    def content(self):
        return self.data if self.link is None else self.link.encode()


class Path:
    """past: what it has sealed; now: what of it that stands, or None."""

    def __init__(self):
        self.past, self.now = [], None
        self.begun = set()              # of past: what is not the one before, grown
        self.linked = False             # its file had several names
        self.maybe = []                 # what it may have sealed besides
        self.folder = False             # one came after what was sealed there


class Worker:
    def __init__(self, v, n, kind, seed, turn):
        self.v, self.kind, self.name = v, kind, "%s/t%d-%d" % (kind, n, turn)
        self.rng = random.Random("%d %d %s %d" % (seed, n, kind, turn))
        self.top = os.path.join(v.mnt, self.name)
        self.files = {}                 # relative path -> File
        self.folders = {""}
        self.paths = collections.defaultdict(Path)
        self.said = collections.deque(maxlen=SAID)
        self.steps = 0
        self.checked, self.buried = {}, {}      # of which a path's past was looked at
        os.makedirs(self.top)

    # -- what is common

    def at(self, p):
        return os.path.join(self.top, p)

    def history_of(self, p):
        return os.path.join(self.v.mnt, ".notary/history", self.name, p)

    def say(self, *what):
        self.said.append("%6d %s" % (self.steps, " ".join(str(x)[:80] for x in what)))

    def fail(self, what):
        raise Differs("%s step %d: %s\n%s" % (self.name, self.steps, what, "\n".join(self.said)))

    def expect(self, got, *want):
        if got not in want:
            self.fail("ended with %s, not %s" % (got, " or ".join(map(str, want))))

    def free_name(self):
        folder = self.rng.choice(sorted(self.folders))
        p = os.path.join(folder, "%s%d" % (self.rng.choice("abc"), self.rng.randrange(6)))
        return None if p in self.files or p in self.folders else p

    def any_name(self):
        return self.rng.choice(sorted(self.files)) if self.files else None

    def any_file(self):
        p = self.any_name()
        return p if p is not None and self.files[p].link is None else None

    def bytes(self):
        return self.rng.randbytes(self.rng.choice((0, 1, 9, 100, 5000, 5000, 70000)))

    # -- what is sealed

    def is_log(self, f):
        return f.floor > 0 or f.fixed

    def key(self, f, p):
        """What a record of it says; time and mode are the mount's own word."""
        if self.is_log(f):
            return (f.content(),)       # but for a growth it is not recorded
        st = os.lstat(self.at(p))
        return (f.content(), st.st_mode, st.st_mtime_ns, tuple(sorted(f.attr.items())), f.link is None)

    def record(self, p, f):
        e, key = self.paths[p], self.key(f, p)
        e.linked = e.linked or len(f.names) > 1  # which of them is the first is not modelled
        e.folder = False
        if e.now == key:
            return
        if not (self.is_log(f) and e.now is not None and e.now[0] and key[0].startswith(e.now[0])):
            e.begun.add(len(e.past))
        e.past.append(key[0])
        e.now = key

    def leave(self, p):
        self.paths[p].now = None

    def newest(self, p):
        """The number of what the path has sealed last, or 0."""
        return max([int(x) for x in outcome(os.listdir, self.history_of(p))[0] or () if x.isdigit()], default=0)

    def is_recorded(self, f, p):
        """Is the newest that the path has sealed as long as this?"""
        n = self.newest(p)
        return n > 0 and os.stat(self.history_of(p) + "/%d" % n).st_size == len(f.data)

    def was_sealed(self, f):
        f.sealed = not f.fds
        if self.kind == "log" and f.link is None:
            f.floor = len(f.data)
        f.fixed = self.kind == "log" and f.link is not None
        for p in f.names:
            self.record(p, f)

    def seal(self, f):
        """Asked for, and waited for."""
        if f.link is not None or (f.fds and self.kind == "w"):
            return
        p = f.names[0]
        self.say("seal", p)
        _, err = outcome(os.setxattr, self.at(p), "user.notary.seal", b"1")
        if f.fds and not all(how & os.O_APPEND for _, how in f.fds):
            return self.expect(err, "EBUSY")
        if f.fds and (err == "EBUSY" or f.data == b""):
            return self.expect(err, None, "EBUSY")  # an empty one is not sealed as a log
        self.expect(err, None)
        if not kit.wait_for((lambda: self.is_recorded(f, p)) if f.fds else
                            (lambda: state(self.at(p)) in ("sealed", "notarized")), timeout=WAIT):
            self.fail("%s is not sealed, but %s" % (p, state(self.at(p))))
        self.was_sealed(f)

    # -- operations on contents

    def op_create(self):
        p = self.free_name()
        if p is None:
            return
        data = self.bytes()
        self.say("create", p, len(data))
        fd = os.open(self.at(p), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        os.write(fd, data)
        f = File(os.fstat(fd).st_ino, data)
        os.close(fd)
        f.names.append(p)
        self.files[p] = f

    def opened(self, p, flags):
        """A descriptor, or None where there must be none."""
        f = self.files[p]
        fd, err = outcome(os.open, self.at(p), flags)
        if self.is_log(f) and (not flags & os.O_APPEND or flags & os.O_TRUNC):
            self.expect(err, "EPERM")
            return None
        self.expect(err, None)
        f.sealed = False
        return fd

    def put(self, f, data, off):
        f.data = (f.data + bytes(max(0, off - len(f.data))))[:off] + data + f.data[off + len(data):]
        f.sealed = False

    def op_write(self):
        p = self.any_file()
        if p is None:
            return
        f = self.files[p]
        how = self.rng.choice((os.O_WRONLY, os.O_WRONLY | os.O_TRUNC, os.O_RDWR, os.O_WRONLY | os.O_APPEND))
        data, off = self.bytes(), self.rng.randrange(len(f.data) + 20)
        self.say("write", p, "flags", how, "at", off, len(data))
        fd = self.opened(p, how)
        if fd is None:
            return
        if how & os.O_TRUNC:
            f.data = b""
        if how & os.O_APPEND:
            os.write(fd, data)
            f.data += data
        elif data:
            os.pwrite(fd, data, off)
            self.put(f, data, off)
        os.close(fd)

    def op_hold(self):
        """A descriptor that stays open, whatever becomes of the name."""
        p = self.any_file()
        if p is None:
            return
        how = self.rng.choice((os.O_RDWR, os.O_WRONLY | os.O_APPEND))
        self.say("hold", p, "flags", how)
        fd = self.opened(p, how)
        if fd is not None:
            self.files[p].fds.append((fd, how))

    def op_held(self):
        held = sorted({id(f): p for p, f in self.files.items() if f.fds}.values())
        if not held:
            return
        p = self.rng.choice(held)
        f = self.files[p]
        fd, how = self.rng.choice(f.fds)
        if self.rng.random() < 0.3:
            self.say("release", p)
            f.fds.remove((fd, how))
            os.close(fd)
            return
        act = self.rng.choice((self.held_write, self.held_write, self.held_allocate, self.held_truncate,
                               self.held_map, self.held_copy))
        act(p, f, fd, how & os.O_APPEND)

    def held_write(self, p, f, fd, adds):
        data = self.bytes()
        off = len(f.data) if adds else self.rng.randrange(len(f.data) + 20)
        self.say("write held", p, "at", off, len(data))
        os.pwrite(fd, data, off)
        if data:
            self.put(f, data, off)

    def held_allocate(self, p, f, fd, adds):
        mode = self.rng.choice((0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE))
        off, n = self.rng.randrange(len(f.data) + 20), self.rng.choice((1, 100, 5000))
        self.say("allocate held", p, "mode", mode, "at", off, n)
        _, err = outcome(fallocate, fd, mode, off, n)
        if adds and mode & ~KEEP_SIZE and self.kind == "log":
            return self.expect(err, "EPERM", None)      # EPERM once it can only grow
        self.expect(err, None)
        f.sealed = False
        if mode & ~KEEP_SIZE:
            kept = f.data
            self.put(f, bytes(n), off)
            if mode & KEEP_SIZE:
                f.data = f.data[:len(kept)]
        elif not mode and off + n > len(f.data):
            f.data += bytes(off + n - len(f.data))

    def held_truncate(self, p, f, fd, adds):
        n = self.length(f)
        self.say("truncate held", p, len(f.data), "->", n, "floor", f.floor)
        self.resized(f, n, outcome(os.ftruncate, fd, n)[1])

    def held_map(self, p, f, fd, adds):
        if adds or not f.data:
            return
        off, data = self.rng.randrange(len(f.data)), self.bytes()
        data = data[:len(f.data) - off]
        self.say("write mapped", p, "at", off, len(data))
        with mmap.mmap(fd, len(f.data)) as m:
            m[off:off + len(data)] = data
            m.flush()
        if data:
            self.put(f, data, off)

    def held_copy(self, p, f, fd, adds):
        q = self.any_file()
        if adds or q is None or self.files[q] is f:
            return
        data, off = self.files[q].data, self.rng.randrange(len(f.data) + 20)
        self.say("copy", q, "to held", p, "at", off, len(data))
        src = os.open(self.at(q), os.O_RDONLY)
        n = os.copy_file_range(src, fd, len(data) + 1, 0, off)
        os.close(src)
        if n != len(data):
            self.fail("%d bytes were copied" % n)
        if data:
            self.put(f, data, off)

    def length(self, f):
        return self.rng.choice((0, f.floor, f.floor + 3, len(f.data) // 2, len(f.data), len(f.data) + 7))

    def resized(self, f, n, err):
        if n < f.floor:
            return self.expect(err, "EPERM")
        if n < len(f.data) and f.floor > 0 and f.moved and err == "EPERM":
            return      # of a log that was renamed also the tail, after a mount: it is sealed soon
        self.expect(err, None)
        f.sealed = False
        f.data = f.data[:n] + bytes(max(0, n - len(f.data)))

    def op_truncate(self):
        p = self.any_file()
        if p is None:
            return
        f = self.files[p]
        n = self.length(f)
        self.say("truncate", p, len(f.data), "->", n, "floor", f.floor)
        self.resized(f, n, outcome(os.truncate, self.at(p), n)[1])

    def op_attr(self):
        p = self.any_file()
        if p is None:
            return
        f, path = self.files[p], self.at(p)
        what = self.rng.choice(("chmod", "same", "utime", "set", "remove"))
        value = b"%d" % self.rng.randrange(1000000)
        mode = os.stat(path).st_mode & 0o777
        time = 10 ** 18 + self.steps * 1000 + self.rng.randrange(1000)
        self.say(what, p)
        _, err = outcome(*{"chmod": (os.chmod, path, mode ^ 0o010), "same": (os.chmod, path, mode),
                           "utime": (lambda: os.utime(path, ns=(10 ** 18, time)),),
                           "set": (os.setxattr, path, "user.a", value),
                           "remove": (os.removexattr, path, "user.a")}[what])
        if what == "remove" and "user.a" not in f.attr:
            return self.expect(err, "ENODATA", *(["EPERM"] if self.is_log(f) else []))
        if self.is_log(f) and what != "same":
            return self.expect(err, "EPERM")
        self.expect(err, None)
        if what == "set":
            f.attr["user.a"] = value
        elif what == "remove":
            del f.attr["user.a"]
        f.sealed = f.sealed and what == "same"

    # -- operations on names

    def may_leave(self, p):
        """What removing that name may end with."""
        f = self.files[p]
        if self.is_log(f):
            return ("EPERM",)
        return (None,)

    def drop(self, p):
        f = self.files.pop(p)
        f.names.remove(p)
        if f.names and f.sealed:        # or sealed anew under them, if p was the first
            f.sealed = f.link is None and state(self.at(f.names[0])) in ("sealed", "notarized")
        if not f.names:
            for fd, _ in f.fds:
                os.close(fd)
            f.fds = []

    def op_unlink(self):
        p = self.any_name()
        if p is None:
            return
        self.say("unlink", p)
        _, err = outcome(os.unlink, self.at(p))
        self.expect(err, *self.may_leave(p))
        if err is None:
            self.leave(p)
            self.drop(p)

    def may_rename(self, a, b, flags):
        """What it may end with."""
        fa, fb = self.files[a], self.files.get(b)
        if fb is not None and flags == NOREPLACE:
            return ("EEXIST",)
        if fb is None and flags == EXCHANGE:
            return ("ENOENT",)
        if fa is fb:
            return (None, "EPERM")
        if fb is not None and (self.is_log(fa) or self.is_log(fb)):
            return ("EPERM",)
        if fb is not None and self.kind == "log" and (self.paths[a].now or self.paths[b].now):
            return (None, "EPERM")      # an empty one that is sealed
        if self.is_log(fa):             # or a further name of it that was not sealed yet
            alone = len(fa.names) == 1 or self.paths[a].now is None
            return (None,) if alone and not fa.fixed else ("EPERM",)
        return {*self.may_leave(a), *(self.may_leave(b) if fb else ())}

    def op_rename(self):
        a = self.any_name()
        if a is None:
            return
        b = self.free_name() if self.rng.random() < 0.5 else self.any_name()
        if b is None:
            return
        flags = self.rng.choice((0, 0, EXCHANGE, NOREPLACE))
        fa, fb = self.files[a], self.files.get(b)
        self.say("rename", a, b, "flags", flags, "names", fa.names, fb and fb.names)
        _, err = outcome(rename2, self.at(a), self.at(b), flags)
        self.expect(err, *self.may_rename(a, b, flags))
        if err is not None or fa is fb:
            return
        if flags == EXCHANGE:
            self.files[a], self.files[b] = fb, fa
            fa.names[fa.names.index(a)] = b
            fb.names[fb.names.index(b)] = a
            fa.sealed = fb.sealed = False
            return
        was_sealed = self.paths[a].now is not None
        self.leave(a)
        if fb is not None:
            self.drop(b)
        self.files[b] = self.files.pop(a)
        fa.names[fa.names.index(a)] = b
        fa.sealed = False
        if fa.floor > 0 and was_sealed:
            self.log_moved(fa, b)

    def log_moved(self, f, p):
        """Which seals it."""
        f.moved = True
        if not kit.wait_for(lambda: self.is_recorded(f, p) and
                            (f.fds or state(self.at(p)) in ("sealed", "notarized")), timeout=WAIT):
            self.fail("%s is not sealed after it was renamed, but %s" % (p, state(self.at(p))))
        self.was_sealed(f)

    def op_temp(self):
        """To a name that is never sealed, and back."""
        p = self.any_name()
        if p is None or self.kind == "log":
            return
        self.say("temp", p)
        _, err = outcome(os.rename, self.at(p), self.at(p + ".tmp"))
        if self.files[p].sealed or self.paths[p].now is not None:
            return self.expect(err, "EPERM")
        self.expect(err, None)
        os.rename(self.at(p + ".tmp"), self.at(p))

    def op_link(self):
        a, b = self.any_name(), self.free_name()
        if a is None or b is None or len(self.files[a].names) > 3:
            return
        f = self.files[a]
        if f.link is not None and self.kind == "log":
            return
        self.say("link", a, b)
        before = self.newest(b)
        _, err = outcome(os.link, self.at(a), self.at(b), follow_symlinks=False)
        if self.kind == "log" and not f.data and self.paths[a].now is not None:
            self.expect(err, None, "EPERM")     # an empty one that is sealed
        else:
            self.expect(err, None)
        if err is not None:
            return
        f.names.append(b)
        self.files[b] = f
        if self.is_log(f) and f.fds:    # it can be recorded before it grows again
            self.paths[b].maybe.append(f.content())
        if f.sealed or (f.link is not None and self.newest(b) > before):    # which has no state to be seen
            for p in f.names:
                self.paths[p].linked = True
            self.record(b, f)

    def op_symlink(self):
        p = self.free_name()
        if p is None:
            return
        to = "to %d" % self.rng.randrange(10 ** 6)
        self.say("symlink", p, to)
        os.symlink(to, self.at(p))
        f = File(os.lstat(self.at(p)).st_ino, link=to)
        f.names.append(p)
        self.files[p] = f

    # -- folders

    def op_mkdir(self):
        p = self.free_name()
        if p is None or p.count("/") > 2:
            return
        self.say("mkdir", p)
        os.mkdir(self.at(p))
        self.add_folder(p)

    def add_folder(self, p):
        self.folders.add(p)
        self.paths[p].folder = True

    def below(self, folder):
        return [x for x in [*self.files, *sorted(self.folders)] if x.startswith(folder + "/")]

    def op_rmdir(self):
        p = self.rng.choice(sorted(self.folders))
        if not p:
            return
        self.say("rmdir", p)
        _, err = outcome(os.rmdir, self.at(p))
        self.expect(err, "ENOTEMPTY" if self.below(p) else None)
        if err is None:
            self.folders.remove(p)

    def op_move_folder(self):
        a, b = self.rng.choice(sorted(self.folders)), self.free_name()
        if not a or b is None or b.startswith(a + "/"):
            return
        names = self.below(a)
        files = {self.files[x] for x in names if x in self.files}
        self.say("move folder", a, b, len(names))
        _, err = outcome(os.rename, self.at(a), self.at(b))
        if any(self.is_log(f) for f in files):
            return self.expect(err, "EPERM")
        if self.kind == "log" and any(self.paths[x].past for x in names):
            self.expect(err, None, "EPERM")
        else:
            self.expect(err, None)
        if err is not None:
            return
        for x in [a] + names:
            y = b + x[len(a):]
            if x in self.folders:
                self.folders.remove(x)
                self.add_folder(y)
                continue
            self.leave(x)
            f = self.files[y] = self.files.pop(x)
            f.names[f.names.index(x)] = y
            f.sealed = False

    # -- between

    def op_seal(self):
        p = self.any_name()
        if p is not None:
            self.seal(self.files[p])

    def op_look(self):
        p = self.any_name()
        if p is not None:
            self.same(p)

    def op_past(self):
        """What was sealed can be read at every moment."""
        past = sorted(p for p, e in self.paths.items() if e.past)
        if past:
            p = self.rng.choice(past)
            self.say("history", p)
            self.history(p)

    OPS = {op_create: 12, op_write: 16, op_hold: 4, op_held: 14, op_truncate: 6, op_attr: 8, op_unlink: 9,
           op_rename: 14, op_temp: 2, op_link: 5, op_symlink: 3, op_mkdir: 2, op_rmdir: 1, op_move_folder: 2,
           op_seal: 8, op_look: 6, op_past: 3}

    def run(self, n):
        ops, weights = zip(*self.OPS.items())
        for _ in range(n):
            self.steps += 1
            try:
                self.rng.choices(ops, weights)[0](self)
            except OSError as e:
                self.fail("%r" % e)

    def release(self):
        """Closes what is open."""
        for f in self.files.values():
            for fd, _ in f.fds:
                outcome(os.close, fd)
            f.fds = []

    def ask(self):
        """Of half of the files; who does this seals all before the next step."""
        for p, f in sorted(self.files.items()):
            if f.link is None and self.rng.random() < 0.5:
                outcome(os.setxattr, self.at(p), "user.notary.seal", b"1")

    # -- V2

    def same(self, p):
        f, st = self.files[p], os.lstat(self.at(p))
        if st.st_ino != f.ino:
            self.fail("%s: inode number %d was %d" % (p, st.st_ino, f.ino))
        got = read(self.at(p))
        if got != f.content():
            self.fail("%s: %d bytes are not the %d that were written" % (p, len(got), len(f.content())))
        if f.link is not None:
            return
        got = {a: os.getxattr(self.at(p), a) for a in os.listxattr(self.at(p))}
        if got != f.attr:
            self.fail("%s: has %s, not %s" % (p, got, f.attr))
        got = state(self.at(p))
        if f.sealed and got not in ("sealed", "notarized") or f.fds and got != "open":
            self.fail("%s: is %s, not %s" % (p, got, "open" if f.fds else "sealed"))

    def tree(self):
        names = set()
        for d, folders, files in os.walk(self.top):
            names.update(os.path.relpath(os.path.join(d, x), self.top) for x in folders + files)
        if names != set(self.files) | self.folders - {""}:
            self.fail("names: %s" % (names ^ (set(self.files) | self.folders - {""})))
        for p in self.files:
            self.same(p)

    def unsealed(self):
        """What is not final, and what was done in its folder."""
        names = [p for p, f in sorted(self.files.items()) if f.link is None and state(self.at(p)) != "notarized"]
        return "" if not names else "%s: %s\n%s" % (
            self.name, ["%s is %s, of %s" % (p, state(self.at(p)), self.files[p].names) for p in names], "\n".join(self.said))

    def all_sealed(self):
        for f in set(self.files.values()):
            got = "notarized" if f.link is not None else state(self.at(f.names[0]))
            if got != "notarized":
                self.fail("%s: is %s, not notarized" % (f.names[0], got))
            self.was_sealed(f)

    # -- V3

    @staticmethod
    def once(contents):
        return [x for i, x in enumerate(contents) if i == 0 or x != contents[i - 1]]

    def history(self, p, since=0):
        """since: so many were looked at before."""
        e, top = self.paths[p], self.history_of(p)
        got, err = outcome(os.listdir, top)
        if err is not None:
            self.fail("history/%s: %s; %d were sealed" % (p, err, len(e.past)))
        numbers = sorted(int(x) for x in got if x.isdigit())
        certs = {x for x in got if x.endswith(".cert")}
        if numbers != list(range(1, len(numbers) + 1)) or certs != {"%d.cert" % x for x in numbers}:
            self.fail("history/%s: has %s" % (p, sorted(got)))
        since = 0 if e.linked else since
        got, want = [read(top + "/%d" % x) for x in numbers[since:]], e.past[since:]
        if e.linked:
            got, want = self.once([x for x in got if x in want or x not in e.maybe]), self.once(want)
        if got != want:
            self.fail("history/%s: %s, not %s" % (
                p, [(len(x), want.index(x) + 1 if x in want else "unknown") for x in got], [len(x) for x in want]))
        f = self.files.get(p)
        if f is not None and f.sealed and f.link is None:
            self.same_attributes(p, top + "/%d" % numbers[-1])

    def same_attributes(self, p, version):
        now, then = os.stat(self.at(p)), os.stat(version)
        if (now.st_mtime_ns, now.st_mode & 0o444) != (then.st_mtime_ns, then.st_mode & 0o777):
            self.fail("%s: time %d and mode %o are recorded as %d and %o" % (
                p, now.st_mtime_ns, now.st_mode, then.st_mtime_ns, then.st_mode))

    def histories(self, everything):
        for p, e in self.paths.items():
            n, f = self.checked.get(p, 0), self.files.get(p)
            if e.past and (everything or n != len(e.past)):
                self.history(p, 0 if everything else n)
                self.checked[p] = len(e.past)
            elif f is not None and f.floor > 0 and not e.linked:    # its time may have been another
                self.same_attributes(p, self.history_of(p) + "/%d" % n)

    # -- V4

    def is_gone(self, p):
        e = self.paths.get(p)
        return e is not None and e.past != [] and e.now is None

    def is_hidden(self, p):
        """Below the name of a file that is gone, too."""
        while p:
            p = os.path.dirname(p)
            if self.is_gone(p) and not self.paths[p].folder:
                return True
        return False

    def may_be_hidden(self, p):
        while p:
            p = os.path.dirname(p)
            if self.is_gone(p):
                return True
        return False

    def deleted(self, everything):
        top, got = os.path.join(self.v.mnt, ".notary/deleted", self.name), {}
        for d, folders, files in os.walk(top):
            if len({*folders, *files}) != len(folders) + len(files):
                self.fail("deleted/%s lists a name twice" % os.path.relpath(d, top))
            for x in files:
                p = os.path.relpath(os.path.join(d, x), top)
                if not p.endswith(".cert"):
                    got[p] = os.path.join(d, x)
        may = {p: e.past for p, e in self.paths.items() if self.is_gone(p) and not self.is_hidden(p)}
        want = {p for p in may if not self.paths[p].folder and not self.may_be_hidden(p)}
        if want - set(got) or set(got) - set(may):
            self.fail("deleted: not there %s, too many %s" % (sorted(want - set(got)), sorted(set(got) - set(may))))
        for p in want:
            if not everything and self.buried.get(p) == len(may[p]):
                continue
            if read(got[p]) != may[p][-1]:
                self.fail("deleted/%s is not what was sealed there last" % p)
            self.buried[p] = len(may[p])

    def check(self, everything=False):
        """All is sealed and final."""
        try:
            self.tree()
            self.all_sealed()
            self.histories(everything)
            self.deleted(everything)
        except OSError as e:
            self.fail("%r" % e)

    # -- V5: out has the tree, past what --history wrote

    def restored(self, out, past):
        """What is not as it should be there, and how many former versions are."""
        bad, n = [], 0
        for p, f in self.files.items():
            got, err = outcome(read, os.path.join(out, self.name, p))
            if got != f.content():
                bad.append((self.name, p, err))
        for p, e in self.paths.items():
            d = os.path.join(past, "history", self.name, p)
            there = {int(x) for x in (outcome(os.listdir, d)[0] or ()) if x.isdigit()}
            n += len(there)
            grown = {i for i in range(1, len(e.past)) if self.kind == "log" and i not in e.begun}
            want = set(range(1, len(e.past) + (e.now is None))) - grown
            if e.linked:
                if any(read(d + "/%d" % i) not in e.past + e.maybe for i in there):
                    bad.append((self.name, p, "something that was never sealed"))
            elif there != want:
                bad.append((self.name, p, sorted(there), sorted(want)))
            elif any(read(d + "/%d" % i) != e.past[i - 1] for i in there):
                bad.append((self.name, p, "other bytes"))
        return bad, n
