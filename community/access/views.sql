-- Who holds what, for other packages; whether a term has begun or ended is a matter of the moment.
CREATE OR REPLACE VIEW v_terms AS
SELECT
    id, member_id, plan, line, trial, starts_at, ends_at, counted_from_at, changed_at, cancelled_at, revoked_at,
    source, paid_minor, currency, granted_by, renews
FROM terms;

-- Paid coverage: from when to when a member paid without a break, whatever for. Terms that begin within three days of
-- the end of what was there before go on with it: payments are late at times. `until_at` NULL: for life.
-- Whoever asks names the member, by a constant or LATERAL: all of this is then about that member's few terms.
CREATE OR REPLACE VIEW v_coverage AS
SELECT member_id, min(starts_at) AS since_at, nullif(max(until_at), 'infinity') AS until_at
FROM (
    SELECT
        member_id, starts_at, until_at,
        count(*) FILTER (WHERE starts_at > covered_until_at + interval '3 days')
            OVER (PARTITION BY member_id ORDER BY starts_at, until_at) AS break
    FROM (
        SELECT
            member_id, starts_at, coalesce(ends_at, 'infinity') AS until_at,
            max(coalesce(ends_at, 'infinity')) OVER (
                PARTITION BY member_id ORDER BY starts_at, coalesce(ends_at, 'infinity')
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS covered_until_at
        FROM terms
        WHERE NOT trial AND revoked_at IS NULL
    ) AS paid
) AS parted
GROUP BY member_id, break;

-- Ways into groups, for whoever makes, tells, closes or watches them.
CREATE OR REPLACE VIEW v_entry_links AS
SELECT
    id, group_id, name, invite_link, made_at, member_id, term_id, order_id, given_at, used_at, revoked_at, closed_at
FROM entry_links;

-- Who is to leave which group, and what became of it.
CREATE OR REPLACE VIEW v_removals AS
SELECT id, member_id, group_id, term_id, due_at, state, why, checked_at, decided_at, decided_by FROM removals;
