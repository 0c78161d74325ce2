-- Experiments: what others need to know is which are over, and whether a variant has won.
CREATE OR REPLACE VIEW v_experiments AS
SELECT key, stage, step, state, winner FROM experiments;

-- What payers are worth by the last count, for whoever writes to a segment or explains why not.
CREATE OR REPLACE VIEW v_member_values AS
SELECT
    member_id, segment, recency, often, money, recency_days, frequency, money_minor, currency, counted_at
FROM member_values;
