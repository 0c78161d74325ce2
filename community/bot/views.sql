-- Updates and whether they were handled, for other packages.
CREATE OR REPLACE VIEW v_updates AS
SELECT bot_id, update_id, user_key, kind, state, attempts, error, received_wall, handled_wall FROM updates;
