# From the sources to $BUILD (objects) and $STATE/bin (what runs).
# shellcheck shell=bash

BUILD_PROGRAMS='postern postern-worker posternctl postern-secrets
	postern-grpc'
BUILD_OPTIONS=(CFLAGS='-O2 -g') # of a directory that was not configured yet

build_configure() {
	# Two stacks of one checkout share the generated files.
	(
		exec 8<"$ROOT/configure.ac"
		flock 8
		if [ ! -x "$ROOT/configure" ] ||
			[ -n "$(find "$ROOT/configure.ac" "$ROOT/Makefile.am" \
				-newer "$ROOT/configure")" ] ||
			[ ! -e "$ROOT/Makefile.in" ]; then
			mkdir -p "$ROOT/m4"
			(cd "$ROOT" && autoreconf -fi) ||
				die "autoreconf failed"
			touch "$ROOT/configure"
		fi
		if [ ! -e "$BUILD/Makefile" ]; then
			(cd "$BUILD" && "$ROOT/configure" --quiet \
				--prefix="$BUILD/installed" "${BUILD_OPTIONS[@]}")
		elif [ "$ROOT/configure" -nt "$BUILD/config.status" ]; then
			(cd "$BUILD" && ./config.status --recheck --quiet &&
				./config.status --quiet)
		fi
	) 9>&-
}

# Whether a file of the tree is younger than the last good build.
build_stale() {
	[ -e "$BUILD/built" ] || return 0
	[ -n "$(cd "$ROOT" && find . \( -path './.*' -o -path './build*' \
		-o -path ./autom4te.cache \) -prune \
		-o -newer "$BUILD/built" ! -name . \
		\( ! -path './tests*' -o -name '*.c' \) -print -quit)" ]
}

build_make() {
	make -C "$BUILD" -s -j"$(nproc)" "$@" 9>&-
}

# make goes by the sources a directory was configured for: those of another
# checkout would be built again, and said to be good.
build_own() {
	local sources
	sources=$(sed -n 's/^abs_top_srcdir = //p' "$BUILD/Makefile" \
		2>/dev/null) || true
	[ -z "$sources" ] || [ "$sources" -ef "$ROOT" ] || rm -rf "$BUILD"
	mkdir -p "$BUILD"
}

build_if_stale() {
	build_own
	build_stale || return 0
	echo "building"
	{ build_configure && touch "$BUILD/began" && build_make all &&
		build_make install; } \
		>"$BUILD/log" 2>&1 || {
		grep -vE '^(make|libtool)' "$BUILD/log" | tail -40 >&2
		die "the build failed; all of it is in $BUILD/log"
	}
	mv "$BUILD/began" "$BUILD/built"
}

# Several stacks share a build directory; one of them builds at a time.
build_locked() {
	mkdir -p "${BUILD%/*}"
	(flock 7 && build_if_stale) 7>"$BUILD.lock"
}

build_programs() {
	local program
	build_locked || exit 1
	for program in $BUILD_PROGRAMS; do
		# A build may leave it out: ./configure --without-grpc.
		[ "$program" != postern-grpc ] || [ -x "$BUILD/$program" ] ||
			continue
		[ -x "$BUILD/$program" ] || die "$BUILD/$program was not built"
		cmp -s "$BUILD/$program" "$STATE/bin/$program" ||
			install -m 0755 "$BUILD/$program" "$STATE/bin/"
	done
}
