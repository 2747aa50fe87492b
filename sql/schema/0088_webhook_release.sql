-- As in webhook_claim: what is given back is found by its key, whatever the
-- planner thinks of a line that was empty when it last looked (row WH10).
alter function webhook_release(uuid, uuid) set enable_seqscan = off
	set enable_hashjoin = off set enable_mergejoin = off set jit = off;
