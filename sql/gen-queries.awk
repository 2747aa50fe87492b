# Turn sql/queries/*.sql into C: awk -v out=h|c|sql -f gen-queries.awk FILES
#
# A statement is a block "-- name: session_load", comments, and SQL that ends
# in ";". Comments and layout are dropped. Any awk will do. What a block says
# besides, in lines of their own under its name:
#
#   -- safe: yes         read-only or idempotent: may be sent again when the
#                        connection was lost
#   -- null: step, ...   these parameters, which are no texts, may be null: C
#                        hands over a pointer to them
#   -- int: total, ...   these cells are integers; "bool:" and "bytes:" too
#                        (of "-- cells:" they stand there)
#   -- row: person       the cells are those of struct person_row, which other
#                        statements answer too; else the row has the
#                        statement's name. A fragment may say so too
#
#   -- takes: person     the parameters are those of struct person_params, which
#                        other statements take too
#
# Parameters have names, ":user_id". The cast says what C hands over: integers
# int64_t, ::boolean bool, ::bytea bytes, all else text. A cell has the name of
# its column, or behind "as"; see cell_kind() for what it is in C.
#
# A fragment is text for several statements: "-- fragment: ended(who, why =>
# null)", and then SQL up to the next block, where {who} stands for what the
# use gives: "-- use: ended(who => u, why => 'lost')". A use may have several
# lines, each a comment, up to its ")"; what follows that stays. "-- cells:
# account(of)" is a fragment that is part of a select list; its cells are a
# struct account_cells in the row.

function refuse(why)
{
	printf "%s:%d: %s\n", file, line, why > "/dev/stderr"
	failed = 1
	exit 1
}

function trim(s)
{
	gsub(/^[ \t\r]+|[ \t\r]+$/, "", s)
	return s
}

# Text without its "--" comment, which is left in behind; quotes are followed, a
# ";" outside them ends the statement.
function strip(s,    i, c, q, t, d)
{
	q = t = behind = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		d = substr(s, i, 2)
		if (q != "") {
			if (c == q)
				q = ""
		} else if (d == "--") {
			behind = substr(s, i)
			break
		} else if (d == "/*") {
			refuse("write comments as \"-- \", not as \"/*\"")
		} else if (d == "$$") {
			refuse("$$ quoting belongs into sql/schema")
		} else if (c == "'" || c == "\"") {
			q = c
		} else if (ended) {
			if (c !~ /[ \t\r\003]/)
				refuse(name ": text after the \";\"; one" \
				    " statement a block, each under its" \
				    " own \"-- name:\"")
		} else if (c == ";" && name != "") {
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

# ---- fragments

# Where the "(" that s begins with is closed, quotes followed; 0: not in s.
function closing(s,    i, c, q, depth)
{
	q = ""
	depth = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (q != "") {
			if (c == q)
				q = ""
		} else if (c == "'")
			q = c
		else if (c == "(")
			depth++
		else if (c == ")" && --depth == 0)
			return i
	}
	return 0
}

# Parts of s between commas that stand in no parenthesis; their number.
function parts(s, out,    i, c, q, depth, n, t)
{
	split("", out)
	q = t = ""
	n = depth = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (q != "") {
			if (c == q)
				q = ""
		} else if (c == "'" || c == "\"")
			q = c
		else if (c == "(" || c == "[")
			depth++
		else if (c == ")" || c == "]")
			depth--
		else if (c == "," && depth == 0) {
			out[++n] = t
			t = ""
			continue
		}
		t = t c
	}
	if (t !~ /^[ \t\n]*$/)
		out[++n] = t
	return n
}

function replaced(s, what, by,    i, t)
{
	t = ""
	while ((i = index(s, what)) > 0) {
		t = t substr(s, 1, i - 1) by
		s = substr(s, i + length(what))
	}
	return t s
}

# "name(a, b => c)": its name; the keys, in order, and what they are given.
function heading(s, keys, values,    i, n, at, value)
{
	i = index(s, "(")
	if (i == 0 || closing(substr(s, i)) != length(s) - i + 1)
		refuse("write a fragment as name(...), not " quote(s))
	n = parts(substr(s, i + 1, length(s) - i - 1), keys)
	split("", values)
	nkeys = n
	s = trim(substr(s, 1, i - 1))
	for (i = 1; i <= n; i++) {
		at = index(keys[i], "=>")
		if (at) {
			value = trim(substr(keys[i], at + 2))
			keys[i] = trim(substr(keys[i], 1, at - 1))
			values[keys[i]] = value
		} else
			keys[i] = trim(keys[i])
	}
	return s
}

