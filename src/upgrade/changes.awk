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
# are. Comments are dropped, but for those inside the bodies of functions, and
# so are psql's own commands. Each line is looked at once, from one thing that
# opens or ends something to the next.
function statements(file, list,    rest, n, at, closing, token, start, atomic)
{
	n = atomic = 0
	start = closing = ""
	while ((getline rest < file) > 0)
	{
		rest = closing == "" && rest ~ /^\\/ ? "\n" : rest "\n"
		while (rest != "")
		{
			if (closing != "")
			{
				at = index(rest, closing)
				at = at > 0 ? at + length(closing) - 1 : length(rest)
				if (closing != "*/")
					start = start substr(rest, 1, at)
				if (index(substr(rest, 1, at), closing) > 0)
					closing = ""
				rest = substr(rest, at + 1)
				continue
			}
			at = match(rest, /--|\/\*|['";]|\$[a-z_]*\$/) ? RSTART : length(rest) + 1
			token = at == RSTART ? substr(rest, at, RLENGTH) : ""
			atomic = atomic || substr(rest, 1, at - 1) ~ /(^|[ \t])BEGIN ATOMIC[ \t\n]/
			start = extended(start, substr(rest, 1, at - 1))
			rest = substr(rest, at + length(token))
			if (token == "--")
			{
				sub(/[ \t]+$/, "", start)
				rest = "\n"
			}
			else if (token == "/*")
				closing = "*/"
			else if (token == ";" && atomic && start !~ /;[ \t\n]*END$/)
				start = start ";"
			else if (token == ";")
			{
				list[++n] = start ";"
				start = ""
				atomic = 0
			}
			else if (token != "")
			{
				start = start token
				closing = token
			}
		}
	}
	close(file)
	return n
}

# A statement begins with its first word.
function extended(start, text)
{
	if (start == "")
		sub(/^[ \t\n]+/, "", text)
	return start text
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
