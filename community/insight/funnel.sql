-- name: funnel
-- By source, and all together (''). Advertising and clicks are of their day; members are those first seen in the window,
-- as far as they got in it.
WITH advertised AS (
    SELECT source, sum(impressions)::bigint AS impressions, sum(clicks)::bigint AS ad_clicks
    FROM ad_spend
    WHERE day >= %(since_day)s AND day < %(until_day)s
    GROUP BY source
),
clicked AS (
    SELECT coalesce(l.source->>'utm_source', 'unknown') AS source, count(*) AS link_clicks
    FROM v_events e
    JOIN v_links l ON l.token = e.data->>'link' AND l.kind = 'entry'
    WHERE e.kind = 'click' AND e.at >= %(since)s AND e.at < %(until)s
    GROUP BY 1
),
came AS (
    SELECT m.id, s.source, coalesce(m.entered_at < %(until)s, false) AS passed, l.source->>'group' AS wish
    FROM v_members m
    JOIN v_sources s ON s.member_id = m.id
    LEFT JOIN v_links l ON l.token = m.link_token
    WHERE m.first_seen_at >= %(since)s AND m.first_seen_at < %(until)s
),
arrived AS (
    SELECT DISTINCT c.id
    FROM came c
    JOIN v_memberships s ON s.member_id = c.id AND s.joined_at < %(until)s
    WHERE c.wish IS NULL OR c.wish IN (s.title, s.group_id::text)
),
spoke AS (
    SELECT DISTINCT c.id
    FROM came c
    JOIN v_milestones m ON m.member_id = c.id AND m.kind = ANY (%(speaking)s::text[]) AND m.first_at < %(until)s
),
members AS (
    SELECT
        c.source, count(*) AS started, count(*) FILTER (WHERE c.passed) AS passed, count(a.id) AS in_group,
        count(p.id) AS first_say
    FROM came c
    LEFT JOIN arrived a ON a.id = c.id
    LEFT JOIN spoke p ON p.id = c.id
    GROUP BY c.source
)
SELECT
    coalesce(source, '') AS source,
    sum(impressions)::bigint AS impressions, sum(ad_clicks)::bigint AS ad_clicks, sum(link_clicks)::bigint AS link_clicks,
    coalesce(sum(started), 0)::bigint AS started, coalesce(sum(passed), 0)::bigint AS passed,
    coalesce(sum(in_group), 0)::bigint AS in_group, coalesce(sum(first_say), 0)::bigint AS first_say
FROM advertised
FULL JOIN clicked USING (source)
FULL JOIN members USING (source)
GROUP BY GROUPING SETS ((), (source))
ORDER BY grouping(source) DESC, started DESC, source
