"""toolkit: real tools on a vault, and what three buckets give back of it.

A Scene is a mounted vault, a folder of documents with all that a tool can trip
over, and a shell in which the tools run.  Its last step, restored(), compares
byte by byte what lies in the mount with what restore makes of three buckets;
what a tool does with its own repository there is up to the test.
"""
import hashlib
import os
import shutil
import sys

import vaultkit as kit

OLD = 1012615322222222222  # 2002-02-02: no tool takes it for "just now"


def documents(top):
    """Files, folders and links of every kind, old and with odd times."""
    os.makedirs(top + "/letters/2026")
    os.makedirs(top + "/empty")
    for i in range(40):
        with open("%s/letters/2026/%02d.txt" % (top, i), "w") as f:
            f.write("letter %d\n" % i * (i * 40 + 1))
    with open(top + "/noise", "wb") as f:  # does not compress
        f.write(b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(40000)))
    with open(top + "/sparse", "wb") as f:
        f.seek(4 << 20)
        f.write(b"end")
    for name, text in (("report", "report\n"), ("read-only", "x\n"), ("tool", "#!/bin/sh\n"),
                       ("\xe4 \n'\"", "odd\n"), ("n" * 255, "long\n")):
        with open(top + "/" + name, "w") as f:
            f.write(text)
    os.chmod(top + "/read-only", 0o444)
    os.chmod(top + "/tool", 0o4755)
    os.link(top + "/report", top + "/letters/report-again")
    os.symlink("report", top + "/soft")
    os.symlink("/nowhere/absolute", top + "/absolute")
    os.symlink("../../report", top + "/letters/2026/up")
    os.setxattr(top + "/report", "user.color", b"blue")
    kit.run("setfacl", "-m", "u:daemon:r", top + "/report", check=True)
    for d, dirs, files in os.walk(top, topdown=False):
        for name in files + dirs:
            os.utime(os.path.join(d, name), ns=(OLD, OLD), follow_symlinks=False)


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


def attributes(path):
    """What was set by somebody: not the vault's own, nor labels."""
    names = [n for n in os.listxattr(path, follow_symlinks=False)
             if n == "security.capability" or n.startswith(("system.posix_acl", "trusted.")) or
             n.startswith("user.") and not n.startswith("user.notary.")]
    return tuple((n, os.getxattr(path, n, follow_symlinks=False)) for n in sorted(names))


def contents(top, skip=()):
    """listing(), and owner, attributes and bytes."""
    out = kit.listing(top, skip)
    for rel in out:
        p = os.path.join(top, rel)
        st = os.lstat(p)
        out[rel] += (st.st_uid, st.st_gid, attributes(p))
        if os.path.isfile(p) and not os.path.islink(p):
            out[rel] += (digest(p),)
    return out


def differences(one, other, most=20):
    return "\n".join(["%r: %s / %s" % (k, one.get(k), other.get(k))
                      for k in sorted(set(one) | set(other)) if one.get(k) != other.get(k)][:most])


