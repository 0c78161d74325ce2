-- name: keep
INSERT INTO pictures (hash, png, made_at) VALUES (%(hash)s, %(png)s, %(at)s)
ON CONFLICT (hash) DO UPDATE SET made_at = greatest(pictures.made_at, excluded.made_at)

-- name: picture
SELECT png FROM pictures WHERE hash = %(hash)s

-- name: forget
-- Over the index messages_picture, which holds only what is not done; a failed one may be sent again by an operator.
DELETE FROM pictures p
WHERE p.made_at < %(before)s AND NOT EXISTS (
    SELECT FROM messages m
    WHERE m.method = 'sendPhoto' AND m.state IN ('waiting', 'sending', 'failed', 'uncertain')
        AND m.context ->> 'picture' = p.hash
)
