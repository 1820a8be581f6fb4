-- Tickets and time to resolve, by month.
SELECT substr(created_at, 1, 7) AS month, count(*) AS tickets, sum(status = 'Resolved') AS resolved,
       round(avg(resolution_time_ms) / 3600000.0, 1) AS mean_hours
FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam'
GROUP BY month ORDER BY month;
