-- name: wish
-- Nothing for a group that the bot is not in, and one list at a time: each asks Telegram about every group.
INSERT INTO setup_wishes (member_id, group_id, part, value, cause, wished_at)
SELECT %(member_id)s, %(group_id)s, %(part)s, %(value)s, %(cause)s, %(at)s
WHERE CASE
    WHEN %(group_id)s::bigint IS NULL THEN NOT EXISTS (
        SELECT FROM setup_wishes w WHERE w.member_id = %(member_id)s AND w.group_id IS NULL
    ) AND NOT EXISTS (
        SELECT FROM v_messages m
        WHERE m.member_id = %(member_id)s AND m.stage = 'bot' AND m.step = 'setup_groups'
            AND m.planned_at > %(at)s - interval '1 minute'
    )
    ELSE EXISTS (SELECT FROM groups g WHERE g.id = %(group_id)s AND g.lost_at IS NULL)
END

-- name: waiting
SELECT id, member_id, group_id, part, value, cause, wished_at FROM setup_wishes
WHERE %(cause)s::text IS NULL OR cause = %(cause)s
ORDER BY id

-- name: take
DELETE FROM setup_wishes WHERE id = %(id)s RETURNING id

-- name: group
SELECT * FROM groups WHERE id = %(id)s AND lost_at IS NULL

-- name: maybe_administered
-- Groups whose administrator the member may be; those known to have them first.
SELECT g.* FROM groups g
LEFT JOIN memberships s ON s.group_id = g.id AND s.member_id = %(member_id)s
WHERE g.lost_at IS NULL
ORDER BY s.joined_at IS NOT NULL AND s.left_at IS NULL DESC, g.id
LIMIT %(limit)s

-- name: set_zone
UPDATE groups SET zone = %(value)s WHERE id = %(id)s RETURNING *

-- name: set_locale
UPDATE groups SET locale = %(value)s WHERE id = %(id)s RETURNING *

-- name: set_greets
-- Whoever came while it is off is not named when it is on again. The last question: the group is set up.
WITH passed_over AS (
    UPDATE memberships SET greeting = 'none' WHERE group_id = %(id)s AND greeting = 'due' AND NOT %(value)s
)
UPDATE groups SET greets = %(value)s, set_up_at = coalesce(set_up_at, %(at)s) WHERE id = %(id)s RETURNING *
