-- name: revenue
-- What the ledger books as revenue of a plan; refunds are a figure of their own.
SELECT
    l.id AS key, p.member_id, m.home_group_id AS group_id, split_part(l.account, ':', 2) AS part, l.happened_at AS at,
    true AS hit, -l.amount_minor AS minor, l.currency, NULL::double precision AS seconds
FROM v_ledger l
LEFT JOIN v_payments p USING (provider, charge)
LEFT JOIN v_members m ON m.id = p.member_id
WHERE l.happened_at >= %(since)s AND l.happened_at < %(until)s AND starts_with(l.account, 'revenue:')

-- name: refunds
-- What went back, and what a lost dispute took; of plans. One that failed counts against it.
SELECT
    l.id AS key, p.member_id, m.home_group_id AS group_id, split_part(l.account, ':', 2) AS part, l.happened_at AS at,
    true AS hit, l.amount_minor AS minor, l.currency, NULL::double precision AS seconds
FROM v_ledger l
LEFT JOIN v_payments p USING (provider, charge)
LEFT JOIN v_members m ON m.id = p.member_id
WHERE l.happened_at >= %(since)s AND l.happened_at < %(until)s AND starts_with(l.account, 'refunds:')

-- name: average_order
-- The revenue, by how many payments it is of.
SELECT
    hashtextextended(concat_ws(':', l.provider, l.charge), 0) AS key, p.member_id, m.home_group_id AS group_id,
    split_part(l.account, ':', 2) AS part, l.happened_at AS at, true AS hit, -l.amount_minor AS minor, l.currency,
    NULL::double precision AS seconds
FROM v_ledger l
LEFT JOIN v_payments p USING (provider, charge)
LEFT JOIN v_members m ON m.id = p.member_id
WHERE l.happened_at >= %(since)s AND l.happened_at < %(until)s AND starts_with(l.account, 'revenue:')

-- name: paying
-- Who holds a paid term as the window ends.
SELECT
    t.member_id AS key, t.member_id, m.home_group_id AS group_id, t.plan AS part, t.starts_at AS at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{paying}}) AS t
JOIN v_members m ON m.id = t.member_id

-- name: new_payers
-- Who paid for the first time ever.
SELECT
    f.member_id AS key, f.member_id, m.home_group_id AS group_id, f.plan AS part, f.at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{first_purchases}}) AS f
JOIN v_members m ON m.id = f.member_id

-- name: free_to_paid
-- Of who was in a group in the window and had never paid before it: hit if they did in it.
SELECT
    m.member_id AS key, m.member_id, m.home_group_id AS group_id, NULL::text AS part, f.at, f.at IS NOT NULL AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds, m.source
FROM v_sources m
LEFT JOIN ({{first_purchases}}) AS f ON f.member_id = m.member_id
WHERE m.entered_at < %(until)s AND (m.left_at IS NULL OR m.left_at >= %(since)s)
    AND NOT EXISTS (SELECT FROM v_purchases e WHERE e.member_id = m.member_id AND e.at < %(since)s)

-- name: trial_to_paid
-- Of trials that ended a week before a day of the window, of who had never paid before: hit if they paid from its
-- beginning to a week after its end.
SELECT
    t.id AS key, t.member_id, m.home_group_id AS group_id, t.plan AS part, t.ends_at AS at,
    EXISTS (
        SELECT FROM v_purchases p
        WHERE p.member_id = t.member_id AND p.at >= t.starts_at AND p.at < t.ends_at + interval '7 days'
    ) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_terms t
JOIN v_members m ON m.id = t.member_id
WHERE t.trial AND (t.revoked_at IS NULL OR t.revoked_at >= t.ends_at)
    AND t.ends_at >= %(since)s::timestamptz - interval '7 days'
    AND t.ends_at < %(until)s::timestamptz - interval '7 days'
    AND NOT EXISTS (SELECT FROM v_purchases p WHERE p.member_id = t.member_id AND p.at < t.starts_at)