function begin_fragment(s, cells,    f, i, keys, values)
{
	f = heading(s, keys, values)
	if (f !~ /^[a-z][a-z0-9_]*$/ || (f in fragment))
		refuse("the fragment " f " has no good name, or one that is" \
		    " taken")
	fragment[f] = ""
	cells_of[f] = cells
	keys_of[f] = ""
	for (i = 1; i <= nkeys; i++) {
		keys_of[f] = keys_of[f] " " keys[i]
		if (keys[i] in values)
			default_of[f, keys[i]] = values[keys[i]]
	}
	name = ""
	ended = 0
	making = f
}

# The text of a fragment for a use, "name(key => value, ...)".
function expand(s,    f, i, n, keys, values, list, text)
{
	f = heading(s, keys, values)
	if (!(f in fragment))
		refuse("there is no fragment " quote(f) " above")
	for (i = 1; i <= nkeys; i++)
		if (!(keys[i] in values) || \
		    index(keys_of[f] " ", " " keys[i] " ") == 0)
			refuse("the fragment " f " takes key => value of" \
			    keys_of[f] ", not " quote(keys[i]))
	text = fragment[f]
	if (f in row_in)
		declared_row = row_in[f]
	n = split(keys_of[f], list, " ")
	for (i = 1; i <= n; i++) {
		if (!(list[i] in values)) {
			if (!((f, list[i]) in default_of))
				refuse("the fragment " f " wants " list[i])
			values[list[i]] = default_of[f, list[i]]
			text = replaced(text, "{" list[i] "}", \
			    values[list[i]])
		}
	}
	for (i = 1; i <= n; i++)
		text = replaced(text, "{" list[i] "}", values[list[i]])
	if (making == "" && text ~ /[{][a-z_]+[}]/)
		refuse("the fragment " f " has a {name} that it does not take")
	return cells_of[f] ? "\001" f "\002" text "\003" : text
}

# A fragment, or the use of one: lines are gathered until it is whole.
function call(word, s,    i)
{
	i = index(s, "(")
	if (i)
		i = closing(substr(s, i)) ? i + closing(substr(s, i)) - 1 : 0
	opened = i ? "" : word
	called = s
	if (i == 0)
		return
	if (word == "use")
		take(expand(substr(s, 1, i)) strip(substr(s, i + 1)))
	else
		begin_fragment(s, word == "cells")
}

# A piece of the statement, or of the fragment that is being made.
function take(s)
{
	if (making != "")
		fragment[making] = fragment[making] \
		    (fragment[making] == "" ? "" : "\n") s
	else
		text = text (text == "" ? "" : "\n") s
}

# ---- parameters

function kind_of_type(type)
{
	if (type ~ /^(int|integer|bigint|smallint|int2|int4|int8)$/)
		return "int"
	if (type ~ /^bool(ean)?$/)
		return "bool"
	if (type == "bytea")
		return "bytes"
	return "text"
}

# The type that a cast at the begin of s names, or "".
function cast_at(s,    type)
{
	if (!match(s, /^::[a-z_0-9]+/))
		return ""
	type = substr(s, 3, RLENGTH - 2)
	return substr(s, RLENGTH + 1, 1) == "[" ? type "[]" : type
}

function add_parameter(p, type,    kind)
{
	if (!(p in number)) {
		number[p] = ++top
		parameter[top] = p
		if (top > 64)
			refuse(name " has more than 64 parameters")
	}
	if (type == "")
		return
	kind = kind_of_type(type)
	if ((p in kinds) && kinds[p] != kind)
		refuse(name ": \":" p "\" is cast to " kind " and to " \
		    kinds[p])
	kinds[p] = kind
}

# ":name" becomes "$1", quotes followed.
function number_parameters(s,    i, c, q, t, p)
{
	q = ""
	t = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (q != "") {
			if (c == q)
				q = ""
		} else if (c == "'" || c == "\"")
			q = c
		else if (c == "$")
			refuse(name ": parameters have names, \":user_id\"")
		else if (substr(s, i, 2) == "::") {
			t = t "::"
			i++
			continue
		} else if (c == ":" && match(substr(s, i + 1), \
		    /^[a-z_][a-z0-9_]*/)) {
			p = substr(s, i + 1, RLENGTH)
			i += RLENGTH
			add_parameter(p, cast_at(substr(s, i + 1)))
			t = t "$" number[p]
			continue
		}
		t = t c
	}
	return t
}

# ---- cells

