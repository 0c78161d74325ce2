-- name: first_purchases
-- Who first paid anything in the window, for what.
SELECT DISTINCT ON (f.member_id) f.member_id, f.at, f.plan
FROM v_purchases f
WHERE f.at >= %(since)s AND f.at < %(until)s
    AND NOT EXISTS (SELECT FROM v_purchases e WHERE e.member_id = f.member_id AND e.at < %(since)s)
ORDER BY f.member_id, f.at, f.plan

-- name: paying
-- Paid terms that run as the window ends. What begins or ends at that very moment is of the next one.
SELECT t.* FROM v_paid_terms t
WHERE t.starts_at < %(until)s AND (t.ends_at IS NULL OR t.ends_at >= %(until)s)
    AND (t.revoked_at IS NULL OR t.revoked_at >= %(until)s)

-- name: slices
-- Paid terms in monthly slices, as known at the window's two moments. What the ledger says was earned for a term by then
-- (revenue less refunds) is cut into as many slices as it has months, in whole units that add up to just that.
SELECT
    e.moment, e.id AS term_id, e.member_id, e.plan, e.currency, e.provider, e.charge, e.starts_at, k.place, e.months,
    (floor(e.minor * (k.place + 1) / e.months) - floor(e.minor * k.place / e.months))::bigint AS minor
FROM ({{earned}}) AS e
CROSS JOIN LATERAL ({{places}}) AS k (place)

-- name: earned
-- One term a payment: when it was given anew (its refund had failed), the one that counts. A term that an upgrade takes
-- the place of leaves what is left of it (`credit_minor`) to the new one, from when that begins and as long as it is not
-- taken back; it had as many months as were agreed.
SELECT DISTINCT ON (w.moment, t.provider, t.charge)
    w.moment, t.id, t.member_id, t.plan, t.provider, t.charge, t.starts_at, t.counted_from_at, l.currency,
    greatest(1, round(
        extract(epoch FROM greatest(t.ends_at, u.until_at) - t.starts_at) / extract(epoch FROM interval '1 year') * 12
    )) AS months,
    l.minor - coalesce(u.credit_minor, 0) + CASE WHEN {{in_force}} THEN coalesce(o.credit_minor, 0) ELSE 0 END AS minor
FROM (VALUES (%(since)s::timestamptz), (%(until)s::timestamptz)) AS w (moment)
JOIN v_paid_terms t ON t.line = ANY (%(lines)s::text[]) AND t.ends_at IS NOT NULL AND t.starts_at < w.moment
CROSS JOIN LATERAL (
    SELECT l.currency, -sum(l.amount_minor) AS minor
    FROM v_ledger l
    WHERE l.provider = t.provider AND l.charge = t.charge AND l.happened_at < w.moment
        AND (starts_with(l.account, 'revenue:') OR starts_with(l.account, 'refunds:'))
    GROUP BY l.currency
) AS l
LEFT JOIN v_orders o ON o.id = t.order_id AND o.amount_minor = t.paid_minor
LEFT JOIN LATERAL (
    SELECT max(r.upgraded_until_at) AS until_at, sum(r.credit_minor) FILTER (WHERE n.id IS NOT NULL) AS credit_minor,
        bool_or(n.id IS NOT NULL) AS replaced
    FROM v_orders r
    LEFT JOIN v_paid_terms n ON n.order_id = r.id AND n.paid_minor = r.amount_minor AND n.member_id = t.member_id
        AND n.starts_at < w.moment AND (n.revoked_at IS NULL OR n.revoked_at >= w.moment)
    WHERE r.upgrade_of = t.id AND r.paid_at IS NOT NULL
) AS u ON true
WHERE {{asked}}
ORDER BY w.moment, t.provider, t.charge, {{in_force}} DESC, t.id DESC

-- name: in_force
(t.revoked_at IS NULL OR t.revoked_at >= w.moment)

-- name: asked_running
-- Those that run at the moment; what begins or ends at that very moment is of the next window.
t.ends_at >= w.moment AND (t.revoked_at IS NULL OR t.revoked_at >= w.moment) AND u.replaced IS NOT TRUE

-- name: place_running
-- The slice that runs at the moment: months are the calendar's, counted as the term's own. What is left beyond the last
-- month is of the last slice.
SELECT greatest(0, least(e.months - 1, c.reached - c.before - CASE WHEN c.begins >= c.now THEN 1 ELSE 0 END))
FROM (
    SELECT
        f.now,
        f.reached,
        12 * (extract(year FROM f.start) - extract(year FROM f.zero))
            + extract(month FROM f.start) - extract(month FROM f.zero) AS before,
        f.zero + make_interval(months => f.reached::int) AS begins
    FROM (
        SELECT z.*,
            12 * (extract(year FROM z.now) - extract(year FROM z.zero))
                + extract(month FROM z.now) - extract(month FROM z.zero) AS reached
        FROM (
            SELECT
                e.counted_from_at AT TIME ZONE %(zone)s AS zero, e.starts_at AT TIME ZONE %(zone)s AS start,
                e.moment AT TIME ZONE %(zone)s AS now
        ) AS z
    ) AS f
) AS c
