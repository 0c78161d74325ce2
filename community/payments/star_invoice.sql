-- name: buyer
SELECT telegram_id, locale FROM v_members WHERE id = %(member_id)s
