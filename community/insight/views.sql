-- KPIs as counted, for the dashboard, Grafana and whoever else shows them. '' and 0: all.
CREATE OR REPLACE VIEW v_kpi_values AS
SELECT kpi, span, since, part, group_id, source, currency, hits, base, minor, middle_s, high_s FROM kpi_values;

-- Of those who entered in one week, how many were there in another.
CREATE OR REPLACE VIEW v_cohort_weeks AS
SELECT entered, week, source, active FROM cohort_weeks;

-- Experiments: what others need to know is which are over, and whether a variant has won.
CREATE OR REPLACE VIEW v_experiments AS
SELECT key, stage, step, state, winner FROM experiments;

-- What payers are worth by the last count, for whoever writes to a segment or explains why not.
CREATE OR REPLACE VIEW v_member_values AS
SELECT
    member_id, segment, recency, often, money, recency_days, frequency, money_minor, currency, counted_at
FROM member_values;
