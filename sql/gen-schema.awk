# Embed sql/schema/NNNN_name.sql and sql/roles.sql, byte for byte:
# awk -f gen-schema.awk FILES. Versions rise; those between may be somebody
# else's, whose migration comes later.

function refuse(why)
{
	printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
	failed = 1
	exit 1
}

function quote(s,    i, c, t)
{
	t = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\"" || c == "\\")
			t = t "\\"
		t = t (c == "\t" ? "\\t" : c == "\r" ? "\\r" : c)
	}
	return "\"" t "\\n\""
}

function begin_file(    n)
{
	base = FILENAME
	sub(/^.*\//, "", base)
	if (base == "roles.sql") {
		roles = 1
		body = "const char schema_roles[] ="
		return
	}
	if (base !~ /^[0-9][0-9][0-9][0-9]_[a-z][a-z0-9_]*\.sql$/)
		refuse("a migration is called NNNN_name.sql")
	n = substr(base, 1, 4) + 0
	if (count && n <= version[count - 1])
		refuse("version " n " after " version[count - 1] \
		    ": numbers rise in the order of Makefile.am")
	version[count + 0] = n
	file[count++] = base
	body = sprintf("static const char text_%04d[] =", n)
}

function end_file()
{
	if (body != "")
		bodies = bodies body ";\n\n"
}

FNR == 1 {
	end_file()
	begin_file()
}

/^[ \t]*(BEGIN|begin|COMMIT|commit|ROLLBACK|rollback)[ \t]*;/ && !dollar {
	refuse("each migration runs in a transaction already")
}

{
	# BEGIN and END inside a function body are PL/pgSQL
	if (split($0, halves, /\$[a-z_]*\$/) % 2 == 0)
		dollar = !dollar
	body = body "\n    " quote($0)
}

END {
	if (failed)
		exit 1
	end_file()
	if (!roles) {
		print "gen-schema: sql/roles.sql is missing" > "/dev/stderr"
		exit 1
	}
	print "/* Made by sql/gen-schema.awk from sql/schema. */"
	print "#include \"store/schema.h\"\n"
	printf "%s", bodies
	print "const struct migration schema_table[] = {"
	for (i = 0; i < count; i++)
		printf "\t{ %d, \"%s\", text_%04d, sizeof(text_%04d) - 1 },\n", \
		    version[i], file[i], version[i], version[i]
	print "};\n"
	printf "const int schema_count = %d;\n", count
}
