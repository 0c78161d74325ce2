-- name: export_coupons
SELECT code, offer, kind, value, currency, opens, plans, valid_from_at, valid_until_at, issued_at, withdrawn_at
FROM coupons WHERE member_id = %(id)s ORDER BY issued_at, code

-- name: erase_coupons
DELETE FROM coupons WHERE member_id = %(id)s

-- name: export_redemptions
SELECT code, plan, price_minor, discount_minor, currency, at, reverses, term_id
FROM redemptions WHERE member_id = %(id)s ORDER BY id

-- name: erase_redemptions
-- The line stays: the ledger balances, and of a coupon that is one of so many it is counted on.
UPDATE redemptions SET member_id = NULL WHERE member_id = %(id)s

-- name: export_survey_answers
SELECT survey, occurrence, score, at FROM survey_answers WHERE member_id = %(id)s ORDER BY at

-- name: erase_survey_answers
DELETE FROM survey_answers WHERE member_id = %(id)s
