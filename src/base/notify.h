#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

/*
 * What the service manager wants to hear (sd_notify); nothing without
 * systemd. The one door to libsystemd.
 */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* Still working: cheap, to be called about once a second (WatchdogSec). */
void notify_alive(void);

#endif
