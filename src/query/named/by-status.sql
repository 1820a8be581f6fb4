-- Tickets by status.
SELECT status, count(*) AS tickets
FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam'
GROUP BY status ORDER BY tickets DESC;
