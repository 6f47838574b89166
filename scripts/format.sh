#!/usr/bin/env bash
#
# format.sh
#		Bring the sources into one shape, or with --check say which are not.
#
# usage: scripts/format.sh [--check]
#
# C as PostgreSQL indents its own (indent.pl); SQL, Perl, shell and markdown
# without blanks at line ends and with a last newline.

# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# Every file of ours with one of the suffixes, generated ones left out.
files_with()
{
	local suffix names=()

	for suffix in "$@"; do
		names+=(-o -name "*$suffix")
	done
	find . \( -name .git -o -name .work -o -name .demo -o -name .versions \
		-o -name node_modules -o -name results -o -name output_iso \
		-o -name tmp_check \) -prune \
		-o -type f \( "${names[@]:1}" \) ! -name 'vvault*--*.sql' -print0 | sort -z
}

# From 16 on the indenter is among the server's own programs.
format_c()
{
	local bindir

	bindir=$("$PG_CONFIG" --bindir)
	files_with .c .h |
		PATH=$bindir:$PATH xargs -0 -r perl scripts/indent.pl ${1:+"$1"} \
			"$("$PG_CONFIG" --includedir-server)"
}

# Prints the files that it mends, or with --check those that it would.
format_text()
{
	# shellcheck disable=SC2016  # it is Perl that shall expand them
	files_with .sql .spec .pl .pm .sh .md |
		xargs -0 -r perl -e '
			my $check = shift @ARGV eq "--check";
			my $failed = 0;
			for my $file (@ARGV)
			{
				local $/;
				open my $in, "<", $file or die "$file: $!\n";
				my $text = <$in> // "";
				my $wanted = $text =~ s/[ \t\r]+$//gmr;
				$wanted =~ s/\n*\z/\n/ if $wanted ne "";
				next if $wanted eq $text;
				print $check ? "$file: blanks at a line end, or no single last newline\n"
				  : "formatted $file\n";
				$failed = 1 if $check;
				next if $check;
				open my $out, ">", $file or die "$file: $!\n";
				print {$out} $wanted;
				close $out or die "$file: $!\n";
			}
			exit $failed' -- "${1:---write}"
}

main()
{
	local failed=0

	case ${1:-} in
		"" | --check) ;;
		*) die "usage: scripts/format.sh [--check]" ;;
	esac
	if ! inside; then
		"$ROOT/scripts/packages.sh" format
		choose_postgres
	fi
	cd "$ROOT"
	format_c "$@" || failed=1
	format_text "$@" || failed=1
	return "$failed"
}

main "$@"
