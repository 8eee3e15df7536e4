#!/usr/bin/python3
"""What everybody has, in a vault: cp, install, mv, tar, zip, gzip, sed, patch,
make, touch."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene()
EPERM = "Operation not permitted"
s.folder("d")

# -- cp
s.ok("cp -a $SRC $M/d/cp", "cp -a", "")
s.same(s.src, s.m + "/d/cp", "copies all there is")
s.tap.ok(os.stat(s.m + "/d/cp/sparse").st_blocks < 64, "a hole stays a hole")
s.ok("cp -a --sparse=always $SRC $M/d/sparse", "cp --sparse=always", "")
s.same(s.src, s.m + "/d/sparse", "copies all there is")
s.ok("cp -al $SRC/. $TMP/links && cp -a $TMP/links $M/d/links", "cp of links to links", "")
s.ok("install -D -m 640 -o daemon -g daemon $SRC/report $M/d/install/f", "install", "")
s.tap.is_(os.stat(s.m + "/d/install/f").st_mode & 0o777, 0o640, "sets the mode after it closed the file")
if os.geteuid() == 0:   # which a restore must give back, too
    os.setxattr(s.m + "/d/install", "trusted.overlay.opaque", b"y")
    os.setxattr(s.m + "/d/install/f", "trusted.origin", b"scanner")
    os.setxattr(s.m + "/d/install/f", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
s.seal()
s.ok("cp -al $M/d/cp $M/d/again", "cp -al of what is sealed makes links", "")
s.same(s.src, s.m + "/d/again", "to all of it")
s.ok("cp -an $SRC/. $M/d/cp/", "cp -an over it does nothing", "")
s.ok("cp -au $SRC/letters/2026 $M/d/cp/letters/", "nor does cp -au", "")
s.ok("cp -a $M/d/cp $TMP/out", "cp -a out of the vault", "")
s.same(s.src, s.v.dir + "/out", "brings all of it back")
f, want = "$M/d/cp/report", tools.digest(s.m + "/d/cp/report")
for command, says in (
        ("cp $SRC/tool " + f, "cp: cannot create regular file '%s/d/cp/report': " % s.m + EPERM),
        ("cp --remove-destination $SRC/tool " + f, "cp: cannot remove '%s/d/cp/report': " % s.m + EPERM),
        ("cp --backup $SRC/tool " + f, "cp: cannot backup '%s/d/cp/report': " % s.m + EPERM),
        ("install $SRC/tool " + f, "install: cannot remove '%s/d/cp/report': " % s.m + EPERM),
        ("mv $M/d/cp/report $M/d/moved", "mv: cannot move '%s/d/cp/report' to '%s/d/moved': " % (s.m, s.m) + EPERM),
        ("mv $M/d/cp/report $TMP/moved", "mv: cannot remove '%s/d/cp/report': " % s.m + EPERM),
        ("mv $M/d/cp $M/d/moved", "mv: cannot move '%s/d/cp' to '%s/d/moved': " % (s.m, s.m) + EPERM),
        ("ln -f $SRC/tool " + f, "Invalid cross-device link"),
        ("ln -sfn x $M/d/cp/soft", EPERM),
        ("rm -rf $M/d/cp/letters", "rm: cannot remove '%s/d/cp/letters/2026/00.txt': " % s.m + EPERM),
        ("touch " + f, EPERM),
        ("touch -d 2001-01-01 " + f, EPERM),
        ("chmod 777 " + f, EPERM),
        ("chown daemon " + f, EPERM),
        ("truncate -s 0 " + f, EPERM),
        ("dd if=/dev/zero of=%s bs=1 count=1 conv=notrunc" % f, "dd: failed to open '%s/d/cp/report': " % s.m + EPERM),
        ("tee -a %s </dev/null" % f, EPERM),
        ("sed -i s/r/x/ " + f, EPERM),
        ("gzip $M/d/sparse/noise", "gzip: %s/d/sparse/noise: " % s.m + EPERM),
        ("shred -u " + f, EPERM)):
    s.refused(command, says, "refused: " + command)
s.tap.is_(tools.digest(s.m + "/d/cp/report"), want, "and the file is what it was")
os.unlink(s.m + "/d/sparse/noise.gz")  # as on any file that gzip cannot remove
s.same(s.src, s.m + "/d/cp", "and nothing is left beside it")
s.same(s.src, s.m + "/d/sparse", "nor there")

# -- tar
s.ok("tar --format=posix --xattrs --acls -C $SRC -cf $M/d/a.tar .", "tar c into the vault", "")
s.ok("mkdir $M/d/tar; tar --xattrs --acls -C $M/d/tar -xpf $M/d/a.tar", "tar x there")
s.same(s.src, s.m + "/d/tar", "gives all there is, absolute symlinks too")
s.ok("tar -C $SRC -czf $M/d/a.tar.gz . && tar -tzf $M/d/a.tar.gz >$TMP/list", "tar cz, tz", "")
s.seal()
s.ok("tar --xattrs --acls -C $M/d/tar --skip-old-files -xpf $M/d/a.tar", "tar x --skip-old-files, sealed")
s.same(s.src, s.m + "/d/tar", "changes nothing")
s.refused("tar -C $M/d/tar -xf $M/d/a.tar", "tar: ./noise: Cannot open: File exists", "tar x over it is refused", 2)
s.refused("tar -rf $M/d/a.tar -C $SRC report", "", "tar r to a sealed archive is refused", 2)  # the words are those of tar where chattr +i says no
s.ok("cp $SRC/report $M/d/b; tar -cf $M/d/b.tar -C $SRC report && tar -rf $M/d/b.tar -C $SRC tool && tar -tf $M/d/b.tar",
     "to a new one is not", "report\ntool\n")
s.ok("tar -C $M/d/tar --compare -f $M/d/a.tar", "tar --compare finds no difference", "")

# -- zip, gzip
if s.needs("zip", "zip") and s.needs("unzip", "unzip"):
    s.ok("cd $SRC && zip -qry $M/d/a.zip letters soft absolute noise", "zip", "")
    s.ok("unzip -q $M/d/a.zip -d $M/d/zip", "unzip, with symlinks", "")
    s.ok("diff -r --no-dereference $SRC/letters $M/d/zip/letters && readlink $M/d/zip/absolute", "gives all of it", "/nowhere/absolute\n")
    s.seal()
    s.ok("unzip -qn $M/d/a.zip -d $M/d/zip", "unzip -n over what is sealed", "")
    s.refused("zip -q $M/d/a.zip -j $SRC/report", EPERM, "adding to a sealed archive is refused", 15)
    s.refused("unzip -qo $M/d/a.zip -d $M/d/zip", "cannot", "unzip -o over what is sealed is refused")
    s.ok("unzip -tq $M/d/a.zip", "unzip -t")
s.ok("cp $SRC/noise $M/d/n && gzip $M/d/n && gzip -t $M/d/n.gz", "gzip of a new file", "")
s.tap.ok(not os.path.exists(s.m + "/d/n"), "removes what it packed")
s.seal()
s.ok("gzip -dk $M/d/n.gz && cmp $M/d/n $SRC/noise", "gzip -dk of a sealed one", "")

# -- sources: what is not sealed yet is changed like anywhere
s.folder("make")
with open(s.m + "/make/Makefile", "w") as f:
    f.write("all: one two\none: in\n\tcp in $@\ntwo: one\n\tsed s/a/b/ one >$@.tmp\n\tmv $@.tmp $@\n")
s.ok("echo a >$M/make/in; make -s -C $M/make", "make", "")
s.seal()
s.ok("make -s -C $M/make", "a second make does nothing, all sealed", "")
s.refused("make -s -C $M/make -B one", EPERM, "make again is refused", 2)
s.refused("touch $M/make/in", EPERM, "so is touch")
s.ok("touch -c $M/make/none && touch $M/make/new && sleep 0.01 && touch $M/make/new", "touch of a new file, twice", "")
if s.needs("patch", "patch"):
    diff = "diff -u $SRC/report $SRC/tool >$TMP/d; "
    s.ok("cp $SRC/report $M/make/r; " + diff + "patch -s $M/make/r $TMP/d; cmp $M/make/r $SRC/tool", "patch of a new file", "")
    s.seal()
    s.refused("patch -s -R $M/make/r $TMP/d", "", "patch of a sealed one is refused")
    s.ok("cmp $M/make/r $SRC/tool", "and changes nothing", "")
    s.tap.is_(sorted(os.listdir(s.m + "/make")), ["Makefile", "in", "new", "one", "r", "two"], "nothing is left behind")
out = s.restored()
s.same(s.src, out + "/d/tar", "as tar left it")
s.done()
