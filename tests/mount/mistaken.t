#!/usr/bin/python3
"""mistaken: commands that are given the wrong place, or are cut off."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import vaultkit as kit

kit.need_fuse()
tap = kit.Tap()


def tool(*argv):
    p = kit.run(kit.NOTARYFS, *argv, timeout=120)
    p.said = (p.stdout + p.stderr).decode("utf-8", "replace")
    return p


def says(p, code, words, what):
    if not tap.ok(p.returncode == code and words in p.said, what):
        tap.diag("exit %d: %s" % (p.returncode, p.said))


def governed(v):
    return tool("init", v.path, "--settle", "500ms", "--retention", "governance")


# -- another vault is mounted where this one is
a, b = kit.Vault(init=False), kit.Vault(init=False)
says(governed(a), 0, "", "two vaults of mode governance")
says(governed(b), 0, "", "the other")
says(tool("mount", a.path, a.mnt), 0, "", "one is mounted")
pid = a.daemon_pid()
held = os.open(a.mnt, os.O_RDONLY)      # so its daemon lives on
kit.run("fusermount3", "-uz", a.mnt, check=True)
says(tool("status", a.path), 0, "it is starting, or puts everything away", "unmounted, but its daemon lives")
says(tool("mount", b.path, a.mnt), 0, "", "the other is mounted at the same folder")
says(tool("comply", "--yes", "--reason", "test", a.path), 1, "where another vault is now", "comply does not take it for the first")
says(tool("status", b.path), 0, "governance", "which stays as it is")
says(tool("status", a.path), 0, "where another vault is now", "nor does status")
os.close(held)
tap.ok(kit.wait_for(lambda: not kit.alive(pid)), "the first daemon ends")
says(tool("comply", "--yes", "--reason", "test", a.path), 1, "not mounted", "comply needs a mount")
says(tool("umount", a.mnt), 0, "", "all is unmounted")

# -- into a vault, or into a mount
v, w = kit.Vault(), kit.Vault()
v.mount()
with open(v.mnt + "/f", "w") as f:
    f.write("text\n")
says(tool("seal", v.mnt + "/f"), 0, "", "a file is sealed")
says(tool("wait", v.mnt + "/f", "--timeout", "60s"), 0, "", "and final")
for dest in ("files/r", "state/r", "buckets/0/r"):
    says(tool("restore", "--anchor", v.anchor, os.path.join(w.path, dest), *v.buckets()[:3]), 1, "lies in the vault",
         "nothing is restored into VAULT/" + dest)
    says(tool("export", v.mnt + "/f", os.path.join(w.path, dest)), 1, "lies in the vault", "nor exported")
says(tool("restore", "--anchor", v.anchor, v.mnt + "/r", *v.buckets()[:3]), 1, "would be sealed", "nor into a mount")
says(tool("restore", "--anchor", v.anchor, "--history", v.mnt + "/r", v.dir + "/out", *v.buckets()[:3]), 1, "would be sealed",
     "nor what was before")
tap.is_([os.path.lexists(os.path.join(w.path, x)) for x in ("files/r", "state/r", "buckets/0/r")] +
        [os.path.lexists(v.mnt + "/r"), os.path.lexists(v.dir + "/out")], [False] * 5, "nothing was made")

# -- holds are for files
os.mkdir(v.mnt + "/d")
with open(v.mnt + "/d/g", "w") as f:
    f.write("text\n")
os.symlink("g", v.mnt + "/d/l")
says(tool("seal", "-r", v.mnt), 0, "", "a link is sealed, too")
p = tool("hold", "--case", "A", "-r", v.mnt + "/d")
tap.ok(p.returncode == 0 and p.said == "1 files are held for A\n", "hold -r passes it over") or tap.diag(p.said)
says(tool("hold", "--case", "A", v.mnt + "/d/l"), 1, "a symbolic link cannot be held", "and says so where it is asked for")

# -- after a kill
pid = v.daemon_pid()
says(tool("status", v.path), 0, "ok", "mounted, all is well")
os.kill(pid, signal.SIGKILL)
kit.wait_for(lambda: not kit.alive(pid))
says(tool("status", v.path), 0, "did not end in an orderly way", "status says that the daemon was killed")
says(tool("umount", v.mnt), 0, "", "its remains go")
v.mount()
v.umount()
says(tool("status", v.path), 0, "ok", "and when all was put right")

# -- an init that is interrupted
for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    made, left, tries = 0, [], 0
    where = os.path.join(w.dir, "cut")
    buckets = [os.path.join(w.dir, "b%d" % i) for i in range(6)]
    argv = [kit.NOTARYFS, "init", where] + [x for y in buckets for x in ("--bucket", y)]
    for tries in range(12):
        p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             preexec_fn=lambda: signal.signal(sig, signal.SIG_DFL))
        kit.wait_for(lambda: os.path.exists(where + ("/state", "/state/notary.db", "/state/genesis")[tries % 3]) or
                     p.poll() is not None, step=0.001)
        p.send_signal(sig)
        p.wait()
        if os.path.exists(where + "/anchor"):   # it was faster
            made += 1
            kit.drop(where)
            for x in buckets:
                kit.drop(x)
        left += [x for x in [where] + buckets if os.path.lexists(x)]
    tap.ok(made < tries, "%s: init is cut off, %d of %d times" % (sig.name, tries + 1 - made, tries + 1))
    tap.is_(left, [], "and leaves nothing then")
tap.done()
