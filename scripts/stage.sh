#!/usr/bin/env bash
#
# stage.sh
#		A private PostgreSQL installation with the extension in it.
#
# usage: scripts/stage.sh STAGE BUILT
#
# Installs the extension that was built in the folder BUILT below STAGE. Nothing
# goes into the system's own folders: PostgreSQL finds its share and library
# folders by their way from its executable, so STAGE repeats those three folders
# under their full names. The executables are copies (a link would lead back),
# all else is links to the system's files, contrib and pgTAP included.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# mirror COPY-OPTIONS FOLDER: repeat a system folder below STAGE.
mirror()
{
	mkdir -p "$STAGE$2"
	cp -R "$1" "$2/." "$STAGE$2/"
}

# A vvault that somebody installed for a server of the machine is not ours.
drop_installed_vvault()
{
	rm -rf "$STAGE$PKGLIBDIR"/vvault* "$STAGE$PKGLIBDIR"/bitcode/vvault* \
		"$STAGE$SHAREDIR"/extension/vvault*
}

# pgTAP is plain SQL. A server that was not installed from Debian's packages
# takes the files that Debian has for another version.
borrow_pgtap()
{
	local file

	[ ! -e "$STAGE$SHAREDIR/extension/pgtap.control" ] || return 0
	for file in /usr/share/postgresql/*/extension/pgtap*; do
		[ ! -e "$file" ] || ln -sf "$file" "$STAGE$SHAREDIR/extension/"
	done
}

main()
{
	local libdir

	[ $# -eq 2 ] || die "usage: scripts/stage.sh STAGE BUILT"
	STAGE=$1
	BINDIR=$("$PG_CONFIG" --bindir)
	PKGLIBDIR=$("$PG_CONFIG" --pkglibdir)
	SHAREDIR=$("$PG_CONFIG" --sharedir)
	libdir=$("$PG_CONFIG" --libdir)

	rm -rf "$STAGE"
	mirror -L "$BINDIR"
	mirror -s "$PKGLIBDIR"
	mirror -s "$SHAREDIR"
	case $libdir/ in
		/usr/lib/* | /lib/* | "$PKGLIBDIR"/*) ;;
		*) [ ! -d "$libdir" ] || mirror -s "$libdir" ;; # libpq of a server built by hand
	esac
	drop_installed_vvault
	borrow_pgtap
	make -s -C "$2" PG_CONFIG="$PG_CONFIG" DESTDIR="$STAGE" install >/dev/null
}

main "$@"
