# The services: what each runs, and how the supervisor is told.
# shellcheck shell=bash

SERVICES='postgres redis smtp master worker grpc web'

# service_define NAME [SIGNAL] <SCRIPT: only a changed script restarts it, so
# whatever a restart depends on is part of the text.
service_define() {
	local dir=$STATE/services/$1
	[ -d "$dir" ] || mkdir "$dir"
	[ ! -e "$dir/down" ] || rm "$dir/down"
	echo "${2:-TERM}" >"$dir/signal"
	state_put "$dir/run" 0700
}

# A directory without `run` is no service any more.
service_undefine() {
	rm -f "$STATE/services/$1/run"
}

# Only a process that is the one the supervisor wrote down: same start time,
# same boot.
services_pid() {
	local pid start boot digest
	read -r pid start boot digest 2>/dev/null \
		<"$STATE/services/$1/pid" || return 0
	if services_alive "$pid" "$start" "$boot"; then
		echo "$pid"
	fi
}

services_alive() {
	local stat boot
	read -r boot </proc/sys/kernel/random/boot_id
	[ "$3" = "$boot" ] || return 1
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	# Behind the name come the state and, as the 20th word, the start.
	# shellcheck disable=SC2086
	set -- "$2" ${stat##*) }
	[ "$2" != Z ] && [ "$1" = "${21}" ]
}

supervisor_pid() {
	local pid start boot
	read -r pid start boot 2>/dev/null <"$STATE/supervisor.pid" || return 0
	if services_alive "$pid" "$start" "$boot"; then
		echo "$pid"
	fi
}

supervisor_start() {
	local pid
	pid=$(supervisor_pid)
	if [ -n "$pid" ]; then
		kill -HUP "$pid"
		return
	fi
	# The caller's settings are in env.sh; what stood in its environment
	# would outlive the next up.
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME="$STATE" \
		setsid /usr/bin/python3 "$ROOT/scripts/dev/supervise.py" \
		"$STATE" </dev/null >>"$STATE/log/supervisor.log" 2>&1 9>&- &
	services_wait 30 'the supervisor' supervisor_there
}

supervisor_there() {
	[ -n "$(supervisor_pid)" ]
}

# services_wait SECONDS WHAT COMMAND...
services_wait() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "dev: $what did not come up in time" >&2
			return 1
		fi
		sleep 0.1
	done
}

# Debian's psql on the PATH is a script that looks for this one.
pg_find() {
	PG_BIN=$(find /usr/lib/postgresql -path '*/bin/initdb' \
		-printf '%h\n' | sort -V | tail -1)
}

# Beside the owner and the application's role there is a superuser with a
# password nobody needs; on the socket the stack's own user is whoever he says.
postgres_prepare() {
	local pg=$STATE/postgres
	pg_find
	if [ ! -e "$pg/PG_VERSION" ] || [ ! -e "$STATE/postgres.made" ]; then
		rm -rf "$pg"
		install -d -m 0700 "$pg"
		[ $EUID != 0 ] || chown "$RUNNER:" "$pg"
		state_as_runner "$PG_BIN/initdb" -D "$pg" -U postgres \
			-E UTF8 --locale=C.UTF-8 -A scram-sha-256 --no-instructions \
			--pwfile=<(echo "$PG_ADMIN_PASSWORD") \
			>"$STATE/log/initdb.log" 2>&1 9>&- ||
			die "initdb failed; see $STATE/log/initdb.log"
		: >"$STATE/postgres.made"
		echo "include 'stack.conf'" >>"$pg/postgresql.conf"
	fi
	state_put "$pg/pg_hba.conf" 0600 "$RUNNER" <<-'END'
	local all all peer map=stack
	host all all 127.0.0.1/32 scram-sha-256
	END
	state_put "$pg/pg_ident.conf" 0600 "$RUNNER" <<-END
	stack $RUNNER postgres
	stack $RUNNER postern
	stack $RUNNER postern_owner
	stack $USER_NAME postgres
	stack $USER_NAME postern
	stack $USER_NAME postern_owner
	END
	state_put "$pg/stack.conf" 0600 "$RUNNER" <<-END
	listen_addresses = '127.0.0.1'
	port = $PG_PORT
	unix_socket_directories = '$RUN'
	unix_socket_permissions = 0770
	max_connections = 200
	fsync = on
	synchronous_commit = on
	full_page_writes = on
	log_timezone = 'UTC'
	timezone = 'UTC'
	END
	# After a power cut the lock file may name a stranger's process.
	if [ -z "$(services_pid postgres)" ]; then
		rm -f "$STATE/services/postgres/pid"
	fi
}

