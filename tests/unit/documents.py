#!/usr/bin/python3
"""documents: what manuals and pages name is there, and what is there is named."""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from vaultkit import *  # noqa: E402,F403

tap = Tap()
if not os.access(NOTARYFS, os.X_OK):
    skip_all("no %s: build first" % NOTARYFS)
PAGES = subprocess.run(["git", "ls-files", "*.md"], cwd=TOP, stdout=subprocess.PIPE, text=True).stdout.split() or \
    skip_all("not a checkout: which files there are is git's to say")


def source(path):
    with open(os.path.join(TOP, path), errors="replace") as f:
        return f.read()


def said(*argv, program=NOTARYFS):
    p = run(program, *argv)
    return (p.stdout + p.stderr).decode("utf-8", "replace")


def section(man, name, kind="Sh"):
    """Of a manual page, up to the next heading of the same kind or a higher one."""
    text = source("fs/" + man).split(".%s %s\n" % (kind, name))[1]
    return re.split(r"^\.S[h%s] " % kind[1], text, maxsplit=1, flags=re.M)[0]


def items(text):
    """The words of each .It, a list for each item."""
    return [x.replace(" , ", " ").split() for x in re.findall(r"^\.It (?:Li |Pa |Cm )?(.*)$", text, re.M)]


def same(got, want, what):
    got, want = set(got), set(want)
    if not tap.ok(got == want, what):
        tap.diag("named, and not there: %s" % sorted(got - want))
        tap.diag("there, and not named: %s" % sorted(want - got))


def listed(text, after):
    """"a, b and c" behind those words."""
    return re.findall(r"[\w.-]+", text.split(after)[1].split("\n")[0].replace(" and ", ", "))


def options(text):
    """Those that have a line in a help text."""
    return {x for line in re.findall(r"^ +(-.*)$", text, re.M) for x in re.findall(r"(?:^|, )(--?[a-z][a-z-]*)", line)}


def synopsis(man, command=None):
    """The options that a manual page names in its synopsis."""
    forms = section(man, "SYNOPSIS").split(".Nm\n")[1:]
    return {"-" + x for f in forms if command is None or f.startswith(".Cm %s\n" % command) for x in re.findall(r"\bFl (\S+)", f)}


def offers(program, *words):
    """What the shell completes."""
    script = '. "$0"; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); ' \
        '$(complete -p "$1" | sed "s/.*-F \\([^ ]*\\) .*/\\1/"); printf "%s\\n" "${COMPREPLY[@]}"'
    env = dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"])
    return set(subprocess.run(["bash", "-c", script, os.path.join(TOP, "contrib/completion/notaryfs"), program] + list(words),
                              stdout=subprocess.PIPE, env=env, text=True, check=True).stdout.split())


