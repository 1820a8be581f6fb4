-- Tickets by day, on the last seven days that have any.
SELECT date(created_at) AS day, count(*) AS tickets
FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam'
GROUP BY day ORDER BY day DESC LIMIT 7;
