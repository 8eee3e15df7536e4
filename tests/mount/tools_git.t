#!/usr/bin/python3
"""git in a vault: repositories pushed to with presets git and git-gc, what each
refuses, and the repositories out of three buckets."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene()
EPERM = "Operation not permitted"
s.env.update(GIT_CONFIG_GLOBAL=s.v.dir + "/gitconfig", GIT_CONFIG_NOSYSTEM="1")
with open(s.v.dir + "/gitconfig", "w") as f:
    f.write("[user]\n\tname = me\n\temail = me@example.org\n[init]\n\tdefaultBranch = main\n"
            "[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n[advice]\n\tdetachedHead = false\n")
COMMIT = "cd $TMP/work; for i in 1 2 3 4 5; do echo %s $i >>text; git add -A; git commit -qm $i; done; "
s.ok("git init -q work; cp -a $SRC/letters $SRC/noise work/; " + COMMIT % "first", "a working copy", "")

for preset in ("git", "git-gc"):
    s.folder(preset, preset)
    repo = "$M/%s/repo" % preset
    git = "git -C %s " % repo
    s.ok("git init -q --bare " + repo, preset + ": init --bare", "")
    s.ok("git -C work push -q --tags %s main" % repo, "push", "")
    s.seal()
    s.ok(COMMIT % preset + "git tag %s; git push -q --tags %s main" % (preset, repo), "a second push, all before it sealed", "")
    s.seal()
    s.ok("cd work; git checkout -q -b side-%s HEAD~2; echo s >side; git add side; git commit -qm side; git push -q %s HEAD; "
         "git push -q %s :refs/tags/%s; git checkout -q main" % (preset, repo, repo, preset), "a branch, and a tag removed", "")
    s.ok("git -C work push -q --force %s HEAD~1:refs/heads/side-%s" % (repo, preset), "a branch forced back", "")
    s.seal()
    s.ok(git + "fsck --full --strict", "fsck")
    s.ok("git clone -q %s clone-%s && diff -r --no-dereference --exclude .git work clone-%s" % (repo, preset, preset), "clone", "")
    s.ok(git + "pack-refs --all && " + git + "for-each-ref", "pack-refs")
    s.seal()

before = {n for _, _, names in os.walk(s.m + "/git/repo/objects") for n in names}
said = s.ok("git -C $M/git/repo gc -q --prune=now", "preset git: gc ends well, as git has it")
s.tap.ok("warning: unable to unlink" in said and EPERM in said, "but says that it could not")
after = {n for _, _, names in os.walk(s.m + "/git/repo/objects") for n in names}
s.tap.is_(before - after, set(), "and takes no object away")
s.ok("git -C $M/git/repo fsck --full --strict", "fsck")
loose = len(os.listdir(s.m + "/git-gc/repo/objects"))
s.ok("git -C $M/git-gc/repo gc -q --prune=now", "preset git-gc: gc", "")
s.tap.ok(len(os.listdir(s.m + "/git-gc/repo/objects")) < loose, "packs the loose objects")
s.seal()
s.ok("git -C $M/git-gc/repo fsck --full --strict", "fsck")
s.ok(COMMIT % "last" + "git push -q $M/git/repo main; git push -q $M/git-gc/repo main", "a push to both after that", "")
tmp = [n for _, _, names in os.walk(s.m) for n in names if n.startswith("tmp_") or n.endswith(".lock")]
s.tap.is_(tmp, [], "no lock is left, and nothing temporary")

s.folder("plain")
s.ok("git init -q --bare $M/plain/repo; git -C work push -q $M/plain/repo main~1:refs/heads/main", "without a preset: the first push", "")
s.seal()
s.refused("git -C work push -q $M/plain/repo main", "[remote rejected]", "the next is refused")

out = s.restored()
s.env["OUT"] = out
for preset in ("git", "git-gc"):
    s.ok("git -C $OUT/%s/repo fsck --full --strict && git clone -q $OUT/%s/repo again-%s && diff -r --no-dereference --exclude .git work again-%s" %
         (preset, preset, preset, preset), preset + ": clone from what three buckets give")
s.done()