-- name: live_to_paid
-- Of who watched a session whose offer closed in the window: hit if they bought its plan from its start to the close.
SELECT
    (l.id << 40) + a.member_id AS key, a.member_id, m.home_group_id AS group_id, l.id::text AS part,
    a.watched_at AS at,
    EXISTS (
        SELECT FROM v_purchases p
        WHERE p.member_id = a.member_id AND p.plan = l.plan AND p.at >= l.starts_at AND p.at < l.window_until_at
    ) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_lives l
JOIN v_attendances a ON a.live_id = l.id AND a.watched_at IS NOT NULL
JOIN v_members m ON m.id = a.member_id
WHERE l.plan IS NOT NULL AND l.cancelled_at IS NULL
    AND l.window_until_at >= %(since)s AND l.window_until_at < %(until)s

-- name: renewal
-- Of paid terms that ended a week before a day of the window: hit if another paid one of the line goes on by then. One
-- that an upgrade took the place of did not come to its end.
SELECT
    t.id AS key, t.member_id, m.home_group_id AS group_id, t.plan AS part, t.ends_at AS at,
    EXISTS (
        SELECT FROM v_paid_terms n
        WHERE n.member_id = t.member_id AND n.line = t.line AND n.id <> t.id
            AND n.starts_at < t.ends_at + interval '7 days' AND (n.ends_at IS NULL OR n.ends_at > t.ends_at)
            AND (n.revoked_at IS NULL OR n.revoked_at >= t.ends_at + interval '7 days')
    ) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_paid_terms t
JOIN v_members m ON m.id = t.member_id
WHERE t.ends_at >= %(since)s::timestamptz - interval '7 days'
    AND t.ends_at < %(until)s::timestamptz - interval '7 days'
    AND (t.revoked_at IS NULL OR t.revoked_at >= t.ends_at)
    AND NOT EXISTS (
        SELECT FROM v_orders o
        WHERE o.upgrade_of = t.id AND o.paid_at IS NOT NULL AND o.upgraded_until_at > t.ends_at
    )

-- name: mrr
-- The monthly slices that run as the window ends.
SELECT
    s.term_id AS key, s.member_id, m.home_group_id AS group_id, s.plan AS part, s.starts_at AS at, true AS hit, s.minor,
    s.currency, NULL::double precision AS seconds
FROM ({{slices}}) AS s
JOIN v_members m ON m.id = s.member_id
WHERE s.moment = %(until)s

-- name: mrr_movements
-- What became of each member's slices from the window's beginning to its end, so that together they are the difference
-- of the two. Who changes the currency neither came nor went.
SELECT
    b.member_id AS key, b.member_id, m.home_group_id AS group_id,
    CASE
        WHEN b.after_minor > b.before_minor AND (b.before_minor > 0 OR b.had) THEN 'expansion'
        WHEN b.after_minor < b.before_minor AND (b.after_minor > 0 OR b.has) THEN 'contraction'
        WHEN b.after_minor < b.before_minor THEN 'churn'
        WHEN EXISTS (
            SELECT FROM v_paid_terms t
            WHERE t.member_id = b.member_id AND t.line = ANY (%(lines)s::text[]) AND t.charge IS NOT NULL
                AND t.ends_at IS NOT NULL AND t.starts_at < %(since)s
        ) THEN 'reactivation'
        ELSE 'new'
    END AS part,
    b.at, true AS hit, b.after_minor - b.before_minor AS minor, b.currency, NULL::double precision AS seconds
FROM (
    SELECT
        s.member_id, s.currency, max(s.starts_at) AS at,
        coalesce(sum(s.minor) FILTER (WHERE s.moment = %(since)s), 0) AS before_minor,
        coalesce(sum(s.minor) FILTER (WHERE s.moment = %(until)s), 0) AS after_minor,
        bool_or(sum(s.minor) FILTER (WHERE s.moment = %(since)s) > 0) OVER (PARTITION BY s.member_id) AS had,
        bool_or(sum(s.minor) FILTER (WHERE s.moment = %(until)s) > 0) OVER (PARTITION BY s.member_id) AS has
    FROM ({{slices}}) AS s
    GROUP BY s.member_id, s.currency
) AS b
JOIN v_members m ON m.id = b.member_id
WHERE b.after_minor <> b.before_minor

