#!/usr/bin/env bash
#
# lint.sh
#		Warnings of both compilers, cppcheck, the arrows between rooms and the
#		format, as one answer.
#
# usage: scripts/lint.sh [gcc|clang|cppcheck|arrows|format ...]
#
# Prints what it finds and ends with status 1 if that is anything. Changes
# nothing but the work folder .work.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# findings LOG STATUS: what a compiler said, if it failed or warned.
findings()
{
	if [ "$2" -ne 0 ] || grep -q 'warning:' "$1"; then
		cat "$1"
		return 1
	fi
}

# Built where the tests take it from.
lint_gcc()
{
	local status=0

	build_gcc "$TREE" >"$LOGS/gcc.log" || status=$?
	findings "$LOGS/gcc.log" "$status"
}

# In a copy, so that the objects of the two compilers do not meet.
lint_clang()
{
	local status=0

	rm -rf "$WORK/tree-clang"
	mkdir -p "$WORK/tree-clang"
	cp -R "$TREE/Makefile" "$TREE"/*.control "$TREE/src" "$TREE/worker" "$WORK/tree-clang/"
	find "$WORK/tree-clang" -name '*.o' -delete -o -name '*.bc' -delete
	build_clang "$WORK/tree-clang" >"$LOGS/clang.log" || status=$?
	findings "$LOGS/clang.log" "$status"
}

# Macros of PostgreSQL's other headers: such as are no C without a definition,
# and such as our code asks for.
CPPCHECK_MACROS=(
	'-DPGDLLEXPORT='
	'-DCppAsString2(x)="x"'
	'-DPG_MODULE_MAGIC='
	'-DPG_FUNCTION_INFO_V1(name)='
	'-DPG_TRY()=if (1)'
	'-DPG_CATCH()=else'
	'-DPG_FINALLY()='
	'-DPG_END_TRY()='
	'-DFLEXIBLE_ARRAY_MEMBER='
	'-DUSE_FLOAT8_BYVAL=1'
	'-DHAVE_INT128=1'
	'-DINT64_FORMAT="%ld"'
	'-DUINT64_FORMAT="%lu"'
	'-DVVAULT_VERSION="0"'
)

# Of PostgreSQL's headers only its configuration is read: following
# all of them takes minutes and tells about them, not about us.
lint_cppcheck()
{
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j "$(nproc)" \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=missingInclude \
		--suppress=normalCheckLevelMaxBranches \
		'-Dforeach(cell,list)=while (next_cell(&cell, list))' \
		--template='{file}:{line}: {severity}: {message} [{id}]' \
		-I "$TREE/src" "${CPPCHECK_MACROS[@]}" \
		--include="$("$PG_CONFIG" --includedir-server)/pg_config.h" src worker 2>&1
}

# Rooms know only what is below them.
lint_arrows()
{
	perl "$TREE/scripts/arrows.pl" "$TREE"
}

lint_format()
{
	"$TREE/scripts/format.sh" --check
}

# Run one part; say how it went if there are several.
lint_part()
{
	local verdict=ok status=0

	"lint_$1" || status=$?
	[ "$status" -eq 0 ] || verdict=FAILED
	[ "$SEVERAL" = no ] || say "   $1: $verdict"
	return "$status"
}

main()
{
	local part failed=0

	[ $# -gt 0 ] || set -- gcc clang cppcheck arrows format
	for part in "$@"; do
		case $part in
			gcc | clang | cppcheck | arrows | format) ;;
			*) die "usage: scripts/lint.sh [gcc|clang|cppcheck|arrows|format ...]" ;;
		esac
	done
	if ! inside; then
		"$ROOT/scripts/packages.sh" build lint format
		go_inside .work scripts/lint.sh "$@"
	fi
	set_paths
	SEVERAL=no
	[ $# -eq 1 ] || SEVERAL=yes
	for part in "$@"; do
		lint_part "$part" || failed=1
	done
	return "$failed"
}

main "$@"
