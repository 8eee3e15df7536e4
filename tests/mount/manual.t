#!/usr/bin/python3
"""manual: every command in contrib/docs/ works, or is refused as the page says.

A block that begins with "```sh run" is run line by line as it stands; a page is
one shell; a block "```sh user" is run so by an ordinary user.  In a block
"```sh refused" each line must fail with the words that stand behind its last
"# ".  "needs=PROGRAM" behind that skips the block where
the program is not installed.  What stands in a comment "<!-- test ... -->" is
run too: it plays what the page only tells (a disk that burns).

/srv is a folder of the test's own in a mount namespace of its own; the vault
/srv/vault is mounted at /srv/files, and there are some files in ~/documents.
"""
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

need_fuse()
if os.geteuid() != 0:
    skip_all("not root: /srv cannot be another folder")
if not os.path.isdir("/srv"):
    skip_all("no /srv")
own_namespace()

tap = Tap()
PAGES = os.path.join(TOP, "contrib/docs")
LIMIT = 300  # seconds for a page

SHELL = r"""
set -eu
refused() { # words, command
	if out=$(bash -euc "$2" 2>&1 </dev/null); then
		echo "was not refused: $2" >&2
		return 1
	fi
	case $out in *"$1"*) ;; *)
		echo "was refused with other words: $2: $out" >&2
		return 1 ;;
	esac
}
as_user() { # commands
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
		env HOME=/srv/user PATH=/srv/bin:/usr/bin:/bin bash -euc "cd; $1"
}
"""


def users_may_mount():
    """May they?  In this mount namespace /dev/fuse is made as udev would set it."""
    may = stat.S_IROTH | stat.S_IWOTH
    if os.stat("/dev/fuse").st_mode & may != may:
        node = tempfile.mktemp(prefix="notaryfs-fuse-")
        os.mknod(node, stat.S_IFCHR, os.stat("/dev/fuse").st_rdev)
        os.chmod(node, 0o666)
        run("mount", "--bind", node, "/dev/fuse")
        os.unlink(node)
        try:
            os.close(os.open("/dev/fuse", os.O_RDWR))
        except OSError:  # no devices on that disk
            run("umount", "/dev/fuse")
    helper = shutil.which("fusermount3")
    return os.stat("/dev/fuse").st_mode & may == may and helper and os.stat(helper).st_mode & stat.S_ISUID


def blocks(page):
    """(first line, kind, needs, lines)"""
    kind = None
    with open(page) as f:
        for i, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if kind is None:
                m = re.fullmatch(r"```sh (run|refused|user)(?: needs=(\S+))?", line)
                if m or line == "<!-- test":
                    kind, needs, start, text = (m.group(1), m.group(2), i, []) if m else ("run", None, i, [])
            elif line in ("```", "-->"):
                yield start, kind, needs, text
                kind = None
            else:
                text.append(line)


def script(page):
    """The page as one shell script that says on descriptor 9 how far it is."""
    out, plan = [SHELL], []
    for start, kind, needs, lines in blocks(page):
        if needs and not shutil.which(needs):
            plan.append((start, "# SKIP " + needs + " is not installed: NOT tried"))
            continue
        if kind == "user" and not users_may_mount():
            plan.append((start, "# SKIP users may not mount here (/dev/fuse, or fusermount3 is not setuid): NOT tried"))
            continue
        plan.append((start, None))
        out.append("echo %d >&9" % start)
        if kind == "user":
            out.append("as_user %s" % shlex.quote("\n".join(lines)))
            continue
        if kind == "run":
            out += lines
            continue
        for line in filter(None, lines):
            command, words = line.rsplit("# ", 1)
            out.append("refused %s %s" % (shlex.quote(words.strip()), shlex.quote(command.strip())))
    out.append("echo end >&9")
    return "\n".join(out) + "\n", plan


def unmount_all():
    with open("/proc/mounts") as f:
        mounts = [x.split()[1] for x in f if " fuse.notaryfs " in x and x.split()[1].startswith("/srv/")]
    for m in reversed(mounts):
        if run(NOTARYFS, "umount", m).returncode != 0:
            run("umount", "-l", m)


def prepare(place):
    run("mount", "--bind", place, "/srv", check=True)
    os.chmod("/srv", 0o755)
    os.makedirs("/srv/home/documents/2026")
    os.mkdir("/srv/files")
    for n in ("report.pdf", "2026/letter.txt", "2026/table.csv"):
        with open("/srv/home/documents/" + n, "w") as f:
            f.write(n + "\n" * 100)
    shutil.copytree("/srv/home", "/srv/user")
    run("chown", "-R", "65534:65534", "/srv/user", check=True)
    os.mkdir("/srv/bin")
    for n in "notaryfs notary-verify notaryfs-attestor notaryfs-enclave".split():
        shutil.copy(os.path.join(BUILD, n), "/srv/bin")  # where that user can run them
    run(NOTARYFS, "init", "/srv/vault", "--settle", "1s", check=True)
    run(NOTARYFS, "mount", "/srv/vault", "/srv/files", check=True)


def try_page(name):
    text, plan = script(os.path.join(PAGES, name))
    if not plan:
        return
    place = tempfile.mkdtemp(prefix="notaryfs-manual-")
    try:
        prepare(place)
        env = {"PATH": BUILD + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/srv/home", "LC_ALL": "C", "TERM": "dumb"}
        # files, not pipes: a daemon that a page starts may hold them open
        try:
            with open("/srv/said", "w+b") as out, open("/srv/reached", "w") as at:
                p = subprocess.Popen(["bash", "-c", "exec 9>&%d; %s" % (at.fileno(), text)], cwd="/srv/home", env=env,
                                     pass_fds=[at.fileno()], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     start_new_session=True)
                try:
                    p.wait(LIMIT)
                except subprocess.TimeoutExpired:
                    os.killpg(p.pid, 9)
                    out.write(b"\n(it took longer than %d s)" % LIMIT)
                out.seek(0)
                said = out.read().decode("utf-8", "replace")
            with open("/srv/reached") as f:
                reached = f.read().split()
        finally:
            unmount_all()
        last = int(reached[-1]) if reached and reached[-1] != "end" else None
        for start, skip in plan:
            what = "%s:%d" % (name, start)
            if skip:
                tap.ok(True, what + " " + skip)
            elif last is not None and start >= last:
                if tap.ok(False, what) or start == last:
                    tap.diag("\n".join(said.splitlines()[-25:]))
                if start > last:
                    tap.diag("not reached")
            else:
                tap.ok(str(start) in reached, what)
    finally:
        run("umount", "/srv")
        drop(place)


for page in sys.argv[1:] or sorted(os.listdir(PAGES)):
    if page.endswith(".md"):
        try_page(page)
tap.done()
