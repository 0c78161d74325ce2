-- name: versions
-- Few rows: what a stage is planned by now, and what is in flight.
SELECT bundle, edition, added, since_at, until_at FROM stage_versions
WHERE stage = %(stage)s AND (until_at IS NULL OR until_at > %(at)s OR since_at > %(at)s::timestamptz - interval '60 days')
ORDER BY since_at DESC, until_at DESC NULLS FIRST

-- name: published
SELECT bundle, in_flight FROM v_publications ORDER BY id DESC LIMIT 1

-- name: published_before
SELECT bundle FROM v_publications WHERE bundle <> %(bundle)s ORDER BY id DESC LIMIT 1

-- name: adopt
-- Later than the ones before it in any case: a run may be for a moment before a publication that it comes after.
INSERT INTO stage_versions (stage, bundle, edition, added, since_at)
SELECT
    %(stage)s, %(bundle)s, %(edition)s, %(added)s::text[],
    greatest(%(at)s, max(since_at) FILTER (WHERE bundle <> %(bundle)s) + interval '1 microsecond')
FROM stage_versions WHERE stage = %(stage)s
ON CONFLICT (stage, bundle) DO UPDATE
SET
    edition = excluded.edition, added = ARRAY(SELECT DISTINCT unnest(stage_versions.added || excluded.added)),
    since_at = excluded.since_at, until_at = NULL

-- name: stay
-- Whoever began by them goes on by them, for a time that is longer than any occurrence takes. Those of the same content
-- are the present one under another name.
UPDATE stage_versions
SET until_at = CASE WHEN edition = %(edition)s THEN NULL ELSE coalesce(until_at, %(until)s) END
WHERE stage = %(stage)s AND bundle <> %(bundle)s AND (until_at IS NULL OR until_at > %(at)s)

-- name: migrate
-- Whoever began by them goes on by the present one.
UPDATE stage_versions SET edition = %(edition)s, until_at = NULL
WHERE stage = %(stage)s AND bundle <> %(bundle)s AND (until_at IS NULL OR until_at > %(at)s)

-- name: lock
-- All at first, in the order in which whoever else cancels several does: no two then wait for each other.
SELECT count(*) FROM (SELECT FROM messages m WHERE {{which}} ORDER BY m.id FOR UPDATE) AS locked

-- name: drop
-- What waits of steps that are no more.
UPDATE messages m SET state = 'cancelled', reason = 'superseded', settled_wall = clock_timestamp()
WHERE {{waits}} AND {{fate}} = 'dropped'
RETURNING m.member_id

-- name: drop_stages
-- What waits of stages that are no more.
UPDATE messages m SET state = 'cancelled', reason = 'superseded', settled_wall = clock_timestamp()
WHERE {{ended}}

-- name: end_stages
-- So that they are taken over again should they come back, be it in the version that had them last. Once: those that
-- have ended before stay so.
INSERT INTO stage_versions (stage, bundle, edition, since_at)
SELECT stage, %(bundle)s, '', greatest(%(at)s, since_at + interval '1 microsecond')
FROM (
    SELECT DISTINCT ON (stage) stage, edition, since_at FROM stage_versions
    WHERE stage <> ALL (%(stages)s::text[])
    ORDER BY stage, since_at DESC, until_at DESC NULLS FIRST
) AS present
WHERE edition <> ''
ON CONFLICT (stage, bundle) DO UPDATE SET edition = '', since_at = excluded.since_at, until_at = NULL

-- name: count_ended
SELECT m.stage, count(*) AS messages FROM messages m WHERE {{ended}} GROUP BY 1

-- name: ended
-- Planned by a run, which a stage alone has.
m.bot_id = %(bot_id)s AND m.state = 'waiting' AND m.stage <> ALL (%(stages)s::text[])
AND EXISTS (SELECT FROM plans p WHERE p.id = m.plan_id AND p.kind = 'run')

-- name: revive
-- What was dropped with its step, which is there again: the plan that follows finds it not planned. By the plans of the
-- time that the stage takes.
DELETE FROM messages m USING plans p
WHERE p.stage = %(stage)s AND p.kind = 'run' AND p.as_of_at > %(began)s AND m.plan_id = p.id AND m.bot_id = %(bot_id)s
    AND m.state = 'cancelled' AND m.reason = 'superseded' AND m.step = ANY (%(steps)s::text[])
RETURNING m.member_id

-- name: take_back
DELETE FROM messages m WHERE {{waits}} AND {{fate}} = 'anew'
RETURNING m.member_id

-- name: reword
-- The rest gets the words, and the place in the queue, of the new version.
UPDATE messages m
SET
    bundle = %(bundle)s, lane = s.lane, promotional = s.promotional, exempt = s.exempt,
    template = CASE WHEN m.template = ANY (%(templates)s::text[]) THEN m.template ELSE m.stage || '/' || m.step END
FROM unnest(%(steps)s::text[], %(lanes)s::smallint[], %(promotional)s::boolean[], %(exempt)s::boolean[])
    AS s (step, lane, promotional, exempt)
WHERE {{waits}} AND s.step = m.step AND {{fate}} = 'reworded'

-- name: count_waiting
SELECT {{fate}} AS fate, count(*) AS messages FROM messages m WHERE {{waits}} GROUP BY 1

-- name: waiting_bundles
SELECT DISTINCT bundle FROM messages
WHERE bot_id = %(bot_id)s AND state = 'waiting' AND stage = %(stage)s AND wanted_at IS NOT NULL AND bundle IS NOT NULL

-- name: waits
-- Of versions in which the stage is another, and not approved as it is by somebody.
m.bot_id = %(bot_id)s AND m.state = 'waiting' AND m.stage = %(stage)s AND m.wanted_at IS NOT NULL
AND m.bundle = ANY (%(bundles)s::text[])
AND NOT EXISTS (SELECT FROM plans p WHERE p.id = m.plan_id AND p.kind <> 'run')

-- name: fate
-- Its step is no more; or it was planned ahead, and is planned otherwise now; or the words now speak of a coupon that it
-- does not have. Only what waits for its time is planned anew: what waits for other reasons would now be late, and what
-- is halted would not be planned, and late once it is not.
CASE
    WHEN m.step <> ALL (%(steps)s::text[]) THEN 'dropped'
    WHEN m.wanted_at > %(at)s AND m.due_at > %(at)s AND EXISTS (
        SELECT FROM unnest(%(changed_of)s::text[], %(changed)s::text[]) AS c (bundle, step)
        WHERE c.bundle = m.bundle AND c.step = m.step
    ) THEN
        CASE
            WHEN %(halted)s::text[] && ARRAY['all', 'stage:' || m.stage, 'chat:' || m.chat_id] THEN 'kept'
            ELSE 'anew'
        END
    WHEN EXISTS (
        SELECT FROM unnest(%(steps)s::text[], %(prefixes)s::text[]) AS b (step, prefixes)
        WHERE b.step = m.step
            AND coalesce(split_part(m.context ->> 'coupon', '-', 1), '-') <> ALL (string_to_array(b.prefixes, ','))
    ) THEN 'kept'
    ELSE 'reworded'
END

-- name: members
-- Whose occurrence has begun: who had a message of it in the time that the stage takes.
SELECT count(DISTINCT m.member_id) AS members
FROM plans p
JOIN messages m ON m.plan_id = p.id
WHERE p.stage = %(stage)s AND p.as_of_at > %(began)s AND p.as_of_at <= %(at)s

-- name: publications
SELECT id, bundle, note FROM v_publications ORDER BY id DESC
