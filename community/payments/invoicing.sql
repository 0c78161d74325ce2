-- name: request
SELECT * FROM invoice_requests WHERE order_id = %(order_id)s

-- name: without_invoice
SELECT o.* FROM orders o
WHERE o.member_id = %(member_id)s AND o.state = 'paid'
    AND NOT EXISTS (SELECT FROM invoice_requests i WHERE i.order_id = o.id AND i.state <> 'open')
ORDER BY o.id DESC
LIMIT %(limit)s
