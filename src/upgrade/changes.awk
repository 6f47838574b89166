# changes.awk
#     The statements of an install script that are not in an older one.
#
# usage: awk -f changes.awk OLD NEW
#
# Both are made of files below src/; NEW may be "-". What is in both is left
# out. Of what only NEW has:
#
#     a function, aggregate, view or trigger that the old script makes too is
#     replaced (CREATE OR REPLACE), a new one is made (CREATE);
#     a table whose shipped rows differ is emptied and filled anew;
#     a table, index, type, domain or schema that the old script makes too is
#     left to the part that is written by hand: a comment stands in its place;
#     everything else is taken as it is.
#
# Nothing is done about what only OLD has.

# Splits a script into the array list, and returns how many statements there
# are. Comments are dropped, but for those inside the bodies of functions.
function statements(file, list,    text, line, n, i, c, at, tag, start)
{
	text = ""
	while ((getline line < file) > 0)
		text = text (line ~ /^\\/ ? "" : line) "\n"
	close(file)

	n = 0
	start = ""
	for (i = 1; i <= length(text); i++)
	{
		c = substr(text, i, 1)
		if (substr(text, i, 2) == "--")
		{
			at = index(substr(text, i), "\n")
			i += at - 2
			sub(/[ \t]+$/, "", start)
		}
		else if (substr(text, i, 2) == "/*")
			i += index(substr(text, i), "*/")
		else if (c == "'")
		{
			at = index(substr(text, i + 1), "'")
			start = start substr(text, i, at + 1)
			i += at
		}
		else if (c == "$" && match(substr(text, i), /^\$[a-z_]*\$/))
		{
			tag = substr(text, i, RLENGTH)
			at = index(substr(text, i + length(tag)), tag) + 2 * length(tag) - 1
			start = start substr(text, i, at)
			i += at - 1
		}
		else if (c == ";")
		{
			list[++n] = start ";"
			start = ""
		}
		else if (start != "" || c !~ /[ \t\n]/)
			start = start c
	}
	return n
}

# What a statement makes or fills, such as "FUNCTION vvault.bump"; else "".
function target(statement,    words, name)
{
	split(statement, words, /[ \t\n]+/)
	if (words[1] == "INSERT")
		return "ROWS " words[3]
	if (words[1] != "CREATE")
		return ""
	name = words[3]
	sub(/\(.*/, "", name)
	return words[2] " " name
}

BEGIN {
	n = statements(ARGV[1], old)
	for (i = 1; i <= n; i++)
	{
		known[old[i]] = 1
		made[target(old[i])] = 1
	}
	n = statements(ARGV[2], list)
	for (i = 1; i <= n; i++)
		if (!(list[i] in known) && list[i] ~ /^INSERT /)
			refill[target(list[i])] = 1

	for (i = 1; i <= n; i++)
	{
		what = target(list[i])
		if (what in refill)
		{
			if (what in made && !(what in emptied))
				print "DELETE FROM " substr(what, 6) ";\n"
			emptied[what] = 1
		}
		else if (list[i] in known)
			continue
		else if (what in made && what ~ /^(FUNCTION|AGGREGATE|VIEW|TRIGGER) /)
			sub(/^CREATE /, "CREATE OR REPLACE ", list[i])
		else if (what in made && what != "")
		{
			print "-- changed by hand, above: " what "\n"
			continue
		}
		print list[i] "\n"
	}
}
