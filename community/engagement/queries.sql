-- name: issue
INSERT INTO coupons (
    code, offer, kind, value, currency, opens, plans, minimum_minor, member_id, first_n, valid_from_at, valid_until_at,
    issued_at
)
VALUES (
    %(code)s, %(offer)s, %(kind)s, %(value)s, %(currency)s, %(opens)s, %(plans)s, %(minimum_minor)s, %(member_id)s,
    %(first_n)s, %(valid_from)s, %(valid_until)s, %(at)s
)
ON CONFLICT DO NOTHING
RETURNING *

-- name: issue_planned
-- The coupons that a plan's messages name. Messages that share a code (several steps of one occurrence with the same
-- offer, planned together or one after the other) share the coupon, which is valid as long as the last of them says.
INSERT INTO coupons AS issued (
    code, offer, kind, value, currency, opens, plans, minimum_minor, member_id, valid_from_at, valid_until_at, issued_at
)
SELECT DISTINCT ON (m.context ->> 'coupon')
    m.context ->> 'coupon', s.offer, s.kind, s.value, s.currency, s.opens, string_to_array(s.plans, ','),
    s.minimum_minor, m.member_id, %(at)s, m.due_at + s.valid_for, %(at)s
FROM v_messages m
JOIN unnest(
    %(stage)s::text[], %(step)s::text[], %(offer)s::text[], %(kind)s::text[], %(value)s::bigint[], %(currency)s::text[],
    %(opens)s::text[], %(plans)s::text[], %(minimum_minor)s::bigint[], %(valid_for)s::interval[], %(prefix)s::text[]
) AS s (stage, step, offer, kind, value, currency, opens, plans, minimum_minor, valid_for, prefix) USING (stage, step)
-- A step whose variants bring different offers is there with each of them.
WHERE m.plan_id = %(plan_id)s AND m.member_id IS NOT NULL AND (%(bundle)s::text IS NULL OR m.bundle = %(bundle)s)
    AND split_part(m.context ->> 'coupon', '-', 1) = s.prefix
ORDER BY m.context ->> 'coupon', m.due_at + s.valid_for DESC
ON CONFLICT (code) DO UPDATE SET valid_until_at = greatest(issued.valid_until_at, excluded.valid_until_at)
WHERE issued.member_id = excluded.member_id AND issued.valid_until_at < excluded.valid_until_at

-- name: coupon
SELECT * FROM coupons WHERE code = %(code)s

-- name: held_coupon
-- Who redeems holds it to the end of the transaction: the next one counts what this one has left.
SELECT * FROM coupons WHERE code = %(code)s FOR UPDATE

-- name: has_used
-- A statement of its own after the lock, so that it sees what was committed while it was waited for.
-- By whichever account of a person; what is a member's own is used by whomever what it was for has been moved to.
SELECT FROM redemptions r
WHERE code = %(code)s AND reverses IS NULL
    AND (
        member_id = %(member_id)s
        OR member_id IN (
            SELECT o.member_id FROM v_persons p JOIN v_persons o USING (person) WHERE p.member_id = %(member_id)s
        )
    )
    AND NOT EXISTS (SELECT FROM redemptions b WHERE b.reverses = r.id)

-- name: redeem
WITH counted AS (UPDATE coupons SET redeemed = redeemed + 1 WHERE code = %(code)s)
INSERT INTO redemptions (code, member_id, plan, price_minor, discount_minor, currency, at, term_id)
VALUES (
    %(code)s, %(member_id)s, %(plan)s, %(price_minor)s, %(discount_minor)s, %(currency)s, %(at)s, %(term_id)s
)
RETURNING *

-- name: reverse
-- The counter-entry, once; a coupon whose member was erased is no longer there to be counted.
WITH back AS (
    INSERT INTO redemptions (code, member_id, plan, price_minor, discount_minor, currency, at, reverses, term_id)
    SELECT code, member_id, plan, price_minor, -discount_minor, currency, %(at)s, id, term_id
    FROM redemptions WHERE id = %(id)s AND reverses IS NULL
    ON CONFLICT DO NOTHING
    RETURNING code
),
counted AS (
    UPDATE coupons SET redeemed = redeemed - 1 FROM back WHERE coupons.code = back.code
)
SELECT code FROM back

-- name: redeem_for
-- A line as another one was, for another account and its term.
WITH used AS (
    INSERT INTO redemptions (code, member_id, plan, price_minor, discount_minor, currency, at, term_id)
    SELECT code, %(member_id)s, plan, price_minor, discount_minor, currency, %(at)s, %(term_id)s
    FROM redemptions WHERE id = %(id)s
    RETURNING code
)
UPDATE coupons SET redeemed = redeemed + 1 FROM used WHERE coupons.code = used.code

-- name: redemptions_of_term
SELECT id FROM redemptions WHERE term_id = %(term_id)s AND reverses IS NULL ORDER BY id

-- name: withdraw
UPDATE coupons SET withdrawn_at = %(at)s WHERE code = %(code)s AND withdrawn_at IS NULL RETURNING code

-- name: usable
-- A member's own that they could use now, the one that ends first at the top.
SELECT * FROM coupons c
WHERE member_id = %(member_id)s AND withdrawn_at IS NULL AND valid_from_at <= %(at)s
    AND (valid_until_at IS NULL OR valid_until_at > %(at)s) AND (first_n IS NULL OR redeemed < first_n)
    AND NOT EXISTS (
        SELECT FROM redemptions r
        WHERE r.code = c.code AND r.reverses IS NULL
            AND NOT EXISTS (SELECT FROM redemptions b WHERE b.reverses = r.id)
    )
ORDER BY valid_until_at NULLS LAST, code
LIMIT %(limit)s

-- name: listing
-- The shared ones, or a member's own; what can be used no more only when asked for.
SELECT * FROM coupons
WHERE member_id IS NOT DISTINCT FROM %(member_id)s::bigint
    AND (%(everything)s OR (
        withdrawn_at IS NULL AND (valid_until_at IS NULL OR valid_until_at > %(at)s)
        AND (first_n IS NULL OR redeemed < first_n)
    ))
ORDER BY issued_at DESC, code
LIMIT %(limit)s

-- name: ledger
SELECT * FROM redemptions WHERE code = %(code)s ORDER BY id DESC LIMIT %(limit)s

-- name: given
-- What a coupon has taken off prices, by currency.
SELECT currency, sum(discount_minor)::bigint AS minor FROM redemptions
WHERE code = %(code)s AND currency IS NOT NULL
GROUP BY currency ORDER BY currency

-- name: reschedule
UPDATE coupons SET valid_from_at = %(valid_from)s, valid_until_at = %(valid_until)s WHERE code = %(code)s RETURNING code
