-- Hours to the first reply, by month: the median, and what 90 percent stay within.
SELECT substr(created_at, 1, 7) AS month, count(first_reply_time_ms) AS answered,
       round(median(first_reply_time_ms) / 3600000, 1) AS median_hours,
       round(percentile(first_reply_time_ms, 90) / 3600000, 1) AS hours_of_90_percent
FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam'
GROUP BY month ORDER BY month;
