# What the programs are told: $STATE/env.sh, lines of `export`.
# shellcheck shell=bash

# For any shell, whatever stands in the value.
settings_export() {
	local quote="'\\''"
	printf "export %s='%s'\n" "$1" "${2//\'/$quote}"
}

# The names the configuration table knows, from the table itself. A name
# without an underscore cannot be told from prose there, so those are listed.
settings_names() {
	echo ENVIRONMENT PROFILE SECCOMP WORKERS POSTERN_CONFIG
	grep -oE '[A-Z][A-Z0-9]*(_[A-Z0-9]+)+' "$ROOT/src/config/config.def"
}

settings_is_name() {
	local base=${1%_FILE}
	case $base in
	PORT) return 1 ;;
	AUTH_* | HOTEL_REVIEWS_AUTH_* | DB_* | REDIS_* | JWT_* | SMTP_* | \
		EMAIL_* | RATE_LIMIT_* | TWILIO_* | S3_* | KAFKA_* | \
		WEBHOOKS_* | OAUTH_* | LIBFCGI_*) return 0 ;;
	*_CLIENT_ID | *_CLIENT_SECRET | *_CALLBACK_URL | *_ISSUER) return 0 ;;
	ASAN_OPTIONS | UBSAN_OPTIONS | LSAN_OPTIONS) return 0 ;;
	esac
	[[ $SETTINGS_NAMES == *" $base "* || $SETTINGS_NAMES == *" $1 "* ]]
}

# Whether the caller's YAML file has the key "section.name", in lines or as
# "section: {name: ...}", or for a secret "section.name_file".
settings_in_file() {
	[ -n "${POSTERN_CONFIG:-}" ] || return 1
	awk -v want="${1,,}" '
		function look(key) {
			sub(/[ \t]*:.*/, "", key)
			gsub(/[ \t]/, "", key)
			key = tolower(section "." key)
			if (key == want || key == want "_file") found = 1
		}
		/^[A-Za-z_]+:/ {
			section = $1; sub(/:.*/, "", section)
			rest = $0; sub(/^[^:]*:[ \t]*/, "", rest)
			if (sub(/^\{/, "", rest)) {
				n = split(rest, pair, ",")
				for (i = 1; i <= n; i++) look(pair[i])
			}
		}
		/^[ \t]+[A-Za-z_]+[ \t]*:/ { look($0) }
		END { exit !found }' "$POSTERN_CONFIG"
}

# The caller's file as the programs want one that may hold a secret: theirs,
# and read by nobody else.
settings_copy_file() {
	rm -f "$STATE/postern.yaml"
	[ -n "${POSTERN_CONFIG:-}" ] || return 0
	[ -f "$POSTERN_CONFIG" ] && [ -r "$POSTERN_CONFIG" ] ||
		die "POSTERN_CONFIG names $POSTERN_CONFIG, which cannot be read"
	(umask 077 && cat "$POSTERN_CONFIG" >"$STATE/postern.yaml.new")
	[ $EUID != 0 ] || chown "$RUNNER:" "$STATE/postern.yaml.new"
	mv "$STATE/postern.yaml.new" "$STATE/postern.yaml"
	POSTERN_CONFIG=$STATE/postern.yaml
}

# default yaml.key NAME VALUE [ALIAS...]: unless the caller has set it, under
# whatever name.
settings_default() {
	local key=$1 name=$2 value=$3 other
	shift 3
	for other in "$name" "$@"; do
		[ -z "${!other+set}" ] || return 0
		[[ $other != AUTH_* ]] ||
			! settings_in_file "auth.${other#AUTH_}" || return 0
		other=${other}_FILE
		[ -z "${!other+set}" ] || return 0
	done
	! settings_in_file "$key" || return 0
	settings_export "$name" "$value"
}

# Postgres takes the users of this stack on its socket by their system name,
# on TCP by password.
url_of_socket() {
	printf 'postgresql://%s@/postern?host=%s&port=%s' \
		"$1" "${RUN//\//%2F}" "$PG_PORT"
}

url_of_database() {
	printf 'postgresql://%s:%s@127.0.0.1:%s/postern' "$1" "$2" "$PG_PORT"
}

# What any byte is written as in a part of a URL.
url_quote() {
	local LC_ALL=C i byte
	for ((i = 0; i < ${#1}; i++)); do
		byte=${1:i:1}
		case $byte in
		[A-Za-z0-9._~-]) printf %s "$byte" ;;
		*) printf '%%%02X' "'$byte" ;;
		esac
	done
}

# The user has a name: redis-cli takes ":password" for one without.
url_of_redis() {
	case "$SETTING_REDIS" in
	own) printf 'redis://default:%s@127.0.0.1:%s/0' \
		"$DEV_REDIS_PASSWORD" "$REDIS_OWN_PORT" ;;
	none) ;;
	*) printf %s "$SETTING_REDIS" ;;
	esac
}

