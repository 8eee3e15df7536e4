#!/bin/sh
# notary-verify: what it says and how it exits (SURFACE: 0, 1, 2, 64).
build=${NOTARYFS_BUILD:-$(dirname "$0")/../../build}
verify=$(realpath "$build/notary-verify")
mkcert=$(realpath "$build/tests/mkcert")
mklog=$(realpath "$build/tests/mklog")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0

result() { # result RC WHAT
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' out err
	fi
}

exits() { # exits CODE WHAT ARG...
	want=$1 what=$2
	shift 2
	"$verify" "$@" >out 2>err
	got=$?
	[ "$got" = "$want" ] || echo "# exit $got, want $want"
	[ "$got" = "$want" ]
	result $? "$what"
}

says() { # says PATTERN WHAT [FILE]
	grep -q -e "$1" "${3:-out}"
	result $? "$2"
}

cd "$dir" || exit 1
"$mkcert" . 1 || exit 1
anchor=$(cat anchor)
f=tree/folder/file-3

exits 0 "a good file is valid" --anchor anchor $f
cp out good
says '^valid$' "the first word is the verdict"
says 'software on the owner' "on whose word it is, is said"
says '^Not proved: ' "and what is not proved"
says '^Checked: tree/folder/file-3$' "and of what file"
says '^trust: local software (root ' "the trust class is said"
says '^recorded after: 20' "the lower time"
says '^existed by: 20' "the upper time"
exits 0 "the anchor as digits" --anchor "$anchor" $f
exits 0 "a certificate named" --anchor anchor $f $f.cert
exits 2 "without an anchor it cannot say" $f
says '^incomplete: no-anchor' "and says why"
! grep -q '^valid' out
result $? "and never says valid"
says 'notaryfs anchor' "but how to get an anchor"

cp $f copy && cp $f.cert copy.cert && printf x >>copy
exits 1 "a byte more is refused" --anchor anchor copy
says '^refused: size' "for its size"
printf x | dd of=copy bs=1 seek=10 conv=notrunc 2>/dev/null
truncate -s -1 copy
exits 1 "another byte is refused" --anchor anchor copy
says '^refused: content' "for its content"
says '^found sha-256: ' "which is said"
says 'Nothing is proved about this file' "and what that means"
exits 1 "another chain is refused" --anchor \
	"$(echo "$anchor" | tr 0-9a-f 1-9a-f0)" $f
says '^refused: anchor' "for its anchor"
says "^claims chain: $anchor" "with that of the certificate"
exits 1 "another file's certificate" --anchor anchor $f tree/folder/file-1.cert
exits 1 "a file is no certificate" --anchor anchor $f $f
says '^refused: malformed' "and that is said"

exits 2 "no such file" --anchor anchor nothing
says 'nothing: there is no such file' "is said" err
exits 2 "no certificate" --anchor anchor anchor
says 'anchor.cert: there is no certificate' "it says where it looked" err
exits 2 "a folder is not a file" --anchor anchor tree
says 'use -r' "it says how" err
mkfifo pipe
exits 2 "a pipe does not hold it up" --anchor anchor pipe $f.cert
head -c 300000 /dev/zero >large
exits 1 "too large for a certificate" --anchor anchor $f large
says 'larger than' "is said" err

