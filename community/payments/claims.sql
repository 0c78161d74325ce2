-- name: charges
SELECT provider, charge FROM payments WHERE order_id = %(order_id)s ORDER BY provider, charge

-- name: place
UPDATE payments SET plan = %(plan)s, member_id = %(member_id)s, placed_by = %(by)s
WHERE provider = %(provider)s AND charge = %(charge)s AND state IN ('unmatched', 'unclaimed')
RETURNING *
