#!/usr/bin/env bash
#
# dash_schema.sh
#		The XML schema of MPEG-DASH's manifests, laid into the work folder for a test.
#
# usage: [DASH_SCHEMA=FILE] scripts/dash_schema.sh .work
#
# Once, as dash/DASH-MPD.xsd: FILE, or what curl gets of the MPEG group's repository. It
# is theirs, so it is fetched and never committed. It imports a schema of W3C for
# four attributes that our manifests have not; what stands here for it lets all pass.
# Where the schema is not to be had, says so and ends with status 1.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

COMMIT=169fbd39c703b647bb107f4dc9e7c4b16aeb3531 # ISO/IEC 23009-1, fifth edition
SHA256=36c6ef7970507f2e46bc8a5d8ba095d102bca40ed4bd159b06b809b2ba072585
TEMP=

xlink()
{
	cat <<-'END'
		<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
			<xs:attribute name="href" type="xs:string"/>
			<xs:attribute name="type" type="xs:string"/>
			<xs:attribute name="show" type="xs:string"/>
			<xs:attribute name="actuate" type="xs:string"/>
		</xs:schema>
	END
}

is_the_one()
{
	[ -f "$1" ] && [ "$(sha256sum <"$1")" = "$SHA256  -" ]
}

# lay FILE: whole or not at all, as the folder's owner. The copy as it came says which
# one it is.
lay()
{
	run_as "$WORK_USER" mkdir -p "$WORK/dash"
	xlink | run_as "$WORK_USER" tee "$WORK/dash/xlink.xsd" >/dev/null
	sed 's|schemaLocation="[^"]*/xlink\.xsd"|schemaLocation="xlink.xsd"|' "$1" |
		run_as "$WORK_USER" tee "$WORK/dash/DASH-MPD.xsd" >/dev/null
	run_as "$WORK_USER" tee "$WORK/dash/original" <"$1" >/dev/null
}

main()
{
	[ "${1:-}" = .work ] || die "usage: scripts/dash_schema.sh .work"
	open_work "$1"
	! is_the_one "$WORK/dash/original" || return 0
	if [ -n "${DASH_SCHEMA:-}" ]; then
		is_the_one "$DASH_SCHEMA" || die "DASH_SCHEMA=$DASH_SCHEMA: that is not the schema of commit $COMMIT"
		lay "$DASH_SCHEMA"
		return 0
	fi
	TEMP=$(mktemp -d)
	trap 'rm -rf "$TEMP"' EXIT
	curl -fsSL --connect-timeout 5 --max-time 30 -o "$TEMP/schema" \
		"https://raw.githubusercontent.com/MPEGGroup/DASHSchema/$COMMIT/DASH-MPD.xsd" 2>/dev/null || true
	is_the_one "$TEMP/schema" || die "the schema of DASH is not to be had: no curl, or no network"
	lay "$TEMP/schema"
}

main "$@"
