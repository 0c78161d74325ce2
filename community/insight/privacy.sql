-- name: export_member_days
SELECT day, group_id, message, private, reaction, click, button, start, answer
FROM member_days WHERE member_id = %(id)s ORDER BY day, group_id

-- name: erase_member_days
DELETE FROM member_days WHERE member_id = %(id)s

-- name: export_member_values
SELECT recency_days, frequency, money_minor, currency, recency, often, money, segment, counted_at
FROM member_values WHERE member_id = %(id)s

-- name: erase_member_values
DELETE FROM member_values WHERE member_id = %(id)s