# The list of what a statement answers: behind its select, or its returning.
function answer_list(s,    i, c, q, depth, word, before, verb, begun, t)
{
	q = word = before = verb = t = ""
	depth = begun = 0
	s = s " "
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (q == "" && depth == 0 && c ~ /[a-z_0-9.:]/)
			word = word c
		else {
			if (word ~ /^(select|insert|update|delete)$/ && \
			    verb == "") {
				verb = word
				if (verb == "select")
					begun = i
			} else if (word == "returning" && verb != "select")
				begun = i
			else if ((word == "from" && before != "distinct" && \
			    verb == "select" && begun) || word == "union") {
				return substr(s, begun, i - 4 - begun)
			}
			if (word != "")
				before = word
			word = ""
		}
		if (q != "") {
			if (c == q)
				q = ""
		} else if (c == "'" || c == "\"")
			q = c
		else if (c == "(" || c == "[")
			depth++
		else if (c == ")" || c == "]")
			depth--
	}
	return begun ? substr(s, begun) : ""
}

function cell_name(s)
{
	if (match(s, /[ \n\t]as[ \n\t]+[a-z_][a-z0-9_]*$/)) {
		s = substr(s, RSTART + 1, RLENGTH - 1)
		sub(/^as[ \n\t]+/, "", s)
		return s
	}
	if (s ~ /^([a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]*$/) {
		sub(/^.*\./, "", s)
		return s
	}
	return ""
}

# What a cell is: what its block says, or a cast at its end, or an expression
# whose type shows, or a name that says yes or no; else text.
function cell_kind(f, cell, s,    n)
{
	if ((f, cell) in declared_in)
		return declared_in[f, cell]
	if (f == "" && (cell in declared))
		return declared[cell]
	sub(/[ \n\t]+as[ \n\t]+[a-z_][a-z0-9_]*$/, "", s)
	if (match(s, /::[a-z_0-9]+$/))
		return kind_of_type(substr(s, RSTART + 2))
	n = index(s, "(")
	if (n && s ~ /^(to_us|count|exists) ?\(/ && \
	    closing(substr(s, n)) == length(s) - n + 1)
		return s ~ /^exists/ ? "bool" : "int"
	if (s ~ /^not[ \n\t]/ || s ~ /is( not)? null$/ || cell ~ /^is_/)
		return "bool"
	return "text"
}

# One cell of a struct: a line of C, and its place in the table.
function add_cell(struct, f, s,    cell, kind)
{
	s = trim(s)
	gsub(/^[ \n\t]+|[ \n\t]+$/, "", s)
	cell = cell_name(s)
	if (cell == "") {
		nameless++
		return
	}
	kind = cell_kind(f, cell, s)
	if (f == "")
		told[cell] = 1
	ncells++
	cells = cells " " kind " " (f == "" ? "" : f ".") cell
	members[struct] = members[struct] "\t" c_type(kind) cell ";\n"
}

function c_type(kind)
{
	return kind == "int" ? "int64_t " : kind == "bool" ? "bool " : \
	    kind == "maybe_int" ? "const int64_t *" : \
	    kind == "maybe_bool" ? "const bool *" : "struct str "
}

# Cells between \001 name \002 and \003 are a struct of their own.
function add_cells(s,    i, j, f, n, list, struct, before)
{
	while ((i = index(s, "\001")) > 0) {
		j = index(s, "\002")
		f = substr(s, i + 1, j - i - 1)
		add_plain(substr(s, 1, i - 1))
		s = substr(s, j + 1)
		j = index(s, "\003")
		struct = f "_cells"
		before = (struct in members) ? members[struct] : ""
		members[struct] = ""
		n = parts(substr(s, 1, j - 1), list)
		for (i = 1; i <= n; i++)
			add_cell(struct, f, list[i])
		if (before == "")
			order[++structs] = struct
		else if (before != members[struct])
			refuse(name ": the cells of " f " are others elsewhere")
		members[row "_row"] = members[row "_row"] "\tstruct " \
		    struct " " f ";\n"
		s = substr(s, j + 1)
	}
	add_plain(s)
}

function add_plain(s,    i, n, list)
{
	n = parts(s, list)
	for (i = 1; i <= n; i++)
		if (list[i] !~ /^[ \n\t]*$/)
			add_cell(row "_row", "", list[i])
}

# The row of a statement, when its cells have names.
function make_row(    list, before, cell, known)
{
	row = declared_row == "" ? name : declared_row
	known = (row "_row") in members
	before = known ? members[row "_row"] : ""
	members[row "_row"] = cells = ""
	ncells = nameless = 0
	split("", told)
	list = answer_list(text)
	add_cells(list)
	if (ncells && nameless)
		refuse(name ": a cell has no name; write \"as name\" behind it")
	for (cell in declared)
		if (!(cell in told))
			refuse(name " answers no " quote(cell))
	if (ncells == 0) {
		if (!known)
			delete members[row "_row"]
		return
	}
	if (known && (before != members[row "_row"] || \
	    cells_of_row[row] != cells))
		refuse(name ": the row " row " is another elsewhere")
	if (!known) {
		order[++structs] = row "_row"
		rows[++nrows] = row
	}
	cells_of_row[row] = cells
	row_of[count + 1] = row
}

# ---- blocks

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

function check_parameters(    p)
{
	for (p in may_be_null) {
		if (!(p in number))
			refuse(name " has no parameter " quote(p))
		if (kinds[p] != "int" && kinds[p] != "bool")
			refuse(name ": " p " is a text: its null is STR_NONE")
		kinds[p] = "maybe_" kinds[p]
	}
}

function finish(    i)
{
	if (opened != "")
		refuse("\"-- " opened ": " called "\" has no end")
	making = ""
	if (name == "")
		return
	if (text == "")
		refuse(name " has no statement")
	if (!ended)
		refuse(name " does not end in \";\"")
	text = number_parameters(text)
	check_parameters()
	make_row()
	gsub(/\001[a-z_0-9]+\002|\003/, "", text)
	names[++count] = name
	texts[count] = text
	tops[count] = top
	safes[count] = safe
	for (i = 1; i <= top; i++)
		params[count] = params[count] " " (parameter[i] in kinds ? \
		    kinds[parameter[i]] : "text") " " parameter[i]
	take_parameters(taken == "" ? name : taken)
	name = ""
}

# What a statement takes is a struct, which may be another one's too: then each
# has the same parameters, in whatever order.
function take_parameters(t,    i, n, list)
{
	struct_of[count] = t
	n = split(params[count], list, " ")
	if (!(t in first_to_take)) {
		first_to_take[t] = count
		for (i = 1; i < n; i += 2)
			is_taken[t, list[i] " " list[i + 1]] = 1
		return
	}
	if (n != split(params[first_to_take[t]], ignored, " "))
		refuse(name ": " t " takes other parameters elsewhere")
	for (i = 1; i < n; i += 2)
		if (!((t, list[i] " " list[i + 1]) in is_taken))
			refuse(name ": " t " takes no " list[i] " " \
			    list[i + 1] " elsewhere")
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
	text = declared_row = taken = ""
	top = safe = ended = 0
	split("", number)
	split("", kinds)
	split("", declared)
	split("", may_be_null)
}

function set_safe(s)
{
	if (name == "")
		refuse("\"-- safe:\" stands under \"-- name:\"")
	if (s != "yes" && s != "no")
		refuse(name ": safe is yes or no, not " quote(s))
	safe = s == "yes"
}

function declare(kind, s,    i, n, list)
{
	if (name == "" && (making == "" || !cells_of[making]))
		refuse("\"-- " kind ":\" stands under \"-- name:\"")
	n = split(s, list, /[ ,]+/)
	for (i = 1; i <= n; i++)
		if (list[i] == "")
			continue
		else if (kind == "null")
			may_be_null[list[i]] = 1
		else if (making != "")
			declared_in[making, list[i]] = kind
		else
			declared[list[i]] = kind
}

# A comment "-- word: rest" that is for us.
function instruction(word, rest)
{
	if (word == "name" || word == "fragment" || word == "cells") {
		finish()
		line = FNR
		if (word == "name")
			begin_block(rest)
		else
			call(word, rest)
	} else if (word == "safe")
		set_safe(rest)
	else if (word == "row" && making != "")
		row_in[making] = rest
	else if (word == "row")
		declared_row = rest
	else if (word == "takes")
		taken = rest
	else if (word == "use")
		call(word, rest)
	else
		declare(word, rest)
}

FNR == 1 {
	if (NR > 1)
		finish()
	file = FILENAME
}

{ line = FNR }

opened != "" {
	if ($0 !~ /^[ \t]*--/)
		refuse("\"-- " opened ": " called "\" has no end")
	sub(/^[ \t]*--[ \t]*/, "")
	call(opened, called " " trim($0))
	next
}

# What is no list of names behind "row:" and its like is a sentence.
/^[ \t]*--[ \t]*((name|fragment|cells|safe|use)[ \t]*:|(row|takes|null|int|bool|bytes): [a-z_0-9]+(, [a-z_0-9]+)*[ \t\r]*$)/ {
	word = $0
	sub(/^[ \t]*--[ \t]*/, "", word)
	rest = word
	sub(/[ \t]*:.*/, "", word)
	sub(/^[a-z]+[ \t]*:/, "", rest)
	instruction(word, trim(rest))
	next
}

{
	if (name == "" && making == "") {
		if ($0 !~ /^[ \t\r]*(--.*)?$/)
			refuse("a statement without \"-- name:\" above it")
		next
	}
	piece = strip($0)
	if (piece != "")
		take(piece)
	if (sub(/^--[ \t]*use[ \t]*:/, "", behind))
		call("use", trim(behind))
}

END {
	if (failed)
		exit 1
	finish()
	if (out == "h")
		header()
	else if (out == "sql")
		plain()
	else
		source()
}

# ---- what is written

function header(    i)
{
	print "/* Made by sql/gen-queries.awk from sql/queries. */"
	print "#ifndef STORE_QUERIES_H"
	print "#define STORE_QUERIES_H\n"
	print "#include \"store/pg/query.h\"\n"
	print "enum query {"
	for (i = 1; i <= count; i++)
		print "\tQ_" names[i] ","
	print "\tQ_COUNT"
	print "};\n"
	print "extern const struct query_text query_table[Q_COUNT];\n"
	for (i = 1; i <= count; i++)
		parameters_struct(i)
	for (i = 1; i <= structs; i++)
		printf "struct %s {\n%s};\n\n", order[i], members[order[i]]
	for (i = 1; i <= nrows; i++)
		row_reader(rows[i])
	print "#endif"
}

function parameters_struct(i,    n, j, list)
{
	n = split(params[i], list, " ")
	if (first_to_take[struct_of[i]] == i) {
		printf "struct %s_params {\n", struct_of[i]
		for (j = 1; j < n; j += 2)
			printf "\t%s%s;\n", c_type(list[j]), list[j + 1]
		print "} QUERY_BY_NAME;"
	}
	printf "typedef struct %s_params Q_%s_params;\n", struct_of[i], names[i]
	printf "enum { Q_%s_PARAMS = %d };\n\n", names[i], n / 2
}

function row_reader(r)
{
	printf "extern const struct query_row query_row_%s;\n", r
	printf "static inline struct %s_row\n", r
	printf "%s_row(const struct rows *r, size_t row)\n{\n", r
	printf "\tstruct %s_row out;\n\n", r
	printf "\trow_read(r, row, &query_row_%s, &out);\n", r
	print "\treturn out;\n}\n"
}

# The places of the members in a struct, as an array of struct query_field.
function fields(array, struct, list_text,    n, i, list)
{
	n = split(list_text, list, " ")
	printf "static const struct query_field %s[] = {\n", array
	for (i = 1; i < n; i += 2)
		printf "\t{ \"%s\", QUERY_%s, offsetof(struct %s, %s) },\n", \
		    list[i + 1], toupper(list[i]), struct, list[i + 1]
	print "};"
}

function source(    i)
{
	print "/* Made by sql/gen-queries.awk from sql/queries. */"
	print "#include \"store/queries.h\"\n"
	for (i = 1; i <= count; i++)
		if (params[i] != "")
			fields("params_" names[i], struct_of[i] "_params", \
			    params[i])
	for (i = 1; i <= nrows; i++) {
		fields("cells_" rows[i], rows[i] "_row", cells_of_row[rows[i]])
		printf "const struct query_row query_row_%s = { \"%s\", " \
		    "cells_%s, %d };\n", rows[i], rows[i], rows[i], \
		    split(cells_of_row[rows[i]], ignored, " ") / 2
	}
	print "\nconst struct query_text query_table[Q_COUNT] = {"
	for (i = 1; i <= count; i++)
		statement(i)
	print "};"
}

function statement(i,    j, n, piece)
{
	printf "\t[Q_%s] = { \"%s\",", names[i], names[i]
	n = split(texts[i], piece, "\n")
	for (j = 1; j <= n; j++)
		printf "\n\t    %s", quote(piece[j] (j < n ? " " : ""))
	printf ",\n\t    %d, %s, %s, %s },\n", tops[i], \
	    safes[i] ? "true" : "false", \
	    params[i] == "" ? "NULL" : "params_" names[i], \
	    i in row_of ? "&query_row_" row_of[i] : "NULL"
}

# For tests: each statement as Postgres gets it, behind its name and the names
# of its parameters.
function plain(    i, j, n, list)
{
	for (i = 1; i <= count; i++) {
		printf "-- name: %s\n--", names[i]
		n = split(params[i], list, " ")
		for (j = 2; j <= n; j += 2)
			printf " %s", list[j]
		printf "\n%s;\n", texts[i]
	}
}
