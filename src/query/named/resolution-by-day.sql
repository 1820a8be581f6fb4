-- Hours to resolve: the median of the last seven days, each day.
WITH days AS (
  SELECT date(created_at) AS day, avg(resolution_time_ms) AS mean_ms
  FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam' AND resolution_time_ms IS NOT NULL GROUP BY day)
SELECT day, round(median(mean_ms) OVER (ORDER BY day ROWS 6 PRECEDING) / 3600000, 1) AS hours
FROM days ORDER BY day DESC LIMIT 30;
