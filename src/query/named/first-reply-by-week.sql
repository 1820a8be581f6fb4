-- Median minutes to the first reply, by week, over the last twelve full weeks and this one.
SELECT strftime('%G-W%V', created_at) AS week, count(*) AS tickets, round(median(first_reply_time_ms) / 60000.0) AS median_minutes
FROM tickets
WHERE created_at >= date('now', 'weekday 0', '-90 days') AND deleted_at IS NULL AND status IS NOT 'Spam' AND first_reply_time_ms IS NOT NULL
GROUP BY week ORDER BY week;
