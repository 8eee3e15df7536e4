#!/bin/bash
# .notary/audit: who tried what on sealed files and was refused.
. "$(dirname "$0")/minilib.sh"
start settle=1h empty_settle=1h refused="$top/refused"
cd "$M" || exit 1
seen() { # op path: how often
	/usr/bin/python3 - "$M/.notary/audit" "$@" <<'PY'
import json, sys
print(sum(1 for line in open(sys.argv[1]) for r in [json.loads(line)]
          if [r.get("op"), r.get("path")] == sys.argv[2:4]))
PY
}
mkdir d
echo x >d/f; echo y >g; echo z >u
is "there is nothing yet" "$(cat .notary/audit)" ""
seal d/f; seal g
until_state d/f sealed >/dev/null; until_state g sealed >/dev/null
no "unlink" rm -f d/f
is "is noted" "$(seen unlink d/f)" 1
no "rename" mv g g2
is "is noted" "$(seen rename g)" 1
no "rename of a folder above" mv d d2
is "is noted" "$(seen rename d)" 1
no "rename onto a sealed file" mv u g
is "is noted under the name that stands in the way" "$(seen rename g) $(seen rename u)" "2 0"
no "writing" sh -c 'echo more >>g'
is "is noted" "$(seen write g)" 1
no "truncate" truncate -s 0 g
is "is noted" "$(($(seen truncate g) + $(seen write g)))" 2
no "chmod" chmod 777 g
is "is noted" "$(seen chmod g)" 1
no "utimes" touch -m -d @1 g
is "is noted" "$(seen utimes g)" 1
no "setxattr" setfattr -n user.x -v y g
is "is noted" "$(seen setxattr g)" 1
no "a shorter retention" setfattr -n user.notary.retain_until -v 1 g
is "is noted" "$(seen retain g)" 1
if lsattr g >/dev/null 2>&1; then
	no "chattr -i" chattr -i g
	is "is noted" "$(seen unseal g)" 1
fi
ok "what is allowed is not" sh -c 'rm u; ln g g3; cat g'
is "noted" "$(seen unlink u) $(seen link g)" "0 0"
who=$(/usr/bin/python3 -c 'import json, sys
r = json.loads(open(sys.argv[1]).readline()); print(r["command"], r["uid"], r["error"], r["pid"] > 0)' .notary/audit)
is "with who, and what was said" "$who" "rm 0 EPERM True"
is "it is for whoever mounted" "$(stat -c %a .notary/audit)" 400
no "and not to be written" sh -c 'echo x >>.notary/audit'
size=$(stat -c %s "$top/refused")
/usr/bin/python3 - g <<'PY'
import os, sys
for _ in range(3000):
    try:
        os.unlink(sys.argv[1])
    except PermissionError:
        pass
PY
ok "a loop writes a burst and no more" test $(($(stat -c %s "$top/refused") - size)) -lt 60000
ok "the others are counted" grep -q suppressed .notary/audit
cd /; stop
start settle=1h refused="$top/refused"
is "it is there after a restart" "$(cd "$M"; seen unlink d/f)" 1
finish