EVERYWHERE = {"-h", "--help", "--recursive"}
COMMANDS = re.findall(r"^  ([a-z]+) ", said("--help"), re.M)
work = tempfile.mkdtemp(prefix="notaryfs-documents-")
try:
    vault = work + "/vault"
    run(NOTARYFS, "init", vault, check=True)

    # -- settings
    with open(vault + "/notaryfs.conf") as f:
        conf = f.read()
    with open(vault + "/notaryfs.conf", "a") as f:
        f.write("qqqqqqqqqqqq = 1\n")
    settings = listed(said("status", vault), "no such setting; there are ")
    with open(vault + "/notaryfs.conf", "w") as f:
        f.write(conf)
    tap.ok(len(settings) > 15, "the program says which settings there are")
    named = [x[0] for x in items(section("notaryfs.conf.5", "DESCRIPTION"))]
    same(named, settings, "notaryfs.conf(5) has them")
    same(re.findall(r"^#?([a-z_]+) = ", conf, re.M), settings, "and so has what init writes")
    same(re.findall(r"^ \*   ([a-z_]+) = ", source("fs/config.h"), re.M), settings, "and the header")
    page = re.search(r"All but\n(.*?)\ncan be given to\n\.Nm notaryfs Cm mount Fl o\n", source("fs/notaryfs.conf.5"), re.S)
    fixed = [x for x in settings if "can only be set in the file" in said("mount", "-o", x + "=qqqq", vault, work + "/none")]
    same(re.findall(r"\w+", re.sub(r"\.Li|\band\b", "", page[1])) if page else [], fixed, "and which of them a mount does not take")

    # -- presets
    presets = listed(said("mount", "-o", "preset=qqqq", vault, work + "/none"), "there is no preset \"qqqq\"; there are ")
    tap.ok(len(presets) > 10, "the program says which presets there are")
    named = items(section("notaryfs.conf.5", "CLASSES AND PRESETS").split("-width \"borg-strict\"")[1])
    same([x[0] for x in named], presets, "notaryfs.conf(5) has them")
    same(set(re.findall(r"-n user.notary.preset -v (\S+)", "".join(map(source, PAGES)))) - set(presets), [], "pages bind no others")

    # -- options
    verify = said("--help", program=VERIFY)
    same(synopsis("notary-verify.1"), options(verify) - EVERYWHERE, "notary-verify(1) and --help have the same options")
    same(offers("notary-verify", "-"), options(verify), "and the shell completes them")
    for c in COMMANDS:
        same(offers("notaryfs", c, "-") - EVERYWHERE, synopsis("notaryfs.1", c), c + ": the shell completes the options of notaryfs(1)")
    table = "".join(re.findall(r"^\| `notaryfs .*$", source("README.md"), re.M))
    same([c for c in COMMANDS if not re.search(r"`(notaryfs )?%s[ `|]" % c, table)], [], "README.md has every command")

    # -- what is printed
    status = json.loads(said("status", "--json", vault))
    keys = section("notaryfs.1", "status", "Ss").split("The keys of the JSON object are\n")[1].split(".Fl -metrics")[0]
    top, inner = [], {}
    for kind, words in re.findall(r"^\.(Li|Pq) (.*)$", keys, re.M):
        words = re.findall(r"\w+", words.split("Li ")[-1] if kind == "Pq" else words)
        if kind == "Li":
            top += words
        else:
            inner[top[-1]] = words
    same(top, set(status) | {"hashing"}, "status: notaryfs(1) has the keys of its object")
    for k in ("files", "idle", "backlog", "buckets"):
        same(inner.get(k, []), status[k][0] if k == "buckets" else status[k], "and of " + k)
    metrics = set(re.findall(r"^(notaryfs_\w+)\{", said("status", "--metrics", vault), re.M))
    metrics |= {x.replace("_bucket_", "_service_") for x in metrics}  # which are there in a mount
    same([y for x in items(section("notaryfs.1", "METRICS")) for y in x if y.startswith("notaryfs_")], metrics, "metrics")
finally:
    drop(work)

# -- what notary-verify prints


def names(text):
    """The keys in a part of its manual, without the values in parentheses."""
    return [y for x in re.findall(r"^\.(?:It )?Li (.*)$", re.sub(r"^\.Li \( .*?\) ,\n", "", text, flags=re.M | re.S), re.M)
            for y in re.findall(r"\w+", x)]


