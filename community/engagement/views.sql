-- Coupons, for whoever offers, shows or reports them. `remaining` NULL: without limit.
CREATE OR REPLACE VIEW v_coupons AS
SELECT
    code, offer, kind, value, currency, opens, plans, minimum_minor, member_id, first_n, redeemed,
    first_n - redeemed AS remaining,
    valid_from_at, valid_until_at, issued_at, withdrawn_at
FROM coupons;

-- The ledger of redemptions.
CREATE OR REPLACE VIEW v_redemptions AS
SELECT id, code, member_id, plan, price_minor, discount_minor, currency, at, reverses, term_id FROM redemptions;

-- What members answered to surveys.
CREATE OR REPLACE VIEW v_survey_answers AS
SELECT member_id, survey, occurrence, score, at FROM survey_answers;
