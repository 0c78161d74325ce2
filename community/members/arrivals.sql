-- name: arrivals
-- Clicks are counted once over all events, not once a link: a few links, many months of events.
WITH clicks AS (
    SELECT data->>'link' AS token, count(*) AS clicks FROM v_events WHERE kind = 'click' GROUP BY 1
),
arrived AS (
    SELECT link_token AS token, count(*) AS came, count(entered_at) AS admitted
    FROM members WHERE link_token IS NOT NULL GROUP BY 1
)
SELECT
    l.token, l.kind, l.url, l.source,
    coalesce(c.clicks, 0) AS clicks, coalesce(a.came, 0) AS came, coalesce(a.admitted, 0) AS admitted
FROM links l
LEFT JOIN clicks c USING (token)
LEFT JOIN arrived a USING (token)
ORDER BY l.kind, l.created_at, l.token
