-- Fills a fresh database with one organisation of 100 teams, 1 000 users, 20 models, :keys virtual keys and :records usage
-- records over 90 days, and with the rollups that the gateway would have kept. A few keys make most requests, as is usual.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET work_mem = '256MB';
SET maintenance_work_mem = '512MB';
-- 1 January 2026 in microseconds is not wanted: what is listed by default is the last day.
SELECT (extract(epoch FROM date_trunc('minute', now())) * 1000000)::bigint AS now \gset

CREATE FUNCTION pg_temp.key_id(kind int, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT ('01990000-000' || kind || '-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid $$;

INSERT INTO organisation (id, created_at, updated_at, slug, status, revision)
SELECT pg_temp.key_id(0, 1), :now, :now, 'big', 'ACTIVE', 1;
INSERT INTO team (id, created_at, updated_at, organisation_id, name, slug, revision)
SELECT pg_temp.key_id(1, n), :now, :now, pg_temp.key_id(0, 1), 'team-' || n, 'team-' || n, 1 FROM generate_series(0, 99) n;
INSERT INTO "user" (id, created_at, updated_at, organisation_id, email, role, status, revision)
SELECT pg_temp.key_id(2, n), :now, :now, pg_temp.key_id(0, 1), 'user-' || n || '@big.example', 'USER', 'ACTIVE', 1
FROM generate_series(0, 999) n;
INSERT INTO provider (id, created_at, updated_at, organisation_id, name, kind, base_url, config, enabled, revision)
SELECT pg_temp.key_id(3, n), :now, :now, pg_temp.key_id(0, 1), 'provider-' || n, 'CUSTOM', 'http://127.0.0.1:9', '{}', true, 1
FROM generate_series(0, 2) n;
INSERT INTO model (id, created_at, updated_at, organisation_id, name, slug, kind, provider_id, capabilities, config, revision)
SELECT pg_temp.key_id(4, n), :now, :now, pg_temp.key_id(0, 1), 'model-' || n, 'model-' || n, 'chat', pg_temp.key_id(3, n % 3), '[]', '{}', 1
FROM generate_series(0, 19) n;
-- Every fifth key is a user's, the others are teams'.
INSERT INTO api_key (id, created_at, updated_at, organisation_id, team_id, user_id, name, kind, secret_hash, preview, revealed,
                     rotations, revision, revoked_at, expires_at)
SELECT pg_temp.key_id(5, n), :now - n * 1000000::bigint, :now, pg_temp.key_id(0, 1),
       CASE WHEN n % 5 > 0 THEN pg_temp.key_id(1, n % 100) END, CASE WHEN n % 5 = 0 THEN pg_temp.key_id(2, n % 1000) END,
       'key-' || lpad(n::text, 6, '0'), CASE WHEN n % 5 > 0 THEN 'TEAM' ELSE 'USER' END, md5('a' || n) || md5('b' || n), 'odock-…',
       true, 0, 1, CASE WHEN n % 50 = 7 THEN :now END, CASE WHEN n % 10 = 3 THEN :now + n * 60000000::bigint END
FROM generate_series(0, :keys - 1) n;
INSERT INTO api_key_model_access (id, created_at, updated_at, api_key_id, model_id)
SELECT gen_random_uuid(), :now, :now, pg_temp.key_id(5, n), pg_temp.key_id(4, (n + g) % 20)
FROM generate_series(0, :keys - 1) n, generate_series(0, 1) g;

-- Records, oldest first, as they come in.
ALTER TABLE usage_record SET UNLOGGED;
ALTER TABLE "usage" SET UNLOGGED;
CREATE TEMP TABLE wanted_indexes AS SELECT indexdef FROM pg_indexes WHERE tablename = 'usage_record' AND indexname LIKE 'ix_%';
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT indexname FROM pg_indexes WHERE tablename = 'usage_record' AND indexname LIKE 'ix_%' LOOP
    EXECUTE format('DROP INDEX %I', name);
  END LOOP;
END $$;
SELECT setseed(0.5);
INSERT INTO usage_record (id, created_at, updated_at, request_id, at, organisation_id, organisation, team_id, team, user_id, "user",
    api_key_id, api_key, provider_id, provider, model_id, model, endpoint, stream, outcome, dispatched, status, error_code,
    tokens, tokens_in, tokens_out, usage_source, cost_nanos, latency_us, overhead_us, routing, metadata)
SELECT ('0199' || lpad(to_hex(n), 8, '0') || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, at, at, 'request-' || n, at,
    pg_temp.key_id(0, 1), 'big',
    CASE WHEN k % 5 > 0 THEN pg_temp.key_id(1, k % 100) END, CASE WHEN k % 5 > 0 THEN 'team-' || k % 100 END,
    CASE WHEN k % 5 = 0 THEN pg_temp.key_id(2, k % 1000) END, CASE WHEN k % 5 = 0 THEN 'user-' || k % 1000 || '@big.example' END,
    pg_temp.key_id(5, k), 'key-' || lpad(k::text, 6, '0'), pg_temp.key_id(3, m % 3), 'provider-' || m % 3,
    pg_temp.key_id(4, m), 'model-' || m, '/v1/chat/completions', false, CASE WHEN e THEN 'failed' ELSE 'ok' END, true,
    CASE WHEN e THEN 502 ELSE 200 END, CASE WHEN e THEN 'upstream_error' END, '{"total": 30}', 10, 20, 'reported', 1000 + n % 1000,
    1000 * (1 + n % 900), 300, '{"decision": "direct", "attempts": []}', '{}'
FROM (SELECT n, :now - 7776000000000 + n * (7776000000000 / :records) AS at,
             floor(:keys * power(random(), 3))::bigint AS k, floor(random() * 1.99)::int AS second, random() < 0.02 AS e
      FROM generate_series(0::bigint, :records - 1) n) AS drawn,
     LATERAL (SELECT ((k + second) % 20)::int AS m) AS model;
DO $$ DECLARE def text; BEGIN FOR def IN SELECT indexdef FROM wanted_indexes LOOP EXECUTE def; END LOOP; END $$;

-- Rollups, as the gateway adds them up; minutes of the last two days only (USAGE_MINUTE_RETENTION), and hours with keys of the
-- last :hours.
CREATE FUNCTION pg_temp.roll(wide bigint, since bigint) RETURNS void LANGUAGE sql AS $$
INSERT INTO "usage" (id, created_at, updated_at, organisation_id, span, starts_at, api_key_id, model_id, provider_id, team_id, user_id,
    status_class, team, "user", api_key, provider, model, requests, errors, tokens_in, tokens_out, units, bytes, cost_nanos, unpriced,
    latency_us, latency_1, latency_2, latency_4, latency_8, latency_16, latency_32, latency_64, latency_128, latency_256, latency_512,
    latency_1024, latency_2048, latency_4096, latency_8192, latency_16384, latency_more)
SELECT gen_random_uuid(), 0, 0, organisation_id, (wide / 1000000)::int, at / wide * wide, api_key_id, model_id, provider_id,
    coalesce(team_id, '00000000-0000-0000-0000-000000000000'), coalesce(user_id, '00000000-0000-0000-0000-000000000000'),
    status / 100, min(team), min("user"), min(api_key), min(provider), min(model), count(*), count(*) FILTER (WHERE status >= 400),
    sum(tokens_in), sum(tokens_out), 0, 0, sum(cost_nanos), 0, sum(latency_us),
    0, 0, 0, 0, 0, 0, 0, count(*) FILTER (WHERE latency_us <= 128000), count(*) FILTER (WHERE latency_us > 128000 AND latency_us <= 256000),
    count(*) FILTER (WHERE latency_us > 256000 AND latency_us <= 512000), count(*) FILTER (WHERE latency_us > 512000), 0, 0, 0, 0, 0
FROM usage_record WHERE at >= since
GROUP BY organisation_id, at / wide * wide, api_key_id, model_id, provider_id, team_id, user_id, status / 100
ORDER BY at / wide * wide $$;
SELECT pg_temp.roll(86400000000, 0);
SELECT pg_temp.roll(3600000000, :now - :hours * 3600000000);
SELECT pg_temp.roll(60000000, :now - 172800000000);
-- Those without keys and users, from the ones with.
CREATE FUNCTION pg_temp.coarse(wide bigint) RETURNS void LANGUAGE sql AS $$
INSERT INTO "usage" (id, created_at, updated_at, organisation_id, span, starts_at, api_key_id, model_id, provider_id, team_id, user_id,
    status_class, team, provider, model, requests, errors, tokens_in, tokens_out, units, bytes, cost_nanos, unpriced,
    latency_us, latency_1, latency_2, latency_4, latency_8, latency_16, latency_32, latency_64, latency_128, latency_256, latency_512,
    latency_1024, latency_2048, latency_4096, latency_8192, latency_16384, latency_more)
SELECT gen_random_uuid(), 0, 0, organisation_id, -(wide / 1000000)::int, at / wide * wide, '00000000-0000-0000-0000-000000000000',
    model_id, provider_id, coalesce(team_id, '00000000-0000-0000-0000-000000000000'), '00000000-0000-0000-0000-000000000000',
    status / 100, min(team), min(provider), min(model), count(*), count(*) FILTER (WHERE status >= 400),
    sum(tokens_in), sum(tokens_out), 0, 0, sum(cost_nanos), 0, sum(latency_us),
    0, 0, 0, 0, 0, 0, 0, count(*) FILTER (WHERE latency_us <= 128000), count(*) FILTER (WHERE latency_us > 128000 AND latency_us <= 256000),
    count(*) FILTER (WHERE latency_us > 256000 AND latency_us <= 512000), count(*) FILTER (WHERE latency_us > 512000), 0, 0, 0, 0, 0
FROM usage_record
GROUP BY organisation_id, at / wide * wide, model_id, provider_id, team_id, status / 100
ORDER BY at / wide * wide $$;
SELECT pg_temp.coarse(86400000000);
SELECT pg_temp.coarse(3600000000);
-- Days of keys and of users, with the weights of their sums.
CREATE FUNCTION pg_temp.weight(sum bigint) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN sum <= 0 THEN 0 ELSE 2 * length(sum::text) + CASE WHEN sum::text >= '3' THEN 1 ELSE 0 END END $$;
INSERT INTO usage_day SELECT organisation_id, about, name, starts_at, requests, errors, tokens_in, tokens_out, units, cost_nanos,
    unpriced, latency_us, latency_1, latency_2, latency_4, latency_8, latency_16, latency_32, latency_64, latency_128, latency_256,
    latency_512, latency_1024, latency_2048, latency_4096, latency_8192, latency_16384, latency_more,
    pg_temp.weight(cost_nanos), pg_temp.weight(requests), pg_temp.weight(tokens_in + tokens_out), pg_temp.weight(errors)
FROM (SELECT organisation_id, about, coalesce(CASE about WHEN 'key' THEN api_key ELSE "user" END, '') AS name, starts_at,
        sum(requests)::bigint AS requests, sum(errors)::bigint AS errors, sum(tokens_in)::bigint AS tokens_in,
        sum(tokens_out)::bigint AS tokens_out, 0 AS units, sum(cost_nanos)::bigint AS cost_nanos, 0 AS unpriced,
        sum(latency_us)::bigint AS latency_us, 0 AS latency_1, 0 AS latency_2, 0 AS latency_4, 0 AS latency_8, 0 AS latency_16,
        0 AS latency_32, 0 AS latency_64, sum(latency_128) AS latency_128, sum(latency_256) AS latency_256,
        sum(latency_512) AS latency_512, sum(latency_1024) AS latency_1024, 0 AS latency_2048, 0 AS latency_4096, 0 AS latency_8192,
        0 AS latency_16384, 0 AS latency_more
      FROM "usage", (VALUES ('key'), ('user')) AS subjects (about) WHERE span = 86400 GROUP BY 1, 2, 3, 4) AS days;

-- Budgets of a month for the organisation and its teams, with open windows, and for 100 keys that nobody has used since it began.
INSERT INTO budget (id, created_at, updated_at, organisation_id, name, owner_type, owner_id, period, timezone, currency, amount_nanos,
                    rollover, thresholds, enforcement, active, revision)
SELECT pg_temp.key_id(6, n), :now, :now, pg_temp.key_id(0, 1), 'budget-' || n,
    CASE WHEN n = 0 THEN 'ORG' WHEN n <= 100 THEN 'TEAM' ELSE 'APIKEY' END,
    CASE WHEN n = 0 THEN pg_temp.key_id(0, 1) WHEN n <= 100 THEN pg_temp.key_id(1, n - 1) ELSE pg_temp.key_id(5, n * 300) END,
    'MONTHLY', 'UTC', 'USD', 1000000000000, false, '[]', 'hard', true, 1
FROM generate_series(0, 200) n;
INSERT INTO ledger_window (id, created_at, updated_at, organisation_id, kind, limit_id, owner_type, owner_id, metric, starts_at,
                           ends_at, limit_value, used, asks)
SELECT gen_random_uuid(), :now, :now, organisation_id, 'budget', id, owner_type, owner_id, 'COST', month.starts, month.ends, amount_nanos,
    (SELECT coalesce(sum(cost_nanos), 0) FROM "usage" WHERE span = -86400 AND starts_at >= month.starts
        AND (owner_type = 'ORG' OR team_id = owner_id)), 0
FROM budget, LATERAL (SELECT (extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC')) * 1000000)::bigint AS starts,
    (extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') * 1000000)::bigint AS ends) AS month
WHERE owner_type <> 'APIKEY';

-- What administrators did.
INSERT INTO audit_event (id, created_at, updated_at, at, organisation_id, actor, verb, resource, resource_id, name, request_id, outcome)
SELECT ('0199' || lpad(to_hex(n), 8, '0') || '-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, at, at, at, pg_temp.key_id(0, 1),
    'user-' || n % 1000 || '@big.example', (ARRAY['create', 'update', 'rotate', 'delete'])[1 + n % 4], 'apikey',
    pg_temp.key_id(5, n % :keys), 'key-' || lpad((n % :keys)::text, 6, '0'), 'call-' || n,
    CASE WHEN n % 100 = 0 THEN 'permission_denied' ELSE 'done' END
FROM generate_series(0::bigint, 499999) n, LATERAL (SELECT :now - 7776000000000 + n * 15552000 AS at) AS moment;
VACUUM ANALYZE;
