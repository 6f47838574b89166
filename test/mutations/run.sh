#!/usr/bin/env bash
#
# run.sh
#		Breaks the reply cache on purpose, one thing at a time, and looks whether
#		its tests notice.
#
# usage: [ONLY="NAME ..."] [PG_CONFIG=...] test/mutations/run.sh
#
# The mutations are in list.sh. Each is made in a copy of the project, outside of
# it, and only the tests named with it are run there, by check.sh. One survives
# if they pass; one is stale if it changes nothing or does not compile, as when
# the code has moved on. The last line counts, and the status is 0 only if each
# was noticed. The whole list takes about half an hour: it is no part of
# make check.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/../../scripts/lib.sh"

NOTICED=0
SURVIVED=()
STALE=()
FOLDER=                         # of the copy

chosen()
{
	case " ${ONLY:-$1} " in
		*" $1 "*) return 0 ;;
	esac
	return 1
}

# judge NAME STATUS: what became of a mutation, from its check's output.
judge()
{
	local log=$FOLDER/$1.log

	if grep -qE 'the build failed|does not start|no tests found|nothing was tested' "$log" ||
		! grep -qE '^[0-9]+ passed, [0-9]+ failed' "$log"; then
		say "   $1: STALE, it does not build or run"
		tail -n 5 "$log"
		STALE+=("$1")
	elif [ "$2" -ne 0 ]; then
		say "   $1: noticed ($(tail -n 1 "$log"))"
		NOTICED=$((NOTICED + 1))
	else
		say "   $1: SURVIVED"
		SURVIVED+=("$1")
	fi
}

# mutation NAME FILE SED-EXPRESSION TEST...: makes one and runs the tests.
mutation()
{
	local name=$1 file=$2 expression=$3 status=0

	shift 3
	chosen "$name" || return 0
	cp "$ROOT/$file" "$FOLDER/original"
	sed -E "$expression" "$FOLDER/original" >"$FOLDER/project/$file"
	if cmp -s "$FOLDER/original" "$FOLDER/project/$file"; then
		say "   $name: STALE, it changes nothing in $file"
		STALE+=("$name")
		return 0
	fi
	ONLY='' TESTS="$*" "$FOLDER/project/scripts/check.sh" >"$FOLDER/$name.log" 2>&1 || status=$?
	judge "$name" "$status"
	cp "$FOLDER/original" "$FOLDER/project/$file"
}

main()
{
	choose_postgres
	export PG_CONFIG
	FOLDER=$(mktemp -d /var/tmp/vvault-mutations.XXXXXX)
	chmod 755 "$FOLDER"
	trap 'rm -rf "$FOLDER"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	WORK_USER=$(id -un) copy_project "$FOLDER/project"
	# shellcheck source=test/mutations/list.sh
	source "$ROOT/test/mutations/list.sh"
	heading "all mutations"
	say "survived: ${SURVIVED[*]:-none}"
	say "stale: ${STALE[*]:-none}"
	say "$NOTICED noticed, ${#SURVIVED[@]} survived, ${#STALE[@]} stale"
	[ ${#SURVIVED[@]} -eq 0 ] && [ ${#STALE[@]} -eq 0 ]
}

main
