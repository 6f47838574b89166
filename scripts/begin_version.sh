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

KEPT=src/upgrade/released

die()
{
	printf '%s\n' "$*" >&2
	exit 1
}

# keep_by_hand NAME: what the released version did by hand, if it did anything,
# moves to its version's name.
keep_by_hand()
{
	local file=src/upgrade/$1.sql

	if grep -qvE '^(--.*|[[:space:]]*)$' "$file"; then
		mv "$file" "$KEPT/$OLD.$1.sql"
	fi
}

# begin_by_hand PREFIX EXTENSION: what will be done by hand to its tables.
begin_by_hand()
{
	cat >"src/upgrade/$1before.sql" <<END
-- $2 to $NEW, before anything else: what changes.awk does not find
-- by itself, such as new columns of tables that are there, and what has to go.
-- It runs after every older version: what that version may lack is changed
-- IF EXISTS.
END
	cat >"src/upgrade/$1after.sql" <<END
-- $2 to $NEW, when everything is there: what has to be done to rows.
END
}

# The Debian package has the version of the extensions, and its own head of a
# version names who makes it, as the one before did.
begin_debian_version()
{
	{
		printf 'vvault (%s) UNRELEASED; urgency=medium\n\n' "$NEW"
		printf '  * See CHANGELOG.md for what is new in this version.\n\n'
		printf '%s  %s\n\n' "$(sed -n '/^ -- /{s/>.*/>/p;q;}' debian/changelog)" "$(date -R)"
		cat debian/changelog
	} >debian/changelog.new
	mv debian/changelog.new debian/changelog
}

[ $# -eq 1 ] || die "usage: scripts/begin_version.sh VERSION"
NEW=$1
[[ $NEW =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "$NEW is no version such as 1.2.3"
OLD=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" vvault.control)
! grep -q "^## $OLD (unreleased)" CHANGELOG.md || die "CHANGELOG.md has no date for $OLD yet"
[ ! -e "$KEPT/vvault--$OLD.sql" ] || die "$KEPT/vvault--$OLD.sql is there already"

make -s "vvault--$OLD.sql" "vvault_stream--$OLD.sql"
cp "vvault--$OLD.sql" "vvault_stream--$OLD.sql" "$KEPT"
tar --exclude='*.o' --exclude='*.bc' --exclude='*.inc' --exclude="$KEPT" -cf - src Makefile ./*.control |
	gzip -9n >"$KEPT/vvault-$OLD.tar.gz"
for name in before after stream_before stream_after; do
	keep_by_hand "$name"
done
begin_by_hand '' vvault
begin_by_hand stream_ vvault_stream
for file in *.control META.json; do
	sed "s/${OLD//./\\.}/$NEW/" "$file" >"$file.new"
	mv "$file.new" "$file"
done
awk -v new="$NEW" '/^## / && !done { print "## " new " (unreleased)\n"; done = 1 } { print }' CHANGELOG.md >CHANGELOG.md.new
mv CHANGELOG.md.new CHANGELOG.md
begin_debian_version
printf '%s\n' "begun $NEW; new in $KEPT: vvault--$OLD.sql, vvault_stream--$OLD.sql, vvault-$OLD.tar.gz"
