/*
 * For the tests: librdkafka's mock cluster, one broker that speaks Kafka on
 * 127.0.0.1 to any client. Prints "host:port", then obeys lines, each answered
 * by "ok", until standard input ends:
 *   down, up        the broker vanishes, with what it holds kept; comes back
 *   refuse N CODE   the next N produce requests get Kafka's error CODE
 *   slow MS         every answer takes so long
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define BROKER 1
#define PRODUCE 0 /* key of the request */
#define REFUSALS_MAX 1000

static bool
refuse(rd_kafka_mock_cluster_t *cluster, int n, int code)
{
	rd_kafka_resp_err_t codes[REFUSALS_MAX];

	if (n < 1 || n > REFUSALS_MAX)
		return false;
	for (int i = 0; i < n; i++)
		codes[i] = (rd_kafka_resp_err_t)code;
	rd_kafka_mock_push_request_errors_array(cluster, PRODUCE, (size_t)n,
	    codes);
	return true;
}

static bool
obey(rd_kafka_mock_cluster_t *cluster, const char *line)
{
	int n, code;

	if (strcmp(line, "down") == 0)
		return rd_kafka_mock_broker_set_down(cluster, BROKER) == 0;
	if (strcmp(line, "up") == 0)
		return rd_kafka_mock_broker_set_up(cluster, BROKER) == 0;
	if (sscanf(line, "refuse %d %d", &n, &code) == 2)
		return refuse(cluster, n, code);
	if (sscanf(line, "slow %d", &n) == 1)
		return rd_kafka_mock_broker_set_rtt(cluster, BROKER, n) == 0;
	return false;
}

int
main(void)
{
	char why[512], line[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *rk;

	rd_kafka_conf_set_log_cb(conf, NULL);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	cluster = rk ? rd_kafka_mock_cluster_new(rk, BROKER) : NULL;
	if (cluster == NULL) {
		fprintf(stderr, "no mock cluster: %s\n", rk ? "" : why);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		puts(obey(cluster, line) ? "ok" : "what?");
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}