exits 64 "no argument" --anchor anchor
exits 64 "an option unknown" --rang1 $f
exits 0 "a piece is valid" --anchor anchor --range 4000-8200 piece
says '^part: bytes 4000 to 8199 of it' "its place in the file is said"
says '^Proved: exactly these were bytes 4000 to 8199 ' "and what is proved"
exits 2 "without --range it passes for no file" --anchor anchor piece
says '^incomplete: part: ' "and the reason is said"
exits 2 "nor does the whole file with it" --anchor anchor $f piece.cert
exits 1 "it is not another range" --anchor anchor --range 4000-8201 piece
says '^refused: range: ' "and the reason is said"
{ cat piece; printf x; } >longer
exits 1 "a byte more" --anchor anchor --range 4000-8200 longer piece.cert
says '^refused: size: ' "is refused"
{ printf x; tail -c +2 piece; } >other
exits 1 "another byte" --anchor anchor --range 4000-8200 other piece.cert
says '^refused: content: ' "is refused"
exits 2 "without an anchor it only claims" --range 4000-8200 piece
exits 0 "a range in JSON" --anchor anchor --json --range 4000-8200 piece
python3 -c 'import json
r = json.load(open("out"))
assert r["from"] == 4000 and r["to"] == 8200 and r["size"] == 9000' 2>err
result $? "is two numbers"
exits 0 "explain a piece" --anchor anchor explain piece.cert
exits 0 "a range of a whole file at hand" --anchor anchor --range 1-9000 $f
exits 1 "that it does not have" --anchor anchor --range 1-9001 $f
exits 64 "an empty range" --anchor anchor --range 5-5 piece
exits 64 "no range" --anchor anchor --range 5 piece
exits 64 "a number too large" --anchor anchor --range 5-99999999999999999999 piece
exits 64 "a range of a tree" --anchor anchor --range 1-2 -r tree
exits 64 "an anchor that is none" --anchor large $f
exits 64 "--certs without -r" --certs tree $f
exits 0 "--help" --help
says '^usage: ' "explains" out

exits 2 "standard input is not read" --anchor anchor -
says 'save it as a file' "and what to do is said" err
exits 2 "a name of control characters" --anchor anchor "$(printf 'a\033[2J\nb')"
says 'a.x1b\[2J.x0ab: there is no such file' "is shown harmlessly" err
exits 2 "a name that is read from right to left" --anchor anchor "$(printf 'a\342\200\256gpj.exe\377')"
says 'a.xe2.x80.xaegpj.exe.xff: there is no such file' "is shown as it is" err
exits 64 "three files" $f $f $f
says 'notary-verify --help' "say where to look" err

mkdir log-of && "$mklog" log-of 300
exits 0 "a log" --anchor log-of/anchor --log log-of/log log-of/log/checkpoint
says '^valid: 300 entries' "is valid"
says '^trust: local software' "its trust class is said"
says '^Proved: ' "and what is proved"
says '^Not proved: ' "and what is not"
exits 2 "a log without an anchor" --log log-of/log
says 'anybody can make' "proves nothing"
exits 1 "a log of another chain" --anchor anchor --log log-of/log
says '^refused: log: ' "is refused"
exits 2 "no log" --anchor anchor --log tree
says 'tree/block-zero.cbor: there is no such file' "is said" err
exits 64 "a time with it" --anchor anchor --at @5 --log log-of/log
for key in vkey sequencer.der; do
	cp -r log-of log-$key
	printf x >>log-$key/log/$key
	exits 1 "a log with another $key" --anchor log-of/anchor --log log-$key/log
	says "$key is not the key that attestation.cose names" "is refused"
	rm log-$key/log/$key
	exits 0 "without one it is as good" --anchor log-of/anchor --log log-$key/log
done
"$verify" --json --anchor log-of/anchor --log log-of/log log-of/log/checkpoint >a
"$verify" --json --log log-of/log >b
"$verify" --json --anchor anchor --log log-of/log >c
"$verify" --json --anchor anchor --log tree >d 2>err
python3 - <<'END' 2>err
import json
a, b, c, d = [json.load(open(name)) for name in "abcd"]
assert a["verdict"] == "valid" and a["valid"] is True and a["size"] == 300
assert a["trust"] == "local" and a["epoch"] == 0
assert a["grown_from"] == ["log-of/log/checkpoint"]
assert b["verdict"] == "no-anchor" and b["valid"] is False and b["size"] == 300
assert c["verdict"] == "log" and c["size"] is None and c["anchor"] is None
assert d["verdict"] == "unread" and d["root"] is None
assert set(a) == set(b) == set(c) == set(d)
END
result $? "a log in JSON has the same keys always"

