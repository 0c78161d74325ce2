-- name: publications
SELECT id, bundle, note, published_at, returns_to FROM v_publications ORDER BY id DESC LIMIT %(limit)s

-- name: published
-- From when until when a message that was planned by a bundle is of which publication: a rollback publishes one again.
-- What was planned before the first is of the first: it migrated.
SELECT
    id, bundle,
    CASE lag(id) OVER bundles IS NULL WHEN true THEN '-infinity' ELSE published_at END AS from_at,
    coalesce(lead(published_at) OVER bundles, 'infinity') AS to_at
FROM v_publications
WINDOW bundles AS (PARTITION BY bundle ORDER BY id)

-- name: effect
-- The rows of a KPI of messages, by version and step.
SELECT p.id AS version, m.stage, m.step, count(*) AS people, count(*) FILTER (WHERE r.hit) AS hits
FROM ({{rows}}) AS r
JOIN v_messages m ON m.id = r.key
JOIN ({{published}}) AS p ON p.bundle = m.bundle AND m.planned_at >= p.from_at AND m.planned_at < p.to_at
GROUP BY p.id, m.stage, m.step

-- name: purchase
-- Of the accepted messages whose week ended: hit if the member purchased in it.
SELECT
    m.id AS key,
    EXISTS (
        SELECT FROM v_events e
        WHERE e.member_id = m.member_id AND e.kind = 'purchase' AND e.at > m.sent_at
            AND e.at <= m.sent_at + interval '7 days' AND e.at < %(until)s
    ) AS hit
FROM v_messages m
WHERE m.state = 'sent' AND m.wanted_at IS NOT NULL AND m.member_id IS NOT NULL
    AND m.sent_at >= %(since)s::timestamptz - interval '7 days'
    AND m.sent_at < %(until)s::timestamptz - interval '7 days'
