-- name: register
-- A group that comes back keeps its number, zone and history.
INSERT INTO groups (chat_id, title, registered_at) VALUES (%(chat_id)s, %(title)s, %(at)s)
ON CONFLICT (chat_id) DO UPDATE SET title = excluded.title, lost_at = NULL
RETURNING *

-- name: group_by_chat
SELECT * FROM groups WHERE chat_id = %(chat_id)s

-- name: retitle
UPDATE groups SET title = %(title)s WHERE id = %(id)s

-- name: lose
UPDATE groups SET lost_at = %(at)s, invite_link = NULL WHERE chat_id = %(chat_id)s AND lost_at IS NULL RETURNING *

-- name: set_invite_link
UPDATE groups SET invite_link = %(invite_link)s WHERE id = %(id)s

-- name: open_door
-- The way in for a newcomer: the group named by their link (title or number), else the newest that has a way in.
-- Those that plans open are for who is named them.
SELECT * FROM groups
WHERE lost_at IS NULL AND invite_link IS NOT NULL
    AND (id <> ALL (%(closed)s::bigint[]) OR title = %(wish)s OR id::text = %(wish)s)
ORDER BY (id::text = %(wish)s) IS TRUE DESC, (title = %(wish)s) IS TRUE DESC, registered_at DESC, id DESC
LIMIT 1

-- name: lock_both
-- The group before and after it became a supergroup, in one order, so that two such updates take turns.
SELECT id, chat_id FROM groups WHERE chat_id IN (%(old)s, %(new)s) ORDER BY id FOR UPDATE

-- name: rewrite_chat
UPDATE groups SET chat_id = %(new)s WHERE id = %(id)s

-- name: merge_memberships
INSERT INTO memberships (member_id, group_id, joined_at, left_at, link_token, greeting)
SELECT member_id, %(to)s, joined_at, left_at, link_token, greeting FROM memberships WHERE group_id = %(from)s
ON CONFLICT (member_id, group_id) DO UPDATE
SET joined_at = coalesce(memberships.joined_at, excluded.joined_at), left_at = excluded.left_at

-- name: merge_requests
UPDATE join_requests r SET group_id = %(to)s
WHERE group_id = %(from)s AND NOT EXISTS (
    SELECT FROM join_requests o
    WHERE o.group_id = %(to)s AND o.member_id = r.member_id AND o.state = 'asked' AND r.state = 'asked'
)

-- name: forget_group
DELETE FROM groups WHERE id = %(id)s

-- name: join
-- Nothing is returned, and nothing changes, when the member was in the group already.
INSERT INTO memberships (member_id, group_id, joined_at, link_token, greeting)
VALUES (%(member_id)s, %(group_id)s, %(at)s, %(token)s, %(greeting)s)
ON CONFLICT (member_id, group_id) DO UPDATE
SET joined_at = excluded.joined_at, left_at = NULL, greeting = excluded.greeting,
    link_token = coalesce(memberships.link_token, excluded.link_token)
WHERE memberships.joined_at IS NULL OR memberships.left_at IS NOT NULL
RETURNING member_id

-- name: leave
UPDATE memberships m SET left_at = %(at)s, greeting = 'none'
WHERE member_id = %(member_id)s AND group_id = %(group_id)s AND joined_at IS NOT NULL AND left_at IS NULL
RETURNING NOT EXISTS (
    SELECT FROM memberships o
    WHERE o.member_id = m.member_id AND o.group_id <> m.group_id AND o.joined_at IS NOT NULL AND o.left_at IS NULL
) AS nowhere

-- name: ask
-- One open request per member and group: asking again while one is open continues it where it stood.
INSERT INTO join_requests (member_id, group_id, link_token, requested_at, decide_by_at)
VALUES (%(member_id)s, %(group_id)s, %(token)s, %(at)s, %(decide_by)s)
ON CONFLICT (member_id, group_id) WHERE state = 'asked' DO UPDATE
SET decide_by_at = excluded.decide_by_at, link_token = coalesce(join_requests.link_token, excluded.link_token)
RETURNING *

-- name: open_request
SELECT r.*, g.chat_id, g.title FROM join_requests r JOIN groups g ON g.id = r.group_id
WHERE r.member_id = %(member_id)s AND r.state = 'asked'
ORDER BY r.requested_at DESC, r.id DESC
LIMIT 1
FOR UPDATE OF r

-- name: advance
UPDATE join_requests SET question = question + 1, decide_by_at = %(decide_by)s WHERE id = %(id)s RETURNING *

-- name: count_wrong
UPDATE join_requests SET attempts = attempts + 1, decide_by_at = %(decide_by)s WHERE id = %(id)s RETURNING *

-- name: decide
-- The quiz is the same for every group, so its outcome decides every open request of the member.
WITH decided AS (
    UPDATE join_requests SET state = %(state)s, decided_at = %(at)s
    WHERE member_id = %(member_id)s AND state = 'asked'
    RETURNING *
)
SELECT d.*, g.chat_id, g.title FROM decided d JOIN groups g ON g.id = d.group_id ORDER BY d.id

-- name: decide_one
UPDATE join_requests SET state = %(state)s, decided_at = %(at)s
WHERE member_id = %(member_id)s AND group_id = %(group_id)s AND state = 'asked'
RETURNING id

-- name: time_out
-- Answers lock their request, so one that is being answered right now is left to the next sweep.
WITH due AS (
    SELECT id FROM join_requests WHERE state = 'asked' AND decide_by_at <= %(at)s
    ORDER BY decide_by_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
),
decided AS (
    UPDATE join_requests r SET state = 'timed_out', decided_at = %(at)s FROM due WHERE r.id = due.id RETURNING r.*
)
SELECT d.*, g.chat_id, g.title, m.telegram_id, m.dm = 'open' AS may_write
FROM decided d JOIN groups g ON g.id = d.group_id JOIN v_members m ON m.id = d.member_id
ORDER BY d.id

-- name: take_turns
-- Groups that owe a welcome and had none for a while. Marking them takes the row lock: of two sweeps one sends.
UPDATE groups SET greeted_at = %(at)s
WHERE lost_at IS NULL AND greets AND (greeted_at IS NULL OR greeted_at <= %(at)s - %(every)s)
    AND EXISTS (SELECT FROM memberships s WHERE s.group_id = groups.id AND s.greeting = 'due')
RETURNING *

-- name: take_unwelcomed
-- Those who meanwhile opened the private chat got the welcome there, so that naming them would only be noise.
WITH done AS (
    UPDATE memberships SET greeting = 'done' WHERE group_id = %(group_id)s AND greeting = 'due'
    RETURNING member_id, joined_at
)
SELECT m.first_name, m.last_name, m.username
FROM done JOIN v_members m ON m.id = done.member_id
WHERE m.dm <> 'open'
ORDER BY done.joined_at, done.member_id

-- name: in_group
SELECT member_id FROM memberships WHERE group_id = %(group_id)s AND joined_at IS NOT NULL AND left_at IS NULL

-- name: only_in_group
SELECT member_id FROM memberships m
WHERE group_id = %(group_id)s AND joined_at IS NOT NULL AND left_at IS NULL AND NOT EXISTS (
    SELECT FROM v_memberships o WHERE o.member_id = m.member_id AND o.group_id <> m.group_id AND o.present
)

-- name: present_groups
SELECT * FROM groups WHERE lost_at IS NULL ORDER BY id
