# The state directory: where a stack keeps everything, who runs it, its
# secrets and its ports.
# shellcheck shell=bash

state_place() {
	STATE=${POSTERN_DEV_DIR:-$ROOT/.dev}
	case $STATE in /*) ;; *) STATE=$PWD/$STATE ;; esac
	STATE=$(realpath -m "$STATE")
	[ "$STATE" != / ] && [ "$STATE" != "$ROOT" ] ||
		die "POSTERN_DEV_DIR must be a directory of its own"
	# Programs are built once; the stack of the tests uses the same ones.
	BUILD=${POSTERN_DEV_BUILD:-$STATE/build}
	USER_NAME=$(id -un)
	RUNNER=$USER_NAME
	[ $EUID != 0 ] || RUNNER=postern-dev
}

state_open() {
	mkdir -p "$STATE"
	[ -e "$STATE/.gitignore" ] || echo '*' >"$STATE/.gitignore"
	mkdir -p "$STATE/services" "$STATE/bin" "$STATE/log"
	# The path of a Unix socket has at most 107 bytes.
	if [ ${#STATE} -le 75 ]; then
		RUN=$STATE/run
	else
		RUN=$(cat "$STATE/run-dir" 2>/dev/null || true)
		if [ ! -d "$RUN" ]; then
			RUN=$(mktemp -d /tmp/postern-dev.XXXXXX)
			echo "$RUN" >"$STATE/run-dir"
		fi
		ln -sfn "$RUN" "$STATE/run"
	fi
	mkdir -p "$RUN"
	chmod 0755 "$RUN"
}

# state_put FILE MODE [OWNER] <TEXT: the file has this text; it is replaced as
# a whole, and left alone when it had it.
state_put() {
	local text had=''
	IFS= read -r -d '' text || true
	[ ! -e "$1" ] || IFS= read -r -d '' had <"$1" || true
	[ "$text" != "$had" ] || return 0
	printf %s "$text" | install -m "$2" /dev/stdin "$1.new"
	[ $EUID != 0 ] || [ $# -lt 3 ] || chown "$3:" "$1.new"
	mv "$1.new" "$1"
}

# For commands about a stack that was started before.
state_known() {
	[ -e "$STATE/env.sh" ] ||
		die "no stack in $STATE: start it with ./dev up"
	RUN=$(realpath "$STATE/run")
	# shellcheck source=/dev/null
	. "$STATE/secrets"
	# shellcheck source=/dev/null
	. "$STATE/ports"
}

# Two commands on one state directory take turns. The lock goes with fd 9,
# which nothing that stays may inherit.
state_lock() {
	exec 9>"$STATE/lock"
	flock -w 600 9 || die "another ./dev works in $STATE"
}

state_user() {
	if [ $EUID = 0 ] && ! id "$RUNNER" >/dev/null 2>&1; then
		useradd --system --user-group --no-create-home \
			--home-dir /nonexistent --shell /usr/sbin/nologin "$RUNNER"
	fi
	mkdir -p "$STATE/mail/new" "$STATE/mail/cur" "$STATE/mail/tmp" \
		"$STATE/media"
	if [ $EUID = 0 ]; then
		chown "$RUNNER:" "$STATE/log" "$RUN" "$STATE"/mail "$STATE"/mail/*
	fi
}

# As the user of the services. Postgres and Apache refuse to run as root.
# CAP_DAC_OVERRIDE, because a clone below /root, or a file that root names in
# a variable, is out of reach for anybody else.
state_as_runner() {
	if [ $EUID = 0 ]; then
		setpriv --reuid="$RUNNER" --regid="$RUNNER" --init-groups \
			--inh-caps=-all,+dac_override \
			--ambient-caps=-all,+dac_override -- "$@"
	else
		"$@"
	fi
}

# The same as a line for a script.
state_runner_line() {
	[ $EUID != 0 ] || printf '%s ' setpriv --reuid="$RUNNER" \
		--regid="$RUNNER" --init-groups --inh-caps=-all,+dac_override \
		--ambient-caps=-all,+dac_override --
}

random_word() {
	head -c "$1" /dev/urandom | base64 -w0 | tr '+/' '-_' | tr -d =
}

# Made once, kept for as long as the data they protect.
state_secrets() {
	if [ ! -s "$STATE/secrets" ]; then
		(
			umask 077
			cat >"$STATE/secrets.new" <<-END
			DEV_JWT_SECRET=$(random_word 48)
			DEV_SEALING_KEYS='1:$(head -c 32 /dev/urandom | base64 -w0)'
			PG_PASSWORD=$(random_word 24)
			PG_OWNER_PASSWORD=$(random_word 24)
			PG_ADMIN_PASSWORD=$(random_word 24)
			DEV_REDIS_PASSWORD=$(random_word 24)
			END
		)
		mv "$STATE/secrets.new" "$STATE/secrets"
	fi
	# shellcheck source=/dev/null
	. "$STATE/secrets"
}

port_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null &&
		! (exec 3<>"/dev/tcp/::1/$1") 2>/dev/null
}

# A free port, the search beginning where PORT points to.
port_find() {
	local port=$((20000 + ($1 * 7) % 10000))
	while ! port_free $port || [ "$port" = "${2:-}" ] ||
		[ "$port" = "${3:-}" ]; do
		port=$((port + 1))
	done
	echo $port
}

# PORT is the caller's, or what this directory had, or 8001. The others are
# found free and kept, and looked for anew when a stranger has taken them.
state_ports() {
	local wanted=${PORT:-} had name service
	PG_PORT='' REDIS_OWN_PORT='' SMTP_OWN_PORT='' DEV_PORT=''
	if [ -s "$STATE/ports" ]; then
		# shellcheck source=/dev/null
		. "$STATE/ports"
	fi
	had=$DEV_PORT
	DEV_PORT=${wanted:-${had:-8001}}
	[[ $DEV_PORT =~ ^[0-9]+$ ]] && [ "$DEV_PORT" -ge 1 ] &&
		[ "$DEV_PORT" -le 65535 ] || die "PORT must be 1 to 65535"
	if { [ "$DEV_PORT" != "$had" ] || [ -z "$(services_pid web)" ]; } &&
		! port_free "$DEV_PORT"; then
		die "port $DEV_PORT is taken by another program; choose another: PORT=8002 ./dev up"
	fi
	for name in PG_PORT:postgres REDIS_OWN_PORT:redis \
		SMTP_OWN_PORT:smtp; do
		service=${name#*:} name=${name%:*}
		if [ -z "${!name}" ] || { [ -z "$(services_pid "$service")" ] &&
			! port_free "${!name}"; }; then
			printf -v "$name" %s "$(port_find "$DEV_PORT" \
				"$PG_PORT" "$REDIS_OWN_PORT")"
		fi
	done
	cat >"$STATE/ports" <<-END
	DEV_PORT=$DEV_PORT
	PG_PORT=$PG_PORT
	REDIS_OWN_PORT=$REDIS_OWN_PORT
	SMTP_OWN_PORT=$SMTP_OWN_PORT
	END
}

state_remove() {
	local run
	run=$(cat "$STATE/run-dir" 2>/dev/null || true)
	case $run in /tmp/postern-dev.*) rm -rf "$run" ;; esac
	rm -rf "$STATE"
}
