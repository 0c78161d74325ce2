-- name: bring_in
-- What is new or was another sum, with whether it is new.
INSERT INTO ad_spend AS a (day, source, campaign, currency, spent_minor, impressions, clicks)
SELECT * FROM unnest(
    %(day)s::date[], %(source)s::text[], %(campaign)s::text[], %(currency)s::text[], %(spent_minor)s::bigint[],
    %(impressions)s::bigint[], %(clicks)s::bigint[]
)
ON CONFLICT (day, source, campaign, currency) DO UPDATE SET
    spent_minor = excluded.spent_minor, impressions = excluded.impressions, clicks = excluded.clicks
WHERE (a.spent_minor, a.impressions, a.clicks) <> (excluded.spent_minor, excluded.impressions, excluded.clicks)
RETURNING a.day, a.xmax = 0 AS added
