-- name: family
-- All that one order, or one subscription, was paid with.
SELECT f.provider, f.charge FROM payments p
JOIN payments f ON (f.provider = p.provider AND f.charge = p.charge)
    OR f.order_id = p.order_id
    OR (f.provider = p.provider AND f.subscription = p.subscription)
WHERE p.provider = %(provider)s AND p.charge = %(charge)s
ORDER BY f.provider, f.charge

-- name: payments
SELECT p.* FROM payments p
JOIN unnest(%(provider)s::text[], %(charge)s::text[]) AS c (provider, charge) USING (provider, charge)
ORDER BY p.paid_at, p.charge

-- name: give_payment
UPDATE payments SET member_id = %(member_id)s, terms = %(terms)s
WHERE provider = %(provider)s AND charge = %(charge)s

-- name: give_order
UPDATE orders SET member_id = %(member_id)s WHERE id = %(order_id)s AND member_id = %(former)s

-- name: replaces
-- An upgrade that is refunded lets the term that it replaced run on, whoever's that is by now.
UPDATE orders SET upgrade_of = %(new)s WHERE upgrade_of = %(old)s

-- name: give_requests
UPDATE refund_requests r SET member_id = %(member_id)s
FROM unnest(%(provider)s::text[], %(charge)s::text[]) AS c (provider, charge)
WHERE r.provider = c.provider AND r.charge = c.charge AND r.member_id = %(former)s

-- name: note
INSERT INTO order_moves (order_id, provider, charge, from_member_id, member_id, at, by, note)
VALUES (%(order_id)s, %(provider)s, %(charge)s, %(former)s, %(member_id)s, %(at)s, %(by)s, %(note)s)
RETURNING id

-- name: moves
SELECT * FROM order_moves WHERE order_id = %(order_id)s ORDER BY id
