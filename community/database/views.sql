-- What a simulation says the time is; NULL: SOP time is real time (`installation.present`).
CREATE OR REPLACE VIEW v_sop_time AS SELECT virtual_now_at FROM installation WHERE id = 1;
