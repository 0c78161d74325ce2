-- What other packages may know of a member: whether and where to write, in which zone and locale.
CREATE OR REPLACE VIEW v_members AS
SELECT
    m.id,
    m.telegram_id,
    m.dm,
    m.dm_until_at,
    m.opted_out_at,
    m.entered_at,
    m.first_name,
    m.last_name,
    m.username,
    coalesce(m.zone, g.zone) AS zone,
    coalesce(m.locale, g.locale) AS locale,
    g.title AS group_title,
    -- In a group, or admitted and on the way in.
    m.entered_at IS NOT NULL AND m.left_at IS NULL AS in_group,
    m.first_seen_at,
    m.left_at,
    m.last_active_at,
    m.link_token,
    m.home_group_id
FROM members m
LEFT JOIN v_groups g ON g.id = m.home_group_id;

-- Tracked links, for whoever renders or reports them.
CREATE OR REPLACE VIEW v_links AS
SELECT token, kind, url, source FROM links;

-- What lists of members say of them.
CREATE OR REPLACE VIEW v_member_origins AS
SELECT member_id, source, consent, listed_at FROM member_origins;

-- What staff have promised to do for whom.
CREATE OR REPLACE VIEW v_follow_ups AS
SELECT id, member_id, kind, occurrence, created_at, due_at, done_at, done_by, group_id FROM follow_ups;

-- Members who are one person; who is not here is one alone.
CREATE OR REPLACE VIEW v_persons AS
SELECT person, member_id FROM persons WHERE member_id IS NOT NULL;

-- What persons have had by accounts that were erased, of what is had once.
CREATE OR REPLACE VIEW v_persons_had AS
SELECT person, plan FROM persons_had;

-- Where each member came from: the link that brought them, else the list; for ever. Who did not say is `unknown`. And
-- when they came and left, so that counting by source goes through all members once.
CREATE OR REPLACE VIEW v_sources AS
SELECT
    m.id AS member_id,
    coalesce(l.source->>'utm_source', o.source, 'unknown') AS source,
    l.source->>'partner' AS partner,
    m.home_group_id,
    m.first_seen_at,
    m.entered_at,
    m.left_at
FROM members m
LEFT JOIN links l ON l.token = m.link_token
LEFT JOIN member_origins o ON o.member_id = m.id;

-- What members are tagged with, and since when.
CREATE OR REPLACE VIEW v_member_tags AS
SELECT member_id, tag, since_at FROM member_tags;
