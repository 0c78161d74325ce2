-- name: bring_in
-- Whatever happened last holds: who has left comes back by a later arrival only, and a leave from before the arrival
-- that is known says nothing. Otherwise the earlier arrival is the right one.
INSERT INTO memberships AS known (member_id, group_id, joined_at, left_at)
SELECT member_id, %(group_id)s, joined_at, left_at
FROM unnest(%(member_id)s::bigint[], %(joined)s::timestamptz[], %(left)s::timestamptz[]) AS s (
    member_id, joined_at, left_at
)
ON CONFLICT (member_id, group_id) DO UPDATE
SET joined_at = CASE
        WHEN known.left_at IS NULL AND known.joined_at > excluded.left_at THEN known.joined_at
        WHEN excluded.joined_at > known.left_at THEN excluded.joined_at
        ELSE least(known.joined_at, excluded.joined_at)
    END,
    left_at = CASE
        WHEN known.left_at IS NULL AND known.joined_at > excluded.left_at THEN NULL
        WHEN known.left_at >= excluded.joined_at THEN greatest(known.left_at, excluded.left_at)
        ELSE excluded.left_at
    END

-- name: group_known
-- A group that no update has told of yet. One that is known keeps its title: Telegram tells it itself.
WITH added AS (
    INSERT INTO groups (chat_id, title, registered_at) VALUES (%(chat_id)s, %(title)s, %(at)s)
    ON CONFLICT (chat_id) DO NOTHING
    RETURNING id
)
SELECT id FROM added UNION ALL SELECT id FROM groups WHERE chat_id = %(chat_id)s
