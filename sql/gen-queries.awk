# Turn sql/queries/*.sql into C: awk -v out=h|c -f gen-queries.awk FILES
#
# A block is "-- name: session_find", then perhaps "-- safe: yes" (read-only
# or idempotent: may be sent again when the connection was lost), comments,
# and one statement that ends in ";". Comments and layout are dropped. Any
# awk will do.

function refuse(why)
{
	printf "%s:%d: %s\n", file, line, why > "/dev/stderr"
	failed = 1
	exit 1
}

# Text without its "--" comment; quotes are followed, a ";" outside them ends
# the statement, parameters are counted.
function strip(s,    i, c, q, t, d)
{
	q = ""
	t = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		d = substr(s, i, 2)
		if (q != "") {
			if (c == q)
				q = ""
		} else if (d == "--") {
			break
		} else if (d == "/*") {
			refuse("write comments as \"-- \", not as \"/*\"")
		} else if (d == "$$") {
			refuse("$$ quoting belongs into sql/schema")
		} else if (c == "'" || c == "\"") {
			q = c
		} else if (c == "$") {
			parameter(substr(s, i + 1))
		} else if (ended) {
			if (c !~ /[ \t\r]/)
				refuse(name ": text after the \";\"; one" \
				    " statement a block, each under its" \
				    " own \"-- name:\"")
		} else if (c == ";") {
			ended = 1
			continue
		}
		t = t c
	}
	if (q != "")
		refuse("a quoted text must end on its own line")
	gsub(/[ \t\r]+$/, "", t)
	gsub(/^[ \t]+/, "", t)
	return t
}

function parameter(s,    n)
{
	if (!match(s, /^[0-9]+/))
		refuse("\"$\" without a parameter number")
	n = substr(s, 1, RLENGTH) + 0
	if (n < 1 || n > 64)
		refuse("parameters go from $1 to $64")
	used[n] = 1
	if (n > top)
		top = n
}

function quote(s,    i, c, t)
{
	t = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\"" || c == "\\")
			t = t "\\"
		t = t c
	}
	return "\"" t "\""
}

function finish(    i)
{
	if (name == "")
		return
	if (text == "")
		refuse(name " has no statement")
	if (!ended)
		refuse(name " does not end in \";\"")
	for (i = 1; i <= top; i++)
		if (!(i in used))
			refuse(name " uses $" top " but not $" i)
	names[++count] = name
	texts[count] = text
	tops[count] = top
	safes[count] = safe
	name = ""
}

function begin_block(n)
{
	if (n !~ /^[a-z][a-z0-9_]*$/)
		refuse("a name is lower case letters, digits and \"_\", not " \
		    quote(n))
	if (n == "count")
		refuse("the name count is taken by Q_COUNT")
	if (n in seen)
		refuse("the name " n " is taken: " seen[n])
	seen[n] = FILENAME ":" FNR
	name = n
	text = ""
	top = safe = ended = 0
	split("", used)
}

FNR == 1 {
	if (NR > 1)
		finish()
	file = FILENAME
}

/^--[ \t]*name[ \t]*:/ {
	finish()
	line = FNR
	sub(/^--[ \t]*name[ \t]*:[ \t]*/, "")
	sub(/[ \t\r]+$/, "")
	begin_block($0)
	next
}

{ line = FNR }

/^--[ \t]*safe[ \t]*:/ {
	sub(/^--[ \t]*safe[ \t]*:[ \t]*/, "")
	sub(/[ \t\r]+$/, "")
	if (name == "")
		refuse("\"-- safe:\" stands under \"-- name:\"")
	if ($0 != "yes" && $0 != "no")
		refuse(name ": safe is yes or no, not " quote($0))
	safe = $0 == "yes"
	next
}

{
	if (name == "") {
		if ($0 !~ /^[ \t\r]*(--.*)?$/)
			refuse("a statement without \"-- name:\" above it")
		next
	}
	piece = strip($0)
	if (piece != "")
		text = text (text == "" ? "" : "\n") piece
}

END {
	if (failed)
		exit 1
	finish()
	if (out == "h")
		header()
	else
		source()
}

function header(    i)
{
	print "/* Made by sql/gen-queries.awk from sql/queries. */"
	print "#ifndef STORE_QUERIES_H"
	print "#define STORE_QUERIES_H\n"
	print "#include <stdbool.h>\n"
	print "enum query {"
	for (i = 1; i <= count; i++)
		print "\tQ_" toupper(names[i]) ","
	print "\tQ_COUNT"
	print "};\n"
	print "/* A statement: safe ones may be sent a second time. */"
	print "struct query_text {"
	print "\tconst char *name;"
	print "\tconst char *sql;"
	print "\tint parameters;"
	print "\tbool safe;"
	print "};\n"
	print "extern const struct query_text query_table[Q_COUNT];\n"
	print "#endif"
}

function source(    i, j, n, piece)
{
	print "/* Made by sql/gen-queries.awk from sql/queries. */"
	print "#include \"store/queries.h\"\n"
	print "const struct query_text query_table[Q_COUNT] = {"
	for (i = 1; i <= count; i++) {
		printf "\t[Q_%s] = { \"%s\",", toupper(names[i]), names[i]
		n = split(texts[i], piece, "\n")
		for (j = 1; j <= n; j++)
			printf "\n\t    %s", quote(piece[j] (j < n ? " " : ""))
		printf ",\n\t    %d, %s },\n", tops[i], \
		    safes[i] ? "true" : "false"
	}
	print "};"
}
