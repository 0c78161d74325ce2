-- name: adopt
-- Only what can be paid in Stars alone: its payer is then the member whom Telegram names.
UPDATE orders SET member_id = %(member_id)s
WHERE id = %(id)s AND member_id IS NULL AND state = 'open' AND currency = %(currency)s
RETURNING *
