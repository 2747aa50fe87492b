# The whole suite, on a stack of its own.
# shellcheck shell=bash

TEST_PARTS='lint unit e2e'
TEST_LONG='fuzz faults' # with "all"
TEST_NAMED='failures' # by name alone: it has a build of its own
TEST_PASSED=0
TEST_FAILED=0
TEST_UNITS=()

test_all() {
	local parts=() part
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		case " all $TEST_PARTS $TEST_LONG $TEST_NAMED " in
		" $1 "*) export TEST_SLOW=1 ;;
		*" $1 "*) parts+=("$1") ;;
		*)
			[[ ${parts[*]-} == *unit ]] ||
				die "no part '$1' of the tests; there are: $TEST_PARTS $TEST_LONG $TEST_NAMED"
			TEST_UNITS+=("$1")
			;;
		esac
		shift
	done
	[ $# = 0 ] || shift
	# shellcheck disable=SC2206
	[ ${#parts[@]} -gt 0 ] || parts=($TEST_PARTS ${TEST_SLOW:+$TEST_LONG})
	TEST_PYTEST=("$@")
	WEB=nginx
	state_open
	packages_need test
	npm_need
	(state_lock && build_programs) || exit 1
	: >"$STATE/log/test.last"
	for part in "${parts[@]}"; do
		echo "== $part"
		"test_$part"
	done
	cat "$STATE/log/test.last"
	echo "$TEST_PASSED passed, $TEST_FAILED failed"
	[ "$TEST_FAILED" = 0 ]
}

# test_run COUNTER COMMAND...: run it, show what it says, and let COUNTER read
# "passed failed" from that. A command that fails without counting a failure
# is one. What failed and what was left out is kept for the end.
test_run() {
	local counter=$1 out=$STATE/log/test.out status=0 passed failed
	shift
	"$@" </dev/null 2>&1 | tee "$out" || status=1
	read -r passed failed < <("$counter" "$out")
	if [ $status != 0 ] && [ "$failed" = 0 ]; then
		failed=1
	fi
	test_names "$failed" "$out" "$*" >>"$STATE/log/test.last"
	TEST_PASSED=$((TEST_PASSED + passed))
	TEST_FAILED=$((TEST_FAILED + failed))
}

# test_names FAILED OUTPUT COMMAND
test_names() {
	grep -E '^(not ok|FAIL:|XPASS:|ERROR:)' "$2" || [ "$1" = 0 ] ||
		echo "not ok $3"
	grep -E '^[0-9]+ deselected' "$2" || true
}

count_tap() {
	awk '/^# PASS: / { pass += $3 } /^# XFAIL: / { pass += $3 }
		/^# (FAIL|XPASS|ERROR): / { fail += $3 }
		END { print pass + 0, fail + 0 }' "$1"
}

# "N passed, N failed" on the last line.
count_last() {
	tail -n 1 "$1" | awk '{ print $1 + 0, $3 + 0 }'
}

# TAP's lines, "N passed, N failed" anywhere, or one test when nothing was
# counted.
count_lines() {
	awk '/^ok [0-9]/ { seen = 1; if (!/# SKIP/) pass++ }
		/^not ok [0-9]/ { seen = 1; fail++ }
		/[0-9]+ passed/ || /[0-9]+ failed/ {
		for (i = 2; i <= NF; i++) {
			if ($i ~ /^passed/) pass += $(i - 1)
			if ($i ~ /^failed/) fail += $(i - 1)
		} seen = 1 }
		END { if (!seen) pass = 1; print pass + 0, fail + 0 }' "$1"
}

# count_lines, for commands that say nothing when all is well.
test_command() {
	"$@" || {
		echo "0 passed, 1 failed"
		return 1
	}
}

test_lint() {
	local script
	test_run count_lines test_command shellcheck -x -P "$ROOT" \
		"$ROOT/dev" "$ROOT"/scripts/dev/*.sh "$ROOT/.ci/run"
	for script in "$ROOT"/tests/lint/*; do
		[ -f "$script" ] && [ -x "$script" ] || continue
		test_run count_lines env BUILD="$BUILD" "$script"
	done
}

# unit_program FILE: what runs that test: itself, or all of its folder.
unit_program() {
	local own
	own=$(tr / _ <<<"$1")
	if [ -x "$ROOT/$1" ] || grep -q "^${own}_SOURCES" "$ROOT/Makefile.am"
	then
		echo "$1"
	else
		echo "${1%/*}/all"
	fi
}

# unit_tests NAME...: those whose path has one of the names in it.
unit_tests() {
	local name
	for name in "$@"; do
		(cd "$ROOT" && find tests/unit -type f -path "*$name*" \
			\( -name 'test_*.c' -o ! -name '*.*' \))
	done | sed 's/\.c$//' | while read -r name; do
		unit_program "$name"
	done | sort -u | tr '\n' ' '
}

test_unit() {
	local only=()
	if [ ${#TEST_UNITS[@]} -gt 0 ]; then
		only=("TESTS=$(unit_tests "${TEST_UNITS[@]}")")
		[ "${only[0]}" != TESTS= ] ||
			die "no unit test is named so: ${TEST_UNITS[*]}"
		only+=("check_PROGRAMS=${only[0]#TESTS=}")
	fi
	test_run count_tap build_make check V=0 ${only[@]+"${only[@]}"}
}

# test_on_stack COUNTER COMMAND...: with a stack up, its `./dev env` and the
# variables that name it in the environment.
test_on_stack() {
	(
		export POSTERN_DEV_DIR=$STATE/test POSTERN_DEV_BUILD=$BUILD
		PORT=${POSTERN_TEST_PORT:-$(port_find $((RANDOM % 9000)))}
		export PORT
		trap '"$ROOT/dev" clean >&2' EXIT
		"$ROOT/dev" clean
		"$ROOT/dev" up || exit 1
		set -a
		eval "$("$ROOT/dev" env)"
		unset DATABASE_URL DATABASE_OWNER_URL
		set +a
		unset WEB
		cd "$ROOT" && timeout -k 10 "${TEST_SECONDS:-900}" "$@"
	)
}

test_e2e() {
	[ -d "$ROOT/tests/e2e" ] || return 0
	TEST_STATE=$STATE/test POSTERN_DEV_BUILD=$BUILD \
		HELLO=$BUILD/tests/bench/hello test_run count_last \
		"$ROOT/tests/e2e/run" ${TEST_PYTEST[@]+"${TEST_PYTEST[@]}"}
}

test_fuzz() {
	[ -x "$ROOT/tests/fuzz/run" ] || return 0
	FUZZ_SECONDS=${FUZZ_SECONDS:-5} test_run count_lines test_command \
		"$ROOT/tests/fuzz/run"
}

test_faults() {
	[ -x "$ROOT/tests/faults/run" ] || return 0
	FAULT_ROUNDS=${FAULT_ROUNDS:-5} test_run count_lines test_on_stack \
		"$ROOT/tests/faults/run"
}

# The programs with sanitizers, and with libraries that fail on demand.
test_failures() {
	[ -x "$ROOT/tests/failures/run" ] || return 0
	local BUILD=${FAILURES_BUILD:-$STATE/sanitized} reports=$STATE/reports/
	local BUILD_OPTIONS=(--enable-sanitizers --enable-failures
		CFLAGS='-O1 -g')
	local -x FAILURES_REPORTS=$reports
	local -x ASAN_OPTIONS=detect_leaks=1:log_path=${reports}asan
	local -x UBSAN_OPTIONS=print_stacktrace=1:log_path=${reports}ubsan
	build_locked || exit 1
	rm -rf "$reports"
	install -d -m 1777 "$reports"
	TEST_SECONDS=${TEST_SECONDS:-1800} test_run count_lines test_on_stack \
		"$ROOT/tests/failures/run"
}