url_of_callers_redis() {
	local scheme=redis password=${REDIS_PASSWORD:-}
	case ${REDIS_USE_TLS:-} in true | yes | on | 1) scheme=rediss ;; esac
	[ -z "${REDIS_PASSWORD_FILE:-}" ] || password=$(<"$REDIS_PASSWORD_FILE")
	printf '%s://%s%s:%s/%s' $scheme \
		"${password:+default:$(url_quote "$password")@}" "$REDIS_HOST" \
		"${REDIS_PORT:-6379}" "${REDIS_DB:-0}"
}

fastcgi_socket() {
	case $WEB in nginx | lighttpd) echo "$RUN/postern.sock" ;; esac
}

settings_from_caller() {
	local name value
	for name in $(compgen -e); do
		settings_is_name "$name" || continue
		value=${!name}
		# The programs run elsewhere.
		case $name in *_FILE) value=${value:+$(realpath -m "$value")} ;; esac
		settings_export "$name" "$value"
	done
}

settings_own() {
	local auth=AUTH_JWT_SECRET
	settings_default service.environment ENVIRONMENT development
	settings_default service.public_url PUBLIC_URL "$BASE_URL"
	settings_default service.runtime_dir RUNTIME_DIR "$RUN"
	settings_default media.directory MEDIA_DIR "$STATE/media"
	settings_default service.template_dir TEMPLATE_DIR "$ROOT/templates"
	settings_default database.url DATABASE_URL "$(url_of_socket postern)" \
		DB_HOST
	if [ -z "${DATABASE_URL+set}${DB_HOST+set}" ]; then
		settings_default database.owner_url DATABASE_OWNER_URL \
			"$(url_of_socket postern_owner)"
	fi
	settings_default jwt.secret JWT_SECRET "$DEV_JWT_SECRET" \
		JWT_ACCESS_SECRET $auth HOTEL_REVIEWS_$auth
	settings_default keys.sealing SEALING_KEYS "$DEV_SEALING_KEYS"
	if [ "$SETTING_REDIS" = own ]; then
		settings_export REDIS_HOST "$RUN/redis.sock"
		settings_export REDIS_PASSWORD "$DEV_REDIS_PASSWORD"
		echo 'export REDIS_USE_TLS=false'
	fi
	if [ -z "${SMTP_HOST+set}${EMAIL_HOST+set}" ] &&
		! settings_in_file smtp.host; then
		settings_default smtp.host SMTP_HOST 127.0.0.1
		settings_default smtp.port SMTP_PORT "$SMTP_OWN_PORT" EMAIL_PORT
		settings_default smtp.tls SMTP_USE_TLS false
	fi
	settings_default smtp.from EMAIL_FROM no-reply@postern.test SMTP_FROM
}

# Later lines win, so what must hold stands last.
settings_write() {
	# One list in one string: looked up once per variable of the caller.
	SETTINGS_NAMES=" $(settings_names | sort -u | tr '\n' ' ') "
	BASE_URL=http://localhost:$DEV_PORT
	settings_copy_file
	SETTING_REDIS=own
	if [ -n "${REDIS_HOST:-}" ]; then
		SETTING_REDIS=$(url_of_callers_redis)
	elif [ -n "${REDIS_HOST+set}" ] || settings_in_file redis.host; then
		SETTING_REDIS=none
	fi
	(
		umask 077
		{
			echo "# Made by ./dev up; the next one writes it anew."
			echo 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin'
			echo 'export LANG=C.UTF-8 TZ=UTC'
			settings_export HOME "$STATE"
			settings_from_caller
			settings_own
		} >"$STATE/env.sh.new"
		cat >"$STATE/stack" <<-END
		WEB=$WEB
		BASE_URL=$BASE_URL
		SETTING_REDIS='$SETTING_REDIS'
		END
	)
	mv "$STATE/env.sh.new" "$STATE/env.sh"
	[ $EUID != 0 ] || chown "$RUNNER:" "$STATE/env.sh"
}

settings_load() {
	# shellcheck source=/dev/null
	. "$STATE/stack"
	SMTP_PORT=$SMTP_OWN_PORT
}
