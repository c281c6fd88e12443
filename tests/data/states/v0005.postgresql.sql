-- schema 0005: made by tests/support/old_states.py, and never changed
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
INSERT INTO meta (key, value) VALUES ('store_uuid', '1f77d1ea-1c6f-4228-b900-71cd0da3a468');
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
-- Running upgrade 0001 -> 0002
ALTER TABLE run ADD COLUMN due_at BIGINT;
ALTER TABLE run ADD COLUMN trigger_key TEXT;
ALTER TABLE run ADD COLUMN backfill_id VARCHAR(64);
ALTER TABLE run ADD COLUMN spec_hash TEXT DEFAULT '' NOT NULL;
ALTER TABLE run ADD COLUMN cancel_requested TEXT DEFAULT '' NOT NULL;
CREATE UNIQUE INDEX uq_run_trigger ON run (group_name, trigger_key) WHERE trigger_key IS NOT NULL;
ALTER TABLE node_run ADD COLUMN code TEXT DEFAULT '' NOT NULL;
ALTER TABLE node_run ADD COLUMN pool TEXT DEFAULT '' NOT NULL;
ALTER TABLE node_run ADD COLUMN lost INTEGER DEFAULT '0' NOT NULL;
CREATE TABLE grp (
    name VARCHAR(64) NOT NULL, 
    cursor BIGINT, 
    origin BIGINT, 
    status VARCHAR(32) NOT NULL, 
    reason TEXT NOT NULL, 
    watched_since BIGINT, 
    spec_hash TEXT NOT NULL, 
    catchup VARCHAR(32) NOT NULL, 
    updated_at BIGINT NOT NULL, 
    CONSTRAINT pk_grp PRIMARY KEY (name)
);
CREATE TABLE slot (
    group_name VARCHAR(64) NOT NULL, 
    interval_start BIGINT NOT NULL, 
    interval_end BIGINT NOT NULL, 
    status VARCHAR(32) NOT NULL, 
    run_id VARCHAR(64), 
    reason TEXT NOT NULL, 
    decided_at BIGINT NOT NULL, 
    CONSTRAINT pk_slot PRIMARY KEY (group_name, interval_start, interval_end)
);
CREATE INDEX ix_slot_run_id ON slot (run_id);
CREATE TABLE word (
    id BIGSERIAL NOT NULL, 
    text TEXT NOT NULL, 
    CONSTRAINT pk_word PRIMARY KEY (id), 
    CONSTRAINT uq_word_text UNIQUE (text)
);
CREATE TABLE ledger (
    node BIGINT NOT NULL, 
    interval_end BIGINT NOT NULL, 
    interval_start BIGINT NOT NULL, 
    mark INTEGER NOT NULL, 
    code BIGINT NOT NULL, 
    run BIGINT NOT NULL, 
    gen INTEGER NOT NULL, 
    at BIGINT NOT NULL, 
    CONSTRAINT pk_ledger PRIMARY KEY (node, interval_end, interval_start), 
    CONSTRAINT fk_ledger_node_word FOREIGN KEY(node) REFERENCES word (id), 
    CONSTRAINT fk_ledger_code_word FOREIGN KEY(code) REFERENCES word (id), 
    CONSTRAINT fk_ledger_run_word FOREIGN KEY(run) REFERENCES word (id)
);
CREATE TABLE code (
    fingerprint VARCHAR(64) NOT NULL, 
    text BYTEA NOT NULL, 
    CONSTRAINT pk_code PRIMARY KEY (fingerprint)
);
CREATE TABLE backfill (
    id BIGSERIAL NOT NULL, 
    backfill_id VARCHAR(64) NOT NULL, 
    group_name VARCHAR(64) NOT NULL, 
    interval_start BIGINT NOT NULL, 
    interval_end BIGINT NOT NULL, 
    direction VARCHAR(32) NOT NULL, 
    reprocess VARCHAR(32) NOT NULL, 
    parallel INTEGER NOT NULL, 
    state VARCHAR(32) NOT NULL, 
    reason TEXT NOT NULL, 
    created_at BIGINT NOT NULL, 
    finished_at BIGINT, 
    parent VARCHAR(64), 
    CONSTRAINT pk_backfill PRIMARY KEY (id), 
    CONSTRAINT uq_backfill_backfill_id UNIQUE (backfill_id)
);
CREATE INDEX ix_backfill_state ON backfill (state);
CREATE TABLE backfill_slot (
    backfill_id VARCHAR(64) NOT NULL, 
    position INTEGER NOT NULL, 
    interval_start BIGINT NOT NULL, 
    interval_end BIGINT NOT NULL, 
    state VARCHAR(32) NOT NULL, 
    run_id VARCHAR(64), 
    reason TEXT NOT NULL, 
    CONSTRAINT pk_backfill_slot PRIMARY KEY (backfill_id, position), 
    CONSTRAINT fk_backfill_slot_backfill_id_backfill FOREIGN KEY(backfill_id) REFERENCES backfill (backfill_id)
);
CREATE TABLE alert (
    id BIGSERIAL NOT NULL, 
    dedupe TEXT NOT NULL, 
    kind VARCHAR(32) NOT NULL, 
    payload TEXT NOT NULL, 
    created_at BIGINT NOT NULL, 
    tries INTEGER NOT NULL, 
    sent_at BIGINT, 
    error TEXT NOT NULL, 
    CONSTRAINT pk_alert PRIMARY KEY (id), 
    CONSTRAINT uq_alert_dedupe UNIQUE (dedupe)
);
CREATE TABLE dataset_event (
    id BIGSERIAL NOT NULL, 
    dataset TEXT NOT NULL, 
    run_id VARCHAR(64) NOT NULL, 
    gen INTEGER NOT NULL, 
    interval_start BIGINT NOT NULL, 
    interval_end BIGINT NOT NULL, 
    at BIGINT NOT NULL, 
    CONSTRAINT pk_dataset_event PRIMARY KEY (id), 
    CONSTRAINT uq_dataset_event_dataset_run_id_gen UNIQUE (dataset, run_id, gen)
);
CREATE INDEX ix_dataset_event_dataset_id ON dataset_event (dataset, id);
CREATE TABLE dataset_cursor (
    group_name VARCHAR(64) NOT NULL, 
    dataset TEXT NOT NULL, 
    event_id BIGINT NOT NULL, 
    CONSTRAINT pk_dataset_cursor PRIMARY KEY (group_name, dataset)
);
CREATE TABLE daemon (
    id BIGSERIAL NOT NULL, 
    host TEXT NOT NULL, 
    boot_id TEXT NOT NULL, 
    pid BIGINT NOT NULL, 
    started BIGINT NOT NULL, 
    started_at BIGINT NOT NULL, 
    beat_at BIGINT NOT NULL, 
    version TEXT NOT NULL, 
    state VARCHAR(32) NOT NULL, 
    CONSTRAINT pk_daemon PRIMARY KEY (id), 
    CONSTRAINT uq_daemon_host_boot_id_pid_started UNIQUE (host, boot_id, pid, started)
);
CREATE TABLE audit (
    id BIGSERIAL NOT NULL, 
    at BIGINT NOT NULL, 
    who TEXT NOT NULL, 
    action VARCHAR(32) NOT NULL, 
    subject TEXT NOT NULL, 
    detail TEXT NOT NULL, 
    CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO word (text) SELECT n.unique_id 
        FROM node_run AS n JOIN run AS r ON r.run_id = n.run_id
        LEFT JOIN attempt AS a ON a.attempt_id = n.last_attempt_id
        WHERE n.state IN ('success', 'failed')
     UNION SELECT n.run_id 
        FROM node_run AS n JOIN run AS r ON r.run_id = n.run_id
        LEFT JOIN attempt AS a ON a.attempt_id = n.last_attempt_id
        WHERE n.state IN ('success', 'failed')
     UNION SELECT '';
INSERT INTO ledger (node, interval_end, interval_start, mark, code, run, gen, at)
        SELECT node.id, e.interval_end, e.interval_start, CASE e.state WHEN 'success' THEN 0 ELSE 1 END,
               code.id, run.id, e.gen, e.at
        FROM (
            SELECT n.unique_id, n.run_id, n.state, n.gen, r.interval_start, r.interval_end,
                   COALESCE(a.finished_at, r.finished_at, r.created_at) AS at,
                   ROW_NUMBER() OVER (
                       PARTITION BY n.unique_id, r.interval_start, r.interval_end
                       ORDER BY COALESCE(a.finished_at, r.finished_at, r.created_at) DESC, r.id DESC
                   ) AS newest
        FROM node_run AS n JOIN run AS r ON r.run_id = n.run_id
        LEFT JOIN attempt AS a ON a.attempt_id = n.last_attempt_id
        WHERE n.state IN ('success', 'failed')
        ) AS e
        JOIN word AS node ON node.text = e.unique_id
        JOIN word AS run ON run.text = e.run_id
        JOIN word AS code ON code.text = ''
        WHERE e.newest = 1;
UPDATE meta SET value = '0.1.0' WHERE key = 'needs_sqlorch';
UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';
-- Running upgrade 0002 -> 0003
CREATE TABLE expectation_result (
    attempt_id BIGINT NOT NULL, 
    position INTEGER NOT NULL, 
    expectation TEXT NOT NULL, 
    column_name TEXT NOT NULL, 
    arguments TEXT NOT NULL, 
    severity VARCHAR(32) NOT NULL, 
    ok INTEGER NOT NULL, 
    observed TEXT, 
    checked BIGINT, 
    unexpected BIGINT, 
    samples TEXT NOT NULL, 
    error TEXT NOT NULL, 
    origin TEXT NOT NULL, 
    CONSTRAINT pk_expectation_result PRIMARY KEY (attempt_id, position), 
    CONSTRAINT fk_expectation_result_attempt FOREIGN KEY(attempt_id) REFERENCES attempt (attempt_id)
);
UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';
-- Running upgrade 0003 -> 0004
ALTER TABLE alert ADD COLUMN group_name VARCHAR(64) DEFAULT '' NOT NULL;
CREATE INDEX ix_alert_group_name_id ON alert (group_name, id);
CREATE INDEX ix_alert_sent_at ON alert (sent_at);
CREATE TABLE alert_delivery (
    alert_id BIGINT NOT NULL, 
    receiver TEXT NOT NULL, 
    state VARCHAR(32) NOT NULL, 
    tries INTEGER NOT NULL, 
    next_at BIGINT, 
    at BIGINT NOT NULL, 
    error TEXT NOT NULL, 
    CONSTRAINT pk_alert_delivery PRIMARY KEY (alert_id, receiver), 
    CONSTRAINT fk_alert_delivery_alert FOREIGN KEY(alert_id) REFERENCES alert (id)
);
CREATE TABLE alert_topic (
    receiver TEXT NOT NULL, 
    topic TEXT NOT NULL, 
    since BIGINT NOT NULL, 
    seen_at BIGINT NOT NULL, 
    told_at BIGINT, 
    times INTEGER NOT NULL, 
    CONSTRAINT pk_alert_topic PRIMARY KEY (receiver, topic)
);
UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003';
-- Running upgrade 0004 -> 0005
CREATE TABLE lease (
    id BIGSERIAL NOT NULL, 
    host TEXT NOT NULL, 
    boot_id TEXT NOT NULL, 
    pid BIGINT NOT NULL, 
    started BIGINT NOT NULL, 
    role VARCHAR(32) NOT NULL, 
    since BIGINT NOT NULL, 
    until BIGINT NOT NULL, 
    lead_since BIGINT, 
    CONSTRAINT pk_lease PRIMARY KEY (id), 
    CONSTRAINT uq_lease_host_boot_id_pid_started UNIQUE (host, boot_id, pid, started)
);
UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004';
DELETE FROM expectation_result;
DELETE FROM attempt;
DELETE FROM node_run;
DELETE FROM ledger;
DELETE FROM backfill_slot;
DELETE FROM alert_delivery;
DELETE FROM word;
DELETE FROM slot;
DELETE FROM run;
DELETE FROM meta;
DELETE FROM lease;
DELETE FROM grp;
DELETE FROM dataset_event;
DELETE FROM dataset_cursor;
DELETE FROM daemon;
DELETE FROM code;
DELETE FROM backfill;
DELETE FROM audit;
DELETE FROM alert_topic;
DELETE FROM alert;
INSERT INTO alert (id, dedupe, kind, payload, created_at, tries, sent_at, error, group_name) VALUES
(1, 'run_failed:sched-daily-1:1', 'run_failed', '{"run_id":"sched-daily-1","gen":1,"group":"daily","interval":"2026-03-02 05:00","reason":"","nodes":[{"unique_id":"model.shop.a","name":"a","kind":"model","failures":null,"attempt_id":3}],"more":0,"skipped_nodes":0}', 1780272000000001, 0, 1780272000000001, '', 'daily'),
(2, 'run_recovered:sched-daily-1:2', 'run_recovered', '{"run_id":"sched-daily-1","gen":2,"group":"daily","interval":"2026-03-02 05:00","reason":""}', 1780272000000000, 0, 1780272000000001, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 'daily'),
(3, 'run_failed:sched-daily-2:1', 'run_failed', '{"run_id":"sched-daily-2","gen":1,"group":"daily","interval":"2026-03-03 05:00","reason":"","nodes":[{"unique_id":"model.shop.a","name":"a","kind":"model","failures":null,"attempt_id":6},{"unique_id":"model.shop.b","name":"b","kind":"model","failures":null,"attempt_id":7}],"more":0,"skipped_nodes":0}', 1780272000000000, 0, NULL, '', 'daily'),
(4, 'k0 naïve “☃” 𝄞, it''s 50 %
and: more \', 'group_held', '{"group":"daily","\u00fc":[1.5,null]}', 1780272000000001, 1, NULL, '', 'daily'),
(5, 'k1 naïve “☃” 𝄞, it''s 50 %
and: more \', 'group_held', '{"group":"daily","\u00fc":[1.5,null]}', 1780272000000001, 1, NULL, '', 'daily'),
(6, 'k2 naïve “☃” 𝄞, it''s 50 %
and: more \', 'group_held', '{"group":"daily","\u00fc":[1.5,null]}', 1780272000000001, 1, NULL, '', 'daily'),
(7, 'k3 naïve “☃” 𝄞, it''s 50 %
and: more \', 'group_held', '{"group":"daily","\u00fc":[1.5,null]}', 1780272000000001, 1, NULL, '', 'daily');
INSERT INTO alert_topic (receiver, topic, since, seen_at, told_at, times) VALUES
('env:naïve “☃” 𝄞, it''s 50 %
and: more \', 'run/0', 1780272000000000, 1780272000000001, NULL, 1),
('env:naïve “☃” 𝄞, it''s 50 %
and: more \', 'run/1', 1780272000000000, 1780272000000001, 1780272000000001, 2),
('env:naïve “☃” 𝄞, it''s 50 %
and: more \', 'run/2', 1780272000000000, 1780272000000001, 1780272000000001, 3),
('env:naïve “☃” 𝄞, it''s 50 %
and: more \', 'run/3', 1780272000000000, 1780272000000001, 1780272000000001, 4);
INSERT INTO audit (id, at, who, action, subject, detail) VALUES
(1, 1780272000000001, 'ann@here', 'pause', 'häppy hours', 'naïve “☃” 𝄞, it''s 50 %
and: more \; missed intervals: all'),
(10, 1780272000000001, 'daemon', 'move backfill', 'b3', 'running -> success: naïve “☃” 𝄞, it''s 50 %
and: more \'),
(11, 1780272000000000, 'ann@here', 'backfill', 'daily b4', '[2027-04-05T05:00:00+00:00, 2027-04-11T05:00:00+00:00), 4 intervals, changed'),
(12, 1780272000000001, 'daemon', 'move backfill', 'b4', 'running -> failed: naïve “☃” 𝄞, it''s 50 %
and: more \'),
(13, 1780272000000000, 'ann@here', 'backfill', 'daily b5', '[2027-07-14T05:00:00+00:00, 2027-07-20T05:00:00+00:00), 4 intervals, changed'),
(14, 1780272000000001, 'daemon', 'move backfill', 'b5', 'running -> cancelled: naïve “☃” 𝄞, it''s 50 %
and: more \'),
(2, 1780272000000001, 'ann@here', 'hold', 'weekly', 'naïve “☃” 𝄞, it''s 50 %
and: more \; missed intervals: all'),
(3, 1780272000000000, 'ann@here', 'cancel', 'sched-daily-3', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
(4, 1780272000000000, 'ann@here', 'cancel', 'triggered-1', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
(5, 1780272000000000, 'ann@here', 'mark', 'model.shop.a', 'done and failed and missing and skipped: 4 within [2026-03-21T05:00:00+00:00, 2026-03-25T05:00:00+00:00)'),
(6, 1780272000000000, 'ann@here', 'backfill', 'daily b1', '[2026-06-09T05:00:00+00:00, 2026-06-15T05:00:00+00:00), 6 intervals, changed'),
(7, 1780272000000000, 'ann@here', 'backfill', 'daily b2', '[2026-09-17T05:00:00+00:00, 2026-09-23T05:00:00+00:00), 6 intervals, changed'),
(8, 1780272000000001, 'daemon', 'move backfill', 'b2', 'running -> paused: naïve “☃” 𝄞, it''s 50 %
and: more \'),
(9, 1780272000000000, 'ann@here', 'backfill', 'daily b3', '[2026-12-26T05:00:00+00:00, 2027-01-01T05:00:00+00:00), 4 intervals, changed');
INSERT INTO backfill (id, backfill_id, group_name, interval_start, interval_end, direction, reprocess, parallel, state, reason, created_at, finished_at, parent) VALUES
(1, 'b1', 'daily', 1780981200000000, 1781499600000000, 'newest', 'changed', 3, 'running', '', 1780272000000000, NULL, NULL),
(2, 'b2', 'daily', 1789621200000000, 1790139600000000, 'newest', 'changed', 3, 'paused', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, NULL, 'b1'),
(3, 'b3', 'daily', 1798261200000000, 1798779600000000, 'newest', 'changed', 3, 'success', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1780272000000001, 'b1'),
(4, 'b4', 'daily', 1806901200000000, 1807419600000000, 'newest', 'changed', 3, 'failed', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1780272000000001, 'b1'),
(5, 'b5', 'daily', 1815541200000000, 1816059600000000, 'newest', 'changed', 3, 'cancelled', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1780272000000001, 'b1');
INSERT INTO code (fingerprint, text) VALUES
('v1', '\x789c2b4ecd494d2e513054d0d555c84b3cbcbe2c55e151c39c47339a1f35cc55f830b7659e8e4266897ab182a981822a57625e8a95426e7e51aa420c008cc215c4'),
('v2', '\x789c030000000001');
INSERT INTO daemon (id, host, boot_id, pid, started, started_at, beat_at, version, state) VALUES
(1, 'here', 'boot-1', 4711, 99, 1780272000000000, 1780272000000000, '0.1.0', 'running'),
(2, 'here', 'boot-1', 4712, 100, 1780272000000000, 1780272000000000, '0.1.0', 'stopped');
INSERT INTO dataset_cursor (group_name, dataset, event_id) VALUES
('weekly', 'daily', 1);
INSERT INTO dataset_event (id, dataset, run_id, gen, interval_start, interval_end, at) VALUES
(1, 'model.shop.a', 'sched-daily-0', 1, 1772341200000000, 1772427600000000, 1780272000000001),
(2, 'model.shop.b', 'sched-daily-0', 1, 1772341200000000, 1772427600000000, 1780272000000001),
(3, 'daily', 'sched-daily-0', 1, 1772341200000000, 1772427600000000, 1780272000000001),
(4, 'model.shop.a', 'sched-daily-1', 2, 1772427600000000, 1772514000000000, 1780272000000000),
(5, 'model.shop.b', 'sched-daily-1', 2, 1772427600000000, 1772514000000000, 1780272000000000),
(6, 'daily', 'sched-daily-1', 2, 1772427600000000, 1772514000000000, 1780272000000000);
INSERT INTO grp (name, cursor, origin, status, reason, watched_since, spec_hash, catchup, updated_at) VALUES
('daily', 1772946000000000, 1772341200000000, 'active', '', 1780272000000000, '1', '', 1780272000000000),
('häppy hours', 1772341200000000, 1772341200000000, 'paused', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, '1', '', 1780272000000001),
('never', NULL, NULL, 'active', '', 1780272000000000, '1', '', 1780272000000000),
('weekly', 1772341200000000, 1772341200000000, 'held', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, '1', '', 1780272000000001);
INSERT INTO lease (id, host, boot_id, pid, started, role, since, until, lead_since) VALUES
(1, 'here', 'boot-1', 4711, 99, 'daemon', 1795407012822009, 1795407042825992, 1795407012825992),
(2, 'here', 'boot-1', 4712, 100, 'daemon', 1795407012824987, 1795407042824987, NULL);
INSERT INTO meta (key, value) VALUES
('fence_seq', '17'),
('lost/sqlorch-1108724a5dc60e50', '{"target":"dev","noted_at":1780272000000001}'),
('needs_sqlorch', '0.1.0'),
('store_uuid', '5e0c0de5-0000-4000-8000-000000000000'),
('target', 'dev'),
('writes', '4711'),
('commit:00000000000040008000000000000000', '4711');
INSERT INTO run (id, run_id, group_name, kind, interval_start, interval_end, timezone, gen, state, reason, created_at, started_at, finished_at, owner_host, owner_boot_id, owner_pid, owner_started, variables, invocation, due_at, trigger_key, backfill_id, spec_hash, cancel_requested) VALUES
(1, 'sched-daily-0', 'daily', 'scheduled', 1772341200000000, 1772427600000000, 'UTC', 1, 'success', '', 1780272000000000, 1780272000000001, 1780272000000001, 'here', 'boot-1', 4711, 99, '{"ds":"2026-03-01"}', '{"vars":{"\u00fc":[1,null]}}', 1772427600000000, NULL, NULL, '1', ''),
(10, 'manual-2', 'daily', 'manual', 1772341200000000, 1772427600000000, 'UTC', 1, 'failed', 'the process that ran it is gone (here, pid 4711)', 1780272000000000, 1780272000000000, 1780272000000001, 'here', 'boot-1', 4711, 99, '{}', '{"target":"dev"}', NULL, NULL, NULL, '', ''),
(2, 'sched-daily-1', 'daily', 'scheduled', 1772427600000000, 1772514000000000, 'UTC', 2, 'success', '', 1780272000000000, 1780272000000000, 1780272000000000, 'here', 'boot-1', 4711, 99, '{"ds":"2026-03-02"}', '{"vars":{"\u00fc":[1,null]}}', 1772514000000000, NULL, NULL, '1', ''),
(3, 'sched-daily-2', 'daily', 'scheduled', 1772514000000000, 1772600400000000, 'UTC', 1, 'failed', '', 1780272000000000, 1780272000000001, 1780272000000000, 'here', 'boot-1', 4711, 99, '{"ds":"2026-03-03"}', '{"vars":{"\u00fc":[1,null]}}', 1772600400000000, NULL, NULL, '1', ''),
(4, 'sched-daily-3', 'daily', 'scheduled', 1772600400000000, 1772686800000000, 'UTC', 1, 'cancelling', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1780272000000001, NULL, 'here', 'boot-1', 4712, 100, '{"ds":"2026-03-04"}', '{"vars":{"\u00fc":[1,null]}}', 1772686800000000, NULL, NULL, '1', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
(5, 'sched-daily-4', 'daily', 'scheduled', 1772686800000000, 1772773200000000, 'UTC', 1, 'queued', 'waits for naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, NULL, NULL, 'here', 'boot-1', 4711, 99, '{}', '{"vars":{"\u00fc":[1,null]}}', 1772773200000000, NULL, NULL, '1', ''),
(6, 'triggered-1', 'weekly', 'triggered', 1772341200000000, 1772427600000000, 'UTC', 1, 'cancelled', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, NULL, 1780272000000000, 'here', 'boot-1', 4711, 99, '{}', '{}', 1772427600000000, 'triggered naïve “☃” 𝄞, it''s 50 %
and: more \', 'b1', '', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
(7, 'backfill-1', 'weekly', 'backfill', 1772514000000000, 1772600400000000, 'UTC', 1, 'skipped', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, NULL, 1780272000000000, 'here', 'boot-1', 4711, 99, '{}', '{}', 1772600400000000, 'backfill naïve “☃” 𝄞, it''s 50 %
and: more \', 'b1', '', ''),
(8, 'dataset-1', 'weekly', 'dataset', 1772600400000000, 1772686800000000, 'UTC', 1, 'queued', '', 1780272000000000, NULL, NULL, 'here', 'boot-1', 4711, 99, '{}', '{}', 1772686800000000, 'dataset naïve “☃” 𝄞, it''s 50 %
and: more \', 'b1', '', ''),
(9, 'manual-é-1', 'daily', 'manual', 1773118800000000, 1773205200000000, 'UTC', 1, 'running', '', 1780272000000000, 1780272000000000, NULL, 'here', 'boot-1', 4712, 100, '{"ds":"2026-03-10"}', '{"target":"dev","vars":{"\u00fc":1},"told":true}', NULL, NULL, NULL, '', '');
INSERT INTO slot (group_name, interval_start, interval_end, status, run_id, reason, decided_at) VALUES
('daily', 1772341200000000, 1772427600000000, 'run', 'sched-daily-0', '', 1780272000000000),
('daily', 1772427600000000, 1772514000000000, 'run', 'sched-daily-1', '', 1780272000000000),
('daily', 1772514000000000, 1772600400000000, 'run', 'sched-daily-2', '', 1780272000000000),
('daily', 1772600400000000, 1772686800000000, 'run', 'sched-daily-3', '', 1780272000000000),
('daily', 1772686800000000, 1772773200000000, 'run', 'sched-daily-4', '', 1780272000000000),
('daily', 1772773200000000, 1772859600000000, 'skipped', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000),
('daily', 1772859600000000, 1772946000000000, 'skipped', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000);
INSERT INTO word (id, text) VALUES
(1, 'model.shop.a'),
(10, 'model.shop.skipped'),
(11, 'model.shop.success'),
(12, 'test.shop.b_is_unique'),
(13, 'manual-2'),
(2, 'v1'),
(3, 'sched-daily-0'),
(4, 'model.shop.b'),
(5, 'sched-daily-1'),
(6, ''),
(7, 'sched-daily-2'),
(8, 'model.shop.failed'),
(9, 'manual-é-1');
INSERT INTO alert_delivery (alert_id, receiver, state, tries, next_at, at, error) VALUES
(4, 'env:naïve “☃” 𝄞, it''s 50 %
and: more \', 'waiting', 0, 1780275600000000, 1780272000000000, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
(5, 'env:naïve “☃” 𝄞, it''s 50 %
and: more \', 'sent', 1, NULL, 1780272000000000, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
(6, 'env:naïve “☃” 𝄞, it''s 50 %
and: more \', 'quiet', 2, NULL, 1780272000000000, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
(7, 'env:naïve “☃” 𝄞, it''s 50 %
and: more \', 'failed', 3, NULL, 1780272000000000, 'naïve “☃” 𝄞, it''s 50 %
and: more \');
INSERT INTO backfill_slot (backfill_id, position, interval_start, interval_end, state, run_id, reason) VALUES
('b1', 0, 1780981200000000, 1781067600000000, 'waiting', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b1', 1, 1781067600000000, 1781154000000000, 'queued', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b1', 2, 1781154000000000, 1781240400000000, 'done', 'sched-daily-0', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b1', 3, 1781240400000000, 1781326800000000, 'failed', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b1', 4, 1781326800000000, 1781413200000000, 'skipped', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b1', 5, 1781413200000000, 1781499600000000, 'cancelled', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b2', 0, 1789621200000000, 1789707600000000, 'waiting', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b2', 1, 1789707600000000, 1789794000000000, 'queued', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b2', 2, 1789794000000000, 1789880400000000, 'done', 'sched-daily-0', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b2', 3, 1789880400000000, 1789966800000000, 'failed', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b2', 4, 1789966800000000, 1790053200000000, 'skipped', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b2', 5, 1790053200000000, 1790139600000000, 'cancelled', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b3', 0, 1798261200000000, 1798347600000000, 'done', 'sched-daily-0', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b3', 1, 1798347600000000, 1798434000000000, 'failed', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b3', 2, 1798434000000000, 1798520400000000, 'skipped', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b3', 3, 1798520400000000, 1798606800000000, 'cancelled', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b4', 0, 1806901200000000, 1806987600000000, 'done', 'sched-daily-0', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b4', 1, 1806987600000000, 1807074000000000, 'failed', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b4', 2, 1807074000000000, 1807160400000000, 'skipped', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b4', 3, 1807160400000000, 1807246800000000, 'cancelled', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b5', 0, 1815541200000000, 1815627600000000, 'done', 'sched-daily-0', 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b5', 1, 1815627600000000, 1815714000000000, 'failed', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b5', 2, 1815714000000000, 1815800400000000, 'skipped', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \'),
('b5', 3, 1815800400000000, 1815886800000000, 'cancelled', NULL, 'naïve “☃” 𝄞, it''s 50 %
and: more \');
INSERT INTO ledger (node, interval_end, interval_start, mark, code, run, gen, at) VALUES
(1, 1772427600000000, 1772341200000000, 2, 6, 13, 1, 1780272000000000),
(1, 1772514000000000, 1772427600000000, 0, 2, 5, 2, 1780272000000000),
(1, 1772600400000000, 1772514000000000, 1, 2, 7, 1, 1780272000000000),
(1, 1774155600000000, 1774069200000000, 0, 6, 6, 0, 1780272000000001),
(1, 1774242000000000, 1774155600000000, 1, 6, 6, 0, 1780272000000001),
(1, 1774328400000000, 1774242000000000, 2, 6, 6, 0, 1780272000000001),
(1, 1774414800000000, 1774328400000000, 3, 6, 6, 0, 1780272000000001),
(10, 1773205200000000, 1773118800000000, 3, 2, 9, 1, 1780272000000000),
(11, 1773205200000000, 1773118800000000, 0, 2, 9, 1, 1780272000000000),
(12, 1773205200000000, 1773118800000000, 0, 2, 9, 1, 1780272000000000),
(4, 1772427600000000, 1772341200000000, 0, 2, 3, 1, 1780272000000001),
(4, 1772514000000000, 1772427600000000, 0, 2, 5, 2, 1780272000000000),
(4, 1772600400000000, 1772514000000000, 1, 2, 7, 1, 1780272000000000),
(8, 1773205200000000, 1773118800000000, 1, 2, 9, 1, 1780272000000000);
INSERT INTO node_run (run_id, unique_id, name, kind, path, materialized, attached_to, severity, position, after_ids, gen, state, reason, ready_at, tries, gen_tries, last_attempt_id, code, pool, lost) VALUES
('manual-2', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 1, 'cancelled', 'the process that ran it is gone (here, pid 4711)', NULL, 0, 0, NULL, 'v1', '', 0),
('manual-é-1', 'model.shop.cancelled', 'cancelled', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 11, '["model.shop.upstream_failed"]', 1, 'cancelled', 'naïve “☃” 𝄞, it''s 50 %
and: more \', NULL, 0, 0, NULL, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.dispatched', 'dispatched', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 2, '["model.shop.ready"]', 1, 'dispatched', '', 1780272000000000, 1, 1, 10, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.failed', 'failed', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 8, '["model.shop.success"]', 1, 'failed', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 15, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.lost', 'lost', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 6, '["model.shop.up_for_reschedule"]', 1, 'lost', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 13, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.ready', 'ready', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 1, '["model.shop.waiting"]', 1, 'ready', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 0, 0, NULL, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.running', 'running', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 3, '["model.shop.dispatched"]', 1, 'running', '', 1780272000000000, 1, 1, 9, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.skipped', 'skipped', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 9, '["model.shop.failed"]', 1, 'skipped', 'naïve “☃” 𝄞, it''s 50 %
and: more \', NULL, 0, 0, NULL, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.success', 'success', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 7, '["model.shop.lost"]', 1, 'success', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 14, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.up_for_reschedule', 'up_for_reschedule', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 5, '["model.shop.up_for_retry"]', 1, 'up_for_reschedule', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 12, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.up_for_retry', 'up_for_retry', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 4, '["model.shop.running"]', 1, 'up_for_retry', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 2, 2, 17, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.upstream_failed', 'upstream_failed', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 10, '["model.shop.skipped"]', 1, 'upstream_failed', 'naïve “☃” 𝄞, it''s 50 %
and: more \', NULL, 0, 0, NULL, 'v1', 'warehouse', 0),
('manual-é-1', 'model.shop.waiting', 'waiting', 'model', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', NULL, '', 0, '[]', 1, 'waiting', '', NULL, 0, 0, NULL, 'v1', 'warehouse', 0),
('manual-é-1', 'test.shop.b_is_unique', 'b_is_unique', 'test', 'models/naïve “☃” 𝄞, it''s 50 %
and: more \.sql', '', 'model.shop.a', 'warn', 12, '["model.shop.cancelled"]', 1, 'success', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 1780272000000000, 1, 1, 16, 'v1', 'warehouse', 0),
('sched-daily-0', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 1, 'success', '', 1780272000000001, 1, 1, 1, 'v1', '', 0),
('sched-daily-0', 'model.shop.b', 'b', 'model', '', '', NULL, '', 1, '["model.shop.a"]', 1, 'success', '', 1780272000000001, 1, 1, 2, 'v1', '', 0),
('sched-daily-1', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 2, 'success', '', 1780272000000000, 2, 1, 4, 'v1', '', 0),
('sched-daily-1', 'model.shop.b', 'b', 'model', '', '', NULL, '', 1, '["model.shop.a"]', 2, 'success', '', 1780272000000000, 1, 1, 5, 'v1', '', 0),
('sched-daily-2', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 1, 'failed', '', 1780272000000000, 1, 1, 6, 'v1', '', 0),
('sched-daily-2', 'model.shop.b', 'b', 'model', '', '', NULL, '', 1, '["model.shop.a"]', 1, 'failed', '', 1780272000000000, 1, 1, 7, 'v1', '', 0),
('sched-daily-3', 'model.shop.a', 'a', 'model', '', '', NULL, '', 0, '[]', 1, 'running', '', 1780272000000000, 1, 1, 8, 'v1', '', 0),
('sched-daily-3', 'model.shop.b', 'b', 'model', '', '', NULL, '', 1, '["model.shop.a"]', 1, 'waiting', '', NULL, 0, 0, NULL, 'v1', '', 0);
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
INSERT INTO expectation_result (attempt_id, position, expectation, column_name, arguments, severity, ok, observed, checked, unexpected, samples, error, origin) VALUES
(16, 0, 'expect_column_values_to_be_unique', 'id', '{"column":"id","\u00fc":[null]}', 'error', 0, NULL, 9, 2, '[1, "na\u00efve \u201c\u2603\u201d \ud834\udd1e, it''s 50 %\nand: more \\"]', '', 'a.yml:3'),
(16, 1, 'expect_column_values_to_be_unique', 'id', '{"column":"id","\u00fc":[null]}', 'warn', 1, '{"mean": 1.5}', NULL, NULL, '[]', '', 'a.yml:3'),
(16, 2, 'expect_column_values_to_be_unique', 'id', '{"column":"id","\u00fc":[null]}', 'error', 0, NULL, NULL, NULL, '[]', 'naïve “☃” 𝄞, it''s 50 %
and: more \', 'a.yml:3');
SELECT setval(pg_get_serial_sequence('run', 'id'), (SELECT max(id) FROM run));
SELECT setval(pg_get_serial_sequence('word', 'id'), (SELECT max(id) FROM word));
SELECT setval(pg_get_serial_sequence('backfill', 'id'), (SELECT max(id) FROM backfill));
SELECT setval(pg_get_serial_sequence('dataset_event', 'id'), (SELECT max(id) FROM dataset_event));
SELECT setval(pg_get_serial_sequence('daemon', 'id'), (SELECT max(id) FROM daemon));
SELECT setval(pg_get_serial_sequence('audit', 'id'), (SELECT max(id) FROM audit));
SELECT setval(pg_get_serial_sequence('alert', 'id'), (SELECT max(id) FROM alert));
SELECT setval(pg_get_serial_sequence('lease', 'id'), (SELECT max(id) FROM lease));