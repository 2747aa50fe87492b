# What has to be installed, by Debian's names.
# shellcheck shell=bash

PACKAGES_BUILD='gcc make libc6-dev autoconf automake pkg-config
	libfcgi-dev libpq-dev libhiredis-dev libcjson-dev libsodium-dev
	liboath-dev libcurl4-openssl-dev libyaml-dev libcrypt-dev libssl-dev
	libidn2-dev libunistring-dev libzxcvbn-dev
	libqrencode-dev zlib1g-dev librdkafka-dev libseccomp-dev check
	libnghttp2-dev libprotobuf-c-dev protobuf-c-compiler
	libjpeg62-turbo-dev libpng-dev libgif-dev libwebp-dev'
PACKAGES_RUN='postgresql redis-server spawn-fcgi curl ca-certificates
	python3 python3-aiosmtpd'
PACKAGES_WEB_nginx='nginx'
PACKAGES_WEB_apache='apache2 libapache2-mod-fcgid'
PACKAGES_WEB_lighttpd='lighttpd'
PACKAGES_WEB_cgi='lighttpd'
PACKAGES_TEST="$PACKAGES_WEB_nginx $PACKAGES_WEB_apache $PACKAGES_WEB_lighttpd
	caddy haproxy systemd pgbouncer nodejs python3-pytest
	python3-psycopg2 python3-redis python3-grpcio python3-protobuf python3-pil
	oathtool jq openssl kcat shellcheck git"
PACKAGES_CI='clang llvm xz-utils valgrind strace'

# packages_need run WEB, packages_need test, packages_need ci
packages_need() {
	local web="PACKAGES_WEB_${2:-nginx}" wanted missing
	wanted="$PACKAGES_BUILD $PACKAGES_RUN ${!web}"
	case $1 in
	test) wanted="$wanted $PACKAGES_TEST" ;;
	ci) wanted="$wanted $PACKAGES_TEST $PACKAGES_CI" ;;
	esac
	packages_known "$wanted" && return
	# shellcheck disable=SC2086
	missing=$(packages_missing $wanted)
	if [ -n "$missing" ]; then
		# shellcheck disable=SC2086
		packages_install $missing
		# shellcheck disable=SC2086
		missing=$(packages_missing $wanted)
		[ -z "$missing" ] || die "could not be installed: $missing"
	fi
	[ ! -d "$STATE" ] || echo "$wanted" >"$STATE/packages"
}

# Whether all of these were there, and no package came or went since.
packages_known() {
	local had=''
	[ "$STATE/packages" -nt /var/lib/dpkg/status ] || return 1
	read -r -d '' had <"$STATE/packages" || true
	[ "$had" = "$1" ]
}

packages_missing() {
	{ dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" \
		2>/dev/null || true; } |
		awk -v all="$*" '$1 == "installed" { have[$2] = 1 }
			END { n = split(all, name, /[ \t\n]+/)
			for (i = 1; i <= n; i++)
				if (!have[name[i]]) print name[i] }'
}

# Clients that the tests verify us with, by npm's names. Their versions are
# pinned; they run no scripts and stay in the state directory.
NPM_TEST='standardwebhooks@1.0.0 s3rver@3.7.1 @grpc/grpc-js@1.14.7
	@grpc/proto-loader@0.8.1 grpc-js-reflection-client@1.4.2'

npm_need() {
	local place=$STATE/npm
	export NODE_PATH=$place/node_modules
	[ "$(cat "$place/installed" 2>/dev/null || true)" != "$NPM_TEST" ] ||
		return 0
	command -v npm >/dev/null || packages_install npm
	echo "installing $NPM_TEST"
	mkdir -p "$place"
	# shellcheck disable=SC2086
	npm install --prefix "$place" --no-save --no-audit --no-fund \
		--ignore-scripts --loglevel=error $NPM_TEST </dev/null 9>&- ||
		die "npm failed; these are needed: $NPM_TEST"
	echo "$NPM_TEST" >"$place/installed"
}

# Debian starts a server when its package comes in; these are for our private
# use, so a policy says no for as long as the installation takes.
packages_install() {
	local sudo='' policy=/usr/sbin/policy-rc.d
	command -v apt-get >/dev/null ||
		die "missing, and this is not Debian: $*"
	if [ $EUID != 0 ]; then
		command -v sudo >/dev/null ||
			die "missing; as root: apt-get install $*"
		sudo=sudo
	fi
	echo "installing $*"
	# shellcheck disable=SC2016
	$sudo env DEBIAN_FRONTEND=noninteractive POLICY=$policy sh -c '
		if ! test -e "$POLICY"; then
			printf "#!/bin/sh\nexit 101\n" >"$POLICY"
			chmod 755 "$POLICY"
			trap "rm -f $POLICY" EXIT INT TERM
		fi
		apt-get update -qq
		apt-get install -qq -y --no-install-recommends "$@"
	' sh "$@" </dev/null 9>&- ||
		die "apt-get failed; these are needed: $*"
}