postgres_define() {
	service_define postgres INT <<-END
	#!/bin/bash
	# A lock file left by a killed server may name somebody else by now.
	cd '$STATE/postgres'
	pid=\$(head -n 1 postmaster.pid 2>/dev/null)
	[ -z "\$pid" ] || [ "\$(readlink /proc/\$pid/cwd)" = "\$PWD" ] ||
		rm -f postmaster.pid
	exec $(state_runner_line) $PG_BIN/postgres -D '$STATE/postgres'
	# $(cat "$STATE/postgres/stack.conf" "$STATE/postgres/pg_ident.conf" |
		sha256sum)
	END
}

postgres_sql() {
	PGPASSWORD=$PG_ADMIN_PASSWORD "$PG_BIN/psql" -h 127.0.0.1 -p "$PG_PORT" \
		-U postgres -d postgres -qXAt -v ON_ERROR_STOP=1 "$@"
}

postgres_ready() {
	[ -n "$(services_pid postgres)" ] &&
		postgres_sql -c 'select 1' >/dev/null 2>&1
}

postgres_roles() {
	local have
	have=$(postgres_sql -c "select count(*) from pg_database
		where datname = 'postern'")
	[ "$have" = 0 ] || return 0
	postgres_sql <<-END
	create role postern_owner login password '$PG_OWNER_PASSWORD';
	create role postern login password '$PG_PASSWORD';
	create database postern owner postern_owner;
	END
}

redis_define() {
	if [ "$SETTING_REDIS" != own ]; then
		service_undefine redis
		return
	fi
	state_put "$STATE/redis.conf" 0600 "$RUNNER" <<-END
	bind 127.0.0.1
	port $REDIS_OWN_PORT
	unixsocket $RUN/redis.sock
	unixsocketperm 770
	requirepass $DEV_REDIS_PASSWORD
	daemonize no
	save ""
	appendonly no
	maxmemory 64mb
	maxmemory-policy allkeys-lru
	dir $RUN
	END
	service_define redis <<-END
	#!/bin/bash
	exec $(state_runner_line) redis-server '$STATE/redis.conf'
	# $(sha256sum <"$STATE/redis.conf")
	END
}

smtp_define() {
	service_define smtp <<-END
	#!/bin/bash
	exec $(state_runner_line) /usr/bin/python3 \\
		'$ROOT/scripts/dev/smtp.py' $SMTP_OWN_PORT '$STATE/mail'
	END
}

# What a change of settings or programs restarts.
programs_digest() {
	local file=${POSTERN_CONFIG:-/dev/null} name
	cat "$STATE/env.sh" "$STATE/bin/"postern* "$file" | sha256sum
	# Secrets in files may have changed under the same name; LOG_FILE is not
	# one of them.
	for name in $(compgen -e | grep '_FILE$' | grep -vx LOG_FILE); do
		! settings_is_name "$name" || [ ! -f "${!name}" ] ||
			sha256sum <"${!name}"
	done
	find "$ROOT/templates" -type f -printf '%p %T@\n' 2>/dev/null |
		sort | sha256sum
}

# Is it asked for, by the environment or by the file?
grpc_wanted() {
	local value
	# shellcheck source=/dev/null
	value=$(. "$STATE/env.sh" && echo "${GRPC_ENABLED-file}")
	case $value in
	true | yes | on | 1) return 0 ;;
	file) settings_in_file grpc.enabled ;;
	*) return 1 ;;
	esac
}

grpc_define() {
	if ! grpc_wanted; then
		service_undefine grpc
		return
	fi
	[ -x "$BUILD/postern-grpc" ] ||
		die "GRPC_ENABLED is set, but this build has no postern-grpc"
	service_define grpc <<-END
	#!/bin/bash
	. '$STATE/env.sh'
	exec $(state_runner_line) '$STATE/bin/postern-grpc'
	# $1
	END
}

programs_define() {
	local digest
	digest=$(programs_digest | tr '\n' ' ')
	service_define worker <<-END
	#!/bin/bash
	. '$STATE/env.sh'
	exec $(state_runner_line) '$STATE/bin/postern-worker'
	# $digest
	END
	grpc_define "$digest"
	if [ -z "$(fastcgi_socket)" ]; then
		service_undefine master
		return
	fi
	service_define master <<-END
	#!/bin/bash
	. '$STATE/env.sh'
	# Workers of a killed master finish on the old socket.
	rm -f '$RUN/postern.sock'
	exec $(state_runner_line) spawn-fcgi -n -s '$RUN/postern.sock' \\
		-M 0660 -b 1024 -- '$STATE/bin/postern'
	# $digest
	END
}

