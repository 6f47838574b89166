#!/usr/bin/env bash
#
# docs.sh
#		Generate docs/reference.md from the COMMENTs of the extension's objects,
#		and in docs/operations.md what queries print of what is shipped.
#
# usage: scripts/docs.sh [--check]
#
# With --check the files are compared and left alone; the status is 1 if they are
# not what the database says. What vvault makes comes first, what vvault_stream
# makes behind it; functions in the order of the install script, in a section for
# each folder below src/. A query whose output is written stands behind the line
# <!-- make docs writes what this prints -->.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# One line "EXTENSION SECTION NAME" for each public function, in install order.
functions_in_order()
{
	local extension part

	for extension in vvault vvault_stream; do
		for part in $(make_value "${extension}_PARTS"); do
			sed -nE 's/^CREATE [A-Z]+ @extschema@\.(vvault_[a-z_0-9]+).*/\1/p' "$part" |
				sed "s/^/$extension $(cut -d/ -f2 <<<"$part") /"
		done
	done
}

# The reference, on the standard output, out of a server with the extension.
generate()
{
	sql postgres -c 'CREATE DATABASE vvault_docs' >&2
	sql vvault_docs -c 'SET client_min_messages = warning' \
		-c 'CREATE EXTENSION vvault_stream CASCADE' >&2
	functions_in_order |
		sql vvault_docs -c 'CREATE TABLE in_order (n serial, extension text, section text, name text)' \
			-c "COPY in_order (extension, section, name) FROM STDIN (DELIMITER ' ')" >&2
	mkdir -p "$WORK/docs"
	sql vvault_docs -At -f scripts/reference.sql >"$WORK/docs/reference.md"
	print_queries docs/operations.md >"$WORK/docs/operations.md"
	sql postgres -c 'DROP DATABASE vvault_docs' >&2
}

# print_queries FILE: the file, its marked queries with what they print now.
print_queries()
{
	local line query='' part=text

	while IFS= read -r line; do
		case $part/$line in
			'text/<!-- make docs writes what this prints -->') part=marked query='' ;;
			'marked/```sql') part=query ;;
			'query/```') part=printed ;;
			query/*) query+=$line$'\n' ;;
			'printed/```text')
				say "$line"
				sql vvault_docs -c "$query" | sed -e 's/ *$//' -e '/^$/d'
				part=old
				continue
				;;
			'old/```') part=text ;;
			old/*) continue ;;
		esac
		say "$line"
	done <"$1"
}

# Inside, with a server of our own unless check.sh lends its own.
inside_main()
{
	local file

	set_paths
	if [ "${VVAULT_SERVER_UP:-no}" = no ]; then
		trap 'cluster_remove "$WORK"' EXIT
		build_gcc "$TREE" >"$LOGS/docs-build.log" ||
			{
				tail -n 20 "$LOGS/docs-build.log" >&2
				return 1
			}
		scripts/stage.sh "$STAGE" "$TREE"
		cluster_create "$WORK" "fsync = off" "shared_preload_libraries = 'vvault'"
		cluster_start "$WORK"
	fi
	generate
	[ "${1:-}" = --check ] || return 0
	for file in reference.md operations.md; do
		diff -u "docs/$file" "$WORK/docs/$file" ||
			die "docs/$file is not what the database says: run make docs"
	done
}

main()
{
	local file

	case ${1:-} in
		"" | --check) ;;
		*) die "usage: scripts/docs.sh [--check]" ;;
	esac
	if inside; then
		inside_main "$@"
		return
	fi
	"$ROOT/scripts/packages.sh" docs >&2
	if [ "${1:-}" = --check ]; then
		(go_inside .work scripts/docs.sh --check)
	else
		(go_inside .work scripts/docs.sh)
		for file in reference.md operations.md; do
			cat "$ROOT/.work/docs/$file" >"$ROOT/docs/$file"
			say "docs/$file is written"
		done
	fi
}

main "$@"
