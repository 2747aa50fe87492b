# The web servers: one process in the foreground each, as an ordinary user,
# all of their files in the state directory. Templates are in conf/dev.
# shellcheck shell=bash

WEB=${WEB:-nginx}

web_check() {
	case $WEB in
	nginx | apache | lighttpd | cgi) ;;
	*) die "WEB must be nginx, apache, lighttpd or cgi" ;;
	esac
}

# localhost is ::1 too, where there is such an address.
web_fill() {
	local no_v6='/\[::1\]/d'
	! grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null || no_v6=
	sed -e "s|@STATE@|$STATE|g" -e "s|@RUN@|$RUN|g" \
		-e "s|@PORT@|$DEV_PORT|g" -e "$no_v6" \
		"$ROOT/conf/dev/$1.in" >"$STATE/web.conf"
}

web_define() {
	local command
	mkdir -p "$STATE/web"
	[ $EUID != 0 ] || chown "$RUNNER:" "$STATE/web"
	# mod_fcgid counts processes itself, so each of its is a single one.
	programs_wrap postern.fcgi postern '' --single
	programs_wrap postern.cgi postern '' ''
	case $WEB in
	nginx)
		web_fill nginx.conf
		command="nginx -c '$STATE/web.conf' -p '$STATE/web' \
-e '$STATE/log/web-error.log' -g 'daemon off;'" ;;
	apache)
		web_fill apache.conf
		command="apache2 -f '$STATE/web.conf' -DFOREGROUND" ;;
	lighttpd | cgi)
		web_fill "$([ "$WEB" = cgi ] && echo cgi.conf || echo lighttpd.conf)"
		command="lighttpd -D -f '$STATE/web.conf'" ;;
	esac
	service_define web <<-END
	#!/bin/bash
	exec $(state_runner_line) $command
	# $(sha256sum <"$STATE/web.conf") $(
		[ -n "$(fastcgi_socket)" ] || programs_digest | tr '\n' ' ')
	END
}
