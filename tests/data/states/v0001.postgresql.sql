-- schema 0001: made by tests/support/old_states.py, and never changed
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
-- Running upgrade  -> 0001
CREATE TABLE meta (
    key VARCHAR(64) NOT NULL, 
    value TEXT NOT NULL, 
    CONSTRAINT pk_meta PRIMARY KEY (key)
);
INSERT INTO meta (key, value) VALUES ('store_uuid', '1e850067-d419-4c48-a898-a0fa7ef67b93');
INSERT INTO meta (key, value) VALUES ('fence_seq', '0');
INSERT INTO meta (key, value) VALUES ('needs_sqlorch', '0.1.0');
CREATE TABLE run (
    id BIGSERIAL NOT NULL, 
    run_id VARCHAR(64) NOT NULL, 
    group_name TEXT NOT NULL, 
    kind VARCHAR(32) NOT NULL, 
    interval_start BIGINT NOT NULL, 
    interval_end BIGINT NOT NULL, 
    timezone TEXT NOT NULL, 
    gen INTEGER NOT NULL, 
    state VARCHAR(32) NOT NULL, 
    reason TEXT NOT NULL, 
    created_at BIGINT NOT NULL, 
    started_at BIGINT, 
    finished_at BIGINT, 
    owner_host TEXT, 
    owner_boot_id TEXT, 
    owner_pid BIGINT, 
    owner_started BIGINT, 
    variables TEXT NOT NULL, 
    invocation TEXT NOT NULL, 
    CONSTRAINT pk_run PRIMARY KEY (id), 
    CONSTRAINT uq_run_run_id UNIQUE (run_id)
);
CREATE INDEX ix_run_group_name_id ON run (group_name, id);
CREATE INDEX ix_run_state ON run (state);
CREATE TABLE node_run (
    run_id VARCHAR(64) NOT NULL, 
    unique_id TEXT NOT NULL, 
    name TEXT NOT NULL, 
    kind VARCHAR(32) NOT NULL, 
    path TEXT NOT NULL, 
    materialized TEXT NOT NULL, 
    attached_to TEXT, 
    severity VARCHAR(32) NOT NULL, 
    position INTEGER NOT NULL, 
    after_ids TEXT NOT NULL, 
    gen INTEGER NOT NULL, 
    state VARCHAR(32) NOT NULL, 
    reason TEXT NOT NULL, 
    ready_at BIGINT, 
    tries INTEGER NOT NULL, 
    gen_tries INTEGER NOT NULL, 
    last_attempt_id BIGINT, 
    CONSTRAINT pk_node_run PRIMARY KEY (run_id, unique_id), 
    CONSTRAINT fk_node_run_run FOREIGN KEY(run_id) REFERENCES run (run_id)
);
CREATE TABLE attempt (
    attempt_id BIGINT NOT NULL, 
    run_id VARCHAR(64) NOT NULL, 
    unique_id TEXT NOT NULL, 
    gen INTEGER NOT NULL, 
    n INTEGER NOT NULL, 
    fence BIGINT NOT NULL, 
    state VARCHAR(32) NOT NULL, 
    outcome VARCHAR(32), 
    error_class VARCHAR(32), 
    started_at BIGINT NOT NULL, 
    finished_at BIGINT, 
    rows BIGINT, 
    failures BIGINT, 
    message TEXT NOT NULL, 
    file TEXT, 
    line INTEGER, 
    compiled_path TEXT, 
    log_path TEXT, 
    adapter_response TEXT NOT NULL, 
    timing TEXT NOT NULL, 
    CONSTRAINT pk_attempt PRIMARY KEY (attempt_id), 
    CONSTRAINT fk_attempt_node_run FOREIGN KEY(run_id, unique_id) REFERENCES node_run (run_id, unique_id), 
    CONSTRAINT uq_attempt_fence UNIQUE (fence), 
    CONSTRAINT uq_attempt_run_id_unique_id_gen_n UNIQUE (run_id, unique_id, gen, n)
);
CREATE INDEX ix_attempt_unique_id_attempt_id ON attempt (unique_id, attempt_id);
CREATE UNIQUE INDEX uq_attempt_live ON attempt (run_id, unique_id) WHERE state = 'running';
INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING alembic_version.version_num;
DELETE FROM attempt;
DELETE FROM node_run;
DELETE FROM run;
DELETE FROM meta;
INSERT INTO meta (key, value) VALUES
('fence_seq', '17'),
('lost/sqlorch-1108724a5dc60e50', '{"target":"dev","noted_at":1780272000000001}'),
('needs_sqlorch', '0.1.0'),
('store_uuid', '5e0c0de5-0000-4000-8000-000000000000'),
('target', 'dev'),
('writes', '4711'),
('commit:00000000000040008000000000000000', '4711');
INSERT INTO run (id, run_id, group_name, kind, interval_start, interval_end, timezone, gen, state, reason, created_at, started_at, finished_at, owner_host, owner_boot_id, owner_pid, owner_started, variables, invocation) VALUES
(1, 'sched-daily-0', 'daily', 'scheduled', 1772341200000000, 1772427600000000, 'UTC', 1, 'success', '', 1780272000000000, 1780272000000001, 1780272000000001, 'here', 'boot-1', 4711, 99, '{"ds":"2026-03-01"}', '{"vars":{"\u00fc":[1,null]}}'),
(10, 'manual-2', 'daily', 'manual', 1772341200000000, 1772427600000000, 'UTC', 1, 'failed', 'the process that ran it is gone (here, pid 4711)', 1780272000000000, 1780272000000000, 1780272000000001, 'here', 'boot-1', 4711, 99, '{}', '{"target":"dev"}'),
(2, 'sched-daily-1', 'daily', 'scheduled', 1772427600000000, 1772514000000000, 'UTC', 2, 'success', '', 1780272000000000, 1780272000000000, 1780272000000000, 'here', 'boot-1', 4711, 99, '{"ds":"2026-03-02"}', '{"vars":{"\u00fc":[1,null]}}'),
(3, 'sched-daily-2', 'daily', 'scheduled', 1772514000000000, 1772600400000000, 'UTC', 1, 'failed', '', 1780272000000000, 1780272000000001, 1780272000000000, 'here', 'boot-1', 4711, 99, '{"ds":"2026-03-03"}', '{"vars":{"\u00fc":[1,null]}}'),
(4, 'sched-daily-3', 'daily', 'scheduled', 1772600400000000, 1772686800000000, 'UTC', 1, 'cancelling', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1780272000000001, NULL, 'here', 'boot-1', 4712, 100, '{"ds":"2026-03-04"}', '{"vars":{"\u00fc":[1,null]}}'),
(5, 'sched-daily-4', 'daily', 'scheduled', 1772686800000000, 1772773200000000, 'UTC', 1, 'queued', 'waits for naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, NULL, NULL, 'here', 'boot-1', 4711, 99, '{}', '{"vars":{"\u00fc":[1,null]}}'),
(6, 'triggered-1', 'weekly', 'triggered', 1772341200000000, 1772427600000000, 'UTC', 1, 'cancelled', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, NULL, 1780272000000000, 'here', 'boot-1', 4711, 99, '{}', '{}'),
(7, 'backfill-1', 'weekly', 'backfill', 1772514000000000, 1772600400000000, 'UTC', 1, 'skipped', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, NULL, 1780272000000000, 'here', 'boot-1', 4711, 99, '{}', '{}'),
(8, 'dataset-1', 'weekly', 'dataset', 1772600400000000, 1772686800000000, 'UTC', 1, 'queued', '', 1780272000000000, NULL, NULL, 'here', 'boot-1', 4711, 99, '{}', '{}'),
(9, 'manual-é-1', 'daily', 'manual', 1773118800000000, 1773205200000000, 'UTC', 1, 'running', '', 1780272000000000, 1780272000000000, NULL, 'here', 'boot-1', 4712, 100, '{"ds":"2026-03-10"}', '{"target":"dev","vars":{"\u00fc":1},"told":true}');
INSERT INTO node_run (run_id, unique_id, name, kind, path, materialized, attached_to, severity, position, after_ids, gen, state, reason, ready_at, tries, gen_tries, last_attempt_id) VALUES
('manual-2', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 1, 'cancelled', 'the process that ran it is gone (here, pid 4711)', NULL, 0, 0, NULL),
('manual-é-1', 'model.shop.cancelled', 'cancelled', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 11, '["model.shop.upstream_failed"]', 1, 'cancelled', 'naïve “☃” 𝄞, it''s 50 %
and: more \', NULL, 0, 0, NULL),
('manual-é-1', 'model.shop.dispatched', 'dispatched', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 2, '["model.shop.ready"]', 1, 'dispatched', '', 1780272000000000, 1, 1, 10),
('manual-é-1', 'model.shop.failed', 'failed', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 8, '["model.shop.success"]', 1, 'failed', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 15),
('manual-é-1', 'model.shop.lost', 'lost', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 6, '["model.shop.up_for_reschedule"]', 1, 'lost', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 13),
('manual-é-1', 'model.shop.ready', 'ready', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 1, '["model.shop.waiting"]', 1, 'ready', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 0, 0, NULL),
('manual-é-1', 'model.shop.running', 'running', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 3, '["model.shop.dispatched"]', 1, 'running', '', 1780272000000000, 1, 1, 9),
('manual-é-1', 'model.shop.skipped', 'skipped', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 9, '["model.shop.failed"]', 1, 'skipped', 'naïve “☃” 𝄞, it''s 50 %
and: more \', NULL, 0, 0, NULL),
('manual-é-1', 'model.shop.success', 'success', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 7, '["model.shop.lost"]', 1, 'success', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 14),
('manual-é-1', 'model.shop.up_for_reschedule', 'up_for_reschedule', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 5, '["model.shop.up_for_retry"]', 1, 'up_for_reschedule', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 12),
('manual-é-1', 'model.shop.up_for_retry', 'up_for_retry', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 4, '["model.shop.running"]', 1, 'up_for_retry', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 2, 2, 17),
('manual-é-1', 'model.shop.upstream_failed', 'upstream_failed', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 10, '["model.shop.skipped"]', 1, 'upstream_failed', 'naïve “☃” 𝄞, it''s 50 %
and: more \', NULL, 0, 0, NULL),
('manual-é-1', 'model.shop.waiting', 'waiting', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 0, '[]', 1, 'waiting', '', NULL, 0, 0, NULL),
('manual-é-1', 'test.shop.b_is_unique', 'b_is_unique', 'test', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', 'model.shop.a', 'warn', 12, '["model.shop.cancelled"]', 1, 'success', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 16),
('sched-daily-0', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 1, 'success', '', 1780272000000001, 1, 1, 1),
('sched-daily-0', 'model.shop.b', 'b', 'model', '', '', NULL, '', 1, '["model.shop.a"]', 1, 'success', '', 1780272000000001, 1, 1, 2),
('sched-daily-1', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 2, 'success', '', 1780272000000000, 2, 1, 4),
('sched-daily-1', 'model.shop.b', 'b', 'model', '', '', NULL, '', 1, '["model.shop.a"]', 2, 'success', '', 1780272000000000, 1, 1, 5),
('sched-daily-2', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 1, 'failed', '', 1780272000000000, 1, 1, 6),
('sched-daily-2', 'model.shop.b', 'b', 'model', '', '', NULL, '', 1, '["model.shop.a"]', 1, 'failed', '', 1780272000000000, 1, 1, 7),
('sched-daily-3', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 1, 'running', '', 1780272000000000, 1, 1, 8),
('sched-daily-3', 'model.shop.b', 'b', 'model', '', '', NULL, '', 1, '["model.shop.a"]', 1, 'waiting', '', NULL, 0, 0, NULL);
INSERT INTO attempt (attempt_id, run_id, unique_id, gen, n, fence, state, outcome, error_class, started_at, finished_at, rows, failures, message, file, line, compiled_path, log_path, adapter_response, timing) VALUES
(1, 'sched-daily-0', 'model.shop.a', 1, 1, 1, 'done', 'success', NULL, 1780272000000000, 1780272000000000, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(10, 'manual-é-1', 'model.shop.dispatched', 1, 1, 10, 'running', NULL, NULL, 1780272000000000, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(11, 'manual-é-1', 'model.shop.up_for_retry', 1, 1, 11, 'done', 'error', 'transient', 1780271999000001, 1780272000000001, 1099511627776, NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', 12, 'target/compiled.sql', NULL, '{"rows_affected":7,"code":"S\u00c9LECT"}', '{"compile":0.001,"execute":1.5}'),
(12, 'manual-é-1', 'model.shop.up_for_reschedule', 1, 1, 12, 'done', 'cancelled', 'infra', 1780271999000001, 1780272000000001, 1099511627776, NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', 12, 'target/compiled.sql', NULL, '{"rows_affected":7,"code":"S\u00c9LECT"}', '{"compile":0.001,"execute":1.5}'),
(13, 'manual-é-1', 'model.shop.lost', 1, 1, 13, 'fenced', 'success', NULL, 1780271999000001, 1780272000000001, 1099511627776, NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', 12, 'target/compiled.sql', NULL, '{"rows_affected":7,"code":"S\u00c9LECT"}', '{"compile":0.001,"execute":1.5}'),
(14, 'manual-é-1', 'model.shop.success', 1, 1, 14, 'done', 'success', NULL, 1780271999000001, 1780272000000001, 1099511627776, NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', 12, 'target/compiled.sql', NULL, '{"rows_affected":7,"code":"S\u00c9LECT"}', '{"compile":0.001,"execute":1.5}'),
(15, 'manual-é-1', 'model.shop.failed', 1, 1, 15, 'done', 'fail', 'permanent', 1780271999000001, 1780272000000001, 1099511627776, 3, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', 12, 'target/compiled.sql', NULL, '{"rows_affected":7,"code":"S\u00c9LECT"}', '{"compile":0.001,"execute":1.5}'),
(16, 'manual-é-1', 'test.shop.b_is_unique', 1, 1, 16, 'done', 'warn', NULL, 1780271999000001, 1780272000000001, 1099511627776, NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', 12, 'target/compiled.sql', NULL, '{"rows_affected":7,"code":"S\u00c9LECT"}', '{"compile":0.001,"execute":1.5}'),
(17, 'manual-é-1', 'model.shop.up_for_retry', 1, 2, 17, 'lost', 'lost', 'infra', 1780272000000000, 1780272000000000, NULL, NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \', NULL, NULL, NULL, NULL, '{}', '{}'),
(2, 'sched-daily-0', 'model.shop.b', 1, 1, 2, 'done', 'success', NULL, 1780272000000000, 1780272000000000, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(3, 'sched-daily-1', 'model.shop.a', 1, 1, 3, 'done', 'error', 'permanent', 1780272000000000, 1780272000000000, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(4, 'sched-daily-1', 'model.shop.a', 2, 1, 4, 'done', 'success', NULL, 1780272000000000, 1780272000000000, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(5, 'sched-daily-1', 'model.shop.b', 2, 1, 5, 'done', 'success', NULL, 1780272000000000, 1780272000000000, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(6, 'sched-daily-2', 'model.shop.a', 1, 1, 6, 'done', 'error', 'permanent', 1780272000000000, 1780272000000000, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(7, 'sched-daily-2', 'model.shop.b', 1, 1, 7, 'done', 'error', 'permanent', 1780272000000000, 1780272000000000, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(8, 'sched-daily-3', 'model.shop.a', 1, 1, 8, 'running', NULL, NULL, 1780272000000000, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}'),
(9, 'manual-é-1', 'model.shop.running', 1, 1, 9, 'running', NULL, NULL, 1780272000000000, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, '{}', '{}');
SELECT setval(pg_get_serial_sequence('run', 'id'), (SELECT max(id) FROM run));