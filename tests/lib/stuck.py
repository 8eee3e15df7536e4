"""stuck: what a process that does not end is waiting for, as text.

Standard library only.  Of each thread what /proc says (state, where in the
kernel, the system call), and its stack as gdb shows it, where gdb is there.
"""
import os
import shutil
import subprocess

GDB_S = 60  # seconds: a loaded machine reads symbols slowly


def _read(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except (OSError, UnicodeDecodeError) as e:
        return "(%s)" % e


def _threads(pid):
    lines = []
    try:
        tasks = sorted(os.listdir("/proc/%d/task" % pid), key=int)
    except OSError as e:
        return ["(%s)" % e]
    for t in tasks:
        at = "/proc/%d/task/%s/" % (pid, t)
        state = _read(at + "stat").rsplit(")", 1)[-1].split()[:1]
        lines.append("thread %s (%s) %s in %s, system call %s" % (
            t, _read(at + "comm"), "".join(state), _read(at + "wchan"), _read(at + "syscall")))
        lines += ["    " + x for x in _read(at + "stack").splitlines()]
    return lines


def _gdb(pid):
    if shutil.which("gdb") is None:
        return ["(gdb would show the stacks, and is not installed)"]
    try:
        p = subprocess.run(["gdb", "-nx", "-batch", "-p", str(pid), "-ex", "thread apply all backtrace"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=GDB_S)
    except subprocess.TimeoutExpired:
        return ["(gdb did not end)"]
    return [x for x in p.stdout.decode("utf-8", "replace").splitlines() if x and not x.startswith("[New LWP")]


def waits_for(pid, name):
    """Of one process; the thread lines come first, since they cannot fail to."""
    return "\n".join(["%s, process %d:" % (name, pid)] + _threads(pid) + _gdb(pid)) + "\n"