keys = section("notary-verify.1", "JSON")
one, tree, parts, log = re.split(r"^With\n\.Fl r|^\.Cm parts :\n|^\.Fl -log :\n", keys, flags=re.M)
each, whole = tree.split("then one for all")
each = names(each)
one = [y for x in items(one) for y in x if y != ","]
with tempfile.TemporaryDirectory(prefix="notaryfs-documents-") as work:
    run(os.path.join(BUILD, "tests/mkcert"), work, "1", check=True, cwd=work)
    f = work + "/tree/folder/file-3"

    def printed(*argv):
        p = run(VERIFY, "--json", "--anchor", work + "/anchor", *argv)
        return [json.loads(x) for x in p.stdout.splitlines()]

    for argv in ((f,), ("explain", f + ".cert"), (work + "/none",), (work + "/tree/folder/file-1", f + ".cert")):
        same(one, printed(*argv)[0], "notary-verify(1) has the keys of %s" % " ".join(map(os.path.basename, argv)))
    lines = printed("-r", work + "/tree")
    same(["path"] + each, lines[0], "of each file with -r")
    same(names(whole), lines[-1], "of all")
    same(names(parts), printed("parts", f + ".cert", work + "/parts")[0], "of parts")
    same(names(log), printed("--log", work + "/none")[0], "of --log")
verdicts = re.findall(r"\[V_\w+\] = \{\"([a-z-]+)\"", source("core/verdict.c"))
page = re.split(r"^##+ 11\.1", source("core/FORMAT.md"), flags=re.M)[1].split("\n## ")[0]
same([x for x in verdicts if "`%s`" % x not in page], ["valid", "not-final", "late"],
     "core/FORMAT.md has every verdict, but of a mount and of --at")

# -- what the commands print with --json, as their sources have it
page = dict(re.findall(r"^\.It Cm ([a-z ,]+)\n(.*?)(?=^\.(?:It|El))", section("notaryfs.1", "JSON"), re.M | re.S))
page = {c: text for names, text in page.items() for c in names.split(" , ")}
printing = {x for x in COMMANDS if "--json" in options(said(x, "--help"))}
same(page, printing, "notaryfs(1) has every command that takes --json")
more = {"check": ["check.c"], "rules": ["binding.c"], "retain": ["kept.c"], "hold": ["kept.c"]}
for c in sorted(printing - {"status", "scrub", "repair", "verify"}):  # which have tests or a manual of their own
    text = "".join(source("fs/" + x) for x in ["cli_%s.c" % c] + more.get(c, []))
    keys = set(re.findall(r"json_\w+\([^,()]+, \"(\w+)\"", text) + re.findall(r"\\\"(\w+)\\\": ?", text))
    words = {y for x in re.findall(r"^\.(?:Li|Pq Li) (.*)$", page.get(c, ""), re.M) for y in re.findall(r"\w+", x)}
    if c in ("retain", "hold"):  # in one item
        same(keys - words, [], "the keys of " + c)
    else:
        same({x for x in words if x in keys or '"%s"' % x not in text}, keys, "the keys of " + c)

# -- in the mount
table = re.findall(r"\[JOURNAL_\w+\] = \{\"([a-z-]+)\", \w+, (?:\"(\w+)\"|NULL)\}", source("fs/journal.c"))
text = section("notaryfs.1", "JOURNAL").split("with their key, are:")[1]
same([x[0] for x in items(text)], [x[0] for x in table], "events of the journal")
for name, key in table:
    body = re.split(r"^\.It ", text.split(".It Li %s\n" % name)[1], maxsplit=1, flags=re.M)[0]
    if name not in ("service-failed", "bucket-failed"):  # as the one behind it
        tap.ok(not key or body.startswith(".Li %s" % key), "the event %s has the key %s" % (name, key or "of none"))
own = set(re.findall(r"strcmp\((?:name|ours), \"(\w+)\"\)", source("fs/ours_get.c") + source("fs/ours_set.c")))
text = section("notaryfs.1", "FILES").split("Extended attributes\n")[1]
same(re.findall(r"\.(\w+)(?= )", " ".join(re.findall(r"^\.Li (.*)$", text, re.M)).replace("user.notary", "") + " "), own, "attributes")
ops = set(re.findall(r"\"(\w+)\"", source("fs/ops_attr.c").split("static const char *what(")[1].split("\n}")[0]))
for name in os.listdir(os.path.join(TOP, "fs")):
    for call in re.findall(r"\brefused(?:_at|_path)?\(req, ([^;]*);", source("fs/" + name)) if name.endswith(".c") else ():
        ops |= set(re.findall(r"\"(\w+)\"", call))
        if "record_kind_name(" in call:  # what an order may be about
            ops |= {"deletion", "compliance", "hold"}
