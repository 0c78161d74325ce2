-- name: open
-- A number that is taken is drawn again.
INSERT INTO orders (
    number, member_id, plan, amount_minor, currency, list_minor, coupon_code, variant, source, renews, upgrade_of,
    upgraded_until_at, credit_minor, opened_by, claim_hash, created_at, expires_at
)
VALUES (
    %(number)s, %(member_id)s, %(plan)s, %(amount_minor)s, %(currency)s, %(list_minor)s, %(coupon_code)s, %(variant)s,
    %(source)s, %(renews)s, %(upgrade_of)s, %(upgraded_until_at)s, %(credit_minor)s, %(opened_by)s, %(claim_hash)s,
    %(at)s, %(expires_at)s
)
ON CONFLICT (number) DO NOTHING
RETURNING *

-- name: close_former
-- Of a member, or of a browser whose member is not known.
UPDATE orders SET state = 'cancelled'
WHERE coupon_code = %(code)s AND state = 'open'
    AND (member_id = %(member_id)s OR (member_id IS NULL AND opened_by = %(opened_by)s))

-- name: reserved
-- Orders that have a coupon and have not used it: they may still be paid, or are paid and nobody's yet.
SELECT count(*) AS orders FROM orders o
WHERE coupon_code = %(code)s AND (
    (state = 'open' AND expires_at > %(at)s)
    OR EXISTS (SELECT FROM payments p WHERE p.order_id = o.id AND p.state = 'unclaimed')
)

-- name: kept_of
-- What of a payment is ours beyond doubt.
SELECT CASE WHEN disputed IN ('open', 'lost') THEN 0 ELSE paid_minor - refunded_minor END AS minor FROM payments
WHERE provider = %(provider)s AND charge = %(charge)s AND paid_minor IS NOT NULL

-- name: by_number
SELECT * FROM orders WHERE number = %(number)s

-- name: by_id
SELECT * FROM orders WHERE id = %(id)s

-- name: held
-- Whoever settles or claims it holds it to the end of the transaction.
SELECT * FROM orders WHERE id = %(id)s FOR UPDATE

-- name: expire
UPDATE orders SET state = 'expired' WHERE state = 'open' AND expires_at <= %(at)s

-- name: cancel
UPDATE orders SET state = 'cancelled' WHERE id = %(id)s AND state = 'open' RETURNING *

-- name: of_member
SELECT * FROM orders WHERE member_id = %(member_id)s ORDER BY id DESC LIMIT %(limit)s

-- name: give_to
-- The code goes on opening the order's page for whoever was shown it; it claims nothing any more.
UPDATE orders SET member_id = %(member_id)s WHERE id = %(id)s RETURNING *

-- name: miss
UPDATE orders SET claim_misses = claim_misses + 1 WHERE id = %(id)s

-- name: bring_up_to_date
-- By its payments: it is paid while one of them stands, whether or not it is known whose it is.
UPDATE orders o SET state = p.state, paid_at = coalesce(p.paid_at, o.paid_at)
FROM (
    SELECT
        min(paid_at) AS paid_at,
        CASE
            WHEN bool_or(state IN ('matched', 'unclaimed') AND disputed <> 'open') THEN 'paid'
            WHEN bool_or(state IN ('matched', 'unclaimed')) THEN 'disputed'
            WHEN bool_or(state = 'reversed' AND disputed <> 'lost') THEN 'refunded'
            WHEN bool_or(state = 'reversed') THEN 'disputed'
        END AS state
    FROM payments WHERE order_id = %(id)s AND state NOT IN ('received', 'unmatched')
) AS p
WHERE o.id = %(id)s AND p.state IS NOT NULL
