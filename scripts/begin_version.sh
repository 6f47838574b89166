#!/usr/bin/env bash
#
# begin_version.sh
#		Begin the version after the one that was just released.
#
# usage: scripts/begin_version.sh VERSION
#
# Works in the current folder, on the commit of the release or a copy of it:
# keeps what has to be known of the released version in src/upgrade/released
# and sets the new number wherever it stands. Commits nothing.

set -euo pipefail

die()
{
	printf '%s\n' "$*" >&2
	exit 1
}

# keep_by_hand NAME SAYING: the released version's before.sql or after.sql, if it
# has a statement, moves to its version's name; a new one is begun.
keep_by_hand()
{
	local file=src/upgrade/$1.sql

	if grep -qvE '^(--.*|[[:space:]]*)$' "$file"; then
		mv "$file" "src/upgrade/released/$OLD.$1.sql"
	fi
	printf -- '-- To %s, %s\n' "$NEW" "$2" >"$file"
}

[ $# -eq 1 ] || die "usage: scripts/begin_version.sh VERSION"
NEW=$1
[[ $NEW =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "$NEW is no version such as 1.2.3"
OLD=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" vvault.control)
KEPT=src/upgrade/released/vvault--$OLD.sql
! grep -q "^## $OLD (unreleased)" CHANGELOG.md || die "CHANGELOG.md has no date for $OLD yet"
[ ! -e "$KEPT" ] || die "$KEPT is there already"

make -s "vvault--$OLD.sql"
cp "vvault--$OLD.sql" "$KEPT"
tar --exclude='*.o' --exclude='*.bc' --exclude='*.inc' --exclude=src/upgrade/released -cf - src Makefile vvault.control |
	gzip -9n >"${KEPT%/*}/vvault-$OLD.tar.gz"
keep_by_hand before 'before anything else: what changes.awk does not find by itself,
-- such as new columns of tables that are there, and what has to go. It runs
-- after every older version: what that version may lack is changed IF EXISTS.'
keep_by_hand after 'when everything is there: what has to be done to rows.'
for file in vvault.control META.json; do
	sed "s/${OLD//./\\.}/$NEW/" "$file" >"$file.new"
	mv "$file.new" "$file"
done
awk -v new="$NEW" '/^## / && !done { print "## " new " (unreleased)\n"; done = 1 } { print }' CHANGELOG.md >CHANGELOG.md.new
mv CHANGELOG.md.new CHANGELOG.md
printf '%s\n' "begun $NEW; $KEPT is new"
