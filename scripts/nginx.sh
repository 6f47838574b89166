#!/usr/bin/env bash
#
# nginx.sh
#		An nginx for the work folder, without installing one.
#
# usage: scripts/nginx.sh .work|.demo
#
# Where the machine has an nginx, nothing is to be done. Else its package is
# unpacked into the work folder: installing it would start a server on port 80.
# Where it is not to be had, says so and ends with status 1.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

TEMP=

main()
{
	case ${1:-} in
		.work | .demo) ;;
		*) die "usage: scripts/nginx.sh .work|.demo" ;;
	esac
	open_work "$1"
	! PATH=$PATH:/usr/sbin command -v nginx >/dev/null || return 0
	! "$WORK/nginx/usr/sbin/nginx" -v >/dev/null 2>&1 || return 0
	command -v apt-get >/dev/null || die "there is no nginx on this machine"
	TEMP=$(mktemp -d)
	trap 'rm -rf "$TEMP"' EXIT
	(cd "$TEMP" && apt-get -qq download nginx >apt.log 2>&1) ||
		die "there is no nginx on this machine, and its package is not to be had"
	dpkg -x "$TEMP"/nginx_*.deb "$TEMP/nginx"
	"$TEMP/nginx/usr/sbin/nginx" -v >/dev/null 2>&1 ||
		die "nginx's package does not run without others: install nginx"
	run_as "$WORK_USER" rm -rf "$WORK/nginx"
	run_as "$WORK_USER" mkdir "$WORK/nginx"
	tar -C "$TEMP/nginx" -cf - ./usr/sbin | run_as "$WORK_USER" tar -C "$WORK/nginx" --no-same-owner -xf -
}

main "$@"