# A program with the stack's settings, for ctl, CGI and mod_fcgid.
programs_wrap() {
	state_put "$RUN/$1" 0755 <<-END
	#!/bin/sh
	. '$STATE/env.sh'
	exec $3 '$STATE/bin/$2' $4
	END
}

# posternctl with the stack's settings and no others.
services_ctl() {
	env -i TERM="${TERM:-dumb}" "$RUN/posternctl" "$@"
}

# The same once more when it says that the database is unavailable: a busy
# machine may let the time of a connection pass.
services_ctl_again() {
	services_ctl "$@" || { [ $? = 5 ] && services_ctl "$@"; }
}

answers() {
	[ "$(curl -s -o /dev/null -m 5 -w '%{http_code}' --noproxy '*' \
		"$BASE_URL/health/ready")" = 200 ]
}

# All that is defined runs, as it is defined now; all else is gone.
services_settled() {
	local name run digest digests
	digests=$(sha256sum "$STATE"/services/*/run)
	for name in $SERVICES; do
		run=$STATE/services/$name/run digest=
		if [ -e "$run" ]; then
			[ -n "$(services_pid "$name")" ] || return 1
			read -r _ _ _ digest <"${run%run}pid" || return 1
			[[ $digests == *"$digest  $run"* ]] || return 1
		else
			[ -z "$(services_pid "$name")" ] || return 1
		fi
	done
	answers
}

services_migrate() {
	local hint="see $STATE/log/migrate.log"
	services_ctl check-config >"$STATE/log/check-config.log" 2>&1 || {
		cat "$STATE/log/check-config.log" >&2
		die "the configuration is not accepted"
	}
	services_ctl_again migrate >"$STATE/log/migrate.log" 2>&1 || {
		tail -n 5 "$STATE/log/migrate.log" >&2
		die "the migration failed; $hint"
	}
	services_key
}

# EdDSA signs with a key of the table; a new stack has none.
services_key() {
	local keys
	keys=$(services_ctl_again key list 2>>"$STATE/log/migrate.log") || {
		tail -n 5 "$STATE/log/migrate.log" >&2
		die "the signing keys cannot be read; see $STATE/log/migrate.log"
	}
	case $keys in
	'algorithm in force: EdDSA'*'(none)'*)
		services_ctl key generate >>"$STATE/log/migrate.log" 2>&1 ||
			die "no signing key could be made; see $STATE/log/migrate.log" ;;
	esac
}

services_up() {
	postgres_prepare
	postgres_define
	redis_define
	smtp_define
	programs_wrap posternctl posternctl "$(state_runner_line)" '"$@"'
	supervisor_start
	services_wait 60 Postgres postgres_ready ||
		die "see $STATE/log/postgres.log"
	postgres_roles
	services_migrate
	programs_define
	web_define
	supervisor_start
	services_wait 60 "$BASE_URL" services_settled || {
		tail -n 8 "$STATE/log/"{master,worker,web}.log >&2 || true
		die "not ready; logs are in $STATE/log"
	}
}

supervisor_gone() {
	[ -z "$(supervisor_pid)" ]
}

services_down() {
	local pid
	pid=$(supervisor_pid)
	if [ -n "$pid" ]; then
		kill -TERM "$pid"
		kill -CONT "$pid"
		services_wait 60 'the end of the services' supervisor_gone
	elif [ -x /usr/bin/python3 ]; then
		/usr/bin/python3 "$ROOT/scripts/dev/supervise.py" --reap "$STATE"
	fi
}

services_status() {
	local name pid
	settings_load
	for name in $SERVICES; do
		pid=$(services_pid "$name")
		if [ -n "$pid" ]; then
			echo "$name runs as $pid"
		elif [ -e "$STATE/services/$name/down" ]; then
			echo "$name is stopped by hand"
		elif [ -e "$STATE/services/$name/run" ]; then
			echo "$name does not run"
		fi
	done
	if ! answers; then
		echo "$BASE_URL is not ready"
		return 1
	fi
	echo "$BASE_URL is ready"
}

services_known() {
	[ -e "$STATE/services/$1/run" ] || die "no service $1 here"
	[ -n "$(supervisor_pid)" ] || die "nothing runs here: ./dev up"
}

service_is_off() {
	[ -z "$(services_pid "$1")" ]
}

service_is_on() {
	[ -n "$(services_pid "$1")" ]
}

services_stop() {
	services_known "$1"
	: >"$STATE/services/$1/down"
	kill -HUP "$(supervisor_pid)"
	services_wait 30 "the end of $1" service_is_off "$1"
}

services_start() {
	services_known "$1"
	rm -f "$STATE/services/$1/down"
	kill -HUP "$(supervisor_pid)"
	services_wait 30 "$1" service_is_on "$1"
}
