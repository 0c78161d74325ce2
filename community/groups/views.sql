-- The groups the bot is or was in.
CREATE OR REPLACE VIEW v_groups AS
SELECT
    id, chat_id, title, zone, locale, registered_at, lost_at,
    invite_link IS NOT NULL AS has_door
FROM groups;

-- Who is, was, or asked to be in which group; `present` only while the bot is in the group too.
CREATE OR REPLACE VIEW v_memberships AS
SELECT
    s.member_id,
    s.group_id,
    g.title,
    s.joined_at,
    s.left_at,
    s.link_token,
    s.joined_at IS NOT NULL AND s.left_at IS NULL AND g.lost_at IS NULL AS present
FROM memberships s
JOIN groups g ON g.id = s.group_id;

-- Requests to join, and what became of them at the gate.
CREATE OR REPLACE VIEW v_join_requests AS
SELECT id, member_id, group_id, link_token, state, requested_at, decided_at FROM join_requests;
