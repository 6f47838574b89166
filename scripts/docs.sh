#!/usr/bin/env bash
#
# docs.sh
#		Generate docs/reference.md from the COMMENTs of the extension's objects.
#
# usage: scripts/docs.sh [--check]
#
# With --check the file is compared and left alone; the status is 1 if it is not
# what the comments say. What vvault makes comes first, what vvault_stream makes
# behind it; functions in the order of the install script, in a section for each
# folder below src/.

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
	sql vvault_docs -At -f scripts/reference.sql
	sql postgres -c 'DROP DATABASE vvault_docs' >&2
}

# Inside, with a server of our own unless check.sh lends its own.
inside_main()
{
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
	generate >"$WORK/reference.md"
	if [ "${1:-}" != --check ]; then
		cat "$WORK/reference.md"
	elif ! diff -u docs/reference.md "$WORK/reference.md"; then
		die "docs/reference.md is not what the comments say: run make docs"
	fi
}

main()
{
	local output

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
		# Only a whole reference replaces the old one.
		output=$(go_inside .work scripts/docs.sh)
		printf '%s\n' "$output" >"$ROOT/docs/reference.md"
		say "docs/reference.md is written"
	fi
}

main "$@"