-- name: churn
-- Of who held a paid term as the window began: hit if they hold none as it ends.
SELECT
    t.member_id AS key, t.member_id, m.home_group_id AS group_id, NULL::text AS part,
    max(least(t.ends_at, t.revoked_at)) AS at,
    NOT EXISTS (SELECT FROM ({{paying}}) AS n WHERE n.member_id = t.member_id) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_paid_terms t
JOIN v_members m ON m.id = t.member_id
WHERE t.starts_at < %(since)s AND (t.ends_at IS NULL OR t.ends_at >= %(since)s)
    AND (t.revoked_at IS NULL OR t.revoked_at >= %(since)s)
GROUP BY t.member_id, m.home_group_id

-- name: arpu
-- Revenue less refunds of the window, by how many pay in that currency as it ends.
SELECT
    NULL::bigint AS key, p.member_id, m.home_group_id AS group_id, NULL::text AS part, l.happened_at AS at,
    false AS hit, -l.amount_minor AS minor, l.currency, NULL::double precision AS seconds
FROM v_ledger l
LEFT JOIN v_payments p USING (provider, charge)
LEFT JOIN v_members m ON m.id = p.member_id
WHERE l.happened_at >= %(since)s AND l.happened_at < %(until)s
    AND (starts_with(l.account, 'revenue:') OR starts_with(l.account, 'refunds:'))
UNION ALL
SELECT t.member_id, t.member_id, m.home_group_id, NULL, t.starts_at, true, NULL, t.currency, NULL
FROM ({{paying}}) AS t
JOIN v_members m ON m.id = t.member_id

-- name: ad_spend
-- What advertising cost, by where it ran.
SELECT
    NULL::bigint AS key, NULL::bigint AS member_id, NULL::bigint AS group_id, a.source AS part,
    a.day::timestamp AT TIME ZONE %(zone)s AS at, true AS hit, a.spent_minor AS minor, a.currency,
    NULL::double precision AS seconds, a.source
FROM ad_spend a
WHERE a.day >= %(since_day)s AND a.day < %(until_day)s

-- name: cac
-- What advertising cost, by how many paid for the first time; in each currency that something was spent in.
SELECT
    NULL::bigint AS key, NULL::bigint AS member_id, NULL::bigint AS group_id, NULL::text AS part,
    a.day::timestamp AT TIME ZONE %(zone)s AS at, false AS hit, a.spent_minor AS minor, a.currency,
    NULL::double precision AS seconds, a.source
FROM ad_spend a
WHERE a.day >= %(since_day)s AND a.day < %(until_day)s
UNION ALL
SELECT f.member_id, f.member_id, m.home_group_id, NULL, f.at, true, NULL, c.currency, NULL, m.source
FROM ({{first_purchases}}) AS f
JOIN v_sources m ON m.member_id = f.member_id
CROSS JOIN (
    SELECT DISTINCT currency FROM ad_spend WHERE day >= %(since_day)s AND day < %(until_day)s
) AS c

-- name: coupon_use
-- Of orders first paid in the window: hit if with a coupon.
SELECT
    o.id AS key, o.member_id, m.home_group_id AS group_id, NULL::text AS part, o.paid_at AS at,
    o.coupon_code IS NOT NULL AS hit, NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_orders o
LEFT JOIN v_members m ON m.id = o.member_id
WHERE o.paid_at >= %(since)s AND o.paid_at < %(until)s

-- name: coupon_orders
-- Orders first paid in the window with a coupon, by its offer.
SELECT
    o.id AS key, o.member_id, m.home_group_id AS group_id, c.offer AS part, o.paid_at AS at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_orders o
JOIN v_coupons c ON c.code = o.coupon_code
LEFT JOIN v_members m ON m.id = o.member_id
WHERE o.paid_at >= %(since)s AND o.paid_at < %(until)s
