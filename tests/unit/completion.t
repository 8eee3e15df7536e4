#!/bin/bash
# completion: what contrib/completion/notaryfs offers, asked as bash asks.
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${NOTARYFS_BUILD:-$top/build}
[ -x "$build/notaryfs" ] || { echo "1..0 # SKIP $build/notaryfs is not built"; exit 0; }
PATH=$build:$PATH
. "$top/contrib/completion/notaryfs"
compopt() { :; } # works during a completion only
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" && mkdir "a vault" mnt && touch file
n=0

offers() { # words of the line; the last is being typed.  Prints, sorted.
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	$(complete -p "$1" | sed 's/.*-F \([^ ]*\) .*/\1/')
	printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -sd' '
}
is() { # words, got, wanted
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else
		echo "not ok $n - $1"
		echo "# got '$2', wanted '$3'"
	fi
}

commands=$(notaryfs --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | LC_ALL=C sort | paste -sd' ')
is "all commands" "$(offers notaryfs "")" "$commands"
is "a command" "$(offers notaryfs um)" "umount"
is "of help too" "$(offers notaryfs help res)" "restore"
is "options of the program" "$(offers notaryfs --v)" "--version"
is "options of a command" "$(offers notaryfs init --s)" "--settle --shares"
is "short ones" "$(offers notaryfs seal -r)" "-r"
is "no more after a value" "$(offers notaryfs wait --timeout 60)" "60s"
is "after = too" "$(offers notaryfs wait --timeout = 6)" "60s"
is "folders for a vault" "$(offers notaryfs mount "")" "a vault mnt"
is "files for a file" "$(offers notaryfs verify "")" "a vault file mnt"
is "settings of a mount" "$(offers notaryfs mount -o allow_other,se)" "allow_other,settle="
is "options of notary-verify" "$(offers notary-verify --an)" "--anchor"
is "its anchor is a file" "$(offers notary-verify --anchor f)" "file"
is "its tree is a folder" "$(offers notary-verify -r "")" "a vault mnt"
for c in $commands; do # each help text is understood
	case " $(offers notaryfs "$c" --) " in
	*" --help "*) r=yes ;;
	*) r=no ;;
	esac
	is "options of $c" "$r" yes
done
echo "1..$n"
