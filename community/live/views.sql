-- Live sessions with their offer; `sold_out` when the coupon has none left.
CREATE OR REPLACE VIEW v_lives AS
SELECT
    l.id, l.title, l.speaker, l.url, l.announce_at, l.starts_at, l.ends_at, l.window_until_at, l.plan, l.coupon,
    l.version, l.created_at, l.moved_at, l.cancelled_at, l.closed_at, l.result_at,
    c.first_n, c.redeemed, c.remaining, coalesce(c.remaining <= 0, false) AS sold_out,
    l.materials
FROM lives l
LEFT JOIN v_coupons c ON c.code = l.coupon;

-- Who registered for and watched which.
CREATE OR REPLACE VIEW v_attendances AS
SELECT live_id, member_id, registered_at, registered_by, watched_at, watched_by, minutes FROM live_attendances;
