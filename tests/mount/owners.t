#!/usr/bin/python3
"""owners: other people's calls.  What is not sealed answers them as a plain
folder does, in setuid and setgid bits, access lists and attributes as well; what
is sealed stays as it is, whoever they are and whatever they may."""
import ast
import ctypes
import fcntl
import os
import stat
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit
from vaultkit import answer, call, libc

kit.need_fuse()
if os.geteuid() != 0:
    kit.skip_all("not root: nobody else can be asked")
tap = kit.Tap()
OWNER, OTHER, LISTED, GROUP = 1001, 1002, 1003, 2000
ANY = 0xffffffff
CAPABILITY = struct.pack("<IIIII", 0x02000001, 0x400, 0, 0, 0)
CAPS = {"dac_override": 1, "fowner": 3, "fsetid": 4, "linux_immutable": 9}
ROWS = []


def row(f):
    ROWS.append(f)
    return f


def set_caps(bits):
    half = [(bits >> s & ANY,) * 2 + (0,) for s in (0, 32)]
    call("capset", struct.pack("<Ii", 0x20080522, 0), struct.pack("<6I", *half[0], *half[1]))


def by(uid, f, *args, groups=(), caps=(), without=()):
    """What f says to that user; caps: those that it has all the same; without:
    those that root has not."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups(groups)
        os.setresgid(*[uid] * 3)
        libc.prctl(8, 1, 0, 0, 0)  # keeps capabilities
        os.setresuid(*[uid] * 3)
        libc.prctl(4, 1, 0, 0, 0)  # and /proc/self
        with open("/proc/self/status") as s:
            have = int(next(x for x in s if x.startswith("CapPrm")).split()[1], 16)
        set_caps(sum(1 << CAPS[c] for c in caps) if uid else have & ~sum(1 << CAPS[c] for c in without))
        os.write(w, str(answer(f, *args)).encode())
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return text


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


LIST = acl((1, 6, ANY), (2, 6, LISTED), (4, 4, ANY), (16, 7, ANY), (32, 0, ANY))


def make(name, mode, uid=OWNER, gid=GROUP, data=b"0123456789"):
    if os.path.lexists(name):
        os.unlink(name)
    fd = os.open(name, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(fd, data)
    os.fchown(fd, uid, gid)
    os.fchmod(fd, mode)
    os.close(fd)


def look(name):
    s = os.lstat(name)
    return oct(s.st_mode), s.st_uid, s.st_gid


def opened(how, then=None):
    def do():
        fd = os.open("f", how)
        try:
            return then and then(fd)
        finally:
            os.close(fd)
    return do


def allocate(mode):
    return opened(os.O_RDWR, lambda fd: call("fallocate", fd, mode, ctypes.c_long(0), ctypes.c_long(4096)))


def copied(fd):
    with open("source", "rb") as s:
        os.copy_file_range(s.fileno(), fd, 3, 0, 0)


@row
def access_lists_and_setgid():
    r = []
    for groups in ((), (GROUP,)):
        for value in (LIST, acl((1, 7, ANY), (4, 5, ANY), (32, 0, ANY))):
            make("f", 0o2775)
            r += [by(OWNER, os.setxattr, "f", "system.posix_acl_access", value, groups=groups), look("f"), os.listxattr("f")]
        make("f", 0o755)
        r += [by(OWNER, os.chmod, "f", 0o2755, groups=groups), look("f")]
    os.mkdir("d")
    os.chown("d", OWNER, GROUP)
    for name in ("system.posix_acl_default", "system.posix_acl_access"):
        os.chmod("d", 0o2775)
        r += [by(OTHER, os.setxattr, "d", name, LIST), by(OWNER, os.setxattr, "d", name, LIST), look("d")]
    return r


@row
def writing_takes_setuid_and_setgid():
    make("source", 0o644)
    r = []
    for who, groups in ((0, ()), (OTHER, ()), (OTHER, (GROUP,))):
        for do in (opened(os.O_RDWR, lambda fd: os.pwrite(fd, b"x", 1)), opened(os.O_WRONLY | os.O_TRUNC), lambda: os.truncate("f", 1),
                   opened(os.O_RDWR, lambda fd: os.ftruncate(fd, 5)), opened(os.O_RDWR, copied), allocate(0), allocate(1), allocate(3), allocate(16),
                   opened(os.O_RDWR), lambda: os.setxattr("f", "user.a", b"1")):
            for mode in (0o6777, 0o6767, 0o2767):
                make("f", mode)
                os.setxattr("f", "security.capability", CAPABILITY)
                r.append((by(who, do, groups=groups), look("f"), os.listxattr("f")))
    return r


@row
def owners():
    r = []
    for mode in (0o644, 0o6755, 0o6745):
        for do in ((OTHER, -1), (-1, OTHER), (-1, GROUP), (OWNER, -1)):
            for groups in ((), (GROUP,)):
                make("f", mode)
                r += [by(OWNER, os.chown, "f", *do, groups=groups), look("f"), by(OTHER, os.chown, "f", *do, groups=groups), look("f")]
    return r


@row
def setgid_folder():
    r = []
    os.umask(0)
    for name, bound in (("plain", False), ("bound", True)):
        os.mkdir(name)
        os.chown(name, OWNER, GROUP)
        os.chmod(name, 0o2777)
        if bound:
            os.setxattr(name, "system.posix_acl_default", acl((1, 7, ANY), (2, 6, OWNER), (4, 5, ANY), (16, 7, ANY), (32, 0, ANY)))
        x = name + "/x"
        for who, groups in ((OTHER, ()), (OTHER, (GROUP,)), (0, ())):
            for do in (lambda: os.mkdir(x, 0o777), lambda: os.close(os.open(x, os.O_CREAT | os.O_WRONLY, 0o2775)), lambda: os.symlink("t", x),
                       lambda: os.close(os.open(x, os.O_CREAT | os.O_WRONLY, 0o6767)), lambda: os.mknod(x, 0o102755), lambda: os.mkfifo(x, 0o2755)):
                r += [by(who, do, groups=groups), look(x), sorted(os.listxattr(x, follow_symlinks=False))]
                (os.rmdir if stat.S_ISDIR(os.lstat(x).st_mode) else os.unlink)(x)
    os.umask(0o022)
    return r


@row
def lists_of_attributes():
    make("f", 0o666)
    for n in ("trusted.k", "security.k", "user.k"):
        os.setxattr("f", n, b"v")
    return [by(who, lambda: sorted(os.listxattr("f"))) for who in (0, OWNER, OTHER)] + [
        by(OWNER, do, "f", n) for do in (os.getxattr, os.removexattr) for n in ("trusted.k", "trusted.none", "security.k", "system.k", "user.none")]


@row
def by_an_access_list_alone():
    make("f", 0o600)
    os.mkdir("l")
    os.chown("l", OWNER, GROUP)
    for n in ("f", "l"):
        os.setxattr(n, "system.posix_acl_access", acl((1, 7, ANY), (2, 7, LISTED), (4, 0, ANY), (16, 7, ANY), (32, 0, ANY)))
    make("l/x", 0o600)
    tries = (lambda: os.listdir("l"), opened(os.O_RDWR), lambda: os.utime("f"), lambda: os.utime("f", (1, 1)), lambda: os.chmod("f", 0o666),
             lambda: os.setxattr("f", "user.a", b"1"), lambda: os.getxattr("f", "user.a"), lambda: open("l/x"), lambda: os.rename("l/x", "l/y"),
             lambda: os.mkdir("l/d"), lambda: os.rmdir("l/d"), lambda: os.setxattr("l", "user.a", b"1"), lambda: os.rename("l", "k"))
    return [by(who, do) for who in (OTHER, LISTED) for do in tries] + [by(OWNER, os.chmod, "f", 0o600), by(LISTED, opened(os.O_RDWR)), look("f")]


@row
def sticky_and_closed_folders():
    r = []
    for mode in (0o1777, 0o755):
        d = "s%o" % mode
        os.mkdir(d)
        make(d + "/own", 0o666, OTHER), make(d + "/their", 0o644, LISTED)
        os.mkdir(d + "/sub")
        os.chmod(d, mode)
        for n in ("own", "their", "none", "sub"):
            p, q = d + "/" + n, d + "/new"
            for do in (lambda: os.close(os.open(p, os.O_WRONLY)), lambda: os.close(os.open(p, os.O_CREAT | os.O_WRONLY)), lambda: os.truncate(p, 0),
                       lambda: os.chmod(p, 0o600), lambda: os.chown(p, OTHER, OTHER), lambda: os.utime(p), lambda: os.setxattr(p, "user.a", b"1"),
                       lambda: os.link(p, q), lambda: os.symlink("x", p), lambda: os.mkdir(p), lambda: os.rename(p, d + "/their"),
                       lambda: call("renameat2", -100, p.encode(), -100, (d + "/sub").encode(), 2), lambda: os.rename(p, q), lambda: os.rmdir(p), lambda: os.unlink(p)):
                r.append(by(OTHER, do))
    return r


@row
def user_namespaces():
    """Who is root in one of its own may no more than before."""
    def within(do):
        def f():
            call("unshare", 0x10000000)
            for n, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % OWNER), ("gid_map", "0 %d 1" % OWNER)):
                with open("/proc/self/" + n, "w") as x:
                    x.write(text)
            return do()
        return by(OWNER, f)
    os.mkdir("n"), os.chmod("n", 0o777)
    make("n/own", 0o644, OWNER, OWNER), make("n/root", 0o644, 0, 0)
    return [within(do) for do in (
        lambda: look("n/own"), lambda: look("n/root"), lambda: os.chown("n/own", 0, 0), lambda: os.chown("n/own", 1, 1), lambda: os.chmod("n/root", 0o666),
        lambda: os.close(os.open("n/root", os.O_WRONLY)), lambda: os.setxattr("n/own", "trusted.a", b"1"), lambda: os.setxattr("n/own", "security.capability", CAPABILITY),
        lambda: os.mknod("n/dev", 0o20600, os.makedev(1, 3)), lambda: os.setxattr("n/own", "system.posix_acl_access", LIST), lambda: os.unlink("n/root"),
        lambda: os.close(os.open("n/new", os.O_CREAT | os.O_WRONLY, 0o6755)), lambda: os.chmod("n/own", 0o6755))] + [
        look("n/own"), look("n/new"), os.getxattr("n/own", "security.capability")]


def table(place):
    os.mkdir(place)
    os.chmod(place, 0o777)
    os.chdir(place)
    r = {f.__name__: answer(f) for f in ROWS}
    os.chdir("/")
    return r


def ioctl(fd, request, *words):
    fcntl.ioctl(fd, request, struct.pack("<%dI" % len(words), *words))


SETFLAGS, FSSETXATTR = 0x40086602, 0x401c5820
CHANGES = {  # none of which may be made of what is sealed
    "unlink": lambda: os.unlink("f"), "rename": lambda: os.rename("f", "g"), "rename onto it": lambda: os.rename("new", "f"),
    "exchange": lambda: call("renameat2", -100, b"f", -100, b"new", 2), "a temporary name": lambda: os.link("f", "f.tmp"),
    "its folder": lambda: os.rename(os.getcwd(), os.getcwd() + "x"), "truncate": lambda: os.truncate("f", 0),
    "O_TRUNC": opened(os.O_RDONLY | os.O_TRUNC), "O_WRONLY": opened(os.O_WRONLY), "O_RDWR": opened(os.O_RDWR), "O_APPEND": opened(os.O_WRONLY | os.O_APPEND),
    "chmod": lambda: os.chmod("f", 0o600), "chown": lambda: os.chown("f", OTHER, OTHER), "times": lambda: os.utime("f", (1, 1)), "times to now": lambda: os.utime("f"),
    "setxattr": lambda: os.setxattr("f", "user.z", b"1"), "removexattr": lambda: os.removexattr("f", "user.k"),
    "access list": lambda: os.setxattr("f", "system.posix_acl_access", acl((1, 7, ANY), (4, 7, ANY), (32, 7, ANY))),
    "no access list": lambda: os.removexattr("f", "system.posix_acl_access"), "capability": lambda: os.setxattr("f", "security.capability", CAPABILITY),
    "chattr -i": opened(os.O_RDONLY, lambda fd: ioctl(fd, SETFLAGS, 0, 0)), "FSSETXATTR": opened(os.O_RDONLY, lambda fd: ioctl(fd, FSSETXATTR, 0, 0, 0, 0, 0, 0, 0)),
    "preset": lambda: os.setxattr(".", "user.notary.preset", b"mirror"),
}
WHO = {"root": {"uid": 0}, "root without CAP_LINUX_IMMUTABLE": {"uid": 0, "without": ("linux_immutable",)},
       "root without other capabilities": {"uid": 0, "without": ("dac_override", "fowner", "fsetid")}, "its owner": {"uid": OWNER},
       "somebody of its group": {"uid": OTHER, "groups": (GROUP,)}, "who is in its access list": {"uid": LISTED}, "somebody else": {"uid": 1004},
       "somebody with capabilities": {"uid": 1004, "caps": ("dac_override", "fowner", "linux_immutable")}}


def whole():
    s = os.stat("f")
    with open("f", "rb") as f:
        return (look("f"), s.st_size, s.st_mtime_ns, s.st_nlink, f.read(), sorted((x, os.getxattr("f", x)) for x in os.listxattr("f")),
                sorted(os.listdir(".")), os.getxattr("f", "user.notary.state") in (b"sealed", b"notarized"))


def sealed(top):
    for mode in (0o777, 0o1777, 0o2775, 0o755):
        d = "%s/%o" % (top, mode)
        os.mkdir(d)
        os.chdir(d)
        make("f", 0o664), make("new", 0o666, OTHER)
        os.setxattr("f", "user.k", b"v")
        os.setxattr("f", "system.posix_acl_access", acl((1, 6, ANY), (2, 6, LISTED), (4, 6, ANY), (16, 6, ANY), (32, 4, ANY)))
        os.chown(d, OWNER, GROUP)
        os.chmod(d, mode)
        os.setxattr("f", "user.notary.seal", b"1")
        os.getxattr("f", "user.notary.sealed")
        before = whole()
        for who, how in WHO.items():
            got = ast.literal_eval(by(f=lambda: {what: answer(do) for what, do in CHANGES.items()}, **how))
            want = ("EPERM",) if how["uid"] == 0 and "fowner" not in how.get("without", ()) else ("EPERM", "EACCES")
            tap.is_(({k: x for k, x in got.items() if x not in want}, whole() == before), ({}, True), "sealed, in a folder of mode %o: %s" % (mode, who))
        os.chdir("/")


def presets(top):
    """Who may write to a folder does not decide what is kept of it."""
    d = top + "/shared"
    os.mkdir(d)
    os.chown(d, OWNER, GROUP)
    os.chmod(d, 0o2777)
    os.mkdir(d + "/below")
    for uid, groups, may in ((OTHER, (), False), (OTHER, (GROUP,), False), (OWNER, (), True), (0, (), True)):
        tap.is_(by(uid, os.setxattr, d, "user.notary.preset", b"mirror", groups=groups), "ok" if may else "EPERM",
                "a preset of another's folder: %d of %s" % (uid, groups))
        tap.is_(by(OTHER, os.removexattr, d, "user.notary.preset"), "EPERM" if may else "ok", "nor is it taken away (a change of nothing is none)")
        tap.is_(os.getxattr(d + "/below", "user.notary.preset"), b"mirror" if may else b"default", "what holds below")
        tap.is_(by(uid if may else 0, os.removexattr, d, "user.notary.preset"), "ok", "but by who may give one")


def asked(top):
    """Files whose mode lets nobody write are their owner's to seal and to hold: the folder is asked."""
    d = top + "/asked"
    os.mkdir(d, 0o777)
    os.chmod(d, 0o777)
    names = ["read", "none", "plain", "other"]
    for x, mode in zip(names, (0o444, 0o000, 0o644, 0o444)):
        make(d + "/" + x, 0o644)
        os.chown(d + "/" + x, OTHER if x == "other" else OWNER, GROUP)
        os.chmod(d + "/" + x, mode)

    def state(x):
        return os.getxattr(d + "/" + x, "user.notary.state")

    for value in (b"file:", b"file:.", b"file:..", b"file:a/b", b"file:none/", b"file:read/x"):
        tap.is_(by(OWNER, os.setxattr, d, "user.notary.seal", value), "EINVAL", "no such name: %r" % value)
    tap.is_(by(OWNER, os.setxattr, d, "user.notary.seal", b"file:gone"), "ENOENT", "a file that is not there")
    tap.is_(by(OWNER, os.setxattr, d, "user.notary.seal", b"file:other"), "EPERM", "another's file")
    tap.is_(by(OWNER, os.setxattr, d, "user.notary.seal", b"link:read"), "EINVAL", "a file is no link")
    tap.is_([state(x) for x in names], [b"frozen", b"frozen", b"settling", b"frozen"], "and nothing is sealed by that")
    p = subprocess.run([kit.NOTARYFS, "seal", "--no-wait"] + [d + "/" + x for x in names], user=OWNER, group=OWNER, extra_groups=[],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    tap.is_((p.returncode, p.stderr), (1, "notaryfs seal: %s/other: Operation not permitted\n" % d), "notaryfs seal, by the owner of three")
    kit.wait_for(lambda: [state(x) in (b"sealed", b"notarized") for x in names[:3]] == [True] * 3)
    tap.is_([state(x) in (b"sealed", b"notarized") for x in names], [True, True, True, False], "seals these")
    tap.is_(by(OWNER, os.setxattr, d, "user.notary.hold", b"file:other/Case 7"), "EPERM", "another's file cannot be held")
    p = subprocess.run([kit.NOTARYFS, "hold", "--case", "Case 7/a", d + "/read", d + "/plain"], user=OWNER, group=OWNER,
                       extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    tap.is_((p.returncode, p.stderr), (0, ""), "nor do modes keep an owner from holding them")
    tap.is_(by(OWNER, os.setxattr, d, "user.notary.hold", b"file:none/Case 7/a"), "ok", "not even from reading")
    tap.is_([os.getxattr(d + "/" + x, "user.notary.hold") for x in names[:3]], [b"Case 7/a"] * 3, "which they are")


v = kit.Vault(settle="1h")
os.chmod(v.dir, 0o755)
v.mount()
os.chmod(v.mnt, 0o777)
plain, mount = table(v.dir + "/plain"), table(v.mnt + "/table")
# btrfs lists trusted.* to everybody; we do as other file systems
plain["lists_of_attributes"][1:3] = [x.replace("'trusted.k', ", "") for x in plain["lists_of_attributes"][1:3]]
for name, want in plain.items():
    if not isinstance(want, list):
        tap.ok(False, "%s: %s" % (name, want))
        continue
    got = mount[name]
    differs = [(i, a, b) for i, (a, b) in enumerate(zip(want, got)) if a != b] if isinstance(got, list) else got
    tap.is_(differs, [], "as in a plain folder: " + name.replace("_", " "))
presets(v.mnt)
sealed(v.mnt)
asked(v.mnt)
v.umount()
tap.done()