exits 0 "JSON" --anchor anchor --json $f
cp out json-valid
exits 2 "JSON of a file that is not there" --anchor anchor --json nothing
cp out json-unread
exits 1 "JSON of what is too large" --anchor anchor --json $f large
cp out json-large
python3 - <<'END' 2>err
import json
valid, unread, large = [json.load(open("json-" + name))
	for name in ("valid", "unread", "large")]
assert unread["verdict"] == "unread" and unread["valid"] is False
assert "no such file" in unread["reason"] and large["verdict"] == "malformed"
assert set(valid) == set(unread) == set(large)
END
result $? "has the same keys always"
exits 0 "JSON" --anchor anchor --json $f
python3 - <<'END' 2>err
import json, hashlib
r = json.load(open("out"))
f = open("tree/folder/file-3", "rb").read()
assert r["valid"] is True and r["verdict"] == "valid"
assert r["sha256"] == hashlib.sha256(f).hexdigest() and r["size"] == len(f)
assert r["path"] == "folder/file-3" and r["height"] == 1
assert r["content_checked"] is True and r["trust"] == "local"
END
result $? "says the facts"
exits 1 "JSON of a refused one" --anchor anchor --json copy
python3 -c 'import json
r = json.load(open("out"))
assert r["valid"] is False and r["verdict"] == "content"
assert r["path"] is None and r["existed_by"] is None' 2>err
result $? "establishes nothing"

exits 0 "a whole tree" --anchor anchor -r tree
says '^5 valid, 0 refused, 0 incomplete$' "is counted"
says '^Proved of each valid one: ' "and what is proved is said"
exits 0 "a part of the tree" --anchor anchor -r tree/folder
exits 2 "without an anchor" -r tree
says '^0 valid, 0 refused, 5 incomplete$' "nothing is valid"

