# The share of core's lines that its unit tests run, by gcov.
# shellcheck shell=bash

# Counters are of one build: a directory of their own.
coverage() {
	local programs
	state_open
	packages_need test
	programs=$(unit_tests unit/core/)
	BUILD=$BUILD.coverage
	BUILD_OPTIONS=(CFLAGS='-O0 -g --coverage')
	mkdir -p "$BUILD"
	(build_configure &&
		build_make check TESTS= check_PROGRAMS="$programs") \
		>"$BUILD/log" 2>&1 ||
		die "the build failed; all of it is in $BUILD/log"
	find "$BUILD" -name '*.gcda' -delete
	build_make check V=0 TESTS="$programs" check_PROGRAMS="$programs"
	coverage_tell "${1:-}"
}

# A file that no test touched counts with all of its lines.
coverage_tell() {
	(cd "$BUILD" && find src/core -name '*.gcno' -exec gcov -n {} +) \
		2>/dev/null | awk -v each="$1" '
		/^File .*src\/core\/.*\.c/ {
			file = $2
			sub(/.*src\/core\//, "", file)
			sub(/.$/, "", file)
			next
		}
		/^Lines executed/ && file {
			split($2, part, /[:%]/)
			ran = part[2] * $4 / 100
			folder = file
			if (!sub(/\/[^\/]*$/, "", folder)) folder = "."
			lines[folder] += $4; run[folder] += ran
			all += $4; hit += ran
			if (each == "-v")
				printf "%5.1f %% of %4d  %s\n", part[2],
				    $4, file
		}
		/^Lines executed/ { file = "" }
		END {
			for (folder in lines)
				printf "%5.1f %% of %4d  %s\n",
				    100 * run[folder] / lines[folder],
				    lines[folder], folder
			printf "%5.1f %% of %4d  core\n", 100 * hit / all, all
		}'
}
