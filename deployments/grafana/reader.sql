-- The role that Grafana reads by. Run once, as the owner of the database:
--     psql "$SOP_DATABASE_URL" -v password="$SOP_GRAFANA_DATABASE_PASSWORD" -f deployments/grafana/reader.sql
-- It sees counted figures and groups' titles: no member, no name, no message. It changes nothing, takes few connections
-- and lets go of what takes long, so that a dashboard never stands in the bot's way.
CREATE ROLE sop_grafana LOGIN PASSWORD :'password' CONNECTION LIMIT 5;
ALTER ROLE sop_grafana SET default_transaction_read_only = on;
ALTER ROLE sop_grafana SET statement_timeout = '10s';
ALTER ROLE sop_grafana SET idle_in_transaction_session_timeout = '30s';
GRANT USAGE ON SCHEMA public TO sop_grafana;
GRANT SELECT ON v_kpi_values, v_cohort_weeks, v_groups TO sop_grafana;
