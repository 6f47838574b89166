#!/usr/bin/env bash
#
# nginx.sh
#		An nginx for the work folder, with njs, without installing one.
#
# usage: scripts/nginx.sh .work|.demo
#
# Where the machine has both, nothing is to be done. Else their packages are
# unpacked into the work folder: installing it would start a server on port 80.
# Where they are not to be had, says so and ends with status 1.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

TEMP=

# Whether the machine or the work folder has both, of the same nginx.
has_all()
{
	! has_njs / || ! PATH=$PATH:/usr/sbin command -v nginx >/dev/null || return 0
	has_njs "$WORK/nginx" && "$WORK/nginx/usr/sbin/nginx" -v >/dev/null 2>&1
}

main()
{
	case ${1:-} in
		.work | .demo) ;;
		*) die "usage: scripts/nginx.sh .work|.demo" ;;
	esac
	open_work "$1"
	! has_all || return 0
	command -v apt-get >/dev/null || die "there is no nginx with njs on this machine"
	TEMP=$(mktemp -d)
	trap 'rm -rf "$TEMP"' EXIT
	(cd "$TEMP" && apt-get -qq download nginx libnginx-mod-http-js >apt.log 2>&1) ||
		die "there is no nginx with njs on this machine, and its packages are not to be had"
	dpkg -x "$TEMP"/nginx_*.deb "$TEMP/nginx"
	dpkg -x "$TEMP"/libnginx-mod-http-js_*.deb "$TEMP/nginx"
	"$TEMP/nginx/usr/sbin/nginx" -v >/dev/null 2>&1 ||
		die "nginx's package does not run without others: install nginx"
	run_as "$WORK_USER" rm -rf "$WORK/nginx"
	run_as "$WORK_USER" mkdir "$WORK/nginx"
	tar -C "$TEMP/nginx" -cf - ./usr/sbin ./usr/lib | run_as "$WORK_USER" tar -C "$WORK/nginx" --no-same-owner -xf -
}

main "$@"
