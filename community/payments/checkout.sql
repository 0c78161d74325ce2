-- name: order_asked_for
SELECT o.*, (SELECT m.id FROM v_members m WHERE m.telegram_id = %(payer)s) AS payer_id
FROM orders o WHERE o.number = %(number)s
