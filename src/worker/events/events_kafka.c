#include "worker/events/events_kafka.h"

#include <config.h>

#ifdef HAVE_RDKAFKA

#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "base/log.h"

struct kafka {
	rd_kafka_t *rk;
	struct kafka_options o;
	rd_kafka_resp_err_t trouble; /* the trouble logged last */
	bool broken;
};

/* Errors of the topic or the cluster: they pass, or an operator ends them. */
static const rd_kafka_resp_err_t passing[] = {
	RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
	RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
	RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
	RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
	RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
	RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
	RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
	RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
	RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
	RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
	RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
	RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
	RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
	RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
	RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
	RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
	RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
};

static enum kafka_end
end_of_report(rd_kafka_resp_err_t err)
{
	switch (err) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return KAFKA_DONE;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
		return KAFKA_POISON;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (passing[i] == err)
			return KAFKA_AGAIN;
	/* Codes below zero are the library's own: time, transport, a purge. */
	return err < 0 ? KAFKA_AGAIN : KAFKA_REFUSED;
}

static void
on_kafka_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka *k = opaque;

	(void)rk;
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && k->trouble) {
		log_info("Kafka is back");
		k->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	k->o.report(k->o.arg, m->_private, end_of_report(m->err),
	    rd_kafka_err2str(m->err));
}

/* All errors that mean "no broker answers" count as one kind of trouble. */
static rd_kafka_resp_err_t
kind_of(int err)
{
	switch (err) {
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
		return RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	default:
		return (rd_kafka_resp_err_t)err;
	}
}

/* The library retries brokers without end, so log each kind of trouble once. */
static void
on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	struct kafka *k = opaque;

	(void)rk;
	if (err == RD_KAFKA_RESP_ERR__FATAL)
		k->broken = true;
	if (kind_of(err) == k->trouble)
		return;
	k->trouble = kind_of(err);
	log_warn("Kafka does not work for us", log_c("why", reason),
	    log_c("kind", rd_kafka_err2name((rd_kafka_resp_err_t)err)));
}

struct setting {
	const char *name;
	const char *value; /* "": the library's default */
};

static const char *
protocol(const struct config *c)
{
	if (c->kafka_user[0])
		return c->kafka_tls ? "sasl_ssl" : "sasl_plaintext";
	return c->kafka_tls ? "ssl" : "plaintext";
}

static rd_kafka_conf_t *
conf_new(const struct config *c, const char **why)
{
	const bool sasl = c->kafka_user[0] != '\0';
	const struct setting settings[] = {
		{ "bootstrap.servers", c->kafka_brokers },
		{ "client.id", c->kafka_client },
		{ "security.protocol", protocol(c) },
		{ "ssl.ca.location", c->kafka_tls ? c->kafka_ca : "" },
		{ "enable.ssl.certificate.verification", "true" },
		{ "ssl.endpoint.identification.algorithm", "https" },
		{ "sasl.mechanism", sasl ? c->kafka_mechanism : "" },
		{ "sasl.username", c->kafka_user },
		{ "sasl.password", c->kafka_password },
		{ "enable.idempotence", "true" },
		/*
		 * The row waits in the outbox without an end; so does its
		 * message here.
		 */
		{ "message.timeout.ms", "0" },
		/*
		 * The partitioner of Java's producers: the same key, the same
		 * partition.
		 */
		{ "partitioner", "murmur2_random" },
		{ "linger.ms", "2" },
		{ "queue.buffering.max.messages", "10000" },
		{ "queue.buffering.max.kbytes", "32768" },
		{ "socket.keepalive.enable", "true" },
	};
	static char said[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (settings[i].value[0] && rd_kafka_conf_set(conf,
		    settings[i].name, settings[i].value, said,
		    sizeof(said)) != RD_KAFKA_CONF_OK) {
			*why = said;
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	rd_kafka_conf_set_dr_msg_cb(conf, on_kafka_report);
	rd_kafka_conf_set_error_cb(conf, on_error);
	/*
	 * The library logs from its own threads and repeats what we log
	 * already.
	 */
	rd_kafka_conf_set_log_cb(conf, NULL);
	return conf;
}

struct kafka *
events_kafka_new(const struct kafka_options *o, const char **why)
{
	static char said[512];
	rd_kafka_conf_t *conf = conf_new(o->config, why);
	struct kafka *k = conf ? calloc(1, sizeof(*k)) : NULL;

	if (k == NULL) {
		if (conf) {
			*why = "out of memory";
			rd_kafka_conf_destroy(conf);
		}
		return NULL;
	}
	k->o = *o;
	rd_kafka_conf_set_opaque(conf, k);
	k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof(said));
	if (k->rk == NULL) {
		*why = said;
		rd_kafka_conf_destroy(conf);
		free(k);
		return NULL;
	}
	return k;
}

static void
ignore(void *arg, void *message, enum kafka_end end, const char *why)
{
	(void)arg;
	(void)message;
	(void)end;
	(void)why;
}

void
events_kafka_free(struct kafka **kp)
{
	struct kafka *k = *kp;

	if (k == NULL)
		return;
	k->o.report = ignore;
	rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE |
	    RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_flush(k->rk, 1000);
	rd_kafka_destroy(k->rk);
	free(k);
	*kp = NULL;
}

/* The library copies the bytes, though its parameter is a plain void *. */
static void *
bytes(struct str s)
{
	return (void *)(uintptr_t)s.p;
}

bool
events_kafka_send(struct kafka *k, const struct kafka_message *m)
{
	rd_kafka_resp_err_t err = rd_kafka_producev(k->rk,
	    RD_KAFKA_V_TOPIC(m->topic),
	    RD_KAFKA_V_KEY(bytes(m->key), m->key.n),
	    RD_KAFKA_V_VALUE(bytes(m->value), m->value.n),
	    RD_KAFKA_V_HEADER("event_id", m->id.p, (ssize_t)m->id.n),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
	    RD_KAFKA_V_OPAQUE(m->arg), RD_KAFKA_V_END);

	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return true;
	if (end_of_report(err) != KAFKA_POISON)
		return false;
	k->o.report(k->o.arg, m->arg, KAFKA_POISON, rd_kafka_err2str(err));
	return true;
}

void
events_kafka_work(struct kafka *k, int ms)
{
	rd_kafka_poll(k->rk, ms);
}

bool
events_kafka_broken(const struct kafka *k)
{
	return k->broken;
}

#else

struct kafka *
events_kafka_new(const struct kafka_options *o, const char **why)
{
	(void)o;
	*why = "this build has no librdkafka";
	return NULL;
}

void
events_kafka_free(struct kafka **k)
{
	*k = NULL;
}

bool
events_kafka_send(struct kafka *k, const struct kafka_message *m)
{
	(void)k;
	(void)m;
	return false;
}

void
events_kafka_work(struct kafka *k, int ms)
{
	(void)k;
	(void)ms;
}

bool
events_kafka_broken(const struct kafka *k)
{
	(void)k;
	return true;
}

#endif
