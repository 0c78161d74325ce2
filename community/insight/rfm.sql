-- name: paid
-- What was kept of each payment (revenue less refunds), on the day it was paid; of what has no payment what staff or a
-- list say.
SELECT
    p.member_id, l.currency,
    (min(l.happened_at) FILTER (WHERE starts_with(l.account, 'revenue:')) AT TIME ZONE %(zone)s)::date AS day,
    -sum(l.amount_minor) AS minor
FROM v_ledger l
JOIN v_payments p USING (provider, charge)
WHERE p.member_id IS NOT NULL AND l.happened_at < %(at)s
    AND (starts_with(l.account, 'revenue:') OR starts_with(l.account, 'refunds:'))
GROUP BY p.member_id, l.currency, l.provider, l.charge
HAVING -sum(l.amount_minor) > 0
UNION ALL
SELECT member_id, currency, (at AT TIME ZONE %(zone)s)::date, minor
FROM v_purchases
WHERE charge IS NULL AND at < %(at)s

-- name: payers
-- Each payer's first and last day, on how many days they paid, and how much in the currency that most payments are in.
WITH paid AS MATERIALIZED ({{paid}})
SELECT
    b.member_id, c.currency, min(b.day) AS first_on, max(b.day) AS last_on, count(DISTINCT b.day) AS days,
    coalesce(sum(b.minor) FILTER (WHERE b.currency = c.currency), 0) AS minor
FROM paid b
CROSS JOIN (SELECT currency FROM paid GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1) AS c
GROUP BY b.member_id, c.currency

-- name: scored
-- From 1 to 5 by the fifth of the payers in which the middle of one's rank lies: who is equal has the same score, however
-- many they are, and who is in the middle has a 3.
SELECT
    p.*,
    1 + floor(5 * (rank() OVER (ORDER BY p.last_on) - 1
        + count(*) OVER (PARTITION BY p.last_on) / 2.0) / count(*) OVER ())::int AS recency,
    1 + floor(5 * (rank() OVER (ORDER BY p.days) - 1
        + count(*) OVER (PARTITION BY p.days) / 2.0) / count(*) OVER ())::int AS often,
    1 + floor(5 * (rank() OVER (ORDER BY p.minor) - 1
        + count(*) OVER (PARTITION BY p.minor) / 2.0) / count(*) OVER ())::int AS money
FROM ({{payers}}) AS p

-- name: segment
CASE
    WHEN s.recency >= 4 AND s.often >= 4 AND s.money >= 4 THEN 'champions'
    WHEN s.first_on > %(day)s::date - 30 THEN 'new'
    WHEN s.recency >= 3 AND s.often >= 4 THEN 'loyal'
    WHEN s.recency >= 3 AND s.money >= 4 THEN 'big_spenders'
    WHEN s.recency >= 4 THEN 'promising'
    WHEN s.recency = 3 THEN 'cooling'
    WHEN s.often >= 4 AND s.money >= 4 THEN 'cannot_lose'
    WHEN s.often >= 3 OR s.money >= 3 THEN 'at_risk'
    WHEN s.recency = 1 THEN 'lost'
    ELSE 'asleep'
END

-- name: forget
DELETE FROM member_values

-- name: keep
INSERT INTO member_values (
    member_id, recency_days, frequency, money_minor, currency, recency, often, money, segment, counted_at
)
SELECT
    s.member_id, %(day)s::date - s.last_on, s.days, s.minor, s.currency, s.recency, s.often, s.money, {{segment}}, %(at)s
FROM ({{scored}}) AS s
