#ifndef RUNTIME_NOTIFY_H
#define RUNTIME_NOTIFY_H

/*
 * Tells a service manager our state by the protocol of sd_notify(3): one
 * datagram to $NOTIFY_SOCKET, or nothing when that is not set. Written by hand:
 * the protocol is stable and takes twenty lines, while libsystemd would load a
 * handful of compression and crypto libraries into every CGI start.
 */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* Still working. Cheap; call it about once a second (WatchdogSec). */
void notify_alive(void);

#endif
