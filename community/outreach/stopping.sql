-- name: stop_rows
-- Of proposals that are still to be decided or executed, which are few (plans_open).
UPDATE plan_rows r SET outcome = %(reason)s
FROM plans p
WHERE p.stage = %(stage)s AND p.state IN ('proposed', 'approved') AND r.plan_id = p.id
    AND r.occurrence = ANY (%(occurrences)s::text[]) AND r.reason IS NULL AND r.outcome IS NULL

-- name: stop_offers
UPDATE plan_rows r SET outcome = 'sold_out'
FROM plans p
WHERE p.stage = %(stage)s AND p.state IN ('proposed', 'approved') AND r.plan_id = p.id
    AND r.context ->> 'coupon' = %(code)s AND r.reason IS NULL AND r.outcome IS NULL
