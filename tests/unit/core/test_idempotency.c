/* The same request twice: rows RE8 and RE9. */
#include "tests/unit/core/core.h"

#include "core/idempotency.h"

static enum err
again(const char *scope, const char *body, bool json, bool *replayed)
{
	struct idempotency i;
	struct str answer;
	cJSON *o = NULL;
	int status;

	x.problem = (struct problem){ 0 };
	if (json)
		ck_ok(json_parse(x.arena, str_of(body), 8, &o, NULL));
	return idempotency_begin(&x, str_of(scope), STR("key"), str_of(body),
	    o, &i, replayed, &status, &answer);
}

/* Row RE9: white space and order are no other request. */
START_TEST(of_json_the_meaning_is_compared)
{
	struct idempotency i;
	struct str answer;
	cJSON *o;
	bool replayed;
	int status;

	ck_ok(json_parse(x.arena, STR("{\"a\":1,\"b\":2}"), 8, &o, NULL));
	ck_ok(idempotency_begin(&x, STR("s"), STR("key"), STR("{...}"), o,
	    &i, &replayed, &status, &answer));
	ck_err(again("s", "{\"b\":2, \"a\":1}", true, &replayed),
	    E_IDEMPOTENCY);
	ck_said("still in progress");
	ck_assert_int_eq(x.problem.retry_after, 1);
	idempotency_end(&x, &i, 201, STR("made"));
	ck_ok(again("s", "{\"b\":2, \"a\":1}", true, &replayed));
	ck_assert(replayed);
	ck_err(again("s", "{\"b\":2, \"a\":3}", true, &replayed),
	    E_IDEMPOTENCY);
	ck_assert_ptr_null(x.problem.sentence);
	/* answers hold tokens: nobody reads them at rest */
	ck_sql("0", "select position('made'::bytea in answer) from "
	    "idempotency");
}
END_TEST

/* Row RE9: what failed may come again, and makes the same ids (RE8). */
START_TEST(a_failure_is_not_kept_and_keeps_its_ids)
{
	static const int failures[] = { 500, 503, 429 };
	struct idempotency i;
	struct str answer, id = STR_NONE;
	bool replayed;
	int status;

	for (size_t n = 0; n < 3; n++) {
		ck_ok(idempotency_begin(&x, STR("s"), STR("key"), STR("b"),
		    NULL, &i, &replayed, &status, &answer));
		ck_assert(!replayed);
		ck_assert(!id.n || str_eq(id, idempotency_id(&x, 0)));
		id = idempotency_id(&x, 0);
		ck_assert(!str_eq(id, idempotency_id(&x, 1)));
		ck_assert(str_eq(idempotency_id(&x, 1),
		    idempotency_id(&x, 1)));
		idempotency_end(&x, &i, failures[n], STR("oops"));
	}
	x.idempotency_seed = STR_NONE;
	ck_assert(!str_eq(idempotency_id(&x, 0), idempotency_id(&x, 0)));
}
END_TEST

/* Row RE9. */
START_TEST(an_idempotency_key_gives_one_answer_and_refuses_another_body)
{
	struct idempotency i;
	struct str answer;
	bool replayed;
	int status;

	ck_ok(idempotency_begin(&x, STR("s"), STR("k"), STR("b"), NULL, &i,
	    &replayed, &status, &answer));
	ck_assert(!replayed);
	ck_err(idempotency_begin(&x, STR("s"), STR("k"), STR("b"), NULL, &i,
	    &replayed, &status, &answer), E_IDEMPOTENCY);
	idempotency_end(&x, &i, 201, STR("{}"));
	ck_ok(idempotency_begin(&x, STR("s"), STR("k"), STR("b"), NULL, &i,
	    &replayed, &status, &answer));
	ck_assert(replayed && status == 201 && str_eq(answer, STR("{}")));
	ck_err(idempotency_begin(&x, STR("s"), STR("k"), STR("c"), NULL, &i,
	    &replayed, &status, &answer), E_IDEMPOTENCY);
	ck_ok(idempotency_begin(&x, STR("t"), STR("k"), STR("c"), NULL, &i,
	    &replayed, &status, &answer));
	ck_assert(!replayed);
}
END_TEST

CORE_TESTS(idempotency, of_json_the_meaning_is_compared,
    a_failure_is_not_kept_and_keeps_its_ids,
    an_idempotency_key_gives_one_answer_and_refuses_another_body)
