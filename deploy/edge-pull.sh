#!/usr/bin/env bash
#
# edge-pull.sh
#		Keeps the files new that an edge checks tokens by: the database's keys, and
#		the list of sessions and videos that were taken back.
#
# usage: edge-pull.sh FOLDER [SECONDS]
#
# Every SECONDS (5) it asks for vvault_edge_files(). The keys go into a file of
# FOLDER, whole at once; what was taken back is a folder in it with an empty file
# for each, of which only those that came or went are touched. nginx looks at
# each request. The database is the one that libpq's variables name (PGHOST,
# PGUSER, ...); its login has the right "edge". SECONDS 0: once. While the database
# cannot be reached, all stays as it is. Run it as root from a service of systemd:
# docs/streaming.md. Files are readable by root and the group of FOLDER.

set -u
FOLDER=${1:?usage: edge-pull.sh FOLDER [SECONDS]}
SECONDS_BETWEEN=${2:-5}
export LC_ALL=C

umask 027
cd "$FOLDER" || exit 1

# ask NAME: the file of that name goes into .NAME.new
ask()
{
	psql -XAtq -v ON_ERROR_STOP=1 -v name="$1" >".$1.new" <<-'END' && [ -s ".$1.new" ]
		SELECT content FROM vvault_edge_files() WHERE name = :'name';
	END
}

pull_keys()
{
	ask vvault-path-keys.json &&
		chgrp --reference=. .vvault-path-keys.json.new &&
		mv -f .vvault-path-keys.json.new vvault-path-keys.json
}

# What is in the list and has no file, and what has one and is not in the list
pull_denied()
{
	ask vvault-denied.txt &&
		[ "$(head -n 1 .vvault-denied.txt.new)" = vvault-denied-1 ] &&
		mkdir -p vvault-denied &&
		chgrp --reference=. vvault-denied &&
		sed -n '2,$s/ /-/p' .vvault-denied.txt.new | sort >.listed &&
		find vvault-denied -type f -printf '%f\n' | sort >.there &&
		comm -23 .listed .there | sed 's|^|vvault-denied/|' | xargs -r touch -- &&
		comm -13 .listed .there | sed 's|^|vvault-denied/|' | xargs -r rm -f --
}

while :; do
	pull_keys && pull_denied
	pulled=$?
	[ "$SECONDS_BETWEEN" != 0 ] || exit "$pulled"
	sleep "$SECONDS_BETWEEN"
done
