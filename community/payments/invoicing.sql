-- name: request
SELECT * FROM invoice_requests WHERE order_id = %(order_id)s

-- name: without_invoice
SELECT o.* FROM orders o
WHERE o.member_id = %(member_id)s AND o.state = 'paid'
    AND NOT EXISTS (SELECT FROM invoice_requests i WHERE i.order_id = o.id AND i.email <> '')
ORDER BY o.id DESC
LIMIT %(limit)s

-- name: begin
INSERT INTO invoice_requests AS i (order_id, title, requested_at) VALUES (%(order_id)s, %(title)s, %(at)s)
ON CONFLICT (order_id) DO UPDATE SET title = excluded.title, tax_id = '', requested_at = excluded.requested_at
WHERE i.email = ''

-- name: set_tax_id
UPDATE invoice_requests SET tax_id = %(tax_id)s WHERE order_id = %(order_id)s AND email = ''

-- name: finish
UPDATE invoice_requests SET email = %(email)s, requested_at = %(at)s WHERE order_id = %(order_id)s RETURNING *

-- name: done
UPDATE invoice_requests SET state = 'done', done_at = %(at)s
WHERE order_id = %(order_id)s AND state = 'open' AND email <> ''
RETURNING *
