-- name: ask
-- Once for an order; what staff have not written yet may be corrected.
INSERT INTO invoice_requests AS asked (order_id, title, tax_id, email, address, requested_at)
VALUES (%(order_id)s, %(title)s, %(tax_id)s, %(email)s, %(address)s, %(at)s)
ON CONFLICT (order_id) DO UPDATE SET
    title = excluded.title, tax_id = excluded.tax_id, email = excluded.email, address = excluded.address
WHERE asked.state = 'open'
RETURNING requested_at

-- name: finish
UPDATE invoice_requests SET state = %(state)s, done_at = %(at)s WHERE order_id = %(order_id)s AND state = 'open'
