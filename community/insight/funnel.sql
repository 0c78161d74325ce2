-- name: advertised
-- What lists say of advertising, by its day.
SELECT a.day, a.source, a.campaign, a.impressions, a.clicks FROM ad_spend a
WHERE a.day >= %(since_day)s AND a.day < %(until_day)s

-- name: clicked
-- Clicks on our entry links.
SELECT e.at, e.member_id, coalesce(l.source->>'utm_source', 'unknown') AS source
FROM v_events e
JOIN v_links l ON l.token = e.data->>'link' AND l.kind = 'entry'
WHERE e.kind = 'click' AND e.at >= %(since)s AND e.at < %(until)s

-- name: came
-- Who was first seen in the window, and when they took each step in it; NULL: not in it.
WITH came AS (
    SELECT m.id, s.source, m.first_seen_at, m.entered_at, l.source->>'group' AS wish
    FROM v_members m
    JOIN v_sources s ON s.member_id = m.id
    LEFT JOIN v_links l ON l.token = m.link_token
    WHERE m.first_seen_at >= %(since)s AND m.first_seen_at < %(until)s
),
arrived AS (
    SELECT c.id, min(s.joined_at) AS at
    FROM came c
    JOIN v_memberships s ON s.member_id = c.id AND s.joined_at < %(until)s
    WHERE c.wish IS NULL OR c.wish IN (s.title, s.group_id::text)
    GROUP BY c.id
),
spoke AS (
    SELECT c.id, min(m.first_at) AS at
    FROM came c
    JOIN v_milestones m ON m.member_id = c.id AND m.kind = ANY (%(speaking)s::text[]) AND m.first_at < %(until)s
    GROUP BY c.id
)
SELECT
    c.id AS member_id, c.source, c.first_seen_at AS started,
    CASE WHEN c.entered_at < %(until)s THEN c.entered_at END AS passed, a.at AS in_group, p.at AS first_say
FROM came c
LEFT JOIN arrived a ON a.id = c.id
LEFT JOIN spoke p ON p.id = c.id

-- name: funnel
-- By source, and all together (''). Advertising and clicks are of their day; members are those first seen in the window,
-- as far as they got in it.
WITH ads AS (
    SELECT source, sum(impressions)::bigint AS impressions, sum(clicks)::bigint AS ad_clicks
    FROM ({{advertised}}) AS a
    GROUP BY source
),
links AS (
    SELECT source, count(*) AS link_clicks FROM ({{clicked}}) AS c GROUP BY source
),
members AS (
    SELECT
        source, count(started) AS started, count(passed) AS passed, count(in_group) AS in_group,
        count(first_say) AS first_say
    FROM ({{came}}) AS c
    GROUP BY source
)
SELECT
    coalesce(source, '') AS source,
    sum(impressions)::bigint AS impressions, sum(ad_clicks)::bigint AS ad_clicks, sum(link_clicks)::bigint AS link_clicks,
    coalesce(sum(started), 0)::bigint AS started, coalesce(sum(passed), 0)::bigint AS passed,
    coalesce(sum(in_group), 0)::bigint AS in_group, coalesce(sum(first_say), 0)::bigint AS first_say
FROM ads
FULL JOIN links USING (source)
FULL JOIN members USING (source)
GROUP BY GROUPING SETS ((), (source))
ORDER BY grouping(source) DESC, started DESC, source

-- name: rows_of_ads
SELECT
    NULL::bigint AS key, NULL::bigint AS member_id, a.day::timestamp AT TIME ZONE %(zone)s AS at, a.source,
    a.campaign AS part, a.{{number}} AS number
FROM ({{advertised}}) AS a
WHERE a.{{number}} > 0 AND (%(source)s = '' OR a.source = %(source)s)

-- name: rows_of_links
SELECT c.member_id AS key, c.member_id, c.at, c.source, NULL::text AS part, 1::bigint AS number
FROM ({{clicked}}) AS c
WHERE %(source)s = '' OR c.source = %(source)s

-- name: rows_of_members
SELECT c.member_id AS key, c.member_id, c.{{step}} AS at, c.source, NULL::text AS part, 1::bigint AS number
FROM ({{came}}) AS c
WHERE c.{{step}} IS NOT NULL AND (%(source)s = '' OR c.source = %(source)s)
