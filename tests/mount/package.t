#!/usr/bin/python3
"""package: the Debian package holds what it should, works, and leaves nothing.

Installed for real only where NOTARYFS_TEST_INSTALL is set and no notaryfs is
there; otherwise into a root folder of its own.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
for need in ("cpack", "dpkg-deb", "dpkg-shlibdeps", "file"):
    if not shutil.which(need):
        skip_all("no %s: no package can be made" % need)
with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
    if re.search(r"^NOTARYFS_SANITIZE:\w+=.", f.read(), re.M):
        skip_all("a build with sanitizers is not what is packed")
tap = Tap()
work = tempfile.mkdtemp(prefix="notaryfs-package-")
os.chmod(work, 0o755)


def works(bin, what):
    """A vault made, mounted, written and unmounted by the programs there."""
    vault, mnt = work + "/vault", work + "/mnt"
    try:
        os.makedirs(mnt, exist_ok=True)
        run(bin + "/notaryfs", "init", vault, "--settle", "500ms", check=True)
        run(bin + "/notaryfs", "mount", vault, mnt, check=True)
        try:
            with open(mnt + "/f", "w") as f:
                f.write("text\n")
            run(bin + "/notaryfs", "seal", mnt + "/f", check=True)
            run(bin + "/notaryfs", "wait", mnt + "/f", "--timeout", "300s", check=True)
            run(bin + "/notary-verify", "--anchor", vault + "/anchor", mnt + "/f", check=True)
        finally:
            run(bin + "/notaryfs", "umount", mnt, check=True)
        tap.ok(True, what)
    except RuntimeError as e:
        tap.ok(False, what)
        tap.diag(e)
    drop(vault)


try:
    p = run("cpack", "--config", BUILD + "/CPackConfig.cmake", "-B", work + "/out", timeout=600)
    debs = glob.glob(work + "/out/*.deb")
    if not tap.ok(p.returncode == 0 and len(debs) == 1, "cpack makes one package"):
        tap.diag((p.stdout + p.stderr).decode())
        raise SystemExit(tap.done())
    deb = debs[0]

    def field(name):
        return run("dpkg-deb", "-f", deb, name).stdout.decode().strip()

    # -- what it says
    depends = {x.split()[0] for x in field("Depends").split(", ")}
    tap.ok({"fuse3", "libc6", "libfuse3-3", "libsqlite3-0", "libssl3"} <= depends, "its libraries: " + " ".join(sorted(depends)))
    tap.is_((field("Package"), os.path.basename(deb)),
            ("notaryfs", "notaryfs_%s_%s.deb" % (field("Version"), field("Architecture"))), "its name")
    tap.is_(run(NOTARYFS, "--version").stdout.split()[1].decode(), field("Version"), "its version is the program's")
    os.mkdir(work + "/control")
    run("dpkg-deb", "-e", deb, work + "/control", check=True)
    tap.is_(sorted(os.listdir(work + "/control")), ["control", "md5sums"], "no maintainer scripts")

    # -- what it holds
    lines = [x.split(None, 5) for x in run("dpkg-deb", "-c", deb).stdout.decode().splitlines()]
    names = {x[5].split(" -> ")[0][1:]: x for x in lines}
    want = """/usr/bin/notaryfs /usr/bin/notary-verify /usr/libexec/notaryfs/notaryfs-attestor
        /usr/libexec/notaryfs/notaryfs-enclave /usr/sbin/mount.fuse.notaryfs /usr/sbin/umount.fuse.notaryfs
        /usr/lib/systemd/system/notaryfs@.service /usr/share/bash-completion/completions/notaryfs
        /usr/share/bash-completion/completions/notary-verify /usr/share/man/man1/notaryfs.1.gz
        /usr/share/man/man1/notary-verify.1.gz /usr/share/man/man5/notaryfs.conf.5.gz
        /usr/share/man/man8/mount.fuse.notaryfs.8.gz /usr/share/man/man8/umount.fuse.notaryfs.8.gz
        /usr/share/doc/notaryfs/copyright
        /usr/share/doc/notaryfs/README.md /usr/share/doc/notaryfs/fstab.example""".split()
    tap.is_([x for x in want if x not in names], [], "all that belongs there")
    tap.is_([x for x in names if not x.startswith("/usr/") or "/local" in x], [], "and all of it below /usr")
    tap.is_([x for x, l in names.items() if l[1] != "root/root" or
             l[0] not in ("drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--", "lrwxrwxrwx")], [], "root's, with plain modes")
    root = work + "/root"
    run("dpkg-deb", "-x", deb, root, check=True)
    p = run("file", root + "/usr/bin/notaryfs", root + "/usr/libexec/notaryfs/notaryfs-enclave")
    tap.ok(b"not stripped" not in p.stdout and b"stripped" in p.stdout, "stripped")
    p = run("man", "--warnings", "-l", root + "/usr/share/man/man1/notaryfs.1.gz") if shutil.which("man") else None
    tap.ok(p is None or p.returncode == 0, "the manual can be read")
    if shutil.which("lintian"):
        # no address, changelog or licence is invented for the owners
        said = run("lintian", "--allow-root", deb, timeout=300).stdout.decode().splitlines()
        known = ("bogus-mail-host", "no-changelog", "copyright-without-copyright-notice")
        tap.is_([x for x in said if x.split(": ")[2].split()[0] not in known], [], "lintian has nothing else to say")
    else:
        print("# SKIPPED: lintian is not installed; it was NOT asked")
    works(root + "/usr/bin", "unpacked anywhere it works: the programs find one another")

    # -- dpkg installs and removes it: in a root of its own
    if os.geteuid() == 0:
        other = work + "/other"
        for d in ("info", "updates", "triggers"):
            os.makedirs(other + "/var/lib/dpkg/" + d)
        for f in ("status", "available"):
            open(other + "/var/lib/dpkg/" + f, "w").close()
        DPKG = ["dpkg", "--root=" + other, "--force-depends", "--log=/dev/null"]
        p = run(*DPKG, "-i", deb)
        tap.ok(p.returncode == 0 and os.path.exists(other + "/usr/bin/notaryfs"), "dpkg -i")
        p = run(*DPKG, "--verify", "notaryfs")
        tap.is_((p.returncode, p.stdout), (0, b""), "dpkg --verify")
        p = run(*DPKG, "-P", "notaryfs")
        left = [os.path.join(d, n) for d, _, files in os.walk(other) for n in files if "/var/lib/dpkg" not in d]
        tap.is_((p.returncode, left), (0, []), "dpkg -P leaves nothing")

    # -- and for real
    there = shutil.which("notaryfs") or run("dpkg", "-s", "notaryfs").returncode == 0 or os.path.exists("/sbin/mount.fuse.notaryfs")
    if os.geteuid() != 0 or not os.environ.get("NOTARYFS_TEST_INSTALL") or there:
        print("# SKIPPED: not installed for real (needs root, NOTARYFS_TEST_INSTALL, and no notaryfs there)")
    else:
        p = run("dpkg", "-i", deb)
        if not tap.ok(p.returncode == 0, "installed for real"):
            tap.diag((p.stdout + p.stderr).decode())
        try:
            works("/usr/bin", "and it works")
            run("notaryfs", "init", work + "/vault", check=True)
            p = run("mount", "-t", "fuse.notaryfs", work + "/vault", work + "/mnt", "-o", "x-test")
            tap.is_(p.returncode, 0, "mount(8) finds it")
            tap.is_(run("umount", work + "/mnt").returncode, 0, "and umount(8)")
            if shutil.which("systemd-analyze"):
                p = run("systemd-analyze", "verify", "--man=no", "notaryfs@x.service")
                tap.ok(p.returncode == 0 and b"notaryfs@" not in p.stderr, "systemd finds unit and program")
        finally:
            p = run("dpkg", "-P", "notaryfs")
            tap.ok(p.returncode == 0 and not [x for x in want if os.path.lexists(x)], "removed again")
finally:
    drop(work)
tap.done()
