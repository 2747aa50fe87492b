#ifndef RUNTIME_NOTIFY_H
#define RUNTIME_NOTIFY_H

/*
 * What a service manager wants to hear, by the protocol of sd_notify(3): one
 * datagram to $NOTIFY_SOCKET, nothing where that is not set. Written here: the
 * protocol is stable and twenty lines, libsystemd would load a handful of
 * compression and crypto libraries into every CGI start.
 */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* Still working: cheap, to be called about once a second (WatchdogSec). */
void notify_alive(void);

#endif
