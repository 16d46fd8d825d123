#!/usr/bin/env bash
# Makes the golden stores in the current directory, which must have none. It was run once,
# with version 1 of fsk on PATH, beside b3sum: what it made is not to be made again, but to
# stay readable. It is kept to tell what is in the stores.
set -euo pipefail
new=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
old=202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f
foreign=404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset FSK_STORE FSK_REQUIRE_SEAL
export HOME=$work XDG_CONFIG_HOME=$work XDG_DATA_HOME=$work XDG_STATE_HOME=$work

# with KEYS STORE ARGUMENTS...: fsk with these keys, or none if KEYS is empty.
with() {
	local keys=$1 store=$2
	shift 2
	if [ -n "$keys" ]; then
		FLECHE_SECRET_KEY=$keys fsk --store "$store" "$@"
	else
		env -u FLECHE_SECRET_KEY fsk --store "$store" -q "$@"
	fi
}

# payloads PREFIX: a payload of every kind, in files that are added one by one.
payloads() {
	mkdir -p "$work/$1"
	printf '' >"$work/$1/empty"
	printf '%s\n' "$1" >"$work/$1/line"
	printf '%064d' 0 >"$work/$1/64 digits"
	printf '%s: %064d' "$1" 7 >"$work/$1/ends in 64 digits"
	# ends in its own valid trailer under the first key
	printf 'hello\nd53db90fadc43613379d41ea261d0aaeb319e979bbfbbf2098a94362b0405757' >"$work/$1/its own trailer"
	printf "$(printf '\\x%02x' $(seq 0 255))" >"$work/$1/all bytes"
	{ yes "$1" || true; } 2>/dev/null | head -c 20000 >"$work/$1/many"
}

# small PREFIX N: files that are added at once, and so packed.
small() {
	mkdir -p "$work/$1"
	for i in $(seq "$2"); do
		printf '%s, number %d\n' "$1" "$i" >"$work/$1/$i"
	done
}

one_by_one() {
	for file in "$work/$3"/*; do
		with "$1" "$2" add "$file" >/dev/null
	done
}

payloads first
payloads then
payloads plain
small "packed first" 12
small "packed then" 9
small "packed plain" 10
small "packed by a foreign key" 8

with "$old" sealed init sealed
one_by_one "$old" sealed first
with "$old" sealed add -r "$work/packed first" >/dev/null
with "$old" sealed ref set builds/main "$(b3sum --no-names "$work/first/line")"
one_by_one "$new:$old" sealed then
with "$new:$old" sealed add -r "$work/packed then" >/dev/null
with "$new:$old" sealed ref set builds/main "$(b3sum --no-names "$work/then/line")"
with "$new:$old" sealed ref set builds/main "$(b3sum --no-names "$work/packed then/3")"
with "$old" sealed ref set releases/v1 "$(b3sum --no-names "$work/first/all bytes")"
with "$new:$old" sealed ref set gone "$(b3sum --no-names "$work/then/many")"
with "$new:$old" sealed ref rm gone

with '' plain init plain
one_by_one '' plain plain
with '' plain add -r "$work/packed plain" >/dev/null
with '' plain ref set top "$(b3sum --no-names "$work/plain/line")"
with '' plain ref set top "$(b3sum --no-names "$work/packed plain/1")"

# What a reader with the keys new and old refuses, one of each kind.
with "$new" damaged init damaged
printf good >"$work/good"
with "$new" damaged add "$work/good" >/dev/null
with "$foreign" damaged add -r "$work/packed by a foreign key" >/dev/null
printf unsealed >"$work/unsealed"
with '' damaged add "$work/unsealed" >/dev/null
plant() { # DIGEST: standard input is its file
	mkdir -p "damaged/objects/${1:0:2}"
	cat >"damaged/objects/${1:0:2}/${1:2}"
}
good=$(b3sum --no-names "$work/good")
{ printf 'malformed' && printf '%064d' 0 | tr 0 X; } | plant "$(printf malformed | b3sum --no-names)"
plant "$(printf 'wrong name' | b3sum --no-names)" <"damaged/objects/${good:0:2}/${good:2}"
printf 'damaged beyond recognition' | plant "$(printf corrupt | b3sum --no-names)"
with "$new" damaged ref set main "$good"
with "$foreign" damaged ref set foreign "$(b3sum --no-names "$work/packed by a foreign key/1")"
with '' damaged ref set unsealed "$(b3sum --no-names "$work/unsealed")"
cp damaged/refs/main damaged/refs/another
printf '[default]\ncache = "c"\n[c]\nvalues.type = "fsk"\nvalues.root = "%s"\nrefs.namespace = "another"\n' "$PWD/damaged" >"$work/fleche.toml"
FLECHE_SECRET_KEY=$new fsk --config "$work/fleche.toml" ref set namespace "$good"
printf 'fsk-ref 2\n' >damaged/refs/malformed

for store in sealed plain damaged; do
	rm -rf "$store"/{tmp,lock,refs/.lock}
	find "$store" -type d -empty -delete
done
