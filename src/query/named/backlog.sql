-- The backlog at the end of each day of the last year: tickets that were there and not yet resolved.
WITH RECURSIVE
  span (first, last) AS (
    SELECT date(max(created_at), '-1 year'), date(max(created_at)) FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam'),
  days (day) AS (
    SELECT first FROM span
    UNION ALL SELECT date(day, '+1 day') FROM days, span WHERE day < last),
  steps (day, step) AS (
    SELECT max(substr(created_at, 1, 10), first), 1 FROM tickets, span
    WHERE deleted_at IS NULL AND status IS NOT 'Spam' AND coalesce(resolved_at, '9') >= first
    UNION ALL
    SELECT substr(max(created_at, resolved_at), 1, 10), -1 FROM tickets, span
    WHERE deleted_at IS NULL AND status IS NOT 'Spam' AND resolved_at >= first
    UNION ALL SELECT day, 0 FROM days)
SELECT day, sum(sum(step)) OVER (ORDER BY day) AS backlog FROM steps
GROUP BY day HAVING day <= (SELECT last FROM span) ORDER BY day;
