-- The backlog at the end of each day of the last year: tickets that were there, open, and no spam.
SELECT days.day, coalesce(sum(backlog), 0) AS backlog
FROM days LEFT JOIN daily_metrics ON daily_metrics.day = days.day
WHERE days.day BETWEEN (SELECT max(min(day), date(max(day), '-1 year')) FROM daily_metrics)
    AND (SELECT max(day) FROM daily_metrics)
GROUP BY days.day ORDER BY days.day;
