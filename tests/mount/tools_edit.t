#!/usr/bin/python3
"""Editors and databases: vim, nano, sed -i, patch, sqlite; in a folder with preset
mirror or db, and what they say where all is sealed."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import toolkit as tools

s = tools.Scene()
EPERM = "Operation not permitted"
s.folder("edit", "mirror")
s.folder("sealed")
VIM = "vim.tiny -es -N -u NONE -i NONE --cmd 'set swapfile backup backupskip= backupcopy=%s' -c '%s' -c wq %s </dev/null"


def read(name):
    with open(os.path.join(s.m, name)) as f:
        return f.read()


def swap(name):
    """What vim has beside the file while it is open."""
    got = s.ok("vim.tiny -es -N -u NONE -i NONE --cmd 'set swapfile' -c 'silent !ls -A $M/edit >$TMP/during' -c 'q!' $M/edit/%s </dev/null" % name,
               "vim looks at " + name)
    with open(s.v.dir + "/during") as f:
        return sorted(x for x in f.read().split() if x != name)


def nano(path, keys):
    """nano on a terminal of its own: the keys, one at a time, each when it is quiet."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe("nano", ["nano", "-I", path], dict(s.env, TERM="xterm"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", 24, 250, 0, 0))
    said = b""
    for key in keys + [None]:
        while select.select([fd], [], [], 20 if key is None else 0.3)[0]:
            try:
                part = os.read(fd, 4096)
            except OSError:
                part = b""
            if not part:
                break
            said += part
        if key is not None:
            os.write(fd, key)
    os.waitpid(pid, 0)
    os.close(fd)
    return said.decode("utf-8", "replace")


if s.needs("vim.tiny", "vim-tiny"):
    f = s.m + "/edit/vim.txt"
    s.ok(VIM % ("yes", "normal ione", "$M/edit/vim.txt"), "vim makes a file")
    s.seal()
    ino = os.stat(f).st_ino
    for text in ("two", "three"):
        s.ok(VIM % ("yes", "normal cc" + text, "$M/edit/vim.txt"), "saves it, sealed")
        s.tap.is_(read("edit/vim.txt"), text + "\n", "with the new text")
        s.tap.is_(os.stat(f).st_ino, ino, "and the same inode number")
        s.seal()
    s.ok(VIM % ("no", "normal ccfour", "$M/edit/vim.txt"), "saves it under another name first")
    s.tap.is_((read("edit/vim.txt"), read("edit/vim.txt~")), ("four\n", "three\n"), "with the old text beside it")
    s.tap.is_(swap("vim.txt"), [".vim.txt.swp", "vim.txt~"], "there is a swap file meanwhile")
    s.tap.is_(sorted(os.listdir(s.m + "/edit")), ["vim.txt", "vim.txt~"], "and nothing else afterwards")
    s.ok("echo a >$M/sealed/vim.txt", "a file", "")
    s.seal()
    s.refused((VIM % ("yes", "normal ccno", "$M/sealed/vim.txt")).replace("-es", "-es -V1"), "E212: Can't open file for writing",
              "where all is sealed vim says that it cannot write")
    s.tap.is_((read("sealed/vim.txt"), os.listdir(s.m + "/sealed")), ("a\n", ["vim.txt"]), "changes nothing, and leaves nothing")

if s.needs("nano", "nano"):
    s.ok("echo a >$M/edit/nano.txt; echo a >$M/sealed/nano.txt", "files for nano", "")
    s.seal()
    nano(s.m + "/edit/nano.txt", [b"new ", b"\x0f", b"\r", b"\x18"])
    s.tap.is_(read("edit/nano.txt"), "new a\n", "nano saves")
    said = nano(s.m + "/sealed/nano.txt", [b"new ", b"\x0f", b"\r", b"\x18", b"n"])
    s.tap.ok(EPERM in said, "where all is sealed it says why not") or s.tap.diag(repr(said[-500:]))
    s.tap.is_(read("sealed/nano.txt"), "a\n", "and changes nothing")

s.ok("printf 'a\\nb\\n' | tee $M/edit/sed.txt >$M/sealed/sed.txt", "files for sed", "")
s.seal()
s.ok("sed -i.bak s/a/x/ $M/edit/sed.txt && sed -i s/b/y/ $M/edit/sed.txt && cat $M/edit/sed.txt $M/edit/sed.txt.bak", "sed -i, twice", "x\ny\na\nb\n")
s.refused("sed -i s/a/x/ $M/sealed/sed.txt", EPERM, "where all is sealed it is refused")
s.tap.is_([n for n in os.listdir(s.m + "/edit") + os.listdir(s.m + "/sealed") if n.startswith("sed") and not n.startswith("sed.txt")], [],
          "nothing is left")
if s.needs("patch", "patch"):
    s.ok("cd $M/edit; printf '%s\\n' '--- a' '+++ a' '@@ -1,2 +1,2 @@' '-x' '+z' ' y' >$TMP/p; patch -s sed.txt $TMP/p; cat sed.txt", "patch", "z\ny\n")

if s.needs("sqlite3", "sqlite3"):
    s.folder("db", "db")
    make = "sqlite3 $M/%s/a.db 'create table t(x); insert into t values (1)'"
    s.ok(make % "sealed" + "; " + make % "db", "databases", "")
    s.seal()
    s.ok("sqlite3 $M/sealed/a.db 'select * from t'", "a sealed one is read", "1\n")
    s.refused("sqlite3 $M/sealed/a.db 'insert into t values (2)'", "attempt to write a readonly database", "and cannot be written")
    s.ok("sqlite3 $M/db/a.db 'insert into t values (2)'", "with preset db it can", "")
    s.seal()
    s.ok("sqlite3 $M/db/a.db 'pragma journal_mode=wal; insert into t values (3); select sum(x) from t'", "with a WAL too", "wal\n6\n")
    s.seal()
    s.ok("sqlite3 $M/db/a.db 'insert into t values (4); vacuum; pragma integrity_check; select sum(x) from t'", "VACUUM", "ok\n10\n")
    s.tap.is_(os.listdir(s.m + "/db"), ["a.db"], "nothing is left beside it")
out = s.restored()
s.env["OUT"] = out
if os.path.isdir(out + "/db"):
    s.ok("sqlite3 $OUT/db/a.db 'pragma integrity_check; select sum(x) from t'", "the database is whole in what three buckets give", "ok\n10\n")
s.done()
