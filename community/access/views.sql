-- Who holds what, for other packages. `live`: not revoked; whether it has begun or ended is a matter of the moment.
CREATE OR REPLACE VIEW v_terms AS
SELECT
    id, member_id, plan, line, trial, starts_at, ends_at, counted_from_at, changed_at, cancelled_at, revoked_at,
    source, paid_minor, currency
FROM terms;
