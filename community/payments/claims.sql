-- name: charges
SELECT provider, charge FROM payments WHERE order_id = %(order_id)s ORDER BY provider, charge

-- name: unclaimed
SELECT provider, charge
FROM unnest(%(provider)s::text[], %(charge)s::text[]) AS c (provider, charge)
JOIN payments p USING (provider, charge)
WHERE p.state = 'unclaimed'
ORDER BY provider, charge

-- name: claimable
-- Nobody's, though their order is somebody's by now, or their payer has come to us.
SELECT p.provider, p.charge FROM payments p
LEFT JOIN orders o ON o.id = p.order_id
WHERE p.state = 'unclaimed'
    AND (o.member_id IS NOT NULL OR EXISTS (SELECT FROM v_members m WHERE m.telegram_id = p.payer))
ORDER BY p.provider, p.charge

-- name: place
UPDATE payments SET plan = %(plan)s, member_id = %(member_id)s, placed_by = %(by)s
WHERE provider = %(provider)s AND charge = %(charge)s AND state IN ('unmatched', 'unclaimed')
RETURNING *

-- name: payers
SELECT payer FROM payments WHERE order_id = %(order_id)s AND payer IS NOT NULL
