-- name: forget_days
DELETE FROM member_days WHERE day < %(before)s

-- name: counted_of
SELECT DISTINCT since FROM kpi_values WHERE kpi = ANY (%(kpis)s) AND span = %(span)s AND since = ANY (%(days)s)