cp -r tree restored && mkdir -p restored/.certs/folder
mv restored/folder/*.cert restored/.certs/folder/
exits 0 "certificates below .certs" --anchor anchor -r restored
says '^5 valid, 0 refused, 0 incomplete$' "are found"
in=restored/folder
exits 0 "and of one file" --anchor anchor $in/file-1
says '^by certificate: restored/.certs/folder/file-1.cert$' "which is said"
(cd $in && exec "$verify" --anchor "$anchor" "$PWD/file-1") >out 2>err
result $? "by its whole path too"
(cd restored && exec "$verify" --anchor "$anchor" folder/file-1) >out 2>err
result $? "and from the top"
# What somebody called like a certificate, as one of TLS, is none.
echo '-----BEGIN CERTIFICATE-----' >$in/file-1.cert
head -c 300000 /dev/zero >$in/file-2.cert
mkdir $in/file-3.cert
exits 0 "what only has such a name is not in the way" --anchor anchor -r restored
says '^5 valid, 0 refused, 0 incomplete$' "all are judged by their own"
for i in 1 2 3; do
	exits 0 "one too: $i" --anchor anchor $in/file-$i
done
cp $in/file-1.cert restored/.certs/folder/file-2.cert
exits 1 "without a certificate anywhere" --anchor anchor -r restored
says '^refused: folder/file-2: malformed: ' "it is said as ever"
exits 1 "of one too" --anchor anchor $in/file-2
says '^notary-verify: restored/folder/file-2.cert: larger than ' "of what is beside it" err
cp $f.cert restored/.certs/folder/file-2.cert
exits 1 "one of another file" --anchor anchor $in/file-2
says '^refused: size: ' "proves nothing of this one"
cp tree/folder/file-2.cert restored/.certs/folder/file-2.cert
cp $f.cert $in/file-1.cert
exits 1 "also when it lies beside the file" --anchor anchor -r restored
says '^refused: folder/file-1: ' "which stays refused"
exits 1 "for one too" --anchor anchor $in/file-1
echo mine >$in/file-1.cert
printf 'not this' >restored/.certs/folder/file-1.cert.cert
exits 1 "what is recorded itself is a file" --anchor anchor -r restored
says '^refused: folder/file-1.cert: malformed: ' "and is not passed over"
rm -r $in/file-?.cert restored/.certs/folder/file-1.cert.cert
mv restored/.certs certs
exits 0 "certificates elsewhere" --anchor anchor -r restored --certs certs
exits 2 "and nowhere" --anchor anchor -r restored
says '^incomplete: folder/file-0: ' "each file is named"
exits 2 "--certs that is not there" --anchor anchor -r restored --certs no
says '^notary-verify: no: there is no such file$' "is what is named" err
for where in "no" "restored --certs no" "$f"; do
	exits 2 "JSON of no tree: $where" --anchor anchor --json -r $where
	python3 -c 'import json
one, all = [json.loads(l) for l in open("out")]
assert one["path"] == "." and one["verdict"] == "unread" and one["reason"]
assert all["incomplete"] == 1 and all["valid"] == 0' 2>err
	result $? "says so, and has a sum"
done
ln -s ../anchor restored/link
ln -s . restored/loop
exits 0 "links are passed over" --anchor anchor -r restored --certs certs
says '^passed over: 2 that are no regular files' "and counted"
says '^Not proved: that no file is missing' "and what is not proved is said"
exits 0 "and in JSON" --anchor anchor --json -r restored --certs certs
tail -n 1 out | grep -q '"passed_over":2,'
result $? "they are counted"
printf y >>restored/folder/file-0
echo new >restored/new
exits 1 "one forged among them" --anchor anchor -r restored --certs certs
says '^refused: folder/file-0: size: ' "is named"
says '^4 valid, 1 refused, 1 incomplete$' "and counted"
exits 1 "the same as JSON" --anchor anchor --json -r restored --certs certs
python3 -c 'import json
lines = [json.loads(l) for l in open("out")]
assert lines[-1]["valid"] == 4 and lines[-1]["refused"] == 1
assert lines[-1]["trust"] == "local" and lines[-1]["existed_by"][:4] == "2026"
assert any(l.get("path") == "folder/file-0" for l in lines)' 2>err
result $? "a line each and a sum"
python3 -c 'import json
lines = [json.loads(l) for l in open("out")]
got = [(l["path"], l["verdict"]) for l in lines[:-1]]
assert got == [("folder/file-%d" % i, "valid" if i else "size")
	for i in range(5)] + [("new", "unread")], got
assert all(set(l) == set(lines[0]) for l in lines[:-1])
assert lines[0]["height"] is None and lines[1]["height"] == 1' 2>err
result $? "for every file, sorted"
for i in $(seq 100 160); do mkdir -p wide/$i && cp tree/folder/* wide/$i/; done
for i in 103 130 155; do echo >>wide/$i/file-2; rm wide/$i/file-3.cert; done
mkdir -p wide/$(printf 'a/%.0s' $(seq 520))
"$verify" --anchor anchor -r wide >all
taskset -c "$(taskset -pc $$ | grep -o '[0-9]*$')" \
	"$verify" --anchor anchor -r wide >one
cmp -s all one && grep -q '^299 valid, 3 refused, 3 incomplete$' all
result $? "one thread or many print the same"
mkdir lone && cp tree/folder/file-1 tree/folder/file-1.cert lone
truncate -s 1T lone/file-1
exits 1 "a sparse file of another length is not read" --anchor anchor -r lone
says '^refused: file-1: size: ' "but refused"
mkdir flat && (cd flat && seq 1 5000 | sed 's/^/n/' | xargs touch)
exits 2 "a folder of more names than are sorted at once" --anchor anchor -r flat
[ "$(grep '^incomplete: n' out | sort -u | wc -l)" = 5000 ]
result $? "each is named once"
mv tree/folder/file-4 tree/folder/other
mv tree/folder/file-4.cert tree/folder/other.cert
exits 0 "a file under another name" --anchor anchor -r tree
says '^note: folder/other: ' "is noted"
exits 0 "a renewed certificate" --anchor anchor renewals/right
says '^renewed by: .*, with digests sha-512$' "says so"
exits 1 "a renewal of another content is refused" --anchor anchor renewals/wrong
says '^refused: digest' "for its digest"
exits 1 "and so among a tree" --anchor anchor -r renewals
says '^refused: wrong: digest: ' "is named"
says '^2 valid, 1 refused, 0 incomplete$' "renewed once and twice are valid"
mkdir empty
exits 2 "an empty tree shows nothing" --anchor anchor -r empty

by=$(sed -n 's/^existed by: //p' good)
exits 0 "it existed by the time that it says" --anchor anchor --at "$by" $f
exits 0 "and so by a later one" --anchor anchor --at 2100-01-01 $f
exits 1 "but is not proved to have before" --anchor anchor --at 2026-01-01 $f
says '^refused: late: ' "which is said"
says '^existed by: ' "with what is proved"
says 'was made later' "and that it cannot have been in the chain"
exits 1 "the same of a tree" --anchor anchor --at @5 -r tree
says '^0 valid, 5 refused, 0 incomplete$' "of each file"
exits 1 "and of a certificate" --anchor anchor --at @5 explain $f.cert
for bad in 2026-02-30 2026-01-01T10:00:00 2026-01-01Z yesterday @ @1x \
	2026-01-01T10:00:00.5Z 99999999999; do
	exits 64 "no time: $bad" --anchor anchor --at $bad $f
done
for twice in "--anchor anchor" "--range 0-1" "--at @5" "--certs tree"; do
	exits 64 "twice: $twice" $twice $twice $f
	says 'is given twice' "does not mean the last" err
done
exits 64 "explain what" --anchor anchor explain
says 'explain takes one certificate' "is asked" err
exits 64 "parts to where" --anchor anchor parts $f.cert
says 'parts takes a certificate and a folder' "is asked" err
cp $f explain && cp $f.cert explain.cert
exits 0 "a file that is called so is checked" --anchor anchor explain
rm explain explain.cert
exits 64 "no witness to be enough" --anchor anchor --witnesses 0 $f
exits 0 "explain" --anchor anchor explain $f.cert
says 'not compared' "says that no content was compared"
says '^parts, ' "and what the parts are"
exits 0 "parts" --anchor anchor parts $f.cert taken
says '^taken: ' "says where they are"
openssl dgst -sha256 -verify taken/sequencer.pem -signature taken/s.sig taken/s.tbs >out 2>&1
result $? "openssl checks one of them"
exits 0 "parts in JSON" --anchor anchor --json parts $f.cert taken-too
python3 -c 'import json, os
r = json.load(open("out"))
assert r["valid"] is True and sorted(r["parts"]) == sorted(os.listdir(r["folder"]))' 2>err
result $? "are a list of names"
exits 0 "parts without an anchor" parts $f.cert taken-three
says 'anybody may have made' "may be anybody's"
exits 2 "parts where something is" --anchor anchor parts $f.cert taken
says 'not there yet' "says what to name" err
exits 1 "parts of another chain's" --anchor "$(printf '%064d' 0)" parts $f.cert untaken
[ ! -e untaken ]
result $? "makes nothing"
if ldd "$verify" >out 2>&1 && [ "${build%asan}" = "$build" ] &&
	[ "${build%tsan}" = "$build" ]; then
	false
fi
result $? "it is a static program"
"$mkcert" empty 0 && cmp -s anchor empty/anchor
[ $? = 1 ]
result $? "each chain has an anchor of its own"
echo "1..$n"
