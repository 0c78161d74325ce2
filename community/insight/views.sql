-- Experiments: what others need to know is which are over, and whether a variant has won.
CREATE OR REPLACE VIEW v_experiments AS
SELECT key, stage, step, state, winner FROM experiments;