named = re.search(r"\.Li op\n\.Pq Li (.*) ,\n", section("notaryfs.1", "REFUSALS"))
same(named[1].split() if named else [], ops, "operations that are refused")
entries = set(re.findall(r"\{\"(\w+)\", VIRTUAL_", source("fs/virtual_name.c")))
same(re.findall(r"\.notary/(\w+)", section("notaryfs.1", "FILES")), entries, "what .notary has")
requests = set(re.findall(r"\{\"(\w+)\", do_", source("fs/ctl.c")))
same([x[0] for x in items(section("notaryfs.1", "CONTROL"))], requests, "requests to .notary/ctl")

# -- pages


def slug(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


anchors = {p: {slug(x) for x in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", source(p), flags=re.M | re.S), re.M)} for p in PAGES}
bad = []
for p in PAGES:
    for to in re.findall(r"\]\(([^)\s]+)\)", source(p)):
        if re.match(r"https?:", to):
            continue
        path, _, anchor = to.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(p), path)) if path else p
        if not os.path.exists(os.path.join(TOP, path)) or (anchor and anchor not in anchors.get(path, ())):
            bad.append("%s: %s" % (p, to))
same(bad, [], "links lead somewhere")
bad = []
for p in PAGES:
    for path in re.findall(r"`((?:contrib|core|fs|backends|enclave|tests)/[\w./*-]+)", source(p)):
        if not os.path.exists(os.path.join(TOP, path)) and "*" not in path:
            bad.append("%s: %s" % (p, path))
    for test in re.findall(r"`build/tests/(t_\w+)", source(p)):
        if not any(os.path.exists(os.path.join(TOP, "tests", d, test + ".c")) for d in ("unit", "sim")) and test != "t_NAME":
            bad.append("%s: %s" % (p, test))
    for name in re.findall(r"`([a-z_]+\.[ch])`", source(p)):
        if not any(os.path.exists(os.path.join(TOP, d, name)) for d in ("core", "fs", "backends", "enclave")):
            bad.append("%s: %s" % (p, name))
same(bad, [], "files that pages name are there")
files = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.py", "*.t", "*.1", "*.5", "tests/long/*", "tests/bench/*"], cwd=TOP, stdout=subprocess.PIPE, text=True)
known = set(re.findall(r"\w+", "".join(map(source, files.stdout.split()))))
known |= {x.split(".")[0] for x in os.listdir(TOP + "/tests/unit") + os.listdir(TOP + "/tests/sim") + os.listdir(TOP + "/tests/vectors/chain")}
bad = []
for p in PAGES:
    for code in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", source(p), flags=re.M | re.S)):
        bad += ["%s: %s" % (p, x) for x in re.findall(r"[a-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+", code) if x not in known]
same(bad, [], "so are the names of functions and fields")
words = re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", source("core/TERMS.md"))))
same([x for x in words if x not in known], [], "and those of core/TERMS.md")

# -- the errors of the printed algorithms: a patch for each row, and what catches it
for row, by in re.findall(r"^\| (\d+) \| .*\| ([^|]*) \|$", source("core/DESIGN.md"), re.M):
    named = set(re.findall(r"t_\w+|\d\d_\w+", re.sub(r"vector \S+ shows why", "", by)))
    patches = [x for x in os.listdir(TOP + "/tests/undo") if x.startswith("%02d_" % int(row))]
    same(named, {y for x in patches for y in re.findall(r"^caught by \w+ (\S+)$", source("tests/undo/" + x).split("\n\n")[0], re.M)},
         "row %s: what catches it, by its patch" % row)
tap.done()