class Scene:
    def __init__(self, settle="2s", conf=""):
        kit.need_fuse()
        self.tap = kit.Tap()
        self.v = kit.Vault(settle=settle)
        if conf:
            with open(self.v.path + "/notaryfs.conf", "a") as f:
                f.write(conf)
        self.v.mount()
        self.m = self.v.mnt
        self.src = self.v.dir + "/src"
        documents(self.src)
        os.mkdir(self.v.dir + "/home")
        self.env = dict(os.environ, LC_ALL="C", TZ="UTC", HOME=self.v.dir + "/home", TERM="dumb",
                        M=self.m, SRC=self.src, TMP=self.v.dir, XDG_CACHE_HOME=self.v.dir + "/cache")

    def needs(self, tool, package):
        """False, and a loud line, if tool is not installed."""
        if shutil.which(tool):
            return True
        self.tap.ok(True, "# SKIP %s is not installed (Debian package %s): NOT tried" % (tool, package))
        return False

    def folder(self, name, preset=None):
        path = os.path.join(self.m, name)
        os.mkdir(path)
        if preset:
            os.setxattr(path, "user.notary.preset", preset.encode())
        return path

    def sh(self, command, timeout=600):
        """Exit code and what was said, on both channels."""
        p = kit.subprocess.run(["bash", "-c", command], stdin=kit.subprocess.DEVNULL, stdout=kit.subprocess.PIPE,
                               stderr=kit.subprocess.STDOUT, cwd=self.v.dir, env=self.env, timeout=timeout)
        return p.returncode, p.stdout.decode("utf-8", "replace")

    def failed(self, command, code, out):
        self.tap.diag("%s: exit %d\n%s" % (command, code, "\n".join(out.splitlines()[-20:])))

    def ok(self, command, what, said=None):
        """It passes, and says exactly that, if that is given."""
        code, out = self.sh(command)
        if not self.tap.ok(code == 0 and said in (None, out), what):
            self.failed(command, code, out)
        return out

    def refused(self, command, words, what, code=None):
        """It fails, with these words among what it says, and that exit code."""
        got, out = self.sh(command)
        if not self.tap.ok(got != 0 and words in out and code in (None, got), what):
            self.tap.diag("wanted exit %s and \"%s\"" % (code or "other than 0", words))
            self.failed(command, got, out)
        return out

    def seal(self, *paths):
        """All of it, now; a program that is just going may still have it open."""
        paths = paths or (self.m,)
        if not kit.wait_for(lambda: kit.run(kit.NOTARYFS, "seal", "-r", *paths).returncode == 0):
            self.tap.ok(False, "sealing: " + kit.run(kit.NOTARYFS, "seal", "-r", *paths).stderr.decode())

        def left():
            files = self.v.status()["files"]
            return files["settling"] + files["frozen"]
        if not kit.wait_for(lambda: left() == 0):
            self.tap.ok(False, "%d files are not sealed" % left())

    def next_second(self):
        """For tools that name things by the second: time(2) is late by a tick."""
        def late():
            return kit.time.clock_gettime(5)  # CLOCK_REALTIME_COARSE
        now = int(kit.time.time())
        kit.wait_for(lambda: late() >= now + 1)

    def of(self, path, what="state"):
        """user.notary.WHAT of a path in the mount."""
        return os.getxattr(os.path.join(self.m, path), "user.notary." + what, follow_symlinks=False).decode()

    def same(self, one, other, what, folder_times=True):
        """Two trees agree in everything that a backup keeps."""
        a, b = contents(one), contents(other)
        if not folder_times:
            a, b = ({k: x[:1] + x[2:] if os.path.isdir(top + "/" + k) else x for k, x in c.items()}
                    for top, c in ((one, a), (other, b)))
        if not self.tap.ok(a and a == b, what):
            self.tap.diag(differences(a, b))

    def kept(self):
        """What the mount has and a restore must give back: all but files of class scratch or temp."""
        def plain(k):
            return os.path.isfile(os.path.join(self.m, k)) and not os.path.islink(os.path.join(self.m, k))
        return {k: x for k, x in contents(self.m).items() if not plain(k) or self.of(k, "class") not in ("temp", "scratch")}

    def restored(self):
        """Unmounts; the folder that three of the six buckets give back."""
        self.seal()
        p = kit.run(kit.NOTARYFS, "wait", self.m, "--timeout", "300s")
        self.tap.ok(p.returncode == 0, "all is final") or self.tap.diag(p.stderr.decode())
        want = self.kept()
        self.v.umount()
        out = self.v.dir + "/restored"
        buckets = self.v.buckets()
        p = kit.run(kit.NOTARYFS, "restore", "--anchor", self.v.anchor, out, buckets[5], buckets[1], buckets[2])
        self.tap.ok(p.returncode == 0, "three buckets restore it") or self.tap.diag(p.stderr.decode())
        got = contents(out, (out + "/.certs",))
        self.tap.ok(want and got == want, "with every byte, mode, owner, time, link and attribute") or \
            self.tap.diag(differences(want, got))
        p = kit.run(kit.VERIFY, "--anchor", self.v.anchor, "-r", out)
        self.tap.ok(p.returncode == 0, "and every certificate holds") or self.tap.diag(p.stdout.decode()[-2000:] + p.stderr.decode())
        return out

    def done(self):
        self.v.close()
        self.tap.done()
